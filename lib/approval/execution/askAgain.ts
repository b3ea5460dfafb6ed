import { attempt, chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import type { ApprovalNeededDecision } from '../../model/Decision.js';
import { publishCallbackError, publishDiagnostic } from '../../model/diagnostics.js';
import { AegisError } from '../../model/AegisError.js';
import type { Params } from '../../model/Params.js';
import type { Task } from '../../model/Task.js';
import { deniedAtRun } from '../call/endings.js';
import type { ExecutionHost } from './ExecutionHost.js';
import type { PendingCall } from '../call/PendingCall.js';

/**
 * Puts an approved call back to pending: decided afresh, a person has to be asked again, perhaps about other params. It must be a new approval: one
 * that was given already cannot be asked for.
 */
export function askAgain(
  entry: PendingCall,
  decision: ApprovalNeededDecision,
  host: ExecutionHost,
  asked: (task: Task) => void,
): Awaitable<void> {
  const { task, call } = entry;
  const { decisionId, reason } = decision;
  const { agentId, toolName } = task;
  const replayed = (): Awaitable<void> => {
    const message = 'The service asked again under an approval that is known already.';
    publishDiagnostic({ kind: 'security', code: 'replayed_decision', message, agentId, toolName, decisionId });
    return host.end(entry, deniedAtRun(task, 'replayed_decision', 'a person has to be asked again, under an approval that is no new one.'));
  };
  // another process was first: nobody will wait for the approval that was opened here
  const lost = (now: Task | undefined): Awaitable<void> => {
    const failed = (error: unknown): void => publishCallbackError('telling the decision service (withdraw)', error);
    const leave = (): void => {
      if (now !== undefined && entry.phase !== 'ended') host.leave(entry, now);
    };
    return attempt<void, void>(
      () => host.decisions.withdraw?.(decisionId),
      leave,
      (error) => (failed(error), leave()),
    );
  };
  if (decisionId === task.decisionId) return replayed();
  return attempt<Params, void>(
    () => (decision.params === undefined ? call.request.params : call.admit(decision.params)),
    (params) => {
      const expiresAtMs = Math.min(host.now() + call.request.approvalTimeoutMs, decision.expiresAtMs ?? Infinity);
      const change = { to: 'pending', decisionId, params, digest: canonicalDigest(params), reason, expiresAtMs } as const;
      return chain(host.registry.transition(task.taskId, ['approved'], change), (next) => {
        if (next === undefined)
          return chain(host.registry.find(task.taskId), (now) => (now?.status === 'approved' ? replayed() : lost(now)));
        if (entry.phase === 'ended') return;
        entry.phase = 'waiting';
        asked(next);
      });
    },
    (error) => {
      const why = AegisError.is(error) ? error.message : 'its params could not be read.';
      return host.end(entry, deniedAtRun(task, 'approved_params_changed', why, decision));
    },
  );
}
