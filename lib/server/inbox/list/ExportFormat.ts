import { cardState } from '../../page/approval/runState.js';
import { severityOf } from '../../page/severityTag.js';
import type { ApprovalCard } from '../../../store/ApprovalStore.js';
import { csvLine } from './csvLine.js';

/** In which forms the history is exported. */
export const EXPORT_FORMATS = ['csv', 'jsonl'] as const;

/** A form in which the history is exported. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What is exported of an approval: what its row shows, without params. */
function entryOf(card: ApprovalCard, nowMs: number) {
  const { decisionId, agentId, toolName, policies, reason, requester, requesterKnown, status, decided, digest, refusals } = card;
  return {
    id: decisionId,
    asked_at: timeOf(card.createdAtMs),
    expires_at: timeOf(card.expiresAtMs),
    agent: agentId,
    tool: toolName,
    severity: severityOf(policies),
    policies: policies.map(({ id }) => id),
    reason,
    requester,
    requester_known: requesterKnown,
    status,
    decided_by: decided?.by ?? null,
    decided_by_name: decided?.name ?? null,
    decided_at: decided === undefined ? null : timeOf(decided.atMs),
    run: cardState(card, nowMs),
    refusals,
    digest,
  };
}

const COLUMNS = [
  'id',
  'asked_at',
  'expires_at',
  'agent',
  'tool',
  'severity',
  'policies',
  'reason',
  'requester',
  'requester_known',
  'status',
  'decided_by',
  'decided_by_name',
  'decided_at',
  'run',
  'refusals',
  'digest',
] as const satisfies readonly (keyof ReturnType<typeof entryOf>)[];

/** The line before those of the approvals. */
export function exportHead(format: ExportFormat): string {
  return format === 'csv' ? csvLine(COLUMNS) : '';
}

/** The line of an approval. In JSON, every text is as it is, in ASCII. */
export function exportLine(format: ExportFormat, card: ApprovalCard, nowMs: number): string {
  const entry = entryOf(card, nowMs);
  if (format === 'jsonl') return `${JSON.stringify(entry).replace(/[^ -~]/g, escaped)}\n`;
  return csvLine(COLUMNS.map((name) => cellOf(entry[name])));
}

/** The last line of an export that does not have all: half of it must not look like the whole. */
export function exportCut(format: ExportFormat, rows: number): string {
  const what = `Cut after ${rows} approvals: there are more. Choose a shorter period.`;
  return format === 'jsonl' ? `${JSON.stringify({ cut: what })}\n` : csvLine([what]);
}

function cellOf(value: string | number | boolean | null | readonly string[]): string {
  if (value === null) return '';
  return typeof value === 'object' ? value.join(' ') : String(value);
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
