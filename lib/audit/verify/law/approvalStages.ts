import type { AmendedRecord, OpenedRecord } from '../../record/AuditRecord.js';
import { timeOf } from './ApprovalCase.js';
import type { ApprovalCase, Placed } from './ApprovalCase.js';
import { personIn } from '../../../model/terms/personIn.js';

/** What an approval asks about from some record on: as it was opened, or as its last edit made it. */
export interface ApprovalStage {
  readonly since: OpenedRecord | AmendedRecord;
  /** Which edit it is of; 0: as it was opened. */
  readonly number: number;
  readonly effective: OpenedRecord['effective'];
  readonly policies: OpenedRecord['policies'];
  /** Who edited the call so far. Who edits has asked for the edited call. */
  readonly editors: ReadonlySet<string>;
}

/** The stages of an approval in their order, and the edit with which they do not follow from each other. */
export interface ApprovalStages {
  readonly stages: readonly [ApprovalStage, ...ApprovalStage[]];
  readonly broken: AmendedRecord | undefined;
}

/** The most edits of one approval. */
const MAX_EDITS = 5;

/** Orders the edits of an approval: each begins with the params that the one before has made. */
export function approvalStages({ amended }: ApprovalCase, opened: OpenedRecord): ApprovalStages {
  const byTime = amended.toSorted((a, b) => timeOf(a) - timeOf(b));
  // no honest approval has more, and a hostile log may have any number
  const inOrder = amended.length > MAX_EDITS ? undefined : chained(opened.effective, byTime);
  const first: ApprovalStage = {
    since: opened,
    number: 0,
    effective: opened.effective,
    policies: opened.policies,
    editors: new Set(),
  };
  const stages: [ApprovalStage, ...ApprovalStage[]] = [first];
  const editors = new Set<string>();
  for (const since of inOrder ?? byTime) {
    editors.add(personIn(since));
    stages.push({ since, number: stages.length, effective: since.effective, policies: since.policies, editors: new Set(editors) });
  }
  return { stages, broken: inOrder === undefined ? byTime.at(-1) : undefined };
}

/** The stage that a record tells of: the last one that may come before it, of those that are about its params if there are such. */
export function stageOf({ effective, ...place }: Placed & { readonly effective: string }, stages: ApprovalStages['stages']): ApprovalStage {
  const next = stages.findIndex(({ since }) => isBehind(since, place));
  const before = next < 0 ? stages : stages.slice(0, Math.max(next, 1));
  const last = before.at(-1) as ApprovalStage;
  const from = before.findLastIndex(({ since }) => isBehind(place, since));
  return before.findLast((stage, i) => i >= from && stage.effective === effective) ?? last;
}

/** Whether a record certainly comes after another one: both are in one log, and were not written late. */
function isBehind(one: Placed, other: Placed): boolean {
  return one.writer === other.writer && one.seq > other.seq && one.committedAt === undefined && other.committedAt === undefined;
}

function chained(effective: string, edits: readonly AmendedRecord[]): readonly AmendedRecord[] | undefined {
  if (edits.length === 0) return [];
  for (const next of edits) {
    if (next.from !== effective || edits.some((other) => isBehind(next, other))) continue;
    const rest = chained(
      next.effective,
      edits.filter((other) => other !== next),
    );
    if (rest !== undefined) return [next, ...rest];
  }
  return undefined;
}
