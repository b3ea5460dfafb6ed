import type { Scope } from '../../lib/server/access/Caller.js';
import type { KeyRequest } from '../../lib/server/access/KeyRequest.js';
import { createDataPlane } from '../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../lib/server/createDataPlane.js';
import type { DataPlaneOptions } from '../../lib/server/DataPlaneOptions.js';
import type { Route } from '../../lib/server/route/Route.js';
import { allRoutes } from '../../lib/server/allRoutes.js';
import { Doorway } from '../../lib/server/signin/Doorway.js';
import { EventHubs } from '../../lib/server/push/EventHubs.js';
import { AnswerCheck } from './answerCheck.js';
import type { ServedAnswer, ServedRequest } from './serve.js';

/** A whole Data Plane on a free port of 127.0.0.1. */
export interface ServedPlane extends AsyncDisposable {
  readonly url: string;
  readonly plane: DataPlane;
  /** Makes a key; `decide` for every agent unless it says otherwise. */
  keyFor(request?: Partial<KeyRequest>, tenantId?: string): Promise<string>;
  /** Sends a request and reads the whole answer. */
  ask(method: string, path: string, request?: ServedRequest): Promise<ServedAnswer>;
  /** Ends it. @throws Error naming every answer that was not as the OpenAPI document says */
  close(): Promise<void>;
}

/** The table of routes, for what it says of them; nothing can be asked of it. */
export function routeTable(): readonly Route[] {
  const unused = (): never => {
    throw new Error('This table is only read.');
  };
  return allRoutes({
    hubs: new EventHubs(),
    ringOf: unused,
    doorway: new Doorway([]),
    issuerOf: unused,
    notReady: unused,
    metrics: unused,
    gauges: { pending: unused, streams: unused, halts: unused },
    capabilities: [],
  });
}

/** Starts one. Every answer is compared with the OpenAPI document of the routes; `close()` fails where one differs. */
export async function servePlane(options: DataPlaneOptions): Promise<ServedPlane> {
  const check = await AnswerCheck.of(routeTable());
  const plane = createDataPlane(options);
  const { url } = await plane.listen({ port: 0 });
  await plane.ready();
  const keyFor = async (request: Partial<KeyRequest> = {}, tenantId?: string): Promise<string> => {
    const scopes: readonly Scope[] = ['decide'];
    return (await plane.createKey({ name: 'spec', scopes, ...request }, tenantId)).key.reveal();
  };
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
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: answer.status, headers: answer.headers, text, json };
  };
  const close = async (): Promise<void> => {
    await plane.close({ idleMs: 0, graceMs: 1_000 });
    check.done();
  };
  return { url, plane, keyFor, ask, close, [Symbol.asyncDispose]: close };
}
