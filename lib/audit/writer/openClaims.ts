import type { Awaitable } from '../../common/awaitable.js';
import type { AuditRecord, EnteringRecord, NewRecord, SettledRecord } from '../record/AuditRecord.js';
import type { AuditSource, OpenLog } from '../sink/AuditSink.js';

/** What is looked at first; each further look is at four times as many records. */
const FIRST_LOOK = 1_024;

/**
 * The entries that the last writer of a log left open, as records that say that their outcome is unknown. Looks no further back than two starts: each writer
 * does the same for the one before, and one that crashed over it is the last but one.
 */
export function openClaims(source: AuditSource, { writer, tree: { size } }: OpenLog): Awaitable<readonly NewRecord[]> {
  return size === 0 ? [] : lookBack(source, writer, size);
}

async function lookBack(source: AuditSource, writer: string, size: number): Promise<readonly NewRecord[]> {
  for (let look = FIRST_LOOK; ; look *= 4) {
    const from = Math.max(0, size - look);
    const open = new Map<string, EnteringRecord>();
    let starts = from === 0 ? 2 : 0;
    for await (const lines of source.lines(writer, from)) {
      if (!('length' in lines)) break;
      for (const line of lines) {
        if (line.includes('"kind":"started"')) starts += 1;
        else if (line.includes('"kind":"entering"')) opened(open, JSON.parse(line) as AuditRecord);
        else if (line.includes('"kind":"settled"')) settled(open, JSON.parse(line) as AuditRecord);
      }
    }
    if (starts >= 2) return [...open.values()].map(unknownOutcome);
  }
}

/** A second guard on a call ends with the first one. */
function opened(open: Map<string, EnteringRecord>, record: AuditRecord): void {
  if (record.kind === 'entering' && record.reused !== true) open.set(keyOf(record), record);
}

function settled(open: Map<string, EnteringRecord>, record: AuditRecord): void {
  if (record.kind === 'settled') open.delete(keyOf(record));
}

function keyOf({ decisionId, taskId = '' }: EnteringRecord | SettledRecord): string {
  return `${taskId} ${decisionId}`;
}

function unknownOutcome({ decisionId, agentId, toolName, taskId }: EnteringRecord): NewRecord {
  return { kind: 'settled', decisionId, agentId, toolName, taskId, outcome: 'unknown', bySuccessor: true };
}
