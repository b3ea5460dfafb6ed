import { createHash } from 'node:crypto';
import { isPlainObject } from '../../common/data/plainObject.js';
import type { RecordStore, StoredRecord } from '../../store/RecordStore.js';

/** The kind of the records of what waits to be told to a group. */
export const GROUP_KIND = 'notice-group';

/** What is told to a group at one time. */
export interface DueGroup {
  readonly group: string;
  /** Names this time: the same on every server. */
  readonly id: string;
  readonly decisionIds: readonly string[];
  /** How many were asked for beyond these. */
  readonly more: number;
}

interface Waiting {
  readonly group: string;
  readonly decisionIds: readonly string[];
  readonly more: number;
  readonly dueAtMs: number;
  /** When the group was told last. */
  readonly toldAtMs: number;
  /** What it was told lately: other servers see the same approvals. */
  readonly told: readonly string[];
}

/** One notice per group and so long, in milliseconds. */
const EVERY_MS = 300_000;
const MAX_WAITING = 100;
const MAX_TOLD = 300;
const TRIES = 20;

/** Gathers what groups are told, so that each is told at once of the first approval, and of those that follow together, every five minutes at most. */
export class GroupQueue {
  readonly #records: RecordStore;
  readonly #kind: string;

  /** @param kind of the records: each tells of something else */
  constructor(records: RecordStore, kind: string = GROUP_KIND) {
    this.#records = records;
    this.#kind = kind;
  }

  /**
   * Adds approvals for a group. Those that it was told of lately are left out.
   *
   * @returns when the group is told, in epoch milliseconds; `undefined` where there is nothing new
   */
  async add(group: string, decisionIds: readonly string[], nowMs: number): Promise<number | undefined> {
    for (let tries = 0; tries < TRIES; tries++) {
      const { row, waiting } = await this.#read(group);
      const known = new Set([...waiting.told, ...waiting.decisionIds]);
      const fresh = decisionIds.filter((id) => !known.has(id));
      if (fresh.length === 0) return undefined;
      const all = [...waiting.decisionIds, ...fresh];
      const isFirst = waiting.decisionIds.length === 0;
      const next: Waiting = {
        ...waiting,
        decisionIds: all.slice(0, MAX_WAITING),
        more: waiting.more + Math.max(0, all.length - MAX_WAITING),
        dueAtMs: isFirst ? Math.max(nowMs, waiting.toldAtMs + EVERY_MS) : waiting.dueAtMs,
      };
      if (await this.#write(row, next, nowMs)) return next.dueAtMs;
    }
    throw new Error('a group that is told of approvals was changed too often at the same time');
  }

  /**
   * Hands out each group that is due, and takes note that it was told.
   *
   * @param handOut keeps what is told, and says whether there was something to tell; a group whose `handOut` throws stays due
   * @returns when the next group is due, in epoch milliseconds
   */
  async takeDue(nowMs: number, handOut: (due: DueGroup) => Promise<boolean>): Promise<number | undefined> {
    let nextMs: number | undefined;
    let cursor: string | undefined;
    do {
      const page = await this.#records.list({ kind: this.#kind, cursor });
      for (const row of page.records) {
        const waiting = readWaiting(row);
        if (waiting === undefined || waiting.decisionIds.length === 0) continue;
        if (waiting.dueAtMs > nowMs) {
          nextMs = Math.min(nextMs ?? Infinity, waiting.dueAtMs);
          continue;
        }
        const { group, decisionIds, more, dueAtMs } = waiting;
        const wasTold = await handOut({ group, id: `${row.id}-${dueAtMs}`, decisionIds, more });
        // where another server was first, it handed out the same
        await this.#write(
          row,
          {
            group,
            decisionIds: [],
            more: 0,
            dueAtMs: 0,
            toldAtMs: wasTold ? nowMs : waiting.toldAtMs,
            told: [...waiting.told, ...decisionIds].slice(-MAX_TOLD),
          },
          nowMs,
        );
      }
      ({ cursor } = page);
    } while (cursor !== undefined);
    return nextMs;
  }

  async #read(group: string): Promise<{ readonly row: StoredRecord | undefined; readonly waiting: Waiting }> {
    const row = await this.#records.get(this.#kind, rowId(group));
    const waiting = row && readWaiting(row);
    return { row, waiting: waiting ?? { group, decisionIds: [], more: 0, dueAtMs: 0, toldAtMs: -Infinity, told: [] } };
  }

  async #write(row: StoredRecord | undefined, waiting: Waiting, nowMs: number): Promise<boolean> {
    const body = JSON.stringify({ ...waiting, toldAtMs: Math.max(0, waiting.toldAtMs) });
    const fields = { kind: this.#kind, id: rowId(waiting.group), body };
    if (row === undefined) return this.#records.insert({ ...fields, version: 1, createdAtMs: nowMs });
    return this.#records.replace({ ...fields, version: row.version + 1, createdAtMs: row.createdAtMs }, row.version);
  }
}

/** A group may have any name. */
function rowId(group: string): string {
  return createHash('sha256').update(group).digest('hex').slice(0, 32);
}

function readWaiting({ body }: StoredRecord): Waiting | undefined {
  const value: unknown = JSON.parse(body);
  return isPlainObject(value) ? (value as unknown as Waiting) : undefined;
}
