import type { ViewerStanding } from '../../decision/desk/DeskVerdicts.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { SignedIn } from '../access/Caller.js';
import type { Viewer } from '../page/approval/decisionCard.js';
import { isCut } from '../page/approval/approvalPage.js';
import { severityOf } from '../page/severityTag.js';
import type { Tenant } from '../tenant/Tenant.js';

/** Who looks at an approval, and how. */
export interface LookingPerson {
  readonly signedIn: SignedIn;
  /** Whether all of it is shown to them. */
  readonly all: boolean;
  /** Whether a session alone is not enough for anything. */
  readonly mustSign: boolean;
}

/** What a person may do about an approval, and what it takes, as the desk says it. */
export async function viewerOf(
  record: ApprovalRecord,
  { desk, identity }: Pick<Tenant, 'desk' | 'identity'>,
  { signedIn, all, mustSign }: LookingPerson,
): Promise<Viewer> {
  const standing = await desk.viewerOf(record.decisionId, { by: signedIn.personId, assurance: 'session', mustSign });
  if (standing?.may !== true) return { may: false, why: standing?.why?.message ?? 'It is gone.' };
  const { policies, needs } = standing;
  const mine = record.policies.filter(({ id }) => policies.includes(id));
  const groups = new Set(signedIn.groups);
  return {
    may: true,
    as: [...new Set(mine.flatMap(({ approvers = [] }) => approvers.filter((group) => groups.has(group))))],
    stillNeeded: stillNeeded(record, standing),
    needs,
    hasPasskey: needs.assurance !== 'passkey' || (await identity.passkeys.list(signedIn.personId)).length > 0,
    formToken: signedIn.formToken,
    mustShowAll: !all && ['high', 'critical'].includes(severityOf(record.policies)) && isCut(record),
  };
}

/** Who else has to say yes after this person, policy by policy. */
function stillNeeded(
  { policies, verdicts }: ApprovalRecord,
  { policies: mine }: ViewerStanding,
): readonly (readonly string[] | undefined)[] {
  const covered = new Set([...verdicts.flatMap((verdict) => verdict.policies), ...mine]);
  return policies.flatMap(({ id, approvers }) => (covered.has(id) ? [] : [approvers]));
}
