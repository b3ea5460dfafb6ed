import { maskedIn, viewOf, visibleChanges } from '../../model/view/viewOf.js';
import { notesIn } from '../../model/view/viewText.js';
import type { ApprovalView, PreviewedEdit } from './ApprovalAccess.js';

/** An approval as JSON: what the person who decides is shown in lines, and nothing more of what a store keeps. `hidden` says where notes stand in place of values. */
export function shownJson(view: ApprovalView, edit?: PreviewedEdit): object {
  const { decisionId, status, toolName, agentId, requester, requesterKnown, reason, message, refusals, digest, expiresAtMs } = view;
  const { sensitive, opaque, session, facts, preview, editable, policies, verdicts, amendments = [] } = view;
  const params = viewOf(view.params, sensitive, 'approver');
  const originalParams = viewOf(view.originalParams, sensitive, 'approver');
  const hidden = maskedIn(params, originalParams);
  const named = { decisionId, status, toolName, agentId, requester, requesterKnown, reason, message, refusals, digest, expiresAtMs };
  const shown = { params: notesIn(params), originalParams: notesIn(originalParams), hidden, opaque, session, facts, preview, editable };
  return {
    ...named,
    ...shown,
    policies: policies.map(({ id, severity, approvers, quorum, distinct, escalate }) => {
      return { id, severity, approvers, quorum, distinct, escalate };
    }),
    verdicts: verdicts.map(({ approve, by, assurance, policies: of }) => ({ approve, by, assurance, policies: of })),
    amendments: amendments.map(({ by, name, changes }) => ({ by, name, changed: changes.map(({ pointer }) => pointer) })),
    ...(edit && { asking: edit.asking, added: edit.added, changes: visibleChanges(edit.changes, hidden), whyNot: edit.whyNot }),
  };
}
