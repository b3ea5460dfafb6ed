import { RequestError } from '../front/RequestError.js';
import { BadRequestError, NotFoundError } from '../../model/errors/ServiceErrors.js';
import type { Route } from '../route/Route.js';

/** The route of a request, with the parts of its path. */
export interface FoundRoute {
  readonly route: Route;
  /** What stands at each `:name` of the route's path, decoded. */
  readonly params: Readonly<Record<string, string>>;
}

/** The routes at one place: a path where `:name` matches any part that is not empty. */
interface Place {
  readonly parts: readonly string[];
  readonly byMethod: Map<string, Route>;
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

/** Finds the route of a request. Paths are compared as they are: nothing is normalized, so that no two spellings lead to one route. */
export class RouteTable {
  readonly #exact = new Map<string, Place>();
  /** Those with a `:name`, by the number of their parts. */
  readonly #patterns = new Map<number, Place[]>();

  /** @throws Error where two routes have the same method and place, or the same name */
  constructor(routes: readonly Route[]) {
    const names = new Set<string>();
    for (const route of routes) {
      const place = this.#placeOf(route.path);
      if (place.byMethod.has(route.method) || names.has(route.name))
        throw new Error(`Two routes are ${route.method} ${route.path} or have the name ${route.name}.`);
      place.byMethod.set(route.method, route);
      names.add(route.name);
    }
  }

  /**
   * Finds the route for a method and a path. HEAD is answered by the route for GET.
   *
   * @throws NotFoundError where there is nothing at the path
   * @throws RequestError 405 with `Allow` where the path takes other methods
   * @throws BadRequestError where a part of the path cannot be decoded
   */
  find(method: string, path: string): FoundRoute {
    const exact = this.#exact.get(path);
    const parts = path.split('/');
    const place = exact ?? this.#patterns.get(parts.length)?.find((one) => matches(one.parts, parts));
    if (place === undefined)
      throw new NotFoundError('There is nothing at this path. The routes are listed by GET /openapi.json, below the base path.');
    const route = place.byMethod.get(method === 'HEAD' ? 'GET' : method);
    if (route === undefined) throw methodNotAllowed(place);
    return { route, params: exact === undefined ? paramsOf(place.parts, parts) : NO_PARAMS };
  }

  #placeOf(path: string): Place {
    const parts = path.split('/');
    if (!path.includes('/:')) return upsert(this.#exact, path, () => ({ parts, byMethod: new Map() }));
    const places = upsert(this.#patterns, parts.length, () => []);
    const same = places.find((place) => place.parts.every((part, i) => part === parts[i] || (isName(part) && isName(parts[i] as string))));
    if (same !== undefined) return same;
    const place: Place = { parts, byMethod: new Map() };
    places.push(place);
    return place;
  }
}

function upsert<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const there = map.get(key);
  if (there !== undefined) return there;
  const made = make();
  map.set(key, made);
  return made;
}

const isName = (part: string): boolean => part.startsWith(':');

function matches(pattern: readonly string[], parts: readonly string[]): boolean {
  return pattern.every((part, i) => (isName(part) ? parts[i] !== '' : part === parts[i]));
}

function paramsOf(pattern: readonly string[], parts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(pattern.flatMap((part, i) => (isName(part) ? [[part.slice(1), decoded(parts[i] as string)]] : [])));
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new BadRequestError('The path is malformed: after % there must be two hex digits, and together they must be UTF-8.');
  }
}

function methodNotAllowed({ byMethod }: Place): RequestError {
  const allow = [...byMethod.keys(), ...(byMethod.has('GET') ? ['HEAD'] : [])].sort().join(', ');
  return new RequestError(405, 'method_not_allowed', `This path takes ${allow}.`, { headers: { allow } });
}
