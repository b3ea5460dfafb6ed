import type { Awaitable } from '../../common/awaitable.js';
import type { ApprovalCard, ApprovalPage, ApprovalPageQuery, ApprovalStore } from '../ApprovalStore.js';
import { storeLimits } from '../storeLimits.js';
import { approvalCard } from './approvalCard.js';

/** How many cards one page looks through: a text that nothing has must not read the whole store. */
const MAX_SCANNED = 5_000;
const BATCH = 500;

/** A card, and the cursor of the page that ends with it. */
export interface PlacedCard {
  readonly card: ApprovalCard | undefined;
  readonly place: string;
}

/**
 * Fills a page from batches of cards, newest first.
 *
 * @param read the cards after that place, as many as asked for where there are as many
 */
export async function fillPage(
  query: ApprovalPageQuery,
  read: (after: string | undefined, count: number) => Awaitable<readonly PlacedCard[]>,
): Promise<ApprovalPage> {
  const limit = query.limit ?? storeLimits.listedCards;
  const matches = matcherOf(query);
  const cards: ApprovalCard[] = [];
  let after = query.cursor;
  for (let scanned = 0; scanned < MAX_SCANNED && cards.length < limit;) {
    const count = query.q === undefined && query.agents === undefined ? limit - cards.length + 1 : BATCH;
    const batch = await read(after, count);
    for (const { card, place } of batch) {
      if (cards.length === limit) return { cards, cursor: after as string };
      after = place;
      if (card !== undefined && matches(card)) cards.push(card);
    }
    if (batch.length < count) return { cards };
    scanned += batch.length;
  }
  return { cards, cursor: after };
}

/** A page of the approvals of any store: one that has no pages is listed as a whole. */
export async function approvalPage(store: ApprovalStore, query: ApprovalPageQuery): Promise<ApprovalPage> {
  return store.page?.(query) ?? pageOfList((all) => store.list(all), query);
}

/** A page of approvals that are all in memory. */
export async function pageOfList(list: ApprovalStore['list'], query: ApprovalPageQuery): Promise<ApprovalPage> {
  const { status, agentId, toolName } = query;
  const records = await list({ status, agentId, toolName, limit: Infinity });
  const placed = records.map((record) => ({ card: approvalCard(record), place: `${record.createdAtMs}:${record.decisionId}` }));
  // in an order that does not depend on what is still there of an earlier page
  placed.sort((a, b) => b.card.createdAtMs - a.card.createdAtMs || (a.card.decisionId < b.card.decisionId ? 1 : -1));
  return fillPage(query, (after, count) => placed.filter((one) => after === undefined || isAfter(one, after)).slice(0, count));
}

function isAfter({ card }: { readonly card: ApprovalCard }, place: string): boolean {
  const [, time, id = ''] = /^(-?\d+(?:\.\d+)?):(.*)$/s.exec(place) ?? [];
  return time !== undefined && (card.createdAtMs < Number(time) || (card.createdAtMs === Number(time) && card.decisionId < id));
}

function matcherOf({ q, agents }: ApprovalPageQuery): (card: ApprovalCard) => boolean {
  const text = q?.toLowerCase();
  const covered = agents === undefined ? undefined : new Set(agents);
  return ({ decisionId, agentId, toolName, requester, reason }) =>
    (covered === undefined || covered.has(agentId)) &&
    (text === undefined || [decisionId, agentId, toolName, requester, reason].some((field) => field.toLowerCase().includes(text)));
}
