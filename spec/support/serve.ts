import type { Caller, Scope } from '../../lib/server/access/Caller.js';
import type { AccessRequest } from '../../lib/server/access/Authenticator.js';
import type { HttpListener } from '../../lib/server/serve/HttpListener.js';
import { RouteServer } from '../../lib/server/serve/RouteServer.js';
import type { RouteServerOptions } from '../../lib/server/serve/RouteServer.js';
import { AuthError, NotFoundError } from '../../lib/model/errors/ServiceErrors.js';
import type { Route } from '../../lib/server/route/Route.js';
import type { Tenant } from '../../lib/server/tenant/Tenant.js';
import { AnswerCheck } from './answerCheck.js';

/** An answer as a spec sees it. */
export interface ServedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, parsed. */
  readonly json: any;
}

/** How a spec asks. */
export interface ServedRequest {
  /** A key of `callers`. */
  readonly key?: string | undefined;
  /** Sent as JSON; text is sent as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A server on a free port of 127.0.0.1. */
export interface Served extends AsyncDisposable {
  readonly url: string;
  readonly server: RouteServer;
  readonly listener: HttpListener;
  /** Sends a request and reads the whole answer. */
  ask(method: string, path: string, request?: ServedRequest): Promise<ServedAnswer>;
  /** Ends it. @throws Error naming every answer that was not as the routes say */
  close(): Promise<void>;
}

/** What is served. */
export interface ServeOptions extends Partial<Omit<RouteServerOptions, 'routes'>> {
  readonly routes: readonly Route[];
  /** Whom each key opens for; others are refused. */
  readonly callers?: Readonly<Record<string, Caller>> | undefined;
  readonly tenants?: readonly Tenant[] | undefined;
}

/** A caller with some scopes. */
export function callerWith(scopes: readonly Scope[], more: Partial<Caller> = {}): Caller {
  return { kind: 'key', tenantId: 'default', id: 'k1', scopes: new Set(scopes), agents: undefined, sessionTrusted: false, ...more };
}

/** Starts a real HTTP server with these routes. Every answer is compared with what its route says; `close()` fails where one was not. */
export async function serve({ routes, callers = {}, tenants = [], ...options }: ServeOptions): Promise<Served> {
  const check = await AnswerCheck.of(routes);
  const server = new RouteServer({
    authenticate: ({ headers }: AccessRequest) => {
      const key = headers.get('x-api-key') ?? '';
      const caller = Object.hasOwn(callers, key) ? callers[key] : undefined;
      if (caller === undefined) throw new AuthError('The key is unknown.', { code: 'invalid_api_key' });
      return caller;
    },
    tenantOf(id) {
      const tenant = tenants.find((one) => one.id === id);
      if (tenant === undefined) throw new NotFoundError('There is no such tenant.');
      return tenant;
    },
    ...options,
    routes,
  });
  const listener = await server.listen({ port: 0 });
  const { url } = listener;
  const ask = async (method: string, path: string, { key, body, headers = {}, signal }: ServedRequest = {}): Promise<ServedAnswer> => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(key !== undefined && { 'x-api-key': key }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    const text = await answer.text();
    check.see(method, new URL(answer.url).pathname, answer.status, answer.headers, text);
    return { status: answer.status, headers: answer.headers, text, json: parsed(text) };
  };
  const close = async (): Promise<void> => {
    await server.close({ idleMs: 0, graceMs: 1_000 });
    check.done();
  };
  return { url, server, listener, ask, close, [Symbol.asyncDispose]: close };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
