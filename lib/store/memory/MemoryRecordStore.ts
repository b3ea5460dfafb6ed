import type { RecordChange, RecordHead, RecordPage, RecordQuery, SignableRecordStore, StoredRecord } from '../RecordStore.js';
import type { CounterChange } from '../counter/CounterStore.js';
import { MemoryCounterStore } from '../counter/MemoryCounterStore.js';
import { checkedRecord } from '../record/checkedRecord.js';
import { comparePlaces, placeOf, recordCursor } from '../record/recordCursor.js';
import type { RecordPlace } from '../record/recordCursor.js';
import { HALT_KIND } from '../RecordStore.js';
import { storeLimits } from '../storeLimits.js';

/** Keeps the records of one tenant in the memory of this process. */
export class MemoryRecordStore implements SignableRecordStore {
  readonly insertsBeside = true;
  readonly counters: MemoryCounterStore = new MemoryCounterStore();
  /** By kind, then by id. */
  readonly #records = new Map<string, Map<string, StoredRecord>>();
  /** By kind, then by part. */
  readonly #heads = new Map<string, Map<number, RecordHead>>();
  #haltChanges = 0;

  insert(record: StoredRecord, beside?: readonly StoredRecord[], takes?: CounterChange): boolean {
    const made = checkedRecord(record, 1);
    if (this.#of(made.kind).has(made.id)) return false;
    this.counters.change(takes);
    this.#put(made);
    this.insertAll(beside);
    return true;
  }

  /** Inserts records of new ids. */
  insertAll(records: readonly StoredRecord[] = []): void {
    for (const record of records) this.insert(record);
  }

  get(kind: string, id: string): StoredRecord | undefined {
    return this.#records.get(kind)?.get(id);
  }

  replace(record: StoredRecord, version: number, beside?: readonly StoredRecord[], takes?: CounterChange): boolean {
    const next = checkedRecord(record, version + 1);
    if (this.get(next.kind, next.id)?.version !== version) return false;
    this.counters.change(takes);
    this.#put(next);
    this.insertAll(beside);
    return true;
  }

  delete(kind: string, id: string, version: number): boolean {
    return this.get(kind, id)?.version === version && this.#remove(kind, id);
  }

  haltChanges(): number {
    return this.#haltChanges;
  }

  list({ kind, index1, index2, cursor, limit = storeLimits.listedRecords }: RecordQuery): RecordPage {
    const after = cursor === undefined ? undefined : placeOf(cursor);
    const found = [...this.#of(kind).values()]
      .filter((r) => (index1 === undefined || r.index1 === index1) && (index2 === undefined || r.index2 === index2))
      .filter((r) => after === undefined || comparePlaces(placeIn(r), after) > 0)
      .sort((a, b) => comparePlaces(placeIn(a), placeIn(b)));
    const records = found.slice(0, limit);
    const last = records.at(-1);
    return found.length > records.length && last !== undefined ? { records, cursor: recordCursor(last) } : { records };
  }

  prune(kind: string, nowMs: number): number {
    const over = [...this.#of(kind).values()].filter(({ deleteAfterMs = Infinity }) => deleteAfterMs <= nowMs);
    for (const { id } of over) this.#remove(kind, id);
    return over.length;
  }

  head(kind: string, part: number): RecordHead | undefined {
    return this.#heads.get(kind)?.get(part);
  }

  heads(kind: string): readonly RecordHead[] {
    return [...(this.#heads.get(kind)?.values() ?? [])];
  }

  ids(kind: string): readonly string[] {
    return [...this.#of(kind).keys()];
  }

  getAll(kind: string, ids: readonly string[]): readonly StoredRecord[] {
    return ids.flatMap((id) => this.get(kind, id) ?? []);
  }

  commit(change: RecordChange, head: RecordHead, headVersion: number, beside?: readonly StoredRecord[], takes?: CounterChange): boolean {
    if ((this.head(head.kind, head.part)?.version ?? 0) !== headVersion || !this.#done(change, takes)) return false;
    const parts = this.#heads.get(head.kind) ?? new Map<number, RecordHead>();
    this.#heads.set(head.kind, parts.set(head.part, Object.freeze({ ...head })));
    this.insertAll(beside);
    return true;
  }

  discard(kind: string, ids: readonly string[], beside?: readonly StoredRecord[]): void {
    for (const id of ids) this.#remove(kind, id);
    this.insertAll(beside);
  }

  #done(change: RecordChange, takes: CounterChange | undefined): boolean {
    if (change.how === 'insert') return this.insert(change.record, undefined, takes);
    if (change.how === 'replace') return this.replace(change.record, change.record.version - 1, undefined, takes);
    this.counters.change(takes);
    for (const id of change.ids) this.#remove(change.kind, id);
    return true;
  }

  #put(record: StoredRecord): void {
    this.#of(record.kind).set(record.id, record);
    if (record.kind === HALT_KIND) this.#haltChanges += 1;
  }

  #remove(kind: string, id: string): boolean {
    if (kind === HALT_KIND) this.#haltChanges += 1;
    return this.#of(kind).delete(id);
  }

  #of(kind: string): Map<string, StoredRecord> {
    const records = this.#records.get(kind) ?? new Map<string, StoredRecord>();
    this.#records.set(kind, records);
    return records;
  }
}

function placeIn({ createdAtMs, id }: StoredRecord): RecordPlace {
  return [createdAtMs, id];
}
