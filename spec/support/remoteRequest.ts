import { inspect } from 'node:util';
import { canonicalDigest } from '../../lib/common/data/canonical.js';
import { nextId } from '../../lib/common/nextId.js';
import type { DecisionRequest } from '../../lib/model/Decision.js';

/** Must never be seen in an error, a log or an inspection. */
export const KEY_CANARY = 'key-canary-5f1c7a';
/** The longest deadline: of a client that is to have its answer however busy the machine is. */
export const PATIENT_MS = 30_000;
/** As {@link KEY_CANARY}, for a param. */
export const PARAM_CANARY = 'param-canary-93be02';

/** The request of one call, as the guard makes it. */
export function remoteRequest(over: Partial<DecisionRequest> = {}): DecisionRequest {
  const params = over.params ?? Object.freeze({ channel: '#support', text: PARAM_CANARY });
  const session = over.session ?? null;
  return {
    callId: nextId('call'),
    agentId: 'ops-agent',
    toolName: 'slack.post_message',
    guardKey: 'slack.post_message',
    params,
    paramsDigest: canonicalDigest(params),
    session,
    sessionDigest: canonicalDigest(session),
    bindingBase: 'f'.repeat(64),
    groups: [],
    opaque: [],
    removable: [],
    approvalTimeoutMs: 60_000,
    ...over,
  };
}

/** Everything that a log or a debugger could show of a value. */
export function everythingShownOf(value: unknown): string {
  const shown = [inspect(value, { depth: 12, showHidden: true, getters: true }), String(value)];
  for (let at = value, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    shown.push(at.message, at.stack ?? '', JSON.stringify(at), JSON.stringify(Object.fromEntries(Object.entries(at))));
  }
  return shown.join('\n');
}

/** The error a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<Error & { code?: string; reason?: string; status?: number }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}
