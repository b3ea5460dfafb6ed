import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { CounterChange, CounterStore } from '../../store/counter/CounterStore.js';
import type { RecordPage, RecordQuery, RecordStore, StoredRecord } from '../../store/RecordStore.js';
import type { ChangeOutbox } from './ChangeOutbox.js';
import { STAGE_KIND } from '../notify/stage/toldStages.js';
import { authorityChanges, grantsAuthority } from './authorityChanges.js';
import { stageChanges } from './stageChanges.js';

/** The records of a tenant. Changes of who may do something are recorded, and who was told that an approval waits, each committed together with its record's row. */
export class AuditedRecords implements RecordStore {
  readonly #inner: RecordStore;
  readonly #outbox: ChangeOutbox;
  readonly #tenantId: string | undefined;

  /** @param tenantId what records say: those of a module have none */
  constructor(inner: RecordStore, outbox: ChangeOutbox, tenantId: string | undefined) {
    this.#inner = inner;
    this.#outbox = outbox;
    this.#tenantId = tenantId;
  }

  get counters(): CounterStore | undefined {
    return this.#inner.counters;
  }

  insert(record: StoredRecord, _beside?: undefined, takes?: CounterChange): Awaitable<boolean> {
    const isStage = record.kind === STAGE_KIND;
    if (!isStage && !grantsAuthority(record.kind)) return this.#inner.insert(record, undefined, takes);
    const entries = isStage ? stageChanges(record, this.#tenantId) : authorityChanges(record, undefined, this.#tenantId);
    return this.#outbox.commit(entries, (beside) => this.#inner.insert(record, beside, takes));
  }

  get(kind: string, id: string): Awaitable<StoredRecord | undefined> {
    return this.#inner.get(kind, id);
  }

  replace(record: StoredRecord, version: number, _beside?: undefined, takes?: CounterChange): Awaitable<boolean> {
    if (!grantsAuthority(record.kind)) return this.#inner.replace(record, version, undefined, takes);
    return chain(this.#inner.get(record.kind, record.id), (before) => {
      // another change was first
      if (before?.version !== version) return false;
      const entries = authorityChanges(record, before, this.#tenantId);
      return this.#outbox.commit(entries, (beside) => this.#inner.replace(record, version, beside, takes));
    });
  }

  delete(kind: string, id: string, version: number): Awaitable<boolean> {
    return this.#inner.delete(kind, id, version);
  }

  list(query: RecordQuery): Awaitable<RecordPage> {
    return this.#inner.list(query);
  }

  haltChanges(): Awaitable<number | undefined> {
    return this.#inner.haltChanges?.();
  }

  prune(kind: string, nowMs: number): Awaitable<number> {
    return this.#inner.prune(kind, nowMs);
  }
}
