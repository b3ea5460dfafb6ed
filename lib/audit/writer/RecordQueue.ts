import { LruMap } from '../../common/LruMap.js';
import type { RecordedEvent } from '../record/recordOf.js';
import type { EnteringEvent } from '../../model/Journal.js';
import type { KeptRow } from '../outbox/KeptRows.js';
import type { OpenRecord } from '../record/OpenRecord.js';

/** Something that waits to be written. */
export interface QueuedRecord {
  /** When it was told, in epoch milliseconds. */
  readonly at: number;
  readonly event?: RecordedEvent | undefined;
  /** A record that is made already. */
  readonly made?: OpenRecord | undefined;
  /** Where the store keeps it until it is written. */
  readonly kept?: KeptRow | undefined;
  /** Whether the root is to be signed after it. */
  readonly signs?: true | undefined;
  /** Gets the position of the record, where there is one. */
  resolve?: ((seq?: number) => void) | undefined;
  reject?: ((error: Error) => void) | undefined;
}

/** How many decisions whose records were dropped are remembered. */
const MAX_LOST = 100_000;

/** The records that wait, in order. What does not fit is dropped and counted, and a call whose decision was dropped is not entered. */
export class RecordQueue {
  readonly #limit: number;
  #entries: QueuedRecord[] = [];
  #uncounted = 0;
  #dropped = 0;
  readonly #lost = new LruMap<string, true>(MAX_LOST);

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** How many were dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Adds an event. False where it was dropped. */
  add(entry: QueuedRecord): boolean {
    // without the policies, every decision under them would look unlawful
    if (this.#entries.length < this.#limit || entry.event?.kind === 'policies') {
      this.#entries.push(entry);
      return true;
    }
    this.#dropped += 1;
    this.#uncounted += 1;
    this.#lose(entry.event);
    return false;
  }

  /** Adds what its caller waits for. */
  addAlways(entry: QueuedRecord): void {
    this.#entries.push(entry);
  }

  /** The entry of an event that was just told. `undefined` where it, or the decision before it, was dropped. */
  entryOf(event: EnteringEvent): QueuedRecord | undefined {
    if (this.#lost.get(event.decisionId) === true) {
      this.#lost.delete(event.decisionId);
      return undefined;
    }
    // it is the last one, but for what other journals did when they were told of it
    return this.#entries.findLast((entry) => entry.event === event);
  }

  take(count: number): readonly QueuedRecord[] {
    return this.#entries.splice(0, count);
  }

  /** How many were dropped since this was last asked. */
  takeDropped(): number {
    const count = this.#uncounted;
    this.#uncounted = 0;
    return count;
  }

  /** Has them counted by the next record that is written. */
  countDropped(count: number): void {
    this.#uncounted += count;
  }

  /** Puts records before all others. */
  putBack(entries: readonly QueuedRecord[]): void {
    if (entries.length > 0) this.#entries = [...entries, ...this.#entries];
  }

  /** Those that someone waits for. */
  waiting(): readonly QueuedRecord[] {
    return this.#entries.filter(({ reject }) => reject !== undefined);
  }

  /**
   * Takes those that a store keeps: they may be written through the opening of the log alone during which they were told, because another process may write them
   * once this one has let its log go.
   */
  takeKept(): readonly QueuedRecord[] {
    const isKept = ({ kept, made }: QueuedRecord): boolean => kept !== undefined || made?.record.change !== undefined;
    const taken = this.#entries.filter(isKept);
    if (taken.length > 0) this.#entries = this.#entries.filter((entry) => !isKept(entry));
    return taken;
  }

  /** Drops what was only there for who waited for it: they have been told. */
  forgetMarks(): void {
    this.#entries = this.#entries.filter(({ event }) => event !== undefined);
  }

  #lose(event: RecordedEvent | undefined): void {
    const id = event?.kind === 'decided' ? event.decision.decisionId : event?.kind === 'entering' ? event.decisionId : undefined;
    if (id !== undefined) this.#lost.set(id, true);
  }
}
