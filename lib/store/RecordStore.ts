import type { Awaitable } from '../common/awaitable.js';
import type { CounterChange, CounterStore } from './counter/CounterStore.js';

/** The kind of halts. A store counts how often they were changed, and claims can depend on that. */
export const HALT_KIND = 'halt';

/** The kind of grants. Code that does not know them may not use a store that has one. */
export const GRANT_KIND = 'grant';

/** One row of what a server keeps beside approvals: a key, a person, a session, a grant, a halt, a notification to send. */
export interface StoredRecord {
  /** What it is, such as `key`: lower-case letters and `-`, at most 32. */
  readonly kind: string;
  /** Unique among those of its kind and tenant: 1 to 256 characters. */
  readonly id: string;
  /** 1 when it is made, one higher with each change. */
  readonly version: number;
  /** The first value that lists can select by. */
  readonly index1?: string | undefined;
  /** The second value that lists can select by. */
  readonly index2?: string | undefined;
  /** When it was made, in epoch milliseconds. */
  readonly createdAtMs: number;
  /** From when on it may be deleted, in epoch milliseconds; never, where it is absent. */
  readonly deleteAfterMs?: number | undefined;
  /** What it says, as JSON. */
  readonly body: string;
  /** HMAC over the tenant and all other fields, where the records are signed. */
  readonly mac?: string | undefined;
}

/** Selects records of one kind. A record must match every field that is given. */
export interface RecordQuery {
  /** The kind. */
  readonly kind: string;
  /** Only with this first index value. */
  readonly index1?: string | undefined;
  /** Only with this second index value. */
  readonly index2?: string | undefined;
  /** Only those after the last one of an earlier page. */
  readonly cursor?: string | undefined;
  /**
   * At most this many, oldest first.
   *
   * @defaultValue 200
   */
  readonly limit?: number | undefined;
}

/** A page of records. */
export interface RecordPage {
  /** Oldest first. */
  readonly records: readonly StoredRecord[];
  /** For the next page; absent where this is the last one. */
  readonly cursor?: string | undefined;
  /** True where records of this kind were changed, put back or deleted by someone without the key: what is missing from the page may be what matters. */
  readonly tampered?: true | undefined;
}

/**
 * Keeps what a server keeps for one tenant beside approvals. Exactly one of any number of concurrent writes to a version of a record wins. A write that
 * has resolved is committed.
 */
export interface RecordStore {
  /** The counters of the same tenant, in which changes are counted. A store without them counts nothing together with a change. */
  readonly counters?: CounterStore | undefined;
  /** Whether records can be inserted together with a change. @defaultValue false */
  readonly insertsBeside?: boolean | undefined;
  /**
   * Inserts a record of version 1. Resolves to false where its kind and id are taken.
   *
   * @param beside records that are inserted with it, or not at all; only for a store whose `insertsBeside` is true
   * @param takes what is counted with it, or not at all; only for a store that has {@link counters}
   * @throws TakeRefusedError where that does not fit; then nothing was written
   */
  insert(record: StoredRecord, beside?: readonly StoredRecord[], takes?: CounterChange): Awaitable<boolean>;
  /** Resolves to that record. */
  get(kind: string, id: string): Awaitable<StoredRecord | undefined>;
  /**
   * Replaces the record if the stored one still is at `version` (compare-and-set). Resolves to whether it did.
   *
   * @param beside as for {@link insert}
   * @param takes as for {@link insert}
   * @throws TakeRefusedError as for {@link insert}
   */
  replace(record: StoredRecord, version: number, beside?: readonly StoredRecord[], takes?: CounterChange): Awaitable<boolean>;
  /** Deletes the record if it still is at `version`. Resolves to whether it did. */
  delete(kind: string, id: string, version: number): Awaitable<boolean>;
  /** Lists records of one kind, oldest first. A cursor that no page gave is followed by nothing. */
  list(query: RecordQuery): Awaitable<RecordPage>;
  /**
   * How often halts of this tenant were changed, counted in the transaction of each change. A store that has this refuses a claim, and a change of an
   * approval, that demands another count: see {@link TaskClaim} and {@link ChangeConditions}.
   */
  haltChanges?(): Awaitable<number | undefined>;
  /** Deletes what may be deleted by then, in epoch milliseconds. Resolves to how many it deleted. */
  prune(kind: string, nowMs: number): Awaitable<number>;
}

/** A part of the signed list of the records of one kind: which ids there are, and at which version. It is kept apart from the records. */
export interface RecordHead {
  /** The kind of the records. */
  readonly kind: string;
  /** Its number. */
  readonly part: number;
  /** One higher with each change; a new part has 1. */
  readonly version: number;
  /** What is in it, and its signature. */
  readonly body: string;
}

/** A change that is written together with a part of the signed list. */
export type RecordChange =
  | { readonly how: 'insert'; readonly record: StoredRecord }
  /** Replaces the record if the stored one still is one version behind. */
  | { readonly how: 'replace'; readonly record: StoredRecord }
  /** Deletes what is there of these. */
  | { readonly how: 'delete'; readonly kind: string; readonly ids: readonly string[] };

/** A store whose records can be signed. */
export interface SignableRecordStore extends RecordStore {
  /** Resolves to that part of the list. */
  head(kind: string, part: number): Awaitable<RecordHead | undefined>;
  /** Resolves to all parts of the list of that kind. */
  heads(kind: string): Awaitable<readonly RecordHead[]>;
  /** Resolves to the ids of all records of that kind. */
  ids(kind: string): Awaitable<readonly string[]>;
  /** Resolves to those of these records that there are, in any order. */
  getAll(kind: string, ids: readonly string[]): Awaitable<readonly StoredRecord[]>;
  /**
   * Makes the change and replaces the part of the list: both, or neither.
   *
   * @param headVersion the version that the stored part must have; 0: there must be none
   * @param beside records that are inserted with it, or not at all; only for a store whose `insertsBeside` is true
   * @param takes what is counted with it, or not at all; only for a store that has {@link counters}
   * @returns whether it did
   * @throws TakeRefusedError where that does not fit; then nothing was written
   */
  commit(
    change: RecordChange,
    head: RecordHead,
    headVersion: number,
    beside?: readonly StoredRecord[],
    takes?: CounterChange,
  ): Awaitable<boolean>;
  /**
   * Deletes what is there of these. A store that has this also inserts records beside a change.
   *
   * @param beside records that are inserted with it
   */
  discard?(kind: string, ids: readonly string[], beside?: readonly StoredRecord[]): Awaitable<void>;
}
