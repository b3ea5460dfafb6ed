import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import { nextId } from '../../common/nextId.js';
import type { ApprovalNeededDecision } from '../../model/Decision.js';
import { EVIDENCE } from '../../model/DecisionEvidence.js';
import { ParamsError } from '../../model/errors/CallErrors.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';
import { reportSecurity } from '../../model/Journal.js';
import type { Journal } from '../../model/Journal.js';
import { frozenData } from '../../model/snapshot/frozenData.js';
import { sizeOf } from '../../model/snapshot/sizeOf.js';
import type { Params } from '../../model/Params.js';
import type { PendingTask, TaskOrigin } from '../../model/Task.js';
import { checkEffectiveParams } from '../call/checkEffectiveParams.js';
import { classNameOf } from '../call/classNameOf.js';
import { isResumable } from '../call/CallRequest.js';
import type { CallRequest } from '../call/CallRequest.js';
import { checkSoleBinding } from '../method/GuardBinding.js';
import type { CallFacts, CallToDecide, PendingOutcome } from '../call/GuardedCall.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';
import { PendingCallState, pendingOutcome } from './PendingCallState.js';

const NO_METADATA: Readonly<Record<string, unknown>> = Object.freeze({});
const NO_HISTORY: readonly string[] = Object.freeze([]);

/** Records the approval that a decision asks for. Schedules nothing. */
export function openApproval<R>(
  runtime: GuardRuntime,
  call: CallToDecide<R>,
  request: CallRequest,
  decision: ApprovalNeededDecision,
): Awaitable<PendingOutcome<Awaited<R>>> {
  const effective = decision.params === undefined ? request.params : checkEffectiveParams(decision.params, call, request, runtime.limits);
  return chain(effective, (params) => {
    const origin = runtime.durable ? originOf(call, request, runtime.tasks.store.ownerId) : undefined;
    const task = taskFor(call, request, decision, params, origin, runtime);
    return chain(runtime.tasks.record(task), ({ outcome }) => {
      if (outcome !== 'created') throw replayed(task, runtime.journal);
      runtime.journal?.note({ kind: 'opened', task, approval: decision[EVIDENCE]?.approval });
      const held = new PendingCallState(runtime, call, request, task);
      const entry = runtime.scheduler.hold(task, held);
      return pendingOutcome(runtime, entry, held.run.bind(held), { deduplicated: false, signal: call.signal });
    });
  });
}

function taskFor(
  call: CallFacts<never>,
  request: CallRequest,
  decision: ApprovalNeededDecision,
  params: Params,
  origin: TaskOrigin | undefined,
  { journal, scheduler }: GuardRuntime,
): PendingTask {
  const nowMs = scheduler.now();
  const { agentId, toolName, guardKey, paramsDigest, session, sessionDigest, approvalTimeoutMs } = request;
  const task: PendingTask & { offers?: PendingTask['offers']; auditSalt?: string; traceparent?: string } = {
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
    runs: 0,
    version: 1,
    metadata: call.metadata === undefined ? NO_METADATA : frozenData(call.metadata),
    history: NO_HISTORY,
    retryOf: call.retryOf,
    origin,
    sizeBytes: sizeOf([params, request.params, session, call.metadata]),
  };
  if (decision.offers !== undefined) task.offers = decision.offers;
  const traceparent = journal?.traceparent?.();
  if (traceparent !== undefined) task.traceparent = traceparent;
  const evidence = decision[EVIDENCE];
  if (evidence !== undefined) task.auditSalt = evidence.salt;
  // the registry hands out this very object
  return Object.freeze(task);
}

/**
 * What another process needs to take the call over.
 *
 * @throws ParamsError where the call would outlive its process, but has arguments that no store can keep
 * @throws ConfigError where its guard's key is another guard's too
 */
function originOf(call: CallFacts<never>, request: CallRequest, ownerId: string): TaskOrigin {
  const { target, mode = 'wait', signature, argumentCount = 0, idempotent = false } = call;
  const resumable = isResumable(call);
  if (mode !== 'wait' && request.opaque.length > 0) {
    throw new ParamsError(
      `/${request.opaque[0]}`,
      "Opaque arguments cannot be stored, so this call cannot wait in a durable store. Choose approval 'wait', or leave `opaque` out.",
      {
        code: 'opaque_not_durable',
      },
    );
  }
  if (resumable) checkSoleBinding(request.guardKey);
  return Object.freeze({
    ownerId,
    resumable,
    originalParams: request.params,
    target: classNameOf(target),
    argumentCount,
    signature: signature ?? '',
    idempotent,
  });
}

/** Whether an approval could not be opened because its decisionId belongs to another call. */
export function isReplay(error: unknown): boolean {
  return error instanceof DecisionUnavailableError && error.reason === 'replayed_decision';
}

function replayed({ agentId, toolName, decisionId }: PendingTask, journal: Journal | undefined): DecisionUnavailableError {
  const message = 'The service answered with an approval that belongs to another call.';
  reportSecurity(
    { kind: 'security', code: 'replayed_decision', message, actor: { kind: 'service' }, agentId, toolName, decisionId },
    journal,
  );
  return new DecisionUnavailableError('replayed_decision', message);
}
