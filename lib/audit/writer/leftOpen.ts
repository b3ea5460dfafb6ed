import type { Awaitable } from '../../common/awaitable.js';
import type { AuditRecord, EnteringRecord, NewRecord, SettledRecord } from '../record/AuditRecord.js';
import type { AuditSource, OpenLog } from '../sink/AuditSink.js';

/** What is looked at first; each further look is at four times as many records. */
const FIRST_LOOK = 1_024;
const OF_INTEREST = /"kind":"(?:started|key|entering|settled)"/;

/** What the last writer of a log left. */
export interface LeftOpen {
  /** The entries without an end, as records that say that their outcome is unknown. */
  readonly unknown: readonly NewRecord[];
  /** The key that signs the log, base64url. */
  readonly publicKey: string | undefined;
}

/**
 * Reads what the last writer of a log left. Looks no further back than two starts: each writer does the same for the one before, and one that crashed over it is
 * the last but one.
 */
export function leftOpen(source: AuditSource, { writer, tree: { size } }: OpenLog): Awaitable<LeftOpen> {
  return size === 0 ? NOTHING : lookBack(source, writer, size);
}

const NOTHING: LeftOpen = Object.freeze({ unknown: [], publicKey: undefined });

async function lookBack(source: AuditSource, writer: string, size: number): Promise<LeftOpen> {
  let found: LeftOpen | undefined;
  for (let look = FIRST_LOOK; found === undefined; look *= 4) found = await lookFrom(source, writer, Math.max(0, size - look));
  return found;
}

/** `undefined` where there are not two starts in what is looked at. */
async function lookFrom(source: AuditSource, writer: string, from: number): Promise<LeftOpen | undefined> {
  const open = new Map<string, EnteringRecord>();
  let starts = from === 0 ? 2 : 0;
  let publicKey: string | undefined;
  for await (const lines of source.lines(writer, from)) {
    // what follows a torn line is not of this log
    if ('torn' in lines) break;
    for (const line of lines) {
      // most lines are not looked into
      if (!OF_INTEREST.test(line)) continue;
      const record = JSON.parse(line) as AuditRecord;
      if (record.kind === 'started' || record.kind === 'key') publicKey = record.publicKey;
      if (record.kind === 'started') starts += 1;
      else if (record.kind === 'entering') opened(open, record);
      else if (record.kind === 'settled') open.delete(keyOf(record));
    }
  }
  return starts >= 2 ? { unknown: [...open.values()].map(unknownOutcome), publicKey } : undefined;
}

/** A second guard on a call ends with the first one. */
function opened(open: Map<string, EnteringRecord>, record: EnteringRecord): void {
  if (record.reused !== true) open.set(keyOf(record), record);
}

function keyOf({ decisionId, taskId = '' }: EnteringRecord | SettledRecord): string {
  return `${taskId} ${decisionId}`;
}

function unknownOutcome({ decisionId, agentId, toolName, taskId }: EnteringRecord): NewRecord {
  return { kind: 'settled', decisionId, agentId, toolName, taskId, outcome: 'unknown', bySuccessor: true };
}
