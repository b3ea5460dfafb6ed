import { canonicalDigest } from '../../common/data/canonical.js';
import type { AllowDecision } from '../../model/Decision.js';
import type { Params, Session } from '../../model/Params.js';
import { currentCall } from './callContext.js';
import { digestOfSession } from './CallRequest.js';
import type { CallRequest } from './CallRequest.js';
import type { GuardRuntime } from './GuardRuntime.js';

/** Whose call is entered, and with what: all that a decision depends on. */
export interface CoveringCall {
  readonly agentId: string;
  readonly toolName: string;
  readonly session?: Session | null | undefined;
  readonly groups?: readonly string[] | undefined;
}

/** What covers a call: the decision on the one that enters it. */
export interface Covered {
  readonly decision: AllowDecision;
  readonly taskId: string | undefined;
}

interface Cover extends CoveringCall {
  readonly runtime: GuardRuntime;
  readonly digest: string;
}

let cover: Cover | undefined;

/** Enters a method whose first guarded call, made at once and equal to this one, is decided with it. */
export function enterCovering<T>(runtime: GuardRuntime, call: CoveringCall, params: Params, enter: (params: Params) => T): T {
  // taken now: the method may change what it is given
  cover = { ...call, runtime, digest: canonicalDigest(params) };
  try {
    return enter(params);
  } finally {
    cover = undefined;
  }
}

/** The decision that a call was entered with, if it is the very call that was decided on. It counts once, and for the first call only. */
export function reuseDecision(runtime: GuardRuntime, request: CallRequest): Covered | undefined {
  if (cover === undefined) return undefined;
  const { agentId, toolName, session = null, groups = [], digest, runtime: decidedBy } = cover;
  cover = undefined;
  const running = currentCall();
  const same =
    decidedBy === runtime &&
    agentId === request.agentId &&
    toolName === request.toolName &&
    groups.length === request.groups.length &&
    request.groups.every((group) => groups.includes(group)) &&
    // the outer decision knew of no argument that nobody sees
    request.opaque.length === 0 &&
    digest === request.paramsDigest &&
    digestOfSession(session) === request.sessionDigest;
  if (!same || running === undefined) return undefined;
  return { decision: { effect: 'allow', decisionId: running.decisionId }, taskId: running.taskId };
}
