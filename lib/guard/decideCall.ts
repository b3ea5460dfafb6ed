import { attempt, chain, isThenable } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import { canonicalDigest } from '../common/data/canonical.js';
import { noteEntered } from '../decision/limit/noteEntered.js';
import { checkDecision } from '../model/checkDecision.js';
import type { Decision } from '../model/Decision.js';
import { ParamsError, UnsupportedParamError } from '../model/errors/CallErrors.js';
import { CallAbortedError } from '../model/errors/RefusalErrors.js';
import type { Params } from '../model/Params.js';
import { saltedDecision } from '../model/Decision.js';
import { recordOf } from '../model/snapshot/ArgumentList.js';
import { tellableDecision } from '../model/view/withoutValues.js';
import { copyData, frozenCopy } from '../model/snapshot/copyValue.js';
import { takeSnapshot } from '../model/snapshot/takeSnapshot.js';
import type { SnapshotLimits } from '../model/snapshot/takeSnapshot.js';
import { checkEffectiveParams } from './call/checkEffectiveParams.js';
import { takeDecision } from './call/callContext.js';
import { CallRequest } from './call/CallRequest.js';
import type { CallFacts, CallOutcome, CallToDecide, DeniedOutcome, OwnParams, PendingOutcome } from './call/GuardedCall.js';
import type { GuardRuntime } from './call/GuardRuntime.js';
import { toldErrors } from './call/toldErrors.js';
import { cannotAsk, forbidden, refused } from './call/refusals.js';
import { reuseDecision } from './call/reuseDecision.js';
import { validateParams } from './call/validateParams.js';
import { closedOrAborted, enterMethod } from './gate/enterMethod.js';
import type { Withhold } from './gate/enterMethod.js';
import { joinPendingCall, joinStoredCall } from './pending/joinCall.js';
import { isReplay, openApproval } from './pending/openApproval.js';

const NO_PARAMS: Params = Object.freeze({});

/**
 * Decides one guarded call: stopped? → snapshot → validate → decide → is the answer for this call? → enforce → enter the method through the gate.
 *
 * It answers at once where everything that it asks does. A refusal is an outcome; an error that is thrown, or a rejection, is the method's own.
 */
export function decideCall<R>(runtime: GuardRuntime, call: CallToDecide<R>): Awaitable<CallOutcome<R>> {
  return attempt<CallRequest, CallOutcome<R>>(
    () => prepare(runtime, call),
    (request) => decide(runtime, call, request),
    (error) => refused(call, error),
  );
}

/** Takes the snapshot of a call, before this returns, and validates it. @throws what the call is refused with */
export function prepare(runtime: GuardRuntime, call: CallFacts<never>): Awaitable<CallRequest> {
  const stop = closedOrAborted(runtime, call);
  if (stop !== undefined) throw stop;
  const { gate } = runtime.halts;
  const halted = gate?.look(call, true);
  if (halted !== undefined && !isThenable(halted)) throw halted;
  const { value: snapshot, firstNull } = call.takeSnapshot(runtime.limits);
  // the caller may change its arguments while stores open or halts are read; the copy is made already
  if (halted === undefined && runtime.opening === undefined) return validate(runtime, call, snapshot, firstNull);
  return chain(
    chain(runtime.opening, () => runtime.halts.gate?.look(call)),
    (found) => {
      if (found !== undefined) throw found;
      return validate(runtime, call, snapshot, firstNull);
    },
  );
}

function validate(
  runtime: GuardRuntime,
  call: CallFacts<never>,
  snapshot: OwnParams,
  firstNull: string | undefined,
): Awaitable<CallRequest> {
  const { schema, schemaAppliesTo } = call;
  if (schema !== undefined) {
    if (schemaAppliesTo === 'sanitized') return new CallRequest(snapshot, call, runtime);
    // a copy: a schema may change what it is given
    return chain(validateParams(schema, copyData(recordOf(snapshot)), runtime.limits), (params) => {
      // a retried call was validated before it was stored: its params must still be the same afterwards
      if (call.retryOf === undefined || canonicalDigest(params) === canonicalDigest(recordOf(snapshot)))
        return new CallRequest(params, call, runtime);
      throw new ParamsError(
        '',
        `The guard's schema changes the stored params of tool '${call.toolName}'. A schema must return its own output unchanged.`,
      );
    });
  }
  if (firstNull !== undefined) {
    throw new UnsupportedParamError(
      firstNull,
      `The value at ${firstNull} is null, and policies cannot read null. Leave it out, or give the guard a \`schema\` that allows null there.`,
    );
  }
  return new CallRequest(snapshot, call, runtime);
}

