import type { Placed } from './ApprovalCase.js';

/** Records by the log that they are in, each log in its order: a hostile log may have any number of them about one approval. */
export class RecordsByLog<R extends Placed> {
  readonly #logs = new Map<string, R[]>();
  /** Whether one of them was written late: it may come before every other. */
  #isAnyLate = false;

  constructor(records: Iterable<R>) {
    for (const record of records) {
      this.#isAnyLate ||= record.committedAt !== undefined;
      const log = this.#logs.get(record.writer);
      if (log === undefined) this.#logs.set(record.writer, [record]);
      else log.push(record);
    }
  }

  /** Whether one of them may come before that record: what is in another log may. See `isBefore()`. */
  isAnyBefore(place: Placed): boolean {
    return this.#isAnyLate || this.#isAnyElsewhere(place) || this.isAnyAhead(place);
  }

  /** Whether one of them comes before that record in its log. */
  isAnyAhead(place: Placed): boolean {
    return this.firstAhead(place) !== undefined;
  }

  /** The first one before that record in its log. */
  firstAhead({ writer, seq }: Placed): R | undefined {
    const [first] = this.#logs.get(writer) ?? [];
    return first !== undefined && first.seq < seq ? first : undefined;
  }

  /** The last one before that record in its log. */
  lastAhead({ writer, seq }: Placed): R | undefined {
    const log = this.#logs.get(writer) ?? [];
    return log[firstFrom(log, seq) - 1];
  }

  /** Whether one of them may come after the one record and before the other. */
  isAnyBetween(one: Placed, other: Placed): boolean {
    if (this.#isAnyElsewhere(one)) return true;
    const log = this.#logs.get(one.writer) ?? [];
    const next = log[firstFrom(log, one.seq + 1)];
    return next !== undefined && (other.writer !== one.writer || next.seq < other.seq);
  }

  #isAnyElsewhere({ writer }: Placed): boolean {
    return this.#logs.size > (this.#logs.has(writer) ? 1 : 0);
  }
}

/** The index of the first record that is at that place or later. */
function firstFrom(log: readonly Placed[], seq: number): number {
  let [low, high] = [0, log.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((log[middle] as Placed).seq < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
