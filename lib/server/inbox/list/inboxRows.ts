import type { ApprovalCard } from '../../../store/ApprovalStore.js';
import { MAX_ALIKE } from '../../page/list/groupPage.js';
import type { InboxQuery, InboxRow, InboxView } from '../../page/list/inboxPage.js';
import { isBy, isFor } from '../../decide/Reader.js';
import type { Reader } from '../../decide/Reader.js';

/** What a page of the inbox shows of all that waits. */
export type InboxRows = Pick<InboxView, 'counts' | 'rows' | 'before' | 'total' | 'next'>;

/** How many rows a page has. */
const PAGE = 50;

/**
 * The rows of a page of the inbox. The order depends on nothing that a caller wrote.
 *
 * @param cards those that wait, the oldest first
 * @param after where the page before has ended
 */
export function inboxRows(cards: readonly ApprovalCard[], { tab, order }: InboxQuery, reader: Reader, after?: string): InboxRows {
  const mine = cards.filter((card) => isBy(card, reader));
  const forMe = cards.filter((card) => isFor(card, reader));
  const shown = { me: forMe, all: cards, mine }[tab];
  const timeOf = order === 'oldest' ? (card: ApprovalCard) => card.createdAtMs : (card: ApprovalCard) => card.expiresAtMs;
  const placed = grouped(shown)
    .map((row) => ({ row, place: placeOf(row, timeOf) }))
    .sort((a, b) => compare(a.place, b.place));
  const last = readPlace(after);
  const first = last === undefined ? 0 : placed.findIndex(({ place }) => compare(place, last) > 0);
  const before = first < 0 ? placed.length : first;
  const page = placed.slice(before, before + PAGE);
  const end = page.at(-1);
  return {
    counts: { me: forMe.length, all: cards.length, mine: mine.length },
    rows: page.map(({ row }) => row),
    before,
    total: placed.length,
    ...(end !== undefined && before + PAGE < placed.length && { next: `${end.place.timeMs}:${end.place.id}` }),
  };
}

/** What calls have in common that are alike. */
export function kindOf({ agentId, toolName, policies }: Pick<ApprovalCard, 'agentId' | 'toolName' | 'policies'>): string {
  return JSON.stringify([agentId, toolName, ...policies.map(({ id }) => id)]);
}

/** Those of which more than three are alike are one row. */
function grouped(cards: readonly ApprovalCard[]): readonly InboxRow[] {
  const kinds = new Map<string, [ApprovalCard, ...ApprovalCard[]]>();
  for (const card of cards) {
    const kind = kindOf(card);
    const alike = kinds.get(kind);
    if (alike === undefined) kinds.set(kind, [card]);
    else alike.push(card);
  }
  return [...kinds.values()].flatMap((alike): readonly InboxRow[] =>
    alike.length > MAX_ALIKE ? [{ kind: 'group', cards: alike }] : alike.map((card) => ({ kind: 'one', card })),
  );
}

interface Place {
  readonly timeMs: number;
  readonly id: string;
}

function placeOf(row: InboxRow, timeOf: (card: ApprovalCard) => number): Place {
  if (row.kind === 'one') return { timeMs: timeOf(row.card), id: row.card.decisionId };
  return { timeMs: Math.min(...row.cards.map(timeOf)), id: row.cards[0].decisionId };
}

function compare(a: Place, b: Place): number {
  return a.timeMs - b.timeMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** A place that no page gave is the start. */
function readPlace(after: string | undefined): Place | undefined {
  const [, timeMs, id = ''] = /^(\d+(?:\.\d+)?):(.+)$/s.exec(after ?? '') ?? [];
  return timeMs === undefined ? undefined : { timeMs: Number(timeMs), id };
}
