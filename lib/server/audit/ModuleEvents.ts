import type { OpenRecord } from '../../audit/record/OpenRecord.js';
import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { LruMap } from '../../common/LruMap.js';
import type { JournalEvent } from '../../model/Journal.js';
import type { StoredRecord } from '../../store/RecordStore.js';
import type { ChangeOutbox } from './ChangeOutbox.js';

/** How many changes are remembered of which the module has not told yet: it does so right after them. */
const MAX_KEPT = 10_000;

/**
 * Keeps the log of a module from saying twice what a server beside it has written. What the desk of the module commits is written with it, through the outbox; the
 * module tells of it too, right after.
 */
export class ModuleEvents implements ChangeOutbox {
  readonly #outbox: ChangeOutbox;
  /** How many changes of this kind were written of which the module has not told yet. */
  readonly #written = new LruMap<string, number>(MAX_KEPT);
  /** Runs of this process whose end the module has told: what it reports of them to its own desk is the same. */
  readonly #ended = new LruMap<string, true>(MAX_KEPT);
  #isOver = false;

  constructor(outbox: ChangeOutbox) {
    this.#outbox = outbox;
  }

  commit(entries: readonly OpenRecord[], change: (beside: readonly StoredRecord[]) => Awaitable<boolean>): Awaitable<boolean> {
    const own = entries.filter(({ record }) => record.kind !== 'settled' || this.#ended.get(record.decisionId) === undefined);
    return chain(this.#outbox.commit(own, change), (isMade) => {
      if (isMade)
        for (const { record } of own)
          if ('decisionId' in record) {
            const key = `${record.kind} ${record.decisionId}`;
            this.#written.set(key, (this.#written.get(key) ?? 0) + 1);
          }
      return isMade;
    });
  }

  /** The server is closed. What it was committing then it still writes. */
  leave(): void {
    this.#isOver = true;
  }

  settled(decisionId: string, version: number): Awaitable<void> {
    return this.#outbox.settled(decisionId, version);
  }

  unsettled(): Awaitable<ReadonlySet<string>> {
    return this.#outbox.unsettled();
  }

  /** Whether a record of this event is written already, or will be. */
  isWritten(event: JournalEvent): boolean {
    switch (event.kind) {
      // the server hears of all of these on the channel of diagnostics
      case 'security':
        return !this.#isOver;
      // written with the row that says that they were told
      case 'reminded':
      case 'escalated':
        return true;
      case 'settled':
        this.#ended.set(event.decisionId, true);
        return false;
      case 'opened':
        return this.#take(`opened ${event.task.decisionId}`);
      case 'verdict':
      case 'consumed':
      case 'begun':
      case 'ended':
        return this.#take(`${event.kind} ${event.decisionId}`);
      default:
        return false;
    }
  }

  #take(key: string): boolean {
    const count = this.#written.get(key) ?? 0;
    if (count > 1) this.#written.set(key, count - 1);
    else this.#written.delete(key);
    return count > 0;
  }
}
