import { attempt, chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import type { ApprovalNeededDecision } from '../../model/Decision.js';
import { EVIDENCE } from '../../model/DecisionEvidence.js';
import { AegisError } from '../../model/AegisError.js';
import { reportSecurity } from '../../model/Journal.js';
import type { Params } from '../../model/Params.js';
import type { PendingTask, Task } from '../../model/Task.js';
import { deniedAtRun } from '../call/resolution.js';
import type { PendingCall } from '../call/PendingCall.js';
import { notifyService, settleCall } from '../call/settleCall.js';
import type { ExecutionHost } from './ExecutionHost.js';

/**
 * Puts an approved call back to pending: decided afresh, a person has to be asked again, perhaps about other params. It must be a new approval: one
 * that was given already cannot be asked for.
 */
export function askAgain(entry: PendingCall, decision: ApprovalNeededDecision, host: ExecutionHost): Awaitable<void> {
  const { task, call } = entry;
  const { decisionId, reason, offers } = decision;
  if (decisionId === task.decisionId) return endReplayed(entry, decisionId, host);
  return attempt<Params, void>(
    () => (decision.params === undefined ? call.request.params : call.admit(decision.params)),
    (params) => {
      const expiresAtMs = Math.min(host.now() + call.request.approvalTimeoutMs, decision.expiresAtMs ?? Infinity);
      const asked = { to: 'pending', decisionId, params, digest: canonicalDigest(params), reason, expiresAtMs } as const;
      const evidence = decision[EVIDENCE];
      const change = { ...asked, ...(offers !== undefined && { offers }), ...(evidence !== undefined && { auditSalt: evidence.salt }) };
      return chain(host.registry.transition(task.taskId, ['approved'], change), (next) => {
        if (next === undefined)
          return chain(host.registry.find(task.taskId), (now) =>
            now?.status === 'approved' ? endReplayed(entry, decisionId, host) : leaveToFirst(entry, decision, now, host),
          );
        host.journal?.note({ kind: 'opened', task: next as PendingTask, approval: evidence?.approval });
        if (entry.phase === 'ended') return;
        entry.phase = 'waiting';
        host.followAgain(entry);
      });
    },
    (error) => {
      const why = AegisError.is(error) ? error.message : 'the params of the new approval could not be read.';
      return chain(settleCall(host, entry, deniedAtRun(task, 'approved_params_changed', why, decision)), () => undefined);
    },
  );
}

function endReplayed(entry: PendingCall, decisionId: string, host: ExecutionHost): Awaitable<void> {
  const { agentId, toolName } = entry.task;
  const message = 'The decision service asked again under an approval that is already known.';
  reportSecurity(
    { kind: 'security', code: 'replayed_decision', message, actor: { kind: 'service' }, agentId, toolName, decisionId },
    host.journal,
  );
  const why = 'a person has to be asked again, but the decision service did not open a new approval.';
  return chain(settleCall(host, entry, deniedAtRun(entry.task, 'replayed_decision', why)), () => undefined);
}

/** Another process was first: no one will wait for the approval that was opened here. */
function leaveToFirst(entry: PendingCall, decision: ApprovalNeededDecision, now: Task | undefined, host: ExecutionHost): Awaitable<void> {
  return chain(notifyService(host, decision, 'withdraw'), () => {
    if (now !== undefined && entry.phase !== 'ended') host.leave(entry, now);
  });
}
