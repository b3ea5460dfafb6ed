import type { EndedRecord, OpenedRecord, VerdictRecord } from '../../record/AuditRecord.js';
import type { ToldRecord } from '../../record/ToldRecord.js';
import { isAfterEnd, isBefore, SLACK_MS, timeOf } from './ApprovalCase.js';
import type { ApprovalCase, Placed } from './ApprovalCase.js';
import type { ApprovalStages } from './approvalStages.js';
import { RecordsByLog } from './RecordsByLog.js';

type Say = (code: string, place: Placed, message: string) => void;

/** Finds what is wrong with the reminders and escalations of an approval: they are about that call, while it waits, and a step is one of its policies. */
export function judgeTold({ told, ended, verdicts }: ApprovalCase, opened: OpenedRecord, stages: ApprovalStages['stages'], say: Say): void {
  if (told.length === 0) return;
  const final = verdicts.flatMap(({ record }) => (record.status === 'pending' ? [] : record));
  const ends = new RecordsByLog<EndedRecord | VerdictRecord>([...ended, ...final].sort((a, b) => a.seq - b.seq));
  const steps = new Map<number, Set<string>>();
  for (const { policies } of stages)
    for (const { escalate = [] } of policies)
      for (const { afterMs, groups } of escalate) steps.set(afterMs, new Set([...(steps.get(afterMs) ?? []), ...groups]));
  for (const record of told)
    for (const [code, why] of toldFaults(record, opened, steps, ends))
      say(`told_${code}`, record, `The ${record.kind === 'reminded' ? 'reminder' : 'escalation'} in record ${record.seq} ${why}.`);
}

function* toldFaults(
  record: ToldRecord,
  opened: OpenedRecord,
  steps: ReadonlyMap<number, ReadonlySet<string>>,
  ends: RecordsByLog<EndedRecord | VerdictRecord>,
): Generator<readonly [code: string, why: string]> {
  if (record.agentId !== opened.agentId || record.toolName !== opened.toolName || record.tenantId !== opened.tenantId)
    yield ['of_other_call', 'is about another agent or tool than what a person was asked'];
  if (!isBefore(opened, record)) yield ['too_early', 'comes before a person was asked'];
  // it is noticed a little after it was looked whether the approval waits
  const end = ends.firstAhead(record);
  if (isAfterEnd(record, opened) || (end !== undefined && timeOf(record) > timeOf(end) + SLACK_MS))
    yield ['after_end', 'comes after the end of the approval'];
  if (record.kind === 'reminded') return;
  const { afterMs, groups } = record;
  const added = steps.get(afterMs);
  if (added === undefined || groups.some((group) => !added.has(group)))
    yield ['of_no_step', 'names groups that no policy which asks adds at that time'];
  if (timeOf(record) + SLACK_MS < timeOf(opened) + afterMs) yield ['before_step', 'comes before the time of its step'];
}
