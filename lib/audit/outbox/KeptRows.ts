import type { JournalEvent } from '../../model/Journal.js';
import type { ApprovalEvent } from '../../store/record/EventOutbox.js';

/** What waits in a store until its record is written. */
export interface KeptRow {
  /** The id of the row, which its record has too. */
  readonly id: string;
  /** Its record is durable. */
  readonly wrote: () => void;
  /** Its record is not written by whom it was told to: the outbox looks what became of it. */
  readonly leave: () => void;
}

/** How long after a change its event may still be told, in milliseconds. */
const TOLD_MS = 60_000;

interface AwaitedRow extends KeptRow {
  readonly untilMs: number;
}

/** The rows that the process of a log is about to write, or writing: no one else in it writes them. */
export class KeptRows {
  /** By the approval after the change, or by the event where that has none, and the kind of the event. */
  readonly #awaited = new WeakMap<object, Map<string, AwaitedRow>>();
  /** By id: until when they are left alone. */
  readonly #busy = new Map<string, number>();

  /** Awaits that the journal is told of an event. */
  expect(event: ApprovalEvent, row: KeptRow): void {
    const untilMs = performance.now() + TOLD_MS;
    this.#busy.set(row.id, untilMs);
    const subject = subjectOf(event);
    const rows = this.#awaited.get(subject) ?? new Map<string, AwaitedRow>();
    this.#awaited.set(subject, rows.set(event.kind, { ...row, untilMs }));
  }

  /**
   * Takes the row of an event that the journal is told of.
   *
   * @returns `undefined` where it has none, `late` where it is written without being told
   */
  take(event: JournalEvent): KeptRow | 'late' | undefined {
    const rows = this.#awaited.get(subjectOf(event));
    const row = rows?.get(event.kind);
    if (row === undefined) return undefined;
    rows?.delete(event.kind);
    // the outbox did not wait any longer
    if (this.#busy.get(row.id) !== row.untilMs || !this.isBusy(row.id)) return 'late';
    this.#busy.set(row.id, Infinity);
    return row;
  }

  /** Whether a row is awaited, or being written. */
  isBusy(id: string): boolean {
    return (this.#busy.get(id) ?? 0) > performance.now();
  }

  /** Takes a row that no one else in this process writes. False where someone does. */
  begin(id: string): boolean {
    if (this.isBusy(id)) return false;
    this.#busy.set(id, Infinity);
    return true;
  }

  /** It is not written now, or is gone. */
  end(id: string): void {
    this.#busy.delete(id);
  }
}

function subjectOf(event: JournalEvent | ApprovalEvent): object {
  return ('approval' in event ? event.approval : undefined) ?? event;
}
