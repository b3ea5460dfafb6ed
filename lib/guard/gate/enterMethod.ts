import { StaleClaimError } from '../../approval/execution/ExecutionHost.js';
import { attempt, isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { AegisError } from '../../model/AegisError.js';
import type { Decision } from '../../model/Decision.js';
import { EVIDENCE } from '../../model/DecisionEvidence.js';
import { CallAbortedError, ShutdownError } from '../../model/errors/RefusalErrors.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';
import type { EnteringEvent, Journal, SettledEvent } from '../../model/Journal.js';
import { recordOf } from '../../model/snapshot/ArgumentList.js';
import { frozenCopy } from '../../model/snapshot/copyValue.js';
import { invokeInContext, nestedTooDeep } from '../call/callContext.js';
import type { CallFacts, CallToDecide, OwnParams, RunOutcome } from '../call/GuardedCall.js';
import { GuardedStream } from '../call/GuardedStream.js';
import type { CallIdentity, GuardRuntime } from '../call/GuardRuntime.js';

/** What is known of an approved call when its method is about to be entered. */
export interface ApprovedEntry {
  readonly taskId: string;
  /** The claim under which it runs. */
  readonly token?: string | undefined;
  /** Asked in the tick of the entry: an error that it returns stops the call. */
  readonly lastLook?: (() => Error | undefined) | undefined;
}

/** What becomes of a call whose method is not entered. */
export type Withhold<O> = (call: CallFacts<never>, error: Error, decision: Decision) => O;

/**
 * The entry gate: the only way to a method's body, for calls that were allowed at once and for calls that a person approved.
 *
 * Before the body, in this order: is the call stopped or halted → the journal is told, and may stop it → the last look → the body, in the same tick. After the
 * body: the journal is told how it ended, and the steps may replace the result. A step can stop a call or replace what its caller gets. No step can
 * start one. Where every step answers at once, so does the gate.
 *
 * @param effectiveParams what the method gets; no one else may hold them
 * @param decision what allows the call
 * @param withhold makes the outcome of a call that is stopped
 * @param approved what an approved call adds to it
 * @returns a promise only where the journal answers later; what the method throws is thrown as it is
 */
export function enterMethod<R, O>(
  runtime: GuardRuntime,
  call: CallToDecide<R>,
  effectiveParams: OwnParams,
  decision: Decision,
  withhold: Withhold<O>,
  approved?: ApprovedEntry,
): Awaitable<RunOutcome<R> | O> {
  const stop = stopOf(runtime, call, decision, approved);
  if (stop !== undefined) return withhold(call, stop, decision);
  if (runtime.journal !== undefined) return enterWithJournal(runtime, runtime.journal, call, effectiveParams, decision, withhold, approved);
  const value = invokeInContext(call, decision, approved?.taskId, effectiveParams, runtime.halts);
  return {
    kind: 'ran',
    value: runtime.steps.length === 0 ? value : replaced(runtime, call, decision, approved, value),
    decision,
    effectiveParams,
  };
}

/** Why a call must not go on, now: the module is closed, or its caller has aborted it. */
export function closedOrAborted(runtime: GuardRuntime, call: CallFacts<never>): AegisError | undefined {
  if (runtime.closed) {
    return new ShutdownError(
      `The module is closed, so tool '${call.toolName}' did not run. Configure a new module, or close this one later.`,
    );
  }
  const { signal } = call;
  return signal?.aborted === true ? new CallAbortedError(call.toolName, signal.reason) : undefined;
}

/** The look at everything that can stop a call. It awaits nothing: what it finds is true in the tick in which the method is invoked. */
function stopOf<R>(
  runtime: GuardRuntime,
  call: CallToDecide<R>,
  decision: Decision,
  approved: ApprovedEntry | undefined,
): Error | undefined {
  // what knows of the claim comes first: a stale claim is released, and its approval is not lost
  const stale = approved?.lastLook === undefined ? undefined : stopBy(approved.lastLook);
  if (stale !== undefined) return stale;
  // an approval that was handed out is cancelled by its handle, not by the signal of the call that opened it
  if (runtime.closed || approved?.lastLook === undefined || call.mode === 'throw') {
    const stop = closedOrAborted(runtime, call);
    if (stop !== undefined) return stop;
  }
  return (
    runtime.halts.gate?.stop(call) ??
    nestedTooDeep(call) ??
    (runtime.steps.length === 0 ? undefined : stopBySteps(runtime, call, decision, approved)) ??
    (call.lastLook === undefined ? undefined : stopBy(call.lastLook))
  );
}

function stopBySteps<R>(
  { steps }: GuardRuntime,
  call: CallToDecide<R>,
  decision: Decision,
  approved: ApprovedEntry | undefined,
): AegisError | undefined {
  const identity = identityOf(call, decision, approved);
  for (const step of steps) {
    const stop = stopBy(() => step.stop?.(identity));
    if (stop !== undefined) return AegisError.is(stop) ? stop : stepFailed(step.name, call.toolName, stop);
  }
  return undefined;
}

/** A look that throws has found a reason to stop. */
function stopBy(look: () => Error | undefined): Error | undefined {
  try {
    return look();
  } catch (error) {
    return error instanceof Error ? error : new Error('A value that is not an Error was thrown.');
  }
}

function stepFailed(step: string, toolName: string, cause: Error): AegisError {
  const message = `The step '${step}' before tool '${toolName}' failed, so the tool did not run. See \`cause\` for its error.`;
  return new DecisionUnavailableError('service_threw', message, { cause });
}

function enterWithJournal<R, O>(
  runtime: GuardRuntime,
  journal: Journal,
  call: CallToDecide<R>,
  effectiveParams: OwnParams,
  decision: Decision,
  withhold: Withhold<O>,
  approved: ApprovedEntry | undefined,
): Awaitable<RunOutcome<R> | O> {
  const { agentId, toolName } = call;
  const { decisionId } = decision;
  const { taskId, token } = approved ?? {};
  const params = frozenCopy(recordOf(effectiveParams));
  const { salt: auditSalt, isReused } = decision[EVIDENCE] ?? {};
  const entering: EnteringEvent = Object.freeze({
    kind: 'entering',
    agentId,
    toolName,
    decisionId,
    taskId,
    token,
    params,
    auditSalt,
    ...(isReused === true && { reused: true }),
    ...(approved?.token !== undefined && call.idempotent === true && { idempotent: true }),
    // only a guard that cannot wait looks by itself
    ...(call.lastLook !== undefined && { synchronous: true }),
  });
  const note = (outcome: SettledEvent['outcome']): void =>
    journal.note({ kind: 'settled', agentId, toolName, decisionId, taskId, outcome });
  // how an approved call ended is told where its task is settled, and how one inside another entry ended, by that entry
  const settled = approved?.lastLook === undefined && isReused !== true ? note : (): void => {};
  const withheld = (error: Error): O => {
    // a claim that is released settles no task: this entry ends here, and there may be another
    if (error instanceof StaleClaimError) note('withheld');
    else settled('withheld');
    return withhold(call, error, decision);
  };
  journal.note(entering);
  return attempt<void, RunOutcome<R> | O>(
    () => journal.before?.(entering),
    () => {
      const stop = stopOf(runtime, call, decision, approved);
      if (stop !== undefined) return withheld(stop);
      let value: R;
      try {
        value = invokeInContext(call, decision, taskId, effectiveParams, runtime.halts, auditSalt);
      } catch (error) {
        settled('failed');
        throw error;
      }
      value = whenSettled(value, settled);
      return { kind: 'ran', value: replaced(runtime, call, decision, approved, value), decision, effectiveParams };
    },
    (error) => withheld(journalFailed(toolName, error)),
  );
}

/** An error of the journal that callers know is left as it is: a journal may refuse a call in its own words. */
function journalFailed(toolName: string, error: unknown): AegisError {
  if (AegisError.is(error)) return error;
  const message = `The journal did not record the entry of tool '${toolName}', so the tool did not run. See \`cause\`, and call again when the journal works.`;
  return new DecisionUnavailableError('journal_failed', message, { cause: error });
}

/** Tells how a method ended, once that is known, and returns what its caller gets. */
function whenSettled<R>(value: R, settled: (outcome: 'completed' | 'failed') => void): R {
  if (value instanceof GuardedStream) {
    value.onEnd(settled);
    return value;
  }
  if (!isThenable(value)) {
    settled('completed');
    return value;
  }
  // the caller gets the promise that follows: an error that is not handled is then still reported
  return Promise.resolve(value).then(
    (result) => {
      settled('completed');
      return result;
    },
    (error: unknown) => {
      settled('failed');
      throw error;
    },
  ) as R;
}

function replaced<R>({ steps }: GuardRuntime, call: CallToDecide<R>, decision: Decision, approved: ApprovedEntry | undefined, value: R): R {
  const replacing = steps.filter((step) => step.replace !== undefined);
  if (replacing.length === 0 || value instanceof GuardedStream) return value;
  const identity = identityOf(call, decision, approved);
  const replace = (result: unknown): unknown => replacing.reduce<unknown>((given, step) => step.replace?.(identity, given), result);
  return (isThenable(value) ? Promise.resolve(value).then(replace) : replace(value)) as R;
}

function identityOf({ agentId, toolName }: CallFacts<never>, { decisionId }: Decision, approved: ApprovedEntry | undefined): CallIdentity {
  return Object.freeze({ agentId, toolName, decisionId, taskId: approved?.taskId });
}
