import { canonicalDigest } from '../../../common/data/canonical.js';
import { bindingBaseOf, digestOfSession } from '../../../model/bindingBase.js';
import type { Task, TaskOrigin } from '../../../model/Task.js';
import type { ApprovalRecord } from '../../../store/ApprovalStore.js';
import { bindingDigest } from './bindingDigest.js';
import { REQUIRED_SEMANTICS } from './semantics.js';

/**
 * Binds an approval of before schema version 4 to the call of its task, as it would be bound today. Called once for each, when its store is first opened
 * by code that binds approvals.
 *
 * @returns `undefined` where the task is not the call that the approval shows: then the approval is never used
 */
export function bindOlderApproval(record: ApprovalRecord, task: Task): ApprovalRecord | undefined {
  const bindingBase = bindingBaseOf(task);
  if (bindingBase === '' || !isSameCall(record, task)) return undefined;
  return {
    ...record,
    bindingDigest: bindingDigest({ bindingBase, digest: record.digest }),
    requires: REQUIRED_SEMANTICS,
    begun: record.consumed === undefined ? undefined : begunBy(task),
    version: record.version + 1,
  };
}

/** {@link bindOlderApproval}, for a store without a key: an approval that was signed is left to a process that has its key. */
export function bindUnsigned(record: ApprovalRecord, task: Task): ApprovalRecord | undefined {
  return record.mac === undefined ? bindOlderApproval(record, task) : undefined;
}

function isSameCall(record: ApprovalRecord, { agentId, toolName, guardKey, session, origin }: Task): boolean {
  const originalDigest = canonicalDigest((origin as TaskOrigin).originalParams);
  return (
    record.agentId === agentId &&
    record.toolName === toolName &&
    record.guardKey === guardKey &&
    record.originalDigest === originalDigest &&
    record.sessionDigest === digestOfSession(session)
  );
}

/** A used approval whose task has been claimed has begun; which claim that was is known of the last one. */
function begunBy(task: Task): ApprovalRecord['begun'] {
  if (task.status === 'pending' || task.status === 'approved') return undefined;
  return { claimToken: 'claimToken' in task ? task.claimToken : `of ${task.taskId}`, atMs: task.updatedAtMs };
}
