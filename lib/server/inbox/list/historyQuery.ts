import { isId, TOOL_NAME } from '../../../model/Params.js';
import type { ApprovalPageQuery, ApprovalRecord } from '../../../store/ApprovalStore.js';
import type { HistoryView } from '../../page/list/historyPage.js';
import { HISTORY_FIELDS } from '../../page/list/historyPage.js';

const DAY_MS = 86_400_000;
const STATUSES: readonly string[] = ['pending', 'approved', 'denied', 'expired', 'withdrawn'] satisfies ApprovalRecord['status'][];

/** What the form of the history asked for. */
export interface ReadHistoryQuery {
  /** As it was typed, without what is empty. */
  readonly typed: HistoryView['query'];
  /** What is wrong with a field. Such a field selects nothing. */
  readonly errors: HistoryView['errors'];
  readonly query: ApprovalPageQuery;
}

/** Reads the form of the history. A field that cannot be right is told, and the others count. */
export function historyQuery(params: URLSearchParams): ReadHistoryQuery {
  const typed: Record<string, string> = {};
  for (const name of HISTORY_FIELDS) {
    const text = params.get(name)?.trim() ?? '';
    if (text !== '') typed[name] = text;
  }
  const errors: Record<string, string> = {};
  const field = (name: (typeof HISTORY_FIELDS)[number], isRight: (text: string) => boolean, expected: string): string | undefined => {
    const text = typed[name];
    if (text === undefined || isRight(text)) return text;
    errors[name] = expected;
    return undefined;
  };
  const day = (name: 'since' | 'until', addMs: number): number | undefined => {
    const text = field(name, isDay, 'Give a day, such as 2026-11-28.');
    return text === undefined ? undefined : Date.parse(text) + addMs;
  };
  const id = 'Give 1 to 256 characters.';
  const query: ApprovalPageQuery = {
    q: field('q', isId, id),
    status: field('status', (text) => STATUSES.includes(text), 'Choose one of the list.') as ApprovalRecord['status'] | undefined,
    agentId: field('agent', isId, id),
    toolName: field('tool', (text) => TOOL_NAME.test(text), 'A tool name has 1 to 128 letters, digits and _ . : / -'),
    decidedBy: field('by', isId, id),
    sinceMs: day('since', 0),
    // the day itself is meant too
    untilMs: day('until', DAY_MS),
    cursor: params.get('cursor') ?? undefined,
  };
  return { typed, errors, query };
}

/** Days are those of UTC, as all times of the pages. */
function isDay(text: string): boolean {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}
