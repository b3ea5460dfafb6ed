import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { RecordStore } from '../../store/RecordStore.js';

/** Why people are told of an approval once more: they have not decided, or a step of `@escalate` asks more groups. */
export type ReminderStage = 'half' | 'most' | `step-${number}`;

interface Stage {
  readonly name: ReminderStage;
  readonly atMs: number;
}

/** The kind of the records that say which stage was told: the server whose record is there first tells it. */
const TOLD_KIND = 'notice-stage';
/** At which share of its time an approval that waits is told of again. */
const SHARES = [
  ['half', 0.5],
  ['most', 0.8],
] as const;

/** Knows when approvals that wait are told of again. What it decides depends on no timer: who may decide is asked of the desk. */
export class Reminders {
  readonly #records: RecordStore;
  /** What is still to come of each approval that waits, the earliest first. */
  readonly #coming = new Map<string, readonly Stage[]>();

  constructor(records: RecordStore) {
    this.#records = records;
  }

  /** Counts the time of an approval that waits. */
  watch(record: Pick<ApprovalRecord, 'decisionId' | 'createdAtMs' | 'expiresAtMs' | 'policies'>): void {
    if (!this.#coming.has(record.decisionId)) this.#coming.set(record.decisionId, stagesOf(record));
  }

  /** Forgets an approval that waits no longer. */
  forget(decisionId: string): void {
    this.#coming.delete(decisionId);
  }

  /**
   * Hands out what is due, each stage on one server. Of several reminders that are due at once, it is the last one.
   *
   * @param handOut is told of each: its `untilMs` is the end of the approval
   * @returns when the next one is due, in epoch milliseconds
   */
  async takeDue(
    nowMs: number,
    current: (decisionId: string) => Promise<ApprovalRecord | undefined>,
    handOut: (record: ApprovalRecord, stage: ReminderStage) => Promise<void>,
  ): Promise<number | undefined> {
    let nextMs: number | undefined;
    for (const [decisionId, stages] of this.#coming) {
      const due = stages.filter(({ atMs }) => atMs <= nowMs);
      if (due.length > 0) {
        const record = await current(decisionId);
        if (record?.status !== 'pending') {
          this.#coming.delete(decisionId);
          continue;
        }
        const reminder = due.findLast(({ name }) => !isStep(name));
        for (const stage of due)
          if ((await this.#isFirst(record, stage, nowMs)) && (stage === reminder || isStep(stage.name))) await handOut(record, stage.name);
        this.#coming.set(decisionId, stages.slice(due.length));
      }
      const [next] = stages.slice(due.length);
      if (next !== undefined) nextMs = Math.min(nextMs ?? Infinity, next.atMs);
    }
    return nextMs;
  }

  /** Deletes what was kept of approvals that are over. */
  async prune(nowMs: number): Promise<void> {
    await this.#records.prune(TOLD_KIND, nowMs);
  }

  async #isFirst({ decisionId, expiresAtMs }: ApprovalRecord, { name }: Stage, nowMs: number): Promise<boolean> {
    const id = `${decisionId} ${name}`;
    return this.#records.insert({ kind: TOLD_KIND, id, version: 1, createdAtMs: nowMs, deleteAfterMs: expiresAtMs, body: '{}' });
  }
}

/** Whether a stage is a step of `@escalate`. */
export function isStep(name: ReminderStage): boolean {
  return name.startsWith('step-');
}

function stagesOf({
  createdAtMs,
  expiresAtMs,
  policies,
}: Pick<ApprovalRecord, 'createdAtMs' | 'expiresAtMs' | 'policies'>): readonly Stage[] {
  const reminders = SHARES.map(([name, share]) => ({ name, atMs: createdAtMs + share * (expiresAtMs - createdAtMs) }));
  const steps = [...new Set(policies.flatMap(({ escalate = [] }) => escalate.map(({ afterMs }) => afterMs)))].map((afterMs): Stage => ({
    name: `step-${afterMs}`,
    atMs: createdAtMs + afterMs,
  }));
  return [...reminders, ...steps.filter(({ atMs }) => atMs < expiresAtMs)].toSorted((a, b) => a.atMs - b.atMs);
}
