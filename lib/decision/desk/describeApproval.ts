import { canonicalText } from '../../common/data/canonical.js';
import { revealText } from '../../common/data/reveal.js';
import { maskedIn, viewOf } from '../../model/view/viewOf.js';
import { describePreview } from '../preview/describePreview.js';
import { viewText } from '../../model/view/viewText.js';
import { recordedSeats } from '../../model/terms/recordedSeats.js';
import { whoChanged } from '../../store/approval/whoChanged.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';

const JSON_TEXT = { isJson: true };
/** A name that cannot be mistaken for a value or a note; any other is quoted. */
const PLAIN_NAME = /^[\p{L}\p{N}_$.-]+$/u;

/** What is shown of an approval. */
export interface DescribedApproval extends Pick<
  ApprovalRecord,
  | 'decisionId'
  | 'toolName'
  | 'agentId'
  | 'requester'
  | 'requesterKnown'
  | 'reason'
  | 'refusals'
  | 'originalParams'
  | 'params'
  | 'opaque'
  | 'sensitive'
  | 'message'
  | 'session'
  | 'facts'
  | 'preview'
  | 'digest'
  | 'expiresAtMs'
> {
  /** The policies that ask for an approval. */
  readonly policies: readonly Pick<
    ApprovalRecord['policies'][number],
    'id' | 'severity' | 'approvers' | 'quorum' | 'distinct' | 'escalate'
  >[];
  /** How people have edited it. @defaultValue not at all */
  readonly amendments?:
    | readonly {
        readonly by: string;
        readonly name?: string | undefined;
        readonly params?: ApprovalRecord['params'] | undefined;
        readonly changes: readonly { readonly pointer: string }[];
      }[]
    | undefined;
  /** What people have said so far. @defaultValue nothing is said of it */
  readonly verdicts?: readonly Pick<ApprovalRecord['verdicts'][number], 'approve' | 'by' | 'assurance' | 'policies'>[] | undefined;
}

/**
 * Describes an approval for the person who decides it, one item a line: who wants what and why, every param in full, what policy changed, facts,
 * session, earlier refusals and the digest that a verdict must name. What could hide, move or imitate text is shown as `\u{…}` or `\{12 spaces}`.
 *
 * @returns the lines, safe to print
 */
export function describeApproval(record: DescribedApproval): readonly string[] {
  const { requester, requesterKnown, sensitive } = record;
  const params = viewOf(record.params, sensitive, 'approver');
  const originalParams = viewOf(record.originalParams, sensitive, 'approver');
  const lines = [
    `Tool      ${revealText(record.toolName)}`,
    `Agent     ${revealText(record.agentId)}`,
    `Requester ${revealText(requester)}${requesterKnown ? '' : ' (no authenticated user)'}`,
    `Why       ${revealText(record.reason)}`,
  ];
  const { policies: seats } = recordedSeats({ policies: record.policies, verdicts: record.verdicts ?? [] });
  for (const [i, { id, severity, approvers, quorum = 1, distinct, escalate = [] }] of record.policies.entries()) {
    const filledBy = (seats[i] as (typeof seats)[number]).filledBy.map(({ by }) => revealText(by));
    const notes = [
      ...(severity === undefined ? [] : [`severity: ${severity}`]),
      ...(approvers === undefined ? [] : [`approvers: ${approvers.map((group) => revealText(group)).join(', ')}`]),
      ...escalate.map(({ afterMs, groups }) => `after ${afterMs / 1_000} s also ${groups.map((group) => revealText(group)).join(', ')}`),
      ...(quorum > 1 ? [`${quorum} people`] : []),
      ...(distinct === true && record.policies.length > 1 ? ['who count for no other policy'] : []),
      ...(filledBy.length > 0 ? [`yes of ${filledBy.join(', ')}: ${filledBy.length} of ${quorum}`] : []),
    ];
    lines.push(`Policy    ${revealText(id)}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`);
  }
  if (record.refusals > 0)
    lines.push(`Note      refused ${record.refusals} time${record.refusals === 1 ? '' : 's'} for this agent and tool within the last hour`);
  const hidden = maskedIn(params, originalParams);
  lines.push(...describePreview(record, hidden.length > 0), 'Params that would run:');
  const names = [...new Set([...Object.keys(originalParams), ...Object.keys(params)])].sort();
  for (const name of names) {
    const before = shown(originalParams, name);
    const after = shown(params, name);
    const label = PLAIN_NAME.test(name) ? revealText(name) : revealText(JSON.stringify(name), JSON_TEXT);
    // notes may be alike where values are not
    const isSame = shown(record.originalParams, name) === shown(record.params, name);
    lines.push(isSame ? `  ${label} = ${after}` : `  ${label} = ${after}   (${changedText(record, name)}; was ${before})`);
  }
  if (names.length === 0) lines.push('  (none)');
  if (hidden.length > 0) lines.push(`Hidden    ${hiddenLine(hidden)}`);
  for (const name of record.opaque) lines.push(`  ${revealText(name)} = (opaque: no decision sees it)`);
  if (record.message !== undefined) lines.push(`Changed   ${revealText(record.message)}`);
  if (record.session !== null) lines.push(`Session   ${revealText(canonicalText(record.session), JSON_TEXT)}`);
  if (Object.keys(record.facts).length > 0) lines.push(`Facts     ${revealText(canonicalText(record.facts), JSON_TEXT)}`);
  lines.push(`Digest    ${revealText(record.digest)}`, `Until     ${shownTime(record.expiresAtMs)}`);
  return lines;
}

function changedText(record: DescribedApproval, name: string): string {
  const { people, policy } = whoChanged(record, name);
  const edited = people.length > 0 ? [`edited by ${people.map((one) => revealText(one)).join(', ')}`] : [];
  return [...edited, ...(policy ? ['changed by policy'] : [])].join(', then ');
}

function shown(params: Readonly<Record<string, unknown>>, name: string): string {
  return Object.hasOwn(params, name) ? revealText(viewText(params[name]), JSON_TEXT) : '(absent)';
}

function hiddenLine(pointers: readonly string[]): string {
  const what = pointers.length === 1 ? '1 value is' : `${pointers.length} values are`;
  return `${what} not shown in full: ${pointers.map((pointer) => revealText(pointer)).join(', ')}`;
}

function shownTime(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? 'a time beyond what a date can show' : time.toISOString();
}
