import type { DecisionService } from '../../../lib/decision/DecisionService.js';
import { guardCall } from '../../../lib/guard/guardCall.js';
import { ended, params, watched } from './embeddedFlows.js';
import type { Sinks } from './sinks.js';
import { CANARIES } from '../../support/outputCanaries.js';

const { serviceError, wireBody, actualValue, approverReason } = CANARIES;

/** A service of a program's own, whose every method fails with a text that is nobody else's business. */
const fails = (): never => {
  throw new RangeError(serviceError);
};
const rejects = (): Promise<never> => Promise.reject(Object.assign(new Error(serviceError), { request: { body: serviceError } }));
const violations = [{ type: 'parameter', message: 'too much', actualValue }];
const asks = (): never => ({ effect: 'approval_needed', decisionId: `ask-${(asked += 1)}`, reason: 'why', violations }) as never;
const approves = (decisionId: string): never => ({ decisionId, state: 'approved' }) as never;
let asked = 0;

const SERVICES: readonly DecisionService[] = [
  { decide: fails, status: fails },
  { decide: rejects, status: rejects },
  { decide: () => Promise.reject({ secret: serviceError }) as never, status: fails }, // oxlint-disable-line prefer-promise-reject-errors
  { decide: () => ({ effect: 'deny', decisionId: 'd', reason: 'no', violations }), status: fails },
  { decide: () => ({ effect: wireBody, decisionId: 'd' }) as never, status: fails },
  { decide: () => ({ effect: 'allow', decisionId: 'd', agentId: wireBody }) as never, status: fails },
  { decide: () => ({ effect: 'allow', decisionId: wireBody.repeat(40) }) as never, status: fails },
  { decide: () => ({ effect: 'sanitize', decisionId: 'd', params: { text: () => wireBody } }) as never, status: fails },
  { decide: () => ({ effect: 'sanitize', decisionId: 'd', params: new Map([[wireBody, 1]]) }) as never, status: fails },
  { decide: () => Object.defineProperty({ decisionId: 'd' }, 'effect', { get: fails }) as never, status: fails },
  { decide: asks, status: fails },
  { decide: asks, status: rejects },
  { decide: asks, status: (decisionId) => ({ decisionId, state: 'denied', by: 'ann', reason: approverReason }) },
  { decide: asks, status: (decisionId) => ({ decisionId, state: wireBody }) as never },
  { decide: asks, status: () => ({ decisionId: wireBody, state: 'approved' }) },
  { decide: asks, status: approves, reevaluate: fails },
  { decide: asks, status: approves, reevaluate: () => ({ effect: 'deny', decisionId: 'd', violations }) },
  { decide: asks, status: approves, consume: fails },
  { decide: asks, status: approves, consume: rejects },
  { decide: asks, status: (decisionId) => ({ decisionId, state: 'pending' }), withdraw: fails, expire: fails, close: fails },
  { decide: asks, status: approves, ready: rejects },
  { decide: asks, status: approves, watch: fails },
];

/** Drives modules with services of a program's own, each of which fails in its way. */
export async function serviceFlows(sinks: Sinks): Promise<void> {
  for (const decisions of SERVICES) {
    const aegis = watched(sinks, { decisions });
    const call = { agentId: 'bot', toolName: 'tool', params: params(), metadata: { note: CANARIES.metadata } };
    const outcome = await guardCall(aegis, call, () => Promise.reject(new Error(CANARIES.methodError)));
    if (outcome.kind === 'denied') sinks.error(outcome.error);
    if (outcome.kind === 'pending') {
      sinks.value('handle', outcome.pending);
      await ended(sinks, () => outcome.resume());
      // in the background, too, it fails for nobody to see
      outcome.schedule();
      await new Promise((resolve) => setImmediate(resolve));
      sinks.module(aegis);
      await outcome.cancel();
      await ended(sinks, () => outcome.pending.completed);
    }
    // what its own close() throws is the program's, and told to whoever closes the module
    await aegis.close().catch(() => undefined);
  }
}
