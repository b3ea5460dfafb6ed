import * as v from 'valibot';
import type { Awaitable } from '../../common/awaitable.js';
import { VERSION } from '../../common/version.js';
import { RequestError } from '../front/RequestError.js';
import type { Route } from './Route.js';

/** What the probes need. */
export interface ProbeRoutesOptions {
  /** Why the server should not get requests now, such as `draining`; `undefined` where it should. */
  readonly notReady: () => Awaitable<string | undefined>;
  /** The features of the protocol that it has. */
  readonly capabilities: readonly string[];
}

/** Health, readiness, and what this server is. */
export function probeRoutes({ notReady, capabilities }: ProbeRoutesOptions): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/healthz',
      name: 'health',
      summary: 'Says that the process answers.',
      scope: 'none',
      answers: { 200: v.strictObject({ status: v.literal('ok') }) },
      handle: () => ({ status: 200, body: '{"status":"ok"}' }),
    },
    {
      method: 'GET',
      path: '/readyz',
      name: 'ready',
      summary: 'Says whether the server should get requests: store, policies and log can be used, and it is not stopping.',
      scope: 'none',
      answers: { 200: v.strictObject({ status: v.literal('ready') }) },
      errors: ['not_ready', 'draining'],
      async handle() {
        const why = await notReady();
        if (why === undefined) return { status: 200, body: '{"status":"ready"}' };
        const code = why === 'draining' ? 'draining' : 'not_ready';
        throw new RequestError(503, code, `The server is not ready: ${why}. Send requests elsewhere until it is.`);
      },
    },
    {
      method: 'GET',
      path: '/.well-known/aegis',
      name: 'wellKnown',
      summary: 'Says what this server is and which features of the protocol it has.',
      scope: 'none',
      answers: {
        200: v.strictObject({ server: v.literal('aegis'), version: v.string(), capabilities: v.array(v.string()) }),
      },
      handle: () => ({ status: 200, body: JSON.stringify({ server: 'aegis', version: VERSION, capabilities }) }),
    },
  ];
}
