import type { Cue } from '../../decision/cue/Cue.js';
import { cueText } from '../../decision/cue/cueText.js';
import { deceptiveCues } from '../../decision/cue/deceptiveCues.js';
import { novelCues } from '../../decision/cue/novelCues.js';
import type { EarlierApproval } from '../../decision/cue/novelCues.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { ShownCue } from '../page/approval/approvalPage.js';
import type { Tenant } from '../tenant/Tenant.js';

/** How many earlier approvals are looked at, and of how many of them the params are read. */
const EARLIER = 50;
const READ = 20;

/**
 * What calls for a closer look in an approval: what may deceive and, while it is undecided, what is new beside earlier ones of its agent and tool.
 *
 * @param all whether all of it is shown
 */
export async function cuesOf(
  record: ApprovalRecord,
  tenant: Pick<Tenant, 'desk' | 'identity'>,
  all: boolean,
): Promise<readonly ShownCue[]> {
  const deceptive = deceptiveCues(record, { sawAll: all });
  const novel =
    record.status === 'pending'
      ? novelCues(record, { earlier: await earlierOf(record, tenant), knowsRequester: await knowsRequester(record, tenant) })
      : [];
  return [...deceptive, ...novel].map(shownCue);
}

function shownCue(cue: Cue): ShownCue {
  const { subject, text } = cueText(cue);
  return { at: subject, text };
}

async function earlierOf(
  { agentId, toolName, createdAtMs, decisionId }: ApprovalRecord,
  { desk }: Pick<Tenant, 'desk'>,
): Promise<readonly EarlierApproval[]> {
  const { cards } = await desk.page({ agentId, toolName, untilMs: createdAtMs + 1, limit: EARLIER });
  const others = cards.filter((card) => card.decisionId !== decisionId);
  const approved = others.filter(({ status }) => status === 'approved').slice(0, READ);
  const read = await Promise.all(approved.map(async (card) => desk.get(card.decisionId)));
  const rest = others.filter((card) => !approved.includes(card)).map(({ status }) => ({ status, params: {} }));
  return [...read.flatMap((one) => one ?? []), ...rest];
}

/** `undefined` where no one is known, or it cannot be said. */
async function knowsRequester({ requester }: ApprovalRecord, { identity }: Pick<Tenant, 'identity'>): Promise<boolean | undefined> {
  try {
    if (!(await identity.hasPeople())) return undefined;
    return (await identity.directory.personOf(requester)) !== undefined;
  } catch {
    return undefined;
  }
}
