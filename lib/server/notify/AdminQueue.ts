import type { RecordStore, StoredRecord } from '../../store/RecordStore.js';
import { NEWS_KIND } from '../people/row/identityRows.js';
import type { IdentityChange } from '../people/row/identityRows.js';
import { GroupQueue } from './GroupQueue.js';
import type { AdminNotice } from './Notice.js';

/** The kind of the record of what waits to be told to the admins. */
const ADMINS_KIND = 'notice-admins';
const ADMINS = 'admins';
/** How many changes are told of at one time: those after them wait for the next time. */
const MAX_GATHERED = 100;
/** How many changes a notice lists. */
const MAX_CHANGES = 20;

/** Takes what became of people from where it is kept, by any server or command, and hands it out: at once, and what follows together, every five minutes at most. */
export class AdminQueue {
  readonly #records: RecordStore;
  readonly #queue: GroupQueue;

  constructor(records: RecordStore) {
    this.#records = records;
    this.#queue = new GroupQueue(records, ADMINS_KIND);
  }

  /** Adds what has not been told yet. */
  async gather(nowMs: number): Promise<void> {
    const { records } = await this.#records.list({ kind: NEWS_KIND, limit: MAX_GATHERED });
    const ids = records.map(({ id }) => id);
    if (ids.length > 0) await this.#queue.add(ADMINS, ids, nowMs);
  }

  /**
   * Hands out what is due.
   *
   * @param handOut keeps what is told
   * @returns when there is more to tell, in epoch milliseconds
   */
  async takeDue(nowMs: number, handOut: (notice: Omit<AdminNotice, 'tenantId' | 'link'>) => Promise<void>): Promise<number | undefined> {
    return this.#queue.takeDue(nowMs, async ({ id, decisionIds: ids, more }) => {
      const rows: StoredRecord[] = [];
      for (const one of ids) {
        const row = await this.#records.get(NEWS_KIND, one);
        if (row !== undefined) rows.push(row);
      }
      if (rows.length === 0) return false;
      const changes = rows.map(({ body }) => JSON.parse(body) as IdentityChange);
      const told = { id: `people-${id}`, changes: changes.slice(0, MAX_CHANGES), more: more + Math.max(0, changes.length - MAX_CHANGES) };
      await handOut(told);
      // only now: a server that stops before it has kept what is told leaves them to the next one
      for (const { id: one, version } of rows) await this.#records.delete(NEWS_KIND, one, version);
      return true;
    });
  }
}
