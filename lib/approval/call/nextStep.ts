import type { DecisionStatus } from '../../model/Decision.js';
import type { PendingCall } from './PendingCall.js';
import { resolutionOfStatus, timedOut } from './resolution.js';
import type { Resolution } from './resolution.js';

/** What a step depends on: where the call stands, and nothing else of it. */
export type CallState = Pick<PendingCall, 'task' | 'phase' | 'background' | 'polls' | 'undecided'>;

/** What happened to a call. */
export type Answer =
  /** It is followed from now on, perhaps under a new approval. */
  | { readonly kind: 'followed' }
  /** The time came that an earlier step waited for. `asking`: an answer is under way. */
  | { readonly kind: 'due'; readonly asking: boolean }
  /** The service said where the approval stands. `undefined` for an answer that is not a status. */
  | { readonly kind: 'status'; readonly status: DecisionStatus | undefined }
  /** The service ended its stream of statuses. */
  | { readonly kind: 'streamEnded' }
  /** The service or the store did not answer. */
  | { readonly kind: 'failed' };

/** What holds for every call of a scheduler. */
export interface StepRules {
  /** Whether the service pushes statuses now. */
  readonly pushed: boolean;
  /** Whether statuses may be polled. */
  readonly polls: boolean;
  /** Polls answered as pending after which an approval ends; `undefined` where only its deadline ends it. */
  readonly maxAttempts: number | undefined;
}

/** What is to be done next. */
export type Step =
  /** Nothing until `untilMs`; with `afterDelay` until the next poll is due, if that is sooner. */
  | { readonly kind: 'wait'; readonly untilMs: number; readonly afterDelay: boolean }
  /** Ask the service where the approval stands; the deadline holds meanwhile. */
  | { readonly kind: 'ask' }
  /** Record the yes, then run what is followed. */
  | { readonly kind: 'approve'; readonly status: DecisionStatus }
  /** Go from approved to run. */
  | { readonly kind: 'run' }
  /** End it, and tell the service with `notify`. */
  | { readonly kind: 'end'; readonly resolution: Resolution; readonly notify: 'expire' | undefined }
  | { readonly kind: 'none' };

/** The last status is read this long before an approval ends, in milliseconds. */
const BEFORE_END_MS = 1_000;

const NONE: Step = { kind: 'none' };
const ASK: Step = { kind: 'ask' };
const RUN: Step = { kind: 'run' };

/**
 * The state machine of an approval: what to do about a call, given where it stands, what time it is and what happened. Pure: it awaits, records and
 * asks nothing.
 *
 * @param nowMs in epoch milliseconds, on the clock that deadlines are on
 */
export function nextStep(call: CallState, nowMs: number, answer: Answer, rules: StepRules): Step {
  const { task, phase, background } = call;
  if (phase === 'ended') return NONE;
  switch (answer.kind) {
    case 'followed':
      if (!background) return untilDeadline(call);
      // a verdict that came before the stream was read is asked for at once; a polled one after the first delay
      return rules.pushed || task.status === 'approved' ? waitUntil(nowMs) : nextPoll(call, nowMs, rules);
    case 'due':
      if (nowMs >= task.expiresAtMs) return timeOut(call, 'it was not decided in time');
      if (phase !== 'waiting' || !background || answer.asking) return untilDeadline(call);
      return task.status === 'approved' ? RUN : ASK;
    case 'status': {
      const { status } = answer;
      const resolution = resolutionUnlessOpen(call, status);
      if (resolution !== undefined) return { kind: 'end', resolution, notify: undefined };
      if (status?.state === 'approved') return { kind: 'approve', status };
      return isSpent(call, nowMs, rules)
        ? timeOut(call, `it was still undecided after ${call.undecided} polls (approvalPolling.maxAttempts)`)
        : nextPoll(call, nowMs, rules);
    }
    case 'streamEnded':
      return phase === 'waiting' && task.status === 'pending' ? nextPoll(call, nowMs, rules) : NONE;
    case 'failed':
      if (nowMs < task.expiresAtMs) {
        // what its caller redeems never runs by itself
        if (!background) return untilDeadline(call);
        if (task.status === 'pending' && !rules.pushed) return nextPoll(call, nowMs, rules);
      }
      return { kind: 'wait', untilMs: task.expiresAtMs, afterDelay: true };
  }
}

/** Whether it was answered as pending as often as it may be. A poll without an answer says nothing about an approval, so that it ends none. */
function isSpent(call: CallState, nowMs: number, { pushed, polls, maxAttempts = Infinity }: StepRules): boolean {
  return call.background && polls && !pushed && call.undecided >= maxAttempts && nowMs < lastReadAt(call, nowMs);
}

/** The next poll, the last read before the end, or the end. */
function nextPoll(call: CallState, nowMs: number, { pushed, polls }: StepRules): Step {
  const lastReadMs = lastReadAt(call, nowMs);
  if (!call.background || !(polls || pushed) || nowMs >= lastReadMs) return untilDeadline(call);
  return { kind: 'wait', untilMs: lastReadMs, afterDelay: !pushed };
}

/** When to read its status for the last time. An approval that is short from the start is read in its middle. */
function lastReadAt({ task, polls }: CallState, nowMs: number): number {
  const middleMs = polls < 2 ? (nowMs + task.expiresAtMs) / 2 : -Infinity;
  return Math.max(task.expiresAtMs - BEFORE_END_MS, middleMs);
}

function resolutionUnlessOpen({ task }: CallState, status: DecisionStatus | undefined): Resolution | undefined {
  const open = status?.decisionId === task.decisionId && (status.state === 'approved' || status.state === 'pending');
  return open ? undefined : resolutionOfStatus(task, status);
}

function timeOut({ task }: CallState, why: string): Step {
  return { kind: 'end', resolution: timedOut(task, why), notify: 'expire' };
}

function untilDeadline({ task }: CallState): Step {
  return waitUntil(task.expiresAtMs);
}

function waitUntil(untilMs: number): Step {
  return { kind: 'wait', untilMs, afterDelay: false };
}
