import type { ApprovalCard, ApprovalPageQuery } from '../../../store/ApprovalStore.js';
import { MAX_LISTED } from '../../page/list/inboxPage.js';
import type { Tenant } from '../../tenant/Tenant.js';

/** A search that finds little must not read the whole store. */
const MAX_PAGES = 4;

/** What waits for a decision, the oldest first. */
export interface PendingCards {
  readonly cards: readonly ApprovalCard[];
  /** Whether there is more that was not read. */
  readonly isCut: boolean;
}

/** Reads what waits: the oldest 1,000, also where only some of them match. */
export async function pendingCards(
  { desk }: Pick<Tenant, 'desk'>,
  query: Pick<ApprovalPageQuery, 'q' | 'agentId' | 'toolName'> = {},
): Promise<PendingCards> {
  const cards: ApprovalCard[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_PAGES && cards.length < MAX_LISTED; pages++) {
    const page = await desk.page({ ...query, status: 'pending', order: 'oldest', limit: MAX_LISTED - cards.length, cursor });
    cards.push(...page.cards);
    cursor = page.cursor;
    if (cursor === undefined) break;
  }
  return { cards, isCut: cursor !== undefined };
}
