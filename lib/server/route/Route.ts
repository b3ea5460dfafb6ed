import type { GenericSchema } from 'valibot';
import type { Awaitable } from '../../common/awaitable.js';
import type { Caller, Scope } from '../access/Caller.js';
import type { Site } from '../front/Site.js';
import type { Role } from '../people/Person.js';
import type { Tenant } from '../tenant/Tenant.js';

/** A request as its route gets it: who makes it is known, and its body is within the limits. */
export interface RouteInput {
  /** Echoed by the answer. */
  readonly requestId: string;
  /** The part of the path at each `:name`, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** What follows the `?`. */
  readonly query: URLSearchParams;
  /** Its headers. A name is found in any case; values sent several times are joined by commas. */
  readonly headers: Pick<Headers, 'get'>;
  /** Its body as text; empty where there is none. */
  readonly body: string;
  /** The fields of a form, each once and no longer than its route says; `undefined` where the body is not a form. */
  readonly form: Readonly<Record<string, string>> | undefined;
  /**
   * How the browser sees this server.
   *
   * @throws RequestError 421 `public_url_missing` where the server does not know its name
   */
  readonly site: Site;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** A request of a caller that is known. */
export interface CallerInput extends RouteInput {
  /** Who makes it. */
  readonly caller: Caller;
  /** The tenant of the caller. */
  readonly tenant: Tenant;
  /**
   * Spends more of the caller's rate, where a request is as much work as several. One token was spent before the route was called.
   *
   * @throws RequestError 429 `rate_limited`
   */
  spend(tokens: number): void;
}

/** What a route answers. It is not touched once it was made. */
export interface Answer {
  /** The HTTP status. */
  readonly status: number;
  /** Headers beside those that every answer has. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** A `Set-Cookie` header each. */
  readonly cookies?: readonly string[] | undefined;
  /** The body. Text is JSON unless the headers say otherwise; chunks are written as they come, until they end or the signal is aborted. */
  readonly body?: string | AsyncIterable<string> | undefined;
  /** The chunks are made as fast as they are read, however slowly that is. Otherwise a reader that is far behind is cut. */
  readonly isPaced?: boolean | undefined;
}

/** What every route has: all that the server, its specs and the OpenAPI document know of it. */
interface RouteFields {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Such as `/v1/decision/:id/status`. */
  readonly path: string;
  /** The OpenAPI operationId. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** The names of the query parameters that it knows, with what each is; others are refused. */
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** The JSON body that it wants; without one, a body is refused. */
  readonly request?: GenericSchema | undefined;
  /**
   * Takes a form (`application/x-www-form-urlencoded`), beside JSON where `request` is given too: its fields with how many characters each may have. The
   * field `csrf` of people who are signed in is checked before, and needs no mention.
   */
  readonly form?: Readonly<Record<string, number>> | undefined;
  /** Answers are pages: errors too, and who is not signed in is sent to the sign-in page. So is what a form gets that is sent to any route. */
  readonly page?: true | undefined;
  /** The JSON body of each status that is no error; `undefined` where the answer has none, a text where it is not JSON. */
  readonly answers: Readonly<Record<number, GenericSchema | string | undefined>>;
  /** The codes of the errors that only this route has. */
  readonly errors?: readonly string[] | undefined;
}

/**
 * A route that wants a key with a scope, or a person whose roles have it. `host`: only the operator of the host, over loopback. `verdict`: that operator, or a
 * person; never a key.
 */
export interface CallerRoute extends RouteFields {
  readonly scope: Scope | 'host' | 'verdict';
  /** With the scope `verdict`: the roles of which a person needs one. */
  readonly roles?: readonly Role[] | undefined;
  handle(input: CallerInput): Awaitable<Answer>;
}

/** A route for people who are signed in. */
export interface PersonRoute extends RouteFields {
  readonly scope: 'person';
  /** Any of these lets a person in; every person, where it is absent. */
  readonly roles?: readonly Role[] | undefined;
  /** Only in a session: a personal token is refused. */
  readonly session?: true | undefined;
  handle(input: CallerInput): Awaitable<Answer>;
}

/** A route that anyone may call. */
export interface OpenRoute extends RouteFields {
  readonly scope: 'none';
  handle(input: RouteInput): Awaitable<Answer>;
}

/** A route as data: method, path, scope, bodies and what handles it. */
export type Route = CallerRoute | PersonRoute | OpenRoute;
