import { DAY_MS } from '../../../common/time/SteadyClock.js';
import type { EscalatedEvent, Journal } from '../../../model/Journal.js';
import type { ApprovalRecord } from '../../../store/ApprovalStore.js';
import type { RecordStore } from '../../../store/RecordStore.js';
import { STAGE_KIND } from './toldStages.js';
import type { StageEvent } from './toldStages.js';

/** Why people are told of an approval once more: they have not decided, or a step of `@escalate` asks more groups. */
export type ReminderStage = 'half' | 'most' | `step-${number}`;

interface Stage {
  readonly name: ReminderStage;
  readonly atMs: number;
}

/** At which share of its time an approval that waits is told of again. */
const SHARES = [
  ['half', 0.5],
  ['most', 0.8],
] as const;
/** How long it is shown what was told of an approval, in milliseconds: as long as ended approvals are kept, where nothing else is said. */
const KEEP_MS = 90 * DAY_MS;

/** Knows when approvals that wait are told of again. What it decides depends on no timer: who may decide is asked of the desk. */
export class Reminders {
  readonly #records: RecordStore;
  readonly #journal: Journal | undefined;
  readonly #onlySteps: boolean;
  /** What is still to come of each approval that waits, the earliest first. */
  readonly #coming = new Map<string, readonly Stage[]>();

  /**
   * @param journal is told of each stage of which someone is told, by the server that was first
   * @param options.onlySteps leaves out reminders: there is no one to remind
   */
  constructor(records: RecordStore, journal: Journal | undefined, { onlySteps = false }: { readonly onlySteps?: boolean } = {}) {
    this.#records = records;
    this.#journal = journal;
    this.#onlySteps = onlySteps;
  }

  /**
   * Counts the time of an approval that waits.
   *
   * @returns when the first of its stages is due, in epoch milliseconds; `undefined` where it has none
   */
  watch(record: Pick<ApprovalRecord, 'decisionId' | 'createdAtMs' | 'expiresAtMs' | 'policies'>): number | undefined {
    let stages = this.#coming.get(record.decisionId);
    if (stages === undefined) {
      stages = stagesOf(record).filter(({ name }) => !this.#onlySteps || isStep(name));
      if (stages.length > 0) this.#coming.set(record.decisionId, stages);
    }
    return stages[0]?.atMs;
  }

  /** Forgets an approval that waits no longer. */
  forget(decisionId: string): void {
    this.#coming.delete(decisionId);
  }

  /**
   * Hands out what is due, each stage on one server. Of several reminders that are due at once, it is the last one.
   *
   * @param remindedOf the groups that can be reminded of an approval
   * @param handOut is told of each
   * @returns when the next one is due, in epoch milliseconds
   */
  async takeDue(
    nowMs: number,
    current: (decisionId: string) => Promise<ApprovalRecord | undefined>,
    remindedOf: (record: ApprovalRecord) => readonly string[],
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
        for (const stage of due) {
          const isTold = stage === reminder || isStep(stage.name);
          const event = isTold ? eventOf(record, stage, remindedOf) : undefined;
          if (!(await this.#isFirst(record, stage, event, nowMs))) continue;
          if (event !== undefined) this.#journal?.note(event);
          if (isTold) await handOut(record, stage.name);
        }
        if (due.length < stages.length) this.#coming.set(decisionId, stages.slice(due.length));
        else this.#coming.delete(decisionId);
      }
      const [next] = stages.slice(due.length);
      if (next !== undefined) nextMs = Math.min(nextMs ?? Infinity, next.atMs);
    }
    return nextMs;
  }

  /** Deletes what was kept of approvals that are over. */
  async prune(nowMs: number): Promise<void> {
    await this.#records.prune(STAGE_KIND, nowMs);
  }

  async #isFirst(
    { decisionId, expiresAtMs }: ApprovalRecord,
    { name }: Stage,
    event: StageEvent | undefined,
    nowMs: number,
  ): Promise<boolean> {
    return this.#records.insert({
      kind: STAGE_KIND,
      id: `${decisionId} ${name}`,
      version: 1,
      index1: decisionId,
      createdAtMs: nowMs,
      deleteAfterMs: expiresAtMs + KEEP_MS,
      body: JSON.stringify(event ?? {}),
    });
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

/** What a stage is for the journal; `undefined` where no one is told of it. */
function eventOf(
  record: ApprovalRecord,
  { name }: Stage,
  remindedOf: (record: ApprovalRecord) => readonly string[],
): StageEvent | undefined {
  const { agentId, toolName, decisionId } = record;
  const call = { agentId, toolName, decisionId };
  if (isStep(name)) return { kind: 'escalated', ...call, ...stepOf(record, Number(name.slice('step-'.length))) };
  const groups = remindedOf(record);
  return groups.length === 0 ? undefined : { kind: 'reminded', ...call, groups, percent: name === 'half' ? 50 : 80 };
}

function stepOf({ policies }: Pick<ApprovalRecord, 'policies'>, afterMs: number): Pick<EscalatedEvent, 'groups' | 'afterMs'> {
  const steps = policies.flatMap(({ escalate = [] }) => escalate.filter((step) => step.afterMs === afterMs));
  return { groups: [...new Set(steps.flatMap(({ groups }) => groups))], afterMs };
}
