import { canonicalText } from '../../common/data/canonical.js';
import type { AppliedPolicy } from '../PolicyEngine.js';

/** The annotation of an approval policy that is looser. */
export type LoosenedApproval =
  | 'approvers'
  | 'self_approval'
  | 'approval_timeout_s'
  | 'severity'
  | 'quorum'
  | 'distinct'
  | 'escalate'
  | 'editor_may_approve'
  | 'grantable'
  | 'editable'
  | 'show_approver'
  | 'needs_preview';

type ApprovalChange = readonly [how: LoosenedApproval, message: string];

const SEVERITIES = ['low', 'medium', 'high', 'critical'];
/** What approvers take a policy without `@severity` for. */
const NO_SEVERITY = 'medium';

/** How an approval policy is looser than it was: more people may approve, or one approval is good for more. */
export function approvalChanges(before: AppliedPolicy, after: AppliedPolicy): ApprovalChange[] {
  const changes: ApprovalChange[] = [];
  if (before.approvers !== undefined && after.approvers?.every((group) => before.approvers?.includes(group)) !== true)
    changes.push(['approvers', `@approvers changed from ${before.approvers.join(', ')} to ${after.approvers?.join(', ') ?? 'anyone'}`]);
  if (after.selfApproval === true && before.selfApproval !== true)
    changes.push(['self_approval', '@self_approval("true") was added: the requester may approve']);
  const [oldMs, newMs] = [before.approvalTimeoutMs ?? Infinity, after.approvalTimeoutMs ?? Infinity];
  if (newMs > oldMs)
    changes.push([
      'approval_timeout_s',
      `@approval_timeout_s changed from ${oldMs / 1000} to ${newMs === Infinity ? 'none' : newMs / 1000}`,
    ]);
  const [was, is] = [before.severity ?? NO_SEVERITY, after.severity ?? NO_SEVERITY];
  if (SEVERITIES.indexOf(is) < SEVERITIES.indexOf(was)) changes.push(['severity', `@severity changed from ${was} to ${is}`]);
  changes.push(...peopleChanges(before, after), ...useChanges(before, after));
  return changes;
}

/** Fewer people must approve, or more may. */
function peopleChanges(before: AppliedPolicy, after: AppliedPolicy): ApprovalChange[] {
  const changes: ApprovalChange[] = [];
  const [were, are] = [before.quorum ?? 1, after.quorum ?? 1];
  if (are < were) changes.push(['quorum', `@quorum changed from ${were} to ${are}`]);
  if (before.distinct === true && after.distinct !== true)
    changes.push(['distinct', '@distinct("true") is gone: one person may count for several policies']);
  if (after.escalate !== undefined && canonicalText(after.escalate) !== canonicalText(before.escalate ?? []))
    changes.push(['escalate', '@escalate changed: other groups may decide, or sooner']);
  if (after.editorMayApprove === true && before.editorMayApprove !== true)
    changes.push(['editor_may_approve', '@editor_may_approve("true") was added: who changes a call may approve it']);
  return changes;
}

/** One approval is good for more, or rests on less. */
function useChanges(before: AppliedPolicy, after: AppliedPolicy): ApprovalChange[] {
  const changes: ApprovalChange[] = [];
  const [had, has] = [before.grantable ?? { uses: 0, forMs: 0 }, after.grantable ?? { uses: 0, forMs: 0 }];
  if (has.uses > had.uses || has.forMs > had.forMs) changes.push(['grantable', '@grantable allows grants for more calls, or for longer']);
  const added = (after.editable ?? []).filter((pointer) => before.editable?.includes(pointer) !== true);
  if (added.length > 0) changes.push(['editable', `@editable lets approvers change ${added.join(', ')} too`]);
  const { showApprover: shown = [] } = before;
  const hidden = after.showApprover?.includes('') === true ? [] : shown.filter((pointer) => after.showApprover?.includes(pointer) !== true);
  if (hidden.length > 0) changes.push(['show_approver', '@show_approver changed: approvers may see less of a call']);
  if (before.needsPreview === true && after.needsPreview !== true)
    changes.push(['needs_preview', '@needs_preview("true") is gone: calls without a preview are asked about']);
  return changes;
}
