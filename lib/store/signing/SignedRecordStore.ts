import { createHmac } from 'node:crypto';
import { canonicalText } from '../../common/data/canonical.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { SecretString } from '../../common/SecretString.js';
import { publishDiagnostic } from '../../model/diagnostics.js';
import { StoreError } from '../../model/errors/ServiceErrors.js';
import type { CounterChange, CounterStore } from '../counter/CounterStore.js';
import { purposeKey } from '../purposeKey.js';
import type { RecordChange, RecordPage, RecordQuery, RecordStore, SignableRecordStore, StoredRecord } from '../RecordStore.js';
import { storeLimits } from '../storeLimits.js';
import { checkedTenantId } from '../tenant/tenantScope.js';
import { checkedRecord, withoutAbsent } from '../record/checkedRecord.js';
import { comparePlaces, placeOf, recordCursor } from '../record/recordCursor.js';
import { isSameMac } from '../record/isSameMac.js';
import { RecordHeads } from './RecordHeads.js';
import type { HeadReading, RecordEntry } from './RecordHeads.js';

/** Who signs, and for whom. */
export interface RecordSigning {
  /** The state key; each tenant has a key of its own that is derived from it. */
  readonly stateKey: SecretString;
  /** The state key before: records that it signed are still believed, and are signed again when they change. */
  readonly previousStateKey?: SecretString | undefined;
  /** The tenant whose records these are. */
  readonly tenantId: string;
}

/** How often a read or a write is tried again because another process wrote in between. */
const TRIES = 100;
const PRUNED_AT_ONCE = 500;
/** 132 bits. */
const TAG_CHARACTERS = 22;

/**
 * Signs the records of one tenant: each with a MAC over the tenant and all of its fields, and the list of them with one of its own. A record that someone
 * without the key wrote, changed or put back is not there, and is reported as `record_tampered`.
 *
 * That a record is not there must grant nothing: anyone who can write the store can delete it. Ask {@link list}, which says `tampered` where something is missing,
 * or {@link insert}, which refuses an id that was ever taken. Putting back records together with their list is noticed only while the process lives.
 */
export class SignedRecordStore implements RecordStore {
  readonly #inner: SignableRecordStore;
  /** The first one signs. */
  readonly #keys: readonly SecretString[];
  readonly #tenantId: string;
  readonly #heads: RecordHeads;

