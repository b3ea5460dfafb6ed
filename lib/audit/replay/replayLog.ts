import { readCanonical } from '../../common/data/readCanonical.js';
import type { Params, Session } from '../../model/Params.js';
import type { PolicyCall, PolicyEngine } from '../../policy/PolicyEngine.js';
import { DifferenceTable, type DifferenceReport, type EarlierDecision } from '../../policy/staged/DifferenceTable.js';
import type { DecidedRecord } from '../record/AuditRecord.js';
import type { AuditSource, Opening } from '../sink/AuditSink.js';

/** How other policies decide the calls of a log. */
export interface ReplayReport extends DifferenceReport {
  /** Decisions that were made on calls, and not on what is only asked about, nor once more before an approved call ran. */
  readonly decisions: number;
  /** Decisions that cannot be replayed, because what they were made on was erased, or never kept. */
  readonly erased: number;
  /** Decisions that policies had no part in, such as those without facts. */
  readonly notByPolicies: number;
  /** Lines that are not records, or whose opening cannot be read: `aegis audit verify` says what is wrong with them. */
  readonly unreadable: number;
}

/** Options of {@link replayLog}. */
export interface ReplayOptions {
  /** The policies that decide now. */
  readonly engine: PolicyEngine;
  /** Called about every 10,000 decisions, with how many there were so far. */
  readonly onProgress?: ((decisions: number) => void) | undefined;
}

const PROGRESS_EVERY = 10_000;
/** A person, and not a policy, had the last word: the policies asked. */
const ASKED: readonly unknown[] = ['recently_denied', 'unattended', 'changes_not_applied'];
const BY_POLICIES: readonly unknown[] = ['no_permit', 'forbidden', 'policy_error', 'null_read', 'sanitize_failed', 'tool_is_group'];

/**
 * Decides the calls of audit logs again, by other policies, with the params, session, facts and time of each. It reads the openings and does not verify them:
 * `aegis audit verify` does that.
 *
 * @returns what would have been decided otherwise
 * @throws StoreError where the logs cannot be read
 */
export async function replayLog(source: AuditSource, { engine, onProgress }: ReplayOptions): Promise<ReplayReport> {
  const table = new DifferenceTable();
  const counts = { decisions: 0, erased: 0, notByPolicies: 0, unreadable: 0 };
  for (const writer of await source.writers()) {
    const openings = new OpeningReader(source.openings(writer)[Symbol.asyncIterator]());
    try {
      for await (const part of source.lines(writer)) {
        if ('torn' in part) continue;
        for (const line of part) {
          const record = readDecided(line);
          if (record === undefined) continue;
          if (record === 'unreadable') {
            counts.unreadable += 1;
            continue;
          }
          counts.decisions += 1;
          if (counts.decisions % PROGRESS_EVERY === 0) onProgress?.(counts.decisions);
          const hindrance = replay(record, await openings.find(record.seq), engine, table);
          if (hindrance !== undefined) counts[hindrance] += 1;
        }
      }
    } finally {
      await openings.close();
    }
  }
  return { ...counts, ...table.report() };
}

/** Reads openings in step with the records: both are in order. */
class OpeningReader {
  readonly #openings: AsyncIterator<Opening>;
  #next: Opening | undefined;
  #isOver = false;

  constructor(openings: AsyncIterator<Opening>) {
    this.#openings = openings;
  }

  async find(seq: number): Promise<Opening | undefined> {
    while (!this.#isOver && (this.#next === undefined || this.#next.seq < seq)) {
      const { done, value } = await this.#openings.next();
      this.#isOver = done === true;
      this.#next = done === true ? undefined : value;
    }
    return this.#next?.seq === seq ? this.#next : undefined;
  }

  async close(): Promise<void> {
    await this.#openings.return?.();
  }
}

/** The record of a decision on a call; undefined for every other line. */
function readDecided(line: string): DecidedRecord | 'unreadable' | undefined {
  // most lines are not: parsing them would take longer than all the rest
  if (!line.includes('"kind":"decided"')) return line.startsWith('{"v":1,') ? undefined : 'unreadable';
  try {
    const record = JSON.parse(line) as DecidedRecord;
    if (record.kind !== 'decided') return undefined;
    return record.dryRun === true || record.approvalId !== undefined ? undefined : record;
  } catch {
    return 'unreadable';
  }
}

/** @returns what kept it from being compared */
function replay(
  record: DecidedRecord,
  opening: Opening | undefined,
  engine: PolicyEngine,
  table: DifferenceTable,
): 'erased' | 'notByPolicies' | 'unreadable' | undefined {
  const earlier = earlierOf(record, opening);
  if (earlier === undefined) return 'notByPolicies';
  if (opening === undefined || isErased(record, opening)) return 'erased';
  let call: PolicyCall;
  try {
    call = callOf(record, opening);
  } catch {
    return 'unreadable';
  }
  table.add(record.toolName, record.at, earlier, engine.evaluate(call));
  return undefined;
}

/** What the policies said then; undefined where they said nothing. */
function earlierOf({ effect, code, policies, asking }: DecidedRecord, opening: Opening | undefined): EarlierDecision | undefined {
  const asked = effect === 'deny' && ASKED.includes(code);
  if (effect === 'deny' && !asked && !BY_POLICIES.includes(code)) return undefined;
  return {
    effect: asked ? 'approval_needed' : effect,
    policies: policies?.map(({ id }) => id),
    approvals: asking,
    paramsText: opening?.values['effective'],
    // what would have run is not kept of a call that was denied
    ...(asked && { paramsUnknown: true }),
  };
}

/** Whether something that the decision was made on has no opening any longer. */
function isErased(record: DecidedRecord, { values }: Opening): boolean {
  return (['original', 'session', 'facts'] as const).some((field) => record[field] !== undefined && values[field] === undefined);
}

function callOf({ agentId, toolName, groups = [], removable = [], at }: DecidedRecord, { values }: Opening): PolicyCall {
  const { original, session, facts } = values;
  return {
    agentId,
    toolName,
    groups,
    params: readCanonical(original as string) as Params,
    session: session === undefined ? null : (readCanonical(session) as Session),
    facts: facts === undefined ? {} : (readCanonical(facts) as Record<string, unknown>),
    nowMs: at,
    removable,
  };
}
