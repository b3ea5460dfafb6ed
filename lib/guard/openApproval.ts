import { chain } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import { canonicalDigest } from '../common/canonical.js';
import { nextId } from '../common/ids.js';
import type { PendingCall } from '../approval/PendingCall.js';
import type { ApprovalNeededDecision } from '../model/Decision.js';
import { publishDiagnostic } from '../model/diagnostics.js';
import { DecisionUnavailableError } from '../model/errors/ServiceErrors.js';
import type { Params } from '../model/Params.js';
import type { PendingTask } from '../model/Task.js';
import { enterCall, nestedTooDeep } from './callContext.js';
import type { CallRequest } from './CallRequest.js';
import type { CallToDecide, PendingOutcome, RunDecided } from './GuardedCall.js';
import type { GuardRuntime } from './GuardRuntime.js';
import { pendingOutcome } from './pendingOutcome.js';

/** The pending call of an equal one, if there is one: one wish asks a person once. */
export function joinEqualCall<R>(
  runtime: GuardRuntime,
  { guard, target, agentId, signal }: CallToDecide<Awaited<R>>,
  request: CallRequest,
  run: RunDecided<R>,
): PendingOutcome<Awaited<R>> | undefined {
  const { equalCalls } = runtime.scheduler;
  // opaque arguments are not compared, so calls that have any are never equal
  if (guard === undefined || !equalCalls.hasAny(guard) || request.opaque.length > 0) return undefined;
  const { paramsDigest: originalDigest, sessionDigest } = request;
  const entry = equalCalls.find({ guard, target, agentId, originalDigest, sessionDigest });
  if (entry === undefined) return undefined;
  return pendingOutcome<Awaited<R>>(runtime, entry as unknown as PendingCall<Awaited<R>>, runner(request, entry.task, run), {
    joined: true,
    signal,
  });
}

/** Records the approval that a decision asks for. Schedules nothing. */
export function openApproval<R>(
  runtime: GuardRuntime,
  call: CallToDecide<Awaited<R>>,
  request: CallRequest,
  run: RunDecided<R>,
  decision: ApprovalNeededDecision,
  admit: (params: Params) => Awaitable<Params>,
): Awaitable<PendingOutcome<Awaited<R>>> {
  return chain(decision.params === undefined ? request.params : admit(decision.params), (params) => {
    const task = taskFor(call, request, decision, params);
    return chain(runtime.tasks.record(task), ({ outcome }) => {
      if (outcome !== 'created') throw replayed(task);
      const runApproved = runner(request, task, run);
      const { guard, target, recheck, onSettled } = call;
      // a call whose arguments are not all compared is joined by none
      const joinable = request.opaque.length === 0 ? guard : undefined;
      const entry = runtime.scheduler.hold<Awaited<R>>({
        task,
        request,
        run: runApproved,
        admit,
        guard: joinable,
        target,
        recheck,
        onSettled,
      });
      return pendingOutcome(runtime, entry, runApproved, { joined: false, signal: call.signal });
    });
  });
}

function taskFor(call: CallToDecide<never>, request: CallRequest, decision: ApprovalNeededDecision, params: Params): PendingTask {
  const nowMs = Date.now();
  const { agentId, toolName, guardKey, paramsDigest, session, sessionDigest, approvalTimeoutMs } = request;
  return {
    status: 'pending',
    taskId: nextId('task'),
    decisionId: decision.decisionId,
    agentId,
    toolName,
    guardKey,
    params,
    digest: params === request.params ? paramsDigest : canonicalDigest(params),
    originalDigest: paramsDigest,
    session,
    sessionDigest,
    reason: decision.reason,
    mode: call.mode ?? 'wait',
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    expiresAtMs: Math.min(nowMs + approvalTimeoutMs, decision.expiresAtMs ?? Infinity),
    attemptCount: 0,
    version: 1,
    metadata: call.metadata ?? {},
    history: [],
    retryOf: undefined,
  };
}

/** Enters the method of an approved call, in its own context. */
function runner<R>(
  { agentId, toolName }: CallRequest,
  { taskId, decisionId }: Pick<PendingTask, 'taskId' | 'decisionId'>,
  run: RunDecided<R>,
): (params: Params) => Awaited<R> {
  return (params) => {
    const tooDeep = nestedTooDeep(toolName);
    if (tooDeep !== undefined) throw tooDeep;
    // the scheduler awaits what this returns, so that a promise of the result is as good as the result
    return enterCall(agentId, toolName, decisionId, taskId, run, params) as Awaited<R>;
  };
}

/** Whether an approval could not be opened because its decisionId stands for another call. */
export function isReplay(error: unknown): boolean {
  return error instanceof DecisionUnavailableError && error.reason === 'replayed_decision';
}

function replayed({ agentId, toolName, decisionId }: PendingTask): DecisionUnavailableError {
  const message = 'The service answered with an approval that belongs to another call.';
  publishDiagnostic({ kind: 'security', code: 'replayed_decision', message, agentId, toolName, decisionId });
  return new DecisionUnavailableError('replayed_decision', message);
}
