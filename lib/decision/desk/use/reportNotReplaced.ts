import { reportSecurity } from '../../../model/Journal.js';
import type { Journal } from '../../../model/Journal.js';
import type { ApprovalRecord } from '../../../store/ApprovalStore.js';

/** Reports an approval that the store does not replace though no one else has: its row has another version than its record says. */
export function reportNotReplaced({ agentId, toolName, decisionId }: ApprovalRecord, journal?: Journal): undefined {
  const message =
    'A stored approval could not be changed though no other change was first: its row is not what its record says. Check who can write the store.';
  reportSecurity({ kind: 'security', code: 'approval_not_replaced', message, agentId, toolName, decisionId }, journal);
}