function decide<R>(runtime: GuardRuntime, call: CallToDecide<R>, request: CallRequest): Awaitable<CallOutcome<R>> {
  const offered = takeDecision();
  const reused = offered && reuseDecision(offered, runtime, request);
  if (reused !== undefined) return enter(runtime, call, CallRequest.release(request), reused.decision, reused.taskId);
  const joined = runtime.openByGuard.size === 0 ? undefined : joinPendingCall<R>(runtime, call, request);
  if (joined !== undefined) return joined;
  if (!runtime.durable || call.mode !== 'throw') return askService(runtime, call, request);
  // an approval that was given before a restart is redeemed now
  return attempt<PendingOutcome<Awaited<R>> | undefined, CallOutcome<R>>(
    () => joinStoredCall(runtime, call, request),
    (stored) => stored ?? askService(runtime, call, request),
    (error) => refused(call, error),
  );
}

function askService<R>(runtime: GuardRuntime, call: CallToDecide<R>, request: CallRequest): Awaitable<CallOutcome<R>> {
  const { signal } = call;
  const { journal } = runtime;
  const beganMs = journal === undefined ? 0 : performance.now();
  return attempt<Decision, CallOutcome<R>>(
    () => {
      const answer = runtime.decisions.decide(request, { signal });
      if (!isThenable(answer)) return tellableDecision(checkDecision(answer, request, journal), request);
      const late = (decision: Decision): void => withdrawLate(runtime, decision);
      return untilAborted(answer, signal, call.toolName, late).then((decision) =>
        tellableDecision(checkDecision(decision, request, journal), request),
      );
    },
    (decision) => {
      if (journal === undefined) return enforce(runtime, call, request, decision);
      const durationMs = performance.now() - beganMs;
      const salted = saltedDecision(decision);
      journal.note({ kind: 'decided', request, decision: shownDecision(salted, runtime.limits), durationMs });
      return enforce(runtime, call, request, salted);
    },
    (error) =>
      request.sensitive === undefined
        ? refused(call, error)
        : chain(toldErrors.get(), ({ tellableError }) => refused(call, tellableError(error, request))),
  );
}

/**
 * A promise that an abort of the signal ends early; leaves no listener on the signal.
 *
 * @param late gets the value that comes after an abort
 */
export function untilAborted<T>(
  promise: PromiseLike<T>,
  signal: AbortSignal | undefined,
  toolName: string,
  late?: (value: T) => void,
): Promise<T> {
  if (signal === undefined) return Promise.resolve(promise);
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(new CallAbortedError(toolName, signal.reason));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    const leave = (): void => signal.removeEventListener('abort', abort);
    // a native promise: a thenable may call back twice, or throw
    Promise.resolve(promise).then(
      (value) => {
        leave();
        resolve(value);
        if (signal.aborted) late?.(value);
      },
      (error: unknown) => {
        leave();
        reject(error as Error);
      },
    );
  });
}