  constructor(inner: SignableRecordStore, { stateKey, previousStateKey, tenantId }: RecordSigning) {
    this.#inner = inner;
    this.#tenantId = checkedTenantId(tenantId);
    this.#keys = [stateKey, ...(previousStateKey === undefined ? [] : [previousStateKey])].map((key) =>
      purposeKey(key, 'records', tenantId),
    );
    this.#heads = new RecordHeads(this.#keys, tenantId);
  }

  get insertsBeside(): boolean {
    return this.#inner.insertsBeside === true;
  }

  get counters(): CounterStore | undefined {
    return this.#inner.counters;
  }

  async insert(given: StoredRecord, beside?: readonly StoredRecord[], takes?: CounterChange): Promise<boolean> {
    const record = this.#signed(checkedRecord(given, 1));
    return this.#write(record.kind, record.id, (entries) => {
      if (entries.has(record.id)) return undefined;
      return { change: { how: 'insert', record }, entries: new Map([...entries, [record.id, entryOf(record)]]), beside, takes };
    });
  }

  async get(kind: string, id: string): Promise<StoredRecord | undefined> {
    const part = this.#heads.partOf(kind, id);
    for (let tries = 0, seen = -1; tries < TRIES; tries++) {
      const reading = await this.#read(kind, part);
      const stored = await this.#inner.get(kind, id);
      const listed = reading.entries.get(id);
      if (stored === undefined && listed === undefined && reading.state === 'sound') return undefined;
      if (stored !== undefined && listed !== undefined && this.#isGenuine(stored, kind, listed)) return stored;
      // nothing was written in between: it is not that the record and its list were read at different times
      if (reading.version === seen) return this.#report(kind, id);
      seen = reading.version;
    }
    throw busy();
  }

  async replace(given: StoredRecord, version: number, beside?: readonly StoredRecord[], takes?: CounterChange): Promise<boolean> {
    const record = this.#signed(checkedRecord(given, version + 1));
    return this.#write(record.kind, record.id, (entries) => {
      if (entries.get(record.id)?.version !== version) return undefined;
      return { change: { how: 'replace', record }, entries: new Map([...entries, [record.id, entryOf(record)]]), beside, takes };
    });
  }

  async delete(kind: string, id: string, version: number): Promise<boolean> {
    return this.#write(kind, id, (entries) => {
      if (entries.get(id)?.version !== version) return undefined;
      return { change: { how: 'delete', kind, ids: [id] }, entries: without(entries, [id]) };
    });
  }

  async list({ kind, index1, index2, cursor, limit = storeLimits.listedRecords }: RecordQuery): Promise<RecordPage> {
    const after = cursor === undefined ? undefined : placeOf(cursor);
    for (let tries = 0, seen = ''; tries < TRIES; tries++) {
      const readings = await this.#readAll(kind);
      const entries = new Map(readings.flatMap(({ entries: listed }) => [...listed]));
      // what is shown follows from the signed list alone: nothing that can be written without the key hides a record or moves it
      const matching = [...entries.values()]
        .filter((e) => (index1 === undefined || e.index1 === index1) && (index2 === undefined || e.index2 === index2))
        .filter((e) => after === undefined || comparePlaces([e.createdAtMs, e.id], after) > 0)
        .sort((a, b) => comparePlaces([a.createdAtMs, a.id], [b.createdAtMs, b.id]));
      const shown = matching.slice(0, limit);
      const stored = new Map(
        (
          await this.#inner.getAll(
            kind,
            shown.map(({ id }) => id),
          )
        ).map((record) => [record.id, record]),
      );
      const records = shown.flatMap((entry) => {
        const record = stored.get(entry.id);
        return record !== undefined && this.#isGenuine(record, kind, entry) ? [record] : [];
      });
      const ids = new Set(await this.#inner.ids(kind));
      const complete =
        records.length === shown.length &&
        readings.every(({ state }) => state === 'sound') &&
        ids.size === entries.size &&
        [...ids].every((id) => entries.has(id));
      const last = shown.at(-1);
      const page = matching.length > shown.length && last !== undefined ? { records, cursor: recordCursor(last) } : { records };
      if (complete) return page;
      const versions = readings.map(({ version }) => version).join();
      if (versions === seen) {
        this.#report(kind);
        return { ...page, tampered: true };
      }
      seen = versions;
    }
    throw busy();
  }

  haltChanges(): Awaitable<number | undefined> {
    return this.#inner.haltChanges?.();
  }

  async prune(kind: string, nowMs: number): Promise<number> {
    let pruned = 0;
    for (const { part } of await this.#inner.heads(kind))
      // a part that someone else wrote keeps no other one from being pruned
      if ((await this.#read(kind, part)).state !== 'foreign') pruned += await this.#prunePart(kind, part, nowMs);
    return pruned;
  }

  async #prunePart(kind: string, part: number, nowMs: number): Promise<number> {
    let pruned = 0;
    await this.#writePart(kind, part, (entries) => {
      const ids = [...entries.values()].filter(({ deleteAfterMs = Infinity }) => deleteAfterMs <= nowMs).map(({ id }) => id);
      pruned = Math.min(ids.length, PRUNED_AT_ONCE);
      if (pruned === 0) return undefined;
      const gone = ids.slice(0, PRUNED_AT_ONCE);
      return { change: { how: 'delete', kind, ids: gone }, entries: without(entries, gone) };
    });
    return pruned === PRUNED_AT_ONCE ? pruned + (await this.#prunePart(kind, part, nowMs)) : pruned;
  }

  async #write(kind: string, id: string, next: NextEntries): Promise<boolean> {
    return this.#writePart(kind, this.#heads.partOf(kind, id), next);
  }

  /** Makes a change and writes the part of the list that it belongs to, together. */
  async #writePart(kind: string, part: number, next: NextEntries): Promise<boolean> {
    for (let tries = 0, seen = -1; tries < TRIES; tries++) {
      const reading = await this.#read(kind, part);
      if (reading.state === 'foreign') throw foreignList(kind);
      const wanted = next(reading.entries);
      if (wanted === undefined) return false;
      // the part was as it was read: the record itself is not what the list says
      if (reading.version === seen) {
        this.#report(kind);
        return false;
      }
      const head = this.#heads.signed(kind, part, reading.version, wanted.entries);
      if (await this.#inner.commit(wanted.change, head, reading.version, wanted.beside, wanted.takes)) {
        this.#heads.saw(head);
        return true;
      }
      seen = reading.version;
    }
    throw busy();
  }

  async #read(kind: string, part: number): Promise<HeadReading> {
    const newest = this.#heads.newest(kind, part);
    return this.#heads.read(await this.#inner.head(kind, part), newest);
  }

  async #readAll(kind: string): Promise<readonly HeadReading[]> {
    const newest = new Map(this.#heads.seenParts(kind).map((part) => [part, this.#heads.newest(kind, part)]));
    const found = await this.#inner.heads(kind);
    const readings = found.map((head) => this.#heads.read(head, newest.get(head.part) ?? 0));
    const missing = [...newest].filter(([part]) => found.every((head) => head.part !== part));
    return [...readings, ...missing.map(([, version]) => this.#heads.read(undefined, version))];
  }

  #isGenuine(record: StoredRecord, kind: string, listed: RecordEntry): boolean {
    const isListed = record.kind === kind && record.id === listed.id && record.version === listed.version;
    return isListed && tagOf(record) === listed.tag && this.#keys.some((key) => isSameMac(record.mac, this.#macOf(record, key)));
  }

  #signed(record: StoredRecord): StoredRecord {
    return Object.freeze({ ...record, mac: this.#macOf(record, this.#keys[0] as SecretString) });
  }

  #macOf(record: StoredRecord, key: SecretString): string {
    const text = canonicalText(['aegis record 1', this.#tenantId, withoutAbsent({ ...record, mac: undefined })]);
    return createHmac('sha256', key.reveal()).update(text).digest('base64url');
  }

  #report(kind: string, id?: string): undefined {
    const which = id === undefined ? 'Stored records' : 'A stored record';
    const message = `${which} of kind '${kind}' and the signed list of them do not agree, or have no valid signature of this state key, so what is not listed is ignored: check that all processes have the same state key, and who can write the store.`;
    publishDiagnostic({ kind: 'security', code: 'record_tampered', message, actor: { kind: 'store' } });
  }
}

/** What to change, and the entries of the part afterwards; `undefined` where nothing is to be changed. */
type NextEntries = (entries: ReadonlyMap<string, RecordEntry>) => NextPart | undefined;

interface NextPart {
  readonly change: RecordChange;
  readonly entries: ReadonlyMap<string, RecordEntry>;
  readonly beside?: readonly StoredRecord[] | undefined;
  readonly takes?: CounterChange | undefined;
}

function entryOf(record: StoredRecord): RecordEntry {
  const { id, version, createdAtMs, index1, index2, deleteAfterMs } = record;
  return { ...withoutAbsent({ id, version, createdAtMs, index1, index2, deleteAfterMs }), tag: tagOf(record) };
}

function tagOf({ mac = '' }: StoredRecord): string {
  return mac.slice(0, TAG_CHARACTERS);
}

function without(entries: ReadonlyMap<string, RecordEntry>, ids: readonly string[]): ReadonlyMap<string, RecordEntry> {
  return new Map([...entries].filter(([id]) => !ids.includes(id)));
}

function busy(): StoreError {
  return new StoreError('A record was changed again and again while it was being read or written; nothing was changed. Try again.');
}

function foreignList(kind: string): StoreError {
  return new StoreError(
    `The list of the records of kind '${kind}' has no valid signature of this state key; nothing was changed. Give the state key that the store was made with, or check who can write the store.`,
  );
}
