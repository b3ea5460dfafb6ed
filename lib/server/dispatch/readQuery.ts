import { didYouMean } from '../../common/didYouMean.js';
import { BadRequestError } from '../../model/errors/ServiceErrors.js';
import type { Route } from '../route/Route.js';

const NO_QUERY: URLSearchParams = new URLSearchParams();

/**
 * Reads the query of a request.
 *
 * @throws BadRequestError where a parameter is unknown or given twice: ignoring it would answer another question
 */
export function readQuery(route: Route, target: string): URLSearchParams {
  const mark = target.indexOf('?');
  if (mark < 0) return NO_QUERY;
  const query = new URLSearchParams(target.slice(mark + 1));
  const known = Object.keys(route.query ?? {});
  const seen = new Set<string>();
  for (const [name] of query) {
    if (!known.includes(name)) throw new BadRequestError(unknownParameter(name, known));
    if (seen.has(name)) throw new BadRequestError(`The query parameter ${name} is given twice; give it once.`);
    seen.add(name);
  }
  return query;
}

function unknownParameter(name: string, known: readonly string[]): string {
  if (known.length === 0) return 'This route takes no query parameters; leave them out.';
  return `The query has a parameter that this route does not take${didYouMean(name, known) || `; it takes ${known.join(', ')}.`}`;
}
