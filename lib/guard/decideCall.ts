import { attempt, chain, isThenable } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import { canonicalDigest } from '../common/data/canonical.js';
import { recordOf } from '../model/snapshot/ArgumentList.js';
import { checkDecision } from '../model/checkDecision.js';
import { copyData } from '../model/snapshot/copyData.js';
import type { Decision } from '../model/Decision.js';
import type { AegisError } from '../model/AegisError.js';
import { ParamsError, UnsupportedParamError } from '../model/errors/CallErrors.js';
import { CallAbortedError, ShutdownError } from '../model/errors/RefusalErrors.js';
import type { Params } from '../model/Params.js';
import { checkEffectiveParams } from './call/checkEffectiveParams.js';
import { enterCall, nestedTooDeep } from './call/callContext.js';
import { CallRequest } from './call/CallRequest.js';
import { reuseDecision } from './call/coveredCall.js';
import type { CallFacts, CallOutcome, CallToDecide, OwnParams, PendingOutcome } from './call/GuardedCall.js';
import type { GuardRuntime } from './call/GuardRuntime.js';
import { joinStoredCall } from './pending/joinStoredCall.js';
import { isReplay, joinEqualCall, openApproval } from './pending/openApproval.js';
import { cannotAsk, forbidden, refused } from './call/refusals.js';
import { untilAborted } from './call/untilAborted.js';
import { validateParams } from './call/validateParams.js';

/**
 * The one path of every guarded call: aborted? → snapshot → validate → decide → is the answer for this call? → enforce → run with the snapshot.
 * It answers at once where everything it asks does. It never throws for a refusal; what it throws or rejects with is the method's own error.
 */
export function decideCall<R>(runtime: GuardRuntime, call: CallToDecide<R>): Awaitable<CallOutcome<R>> {
  return attempt<CallRequest, CallOutcome<R>>(
    () => prepare(runtime, call),
    (request) => decide(runtime, call, request),
    (error) => refused(call, error),
  );
}

function prepare(runtime: GuardRuntime, call: CallFacts<never>): Awaitable<CallRequest> {
  const stop = stopped(runtime, call);
  if (stop !== undefined) throw stop;
  const { value, firstNull } = call.takeSnapshot(runtime.limits);
  // the caller may change its arguments while stores open; the copy is made already
  return runtime.opening === undefined
    ? validate(runtime, call, value, firstNull)
    : chain(runtime.opening, () => validate(runtime, call, value, firstNull));
}

function validate(runtime: GuardRuntime, call: CallFacts<never>, values: OwnParams, firstNull: string | undefined): Awaitable<CallRequest> {
  const { schema, schemaAppliesTo } = call;
  if (schema !== undefined) {
    if (schemaAppliesTo === 'sanitized') return new CallRequest(values, call, runtime);
    return chain(validateParams(schema, recordOf(values), runtime.limits), (params) => {
      // what is called again was checked before it was stored: it is that call, or none
      if (call.retryOf === undefined || canonicalDigest(params) === canonicalDigest(recordOf(values)))
        return new CallRequest(params, call, runtime);
      throw new ParamsError('', 'The schema changes the stored params; it must accept its own output as it is.');
    });
  }
  if (firstNull !== undefined && runtime.refuseNull) {
    throw new UnsupportedParamError(
      firstNull,
      `The value at ${firstNull} is null, which policies cannot see; leave it out, or give the guard a schema.`,
    );
  }
  return new CallRequest(values, call, runtime);
}

/** Why a call must not go on, now. */
function stopped({ closed }: GuardRuntime, { signal, toolName }: CallFacts<never>): AegisError | undefined {
  if (closed) return new ShutdownError(`The module is closed; tool '${toolName}' was not run.`);
  return signal?.aborted === true ? new CallAbortedError(toolName, signal.reason) : undefined;
}

function decide<R>(runtime: GuardRuntime, call: CallToDecide<R>, request: CallRequest): Awaitable<CallOutcome<R>> {
  const covered = reuseDecision(runtime, request);
  if (covered !== undefined) return enter(runtime, call, CallRequest.release(request), covered.decision, covered.taskId);
  const joined = joinEqualCall<R>(runtime, call, request);
  if (joined !== undefined) return joined;
  if (!runtime.tasks.durable || call.mode !== 'throw') return askService(runtime, call, request);
  // an approval that was given before a restart is there to be redeemed
  return attempt<PendingOutcome<Awaited<R>> | undefined, CallOutcome<R>>(
    () => joinStoredCall(runtime, call, request),
    (stored) => stored ?? askService(runtime, call, request),
    (error) => refused(call, error),
  );
}

function askService<R>(runtime: GuardRuntime, call: CallToDecide<R>, request: CallRequest): Awaitable<CallOutcome<R>> {
  const { signal } = call;
  return attempt<Decision, CallOutcome<R>>(
    () => {
      const answer = runtime.decisions.decide(request, { signal });
      if (!isThenable(answer)) return checkDecision(answer, request);
      return untilAborted(answer, signal, call.toolName).then((decision) => checkDecision(decision, request));
    },
    (decision) => enforce(runtime, call, request, decision),
    (error) => refused(call, error),
  );
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
        (error) => refused(call, error, decision),
      );
    case 'approval_needed':
      if (!runtime.scheduler.canAsk) return refused(call, cannotAsk(call, decision), decision);
      return attempt<CallOutcome<R>, CallOutcome<R>>(
        () => {
          const stop = stopped(runtime, call);
          if (stop !== undefined) throw stop;
          return chain(call.mode === 'throw' ? undefined : joinStoredCall(runtime, call, request), (stored) => {
            if (stored === undefined) return openApproval(runtime, call, request, decision);
            withdraw(runtime, decision);
            return stored;
          });
        },
        (outcome) => outcome,
        (error) => {
          // the approval was opened there, and nobody will wait for it; one that was replayed is somebody else's
          if (!isReplay(error)) withdraw(runtime, decision);
          return refused(call, error, decision);
        },
      );
    default:
      return refused(call, forbidden(call, decision), decision);
  }
}

function enter<R>(runtime: GuardRuntime, call: CallToDecide<R>, own: OwnParams, decision: Decision, taskId?: string): CallOutcome<R> {
  const { agentId, toolName } = call;
  // a decision may have taken long
  const stop = stopped(runtime, call) ?? nestedTooDeep(toolName);
  if (stop !== undefined) return refused(call, stop, decision);
  return { kind: 'ran', value: enterCall(agentId, toolName, decision.decisionId, taskId, call, own), decision, own };
}

function withdraw({ decisions }: GuardRuntime, { decisionId }: Decision): void {
  void attempt<void, void>(
    () => decisions.withdraw?.(decisionId),
    () => undefined,
    () => undefined,
  );
}

function logDecision({ logger }: GuardRuntime, { agentId, toolName }: CallRequest, { effect, decisionId, reason }: Decision): void {
  try {
    logger.debug({ agentId, toolName, effect, decisionId, reason }, 'decided');
  } catch {
    // a logger that throws decides nothing
  }
}
