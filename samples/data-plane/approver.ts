// The approver: here code beside the server. On the command line it is `npx aegis approvals list` and `npx aegis approvals approve <id>`.
import type { AegisModule } from 'aegislib';
import { show } from '../show.js';

/** Approves every call that a person is asked about, as somebody who has read it would. */
export function approveAll({ approvals }: AegisModule): void {
  approvals.on('requested', ({ decisionId, toolName, digest }) => {
    show('person', 'magenta', `approves ${toolName}`);
    void approvals.approve(decisionId, { by: 'ann', digest, reason: 'customer called' });
  });
}
