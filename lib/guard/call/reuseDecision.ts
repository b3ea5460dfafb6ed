import { canonicalDigest } from '../../common/data/canonical.js';
import type { AllowDecision } from '../../model/Decision.js';
import { EVIDENCE } from '../../model/DecisionEvidence.js';
import type { Params, Session } from '../../model/Params.js';
import { currentCall, offerDecision, saltOfRunning } from './callContext.js';
import type { DecidedCall } from './callContext.js';
import { digestOfSession } from '../../model/bindingBase.js';
import type { CallRequest } from './CallRequest.js';
import type { GuardRuntime } from './GuardRuntime.js';

/** The decision that a call runs under because the call that makes it was decided on the same. */
export interface ReusedDecision {
  readonly decision: AllowDecision;
  readonly taskId: string | undefined;
}

interface OfferingCall {
  readonly agentId: string;
  readonly toolName: string;
  readonly session?: Session | null | undefined;
  readonly groups?: readonly string[] | undefined;
}

/** Runs a method whose first guarded call, made at once and equal to the running one, reuses the decision on the running one. */
export function runOfferingDecision<T>(
  runtime: GuardRuntime,
  { agentId, toolName, session = null, groups = [] }: OfferingCall,
  effectiveParams: Params,
  run: (effectiveParams: Params) => T,
): T {
  // computed now: the method may change what it is given
  const digest = canonicalDigest(effectiveParams);
  return offerDecision({ runtime, agentId, toolName, session, groups, digest }, () => run(effectiveParams));
}

/** The decision of the running call, if this call is equal to the one that it was made on. */
export function reuseDecision(decided: DecidedCall, runtime: GuardRuntime, request: CallRequest): ReusedDecision | undefined {
  const running = currentCall();
  const same =
    decided.runtime === runtime &&
    decided.agentId === request.agentId &&
    decided.toolName === request.toolName &&
    decided.groups.length === request.groups.length &&
    request.groups.every((group) => decided.groups.includes(group)) &&
    // the decision on the running call did not know of opaque arguments
    request.opaque.length === 0 &&
    decided.digest === request.paramsDigest &&
    digestOfSession(decided.session) === request.sessionDigest;
  if (!same || running === undefined) return undefined;
  const { decisionId, taskId } = running;
  const salt = saltOfRunning(running);
  const evidence = salt === undefined ? {} : { [EVIDENCE]: { salt, isReused: true } as const };
  return { decision: { effect: 'allow', decisionId, ...evidence }, taskId };
}