function enforce<R>(runtime: GuardRuntime, call: CallToDecide<R>, request: CallRequest, decision: Decision): Awaitable<CallOutcome<R>> {
  if (runtime.debug) logDecision(runtime, request, decision);
  switch (decision.effect) {
    case 'allow':
      return enter(runtime, call, CallRequest.release(request), decision);
    case 'sanitize':
      return attempt<Params, CallOutcome<R>>(
        () => checkEffectiveParams(decision.params, call, request, runtime.limits),
        (params) => enter(runtime, call, copyData(params), decision),
        (error) => {
          release(runtime, decision);
          return refused(call, error, decision);
        },
      );
    case 'approval_needed':
      if (!runtime.scheduler.canAsk(decision)) {
        withdraw(runtime, decision);
        return refused(call, cannotAsk(call, decision), decision);
      }
      return attempt<CallOutcome<R>, CallOutcome<R>>(
        () => {
          const stop = closedOrAborted(runtime, call);
          if (stop !== undefined) throw stop;
          return chain(call.mode === 'throw' ? undefined : joinStoredCall(runtime, call, request), (stored) => {
            const joined = stored ?? joinWhilePreviewed(runtime, call, request);
            if (joined === undefined) return openApproval(runtime, call, request, decision);
            withdraw(runtime, decision);
            return joined;
          });
        },
        (outcome) => outcome,
        (error) => {
          // the service opened an approval that no one will wait for; a replayed one belongs to another call
          if (!isReplay(error)) withdraw(runtime, decision);
          return refused(call, error, decision);
        },
      );
    default:
      return refused(call, forbidden(call, decision), decision);
  }
}

function enter<R>(
  runtime: GuardRuntime,
  call: CallToDecide<R>,
  effectiveParams: OwnParams,
  decision: Decision,
  taskId?: string,
): Awaitable<CallOutcome<R>> {
  const approved = taskId === undefined ? undefined : { taskId };
  if (decision.limits === undefined) return enterMethod(runtime, call, effectiveParams, decision, refused, approved);
  const outcome = enterMethod(runtime, call, effectiveParams, decision, withheld(runtime), approved);
  // where a journal answers later, what was taken is forgotten later
  if ('kind' in outcome && outcome.kind === 'ran') noteEntered(runtime.decisions, decision.decisionId);
  return outcome;
}

/** The outcome of a call that is stopped before its method: what it was counted for is given back. */
function withheld(runtime: GuardRuntime): Withhold<DeniedOutcome> {
  return (call, error, decision) => {
    release(runtime, decision);
    return refused(call, error, decision);
  };
}

function release({ decisions }: GuardRuntime, { decisionId, limits }: Decision): void {
  if (limits !== undefined) quietly(() => decisions.release?.(decisionId));
}

/** While a preview was made, a duplicate of this call may have opened its approval. */
function joinWhilePreviewed<R>(runtime: GuardRuntime, call: CallToDecide<R>, request: CallRequest): PendingOutcome<Awaited<R>> | undefined {
  return call.preview === undefined || runtime.openByGuard.size === 0 ? undefined : joinPendingCall(runtime, call, request);
}

/** The caller has gone: no one waits for an approval that its service has opened all the same. */
function withdrawLate(runtime: GuardRuntime, late: Decision): void {
  if (late.effect === 'approval_needed') withdraw(runtime, late);
  else release(runtime, late);
}

function withdraw({ decisions }: GuardRuntime, { decisionId }: Decision): void {
  quietly(() => decisions.withdraw?.(decisionId));
}

function quietly(tell: () => Awaitable<void>): void {
  void attempt<void, void>(
    tell,
    () => undefined,
    () => undefined,
  );
}

function logDecision({ logger }: GuardRuntime, { agentId, toolName }: CallRequest, { effect, decisionId, reason }: Decision): void {
  try {
    // `debug` says that decisions are to be seen, so the default level of a logger shows them
    logger.info({ agentId, toolName, effect, decisionId, reason }, 'decided');
  } catch {
    // a logger that throws changes nothing
  }
}

/** A frozen copy of a decision, for the journal: what a journal did to the decision itself would change what runs. */
export function shownDecision(decision: Decision, limits: SnapshotLimits): Decision {
  const { effect } = decision;
  if (effect === 'sanitize') return Object.freeze({ ...decision, params: shownParams(decision.params, limits) });
  if (effect !== 'approval_needed' || decision.params === undefined) return Object.freeze({ ...decision });
  return Object.freeze({ ...decision, params: shownParams(decision.params, limits) });
}

/** Params that cannot be copied are shown as empty: the call is refused because of them. */
function shownParams(params: Params, limits: SnapshotLimits): Params {
  try {
    return frozenCopy(takeSnapshot(params, '', limits).value) as Params;
  } catch {
    return NO_PARAMS;
  }
}
