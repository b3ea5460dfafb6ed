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
 * Fills a page from batches of cards, in the order that the query asks for.
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
    const count = isSelective(query) ? BATCH : limit - cards.length + 1;
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
  const { status, agentId, toolName, order } = query;
  const first = order === 'oldest' ? -1 : 1;
  const compare = (a: Place, b: Place): number => first * (b.createdAtMs - a.createdAtMs || (a.decisionId < b.decisionId ? 1 : -1));
  // in an order that does not depend on what is still there of an earlier page
  const records = [...(await list({ status, agentId, toolName, limit: Infinity }))].sort(compare);
  return fillPage(query, (after, count) => {
    const place = after === undefined ? undefined : placeOf(after);
    if (after !== undefined && place === undefined) return [];
    const from = place === undefined ? 0 : records.findIndex((one) => compare(place, one) < 0 && one.decisionId !== place.decisionId);
    const next = from < 0 ? [] : records.slice(from, from + count);
    return next.map((record) => ({ card: approvalCard(record), place: `${record.createdAtMs}:${record.decisionId}` }));
  });
}

type Place = Pick<ApprovalCard, 'createdAtMs' | 'decisionId'>;

function placeOf(cursor: string): Place | undefined {
  const [, time, decisionId = ''] = /^(-?\d+(?:\.\d+)?):(.*)$/s.exec(cursor) ?? [];
  return time === undefined ? undefined : { createdAtMs: Number(time), decisionId };
}

/** Whether many cards may not match. */
function isSelective({ q, agents, decidedBy, outcome, sinceMs, untilMs }: ApprovalPageQuery): boolean {
  return [q, agents, decidedBy, outcome, sinceMs, untilMs].some((field) => field !== undefined);
}

function matcherOf({
  q,
  agents,
  decidedBy,
  outcome,
  sinceMs = -Infinity,
  untilMs = Infinity,
}: ApprovalPageQuery): (card: ApprovalCard) => boolean {
  const text = q?.toLowerCase();
  const covered = agents === undefined ? undefined : new Set(agents);
  return ({ outcome: ended, decisionId, agentId, toolName, requester, reason, digest, policies, decided, createdAtMs }) =>
    (covered === undefined || covered.has(agentId)) &&
    (outcome === undefined || ended === outcome) &&
    (decidedBy === undefined || decided?.by === decidedBy) &&
    createdAtMs >= sinceMs &&
    createdAtMs < untilMs &&
    (text === undefined ||
      digest.startsWith(text) ||
      [decisionId, agentId, toolName, requester, reason, decided?.by ?? '', decided?.name ?? '', ...policies.map(({ id }) => id)].some(
        (field) => field.toLowerCase().includes(text),
      ));
}
