import { attempt, chain, isThenable } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import { checkDecision } from '../model/checkDecision.js';
import { copyData } from '../model/copyData.js';
import type { Decision } from '../model/Decision.js';
import { AegisError } from '../model/errors/AegisError.js';
import { ParamsError, UnsupportedParamError } from '../model/errors/CallErrors.js';
import { CallAbortedError, ForbiddenError, ShutdownError } from '../model/errors/RefusalErrors.js';
import { DecisionUnavailableError } from '../model/errors/ServiceErrors.js';
import { TOOL_NAME } from '../model/names.js';
import type { Params } from '../model/Params.js';
import { takeSnapshot } from '../model/snapshot.js';
import { admitParams } from './admitParams.js';
import { enterCall } from './callContext.js';
import { CallRequest } from './CallRequest.js';
import type { DeniedOutcome, GuardedCall, GuardOutcome } from './GuardedCall.js';
import type { GuardRuntime } from './GuardRuntime.js';
import { joinEqualCall, openApproval } from './openApproval.js';
import { untilAborted } from './untilAborted.js';
import { validateParams } from './validateParams.js';

/** Enters the method, with its own copy of the params it may run with. */
export type RunGuarded<R> = (params: Params) => R;

const NONE: readonly string[] = [];

/**
 * The one path of every guarded call: aborted? → validate → snapshot → decide → is the answer for this call? → enforce → run with the snapshot.
 * It answers at once where everything it asks does. It never throws for a refusal; what it throws or rejects with is the method's own error.
 */
export function decideCall<R>(runtime: GuardRuntime, call: GuardedCall<Awaited<R>>, run: RunGuarded<R>): Awaitable<GuardOutcome<R>> {
  return attempt<CallRequest, GuardOutcome<R>>(
    () => (runtime.opening === undefined ? prepare(runtime, call) : chain(runtime.opening, () => prepare(runtime, call))),
    (request) => decide(runtime, call, request, run),
    (error) => refused(call, error),
  );
}

function prepare(runtime: GuardRuntime, call: GuardedCall<never>): Awaitable<CallRequest> {
  const { schema, signal, toolName } = call;
  if (runtime.closed) throw new ShutdownError(`The module is closed; tool '${toolName}' was not run.`);
  if (signal?.aborted === true) throw new CallAbortedError(toolName, signal.reason);
  if (!TOOL_NAME.test(toolName))
    throw new ParamsError('', `'${toolName.slice(0, 128)}' is no tool name: letters, digits and _ . : / - only.`);
  const { value, firstNull } = takeSnapshot(call.params, '', runtime.limits);
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
      return enter(runtime, call, run, request.values, decision);
    case 'sanitize':
      return attempt<Params, GuardOutcome<R>>(
        () => admit(runtime, call, request, decision.params),
        (params) => enter(runtime, call, run, copyData(params), decision),
        (error) => refused(call, error, decision),
      );
    case 'approval_needed':
      if (!runtime.scheduler.canAsk) {
        const { agentId, toolName } = call;
        const message = `Tool '${toolName}' requires approval, and approval polling is switched off.`;
        return refused(call, new ForbiddenError(message, { code: 'approval_required', agentId, toolName, decision }), decision);
      }
      return attempt<GuardOutcome<R>, GuardOutcome<R>>(
        () => openApproval(runtime, call, request, run, decision, (params) => admit(runtime, call, request, params)),
        (outcome) => outcome,
        (error) => {
          // the approval was opened there, and nobody will wait for it
          void attempt<void, void>(
            () => runtime.decisions.withdraw?.(decision.decisionId),
            () => undefined,
            () => undefined,
          );
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
  const { agentId, toolName, signal } = call;
  // a decision may have taken long
  if (signal?.aborted === true) return refused(call, new CallAbortedError(toolName, signal.reason), decision);
  if (runtime.closed) return refused(call, new ShutdownError(`The module was closed before tool '${toolName}' ran.`), decision);
  const context = { agentId, toolName, decisionId: decision.decisionId, taskId: undefined };
  return { kind: 'ran', value: enterCall(context, () => run(params)), decision, params };
}

function forbidden({ agentId, toolName }: GuardedCall<never>, decision: Decision): ForbiddenError {
  const why = decision.reason ?? 'policy does not allow it';
  return new ForbiddenError(`Tool '${toolName}' is not allowed: ${why}`, { code: 'policy_violation', agentId, toolName, decision });
}

function refused({ toolName }: GuardedCall<never>, error: unknown, decision?: Decision): DeniedOutcome {
  if (AegisError.is(error)) return { kind: 'denied', error, decision };
  const message = `The decision on tool '${toolName}' failed, so it did not run.`;
  return { kind: 'denied', error: new DecisionUnavailableError('service_threw', message, { cause: error }), decision };
}

function logDecision({ logger }: GuardRuntime, { agentId, toolName }: CallRequest, { effect, decisionId, reason }: Decision): void {
  try {
    logger.debug({ agentId, toolName, effect, decisionId, reason }, 'decided');
  } catch {
    // a logger that throws decides nothing
  }
}
