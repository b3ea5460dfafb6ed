import { attempt, chain, isThenable } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import { isPlainObject } from '../common/plainness.js';
import { checkDecision } from '../model/checkDecision.js';
import { copyData } from '../model/copyData.js';
import type { Decision } from '../model/Decision.js';
import type { AegisError } from '../model/errors/AegisError.js';
import { ParamsError, UnsupportedParamError } from '../model/errors/CallErrors.js';
import { CallAbortedError, ShutdownError } from '../model/errors/RefusalErrors.js';
import { TOOL_NAME } from '../model/names.js';
import type { Params } from '../model/Params.js';
import { takeSnapshot } from '../model/snapshot.js';
import type { SnapshotResult } from '../model/snapshot.js';
import { admitParams } from './admitParams.js';
import { enterCall, nestedTooDeep } from './callContext.js';
import { CallRequest } from './CallRequest.js';
import type { GuardedCall, GuardOutcome, RunGuarded } from './GuardedCall.js';
import type { GuardRuntime } from './GuardRuntime.js';
import { isReplay, joinEqualCall, openApproval } from './openApproval.js';
import { cannotAsk, forbidden, refused } from './refusals.js';
import { untilAborted } from './untilAborted.js';
import { validateParams } from './validateParams.js';

const NONE: readonly string[] = [];

/**
 * The one path of every guarded call: aborted? → snapshot → validate → decide → is the answer for this call? → enforce → run with the snapshot.
 * It answers at once where everything it asks does. It never throws for a refusal; what it throws or rejects with is the method's own error.
 */
export function decideCall<R>(runtime: GuardRuntime, call: GuardedCall<Awaited<R>>, run: RunGuarded<R>): Awaitable<GuardOutcome<R>> {
  return attempt<CallRequest, GuardOutcome<R>>(
    () => prepare(runtime, call),
    (request) => decide(runtime, call, request, run),
    (error) => refused(call, error),
  );
}

function prepare(runtime: GuardRuntime, call: GuardedCall<never>): Awaitable<CallRequest> {
  const { toolName, params } = call;
  const stop = stopped(runtime, call);
  if (stop !== undefined) throw stop;
  if (!TOOL_NAME.test(toolName))
    throw new ParamsError('', `'${toolName.slice(0, 128)}' is no tool name: letters, digits and _ . : / - only.`);
  if (!isPlainObject(params)) throw new ParamsError('', 'The params are no plain object, so they have no names.');
  const snapshot = takeSnapshot(params, '', runtime.limits);
  // the caller may change its arguments while stores open; the copy is made already
  return runtime.opening === undefined
    ? validate(runtime, call, snapshot)
    : chain(runtime.opening, () => validate(runtime, call, snapshot));
}

function validate(runtime: GuardRuntime, call: GuardedCall<never>, { value, firstNull }: SnapshotResult): Awaitable<CallRequest> {
  const { schema } = call;
  if (schema !== undefined) {
    return chain(validateParams(schema, value as Params, runtime.limits), (params) => requestFor(runtime, call, params));
  }
  if (firstNull !== undefined && runtime.refuseNull) {
    throw new UnsupportedParamError(
      firstNull,
      `The value at ${firstNull} is null, which policies cannot see; leave it out, or give the guard a schema.`,
    );
  }
  return requestFor(runtime, call, value as Params);
}

/** Why a call must not go on, now. */
function stopped({ closed }: GuardRuntime, { signal, toolName }: GuardedCall<never>): AegisError | undefined {
  if (closed) return new ShutdownError(`The module is closed; tool '${toolName}' was not run.`);
  return signal?.aborted === true ? new CallAbortedError(toolName, signal.reason) : undefined;
}

function requestFor(runtime: GuardRuntime, call: GuardedCall<never>, params: Params): CallRequest {
  return new CallRequest(params, {
    agentId: call.agentId,
    toolName: call.toolName,
    guardKey: call.guardKey ?? call.toolName,
    session: call.session ?? null,
    groups: call.groups ?? NONE,
    opaque: call.opaque ?? NONE,
    hasSchema: call.schema !== undefined,
    approvalTimeoutMs: call.approvalTimeoutMs ?? runtime.approvalTimeoutMs,
  });
}

function decide<R>(
  runtime: GuardRuntime,
  call: GuardedCall<Awaited<R>>,
  request: CallRequest,
  run: RunGuarded<R>,
): Awaitable<GuardOutcome<R>> {
  const joined = joinEqualCall<R>(runtime, call, request, run);
  if (joined !== undefined) return joined;
  const { signal } = call;
  return attempt<Decision, GuardOutcome<R>>(
    () => {
      const answer = runtime.decisions.decide(request, { signal });
      if (!isThenable(answer)) return checkDecision(answer, request);
      return untilAborted(answer, signal, call.toolName).then((decision) => checkDecision(decision, request));
    },
    (decision) => enforce(runtime, call, request, run, decision),
    (error) => refused(call, error),
  );
}

function enforce<R>(
  runtime: GuardRuntime,
  call: GuardedCall<Awaited<R>>,
  request: CallRequest,
  run: RunGuarded<R>,
  decision: Decision,
): Awaitable<GuardOutcome<R>> {
  if (runtime.debug) logDecision(runtime, request, decision);
  switch (decision.effect) {
    case 'allow':
      return enter(runtime, call, run, CallRequest.release(request), decision);
    case 'sanitize':
      return attempt<Params, GuardOutcome<R>>(
        () => admit(runtime, call, request, decision.params),
        (params) => enter(runtime, call, run, copyData(params), decision),
        (error) => refused(call, error, decision),
      );
    case 'approval_needed':
      if (!runtime.scheduler.canAsk) return refused(call, cannotAsk(call, decision), decision);
      return attempt<GuardOutcome<R>, GuardOutcome<R>>(
        () => {
          const stop = stopped(runtime, call);
          if (stop !== undefined) throw stop;
          return openApproval(runtime, call, request, run, decision, (params) => admit(runtime, call, request, params));
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

function admit(runtime: GuardRuntime, call: GuardedCall<never>, request: CallRequest, params: unknown): Awaitable<Params> {
  const { knows, schema } = call;
  return admitParams(params, { original: request.params, opaque: request.opaque, knows, schema, limits: runtime.limits });
}

function enter<R>(
  runtime: GuardRuntime,
  call: GuardedCall<never>,
  run: RunGuarded<R>,
  params: Params,
  decision: Decision,
): GuardOutcome<R> {
  const { agentId, toolName } = call;
  // a decision may have taken long
  const stop = stopped(runtime, call) ?? nestedTooDeep(toolName);
  if (stop !== undefined) return refused(call, stop, decision);
  const context = { agentId, toolName, decisionId: decision.decisionId, taskId: undefined };
  return { kind: 'ran', value: enterCall(context, () => run(params)), decision, params };
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
