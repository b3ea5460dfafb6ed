import { chain } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import type { SecretString } from '../common/SecretString.js';
import { LazyPart } from '../model/LazyPart.js';
import type {
  ApprovalCard,
  ApprovalPage,
  ApprovalPageQuery,
  ApprovalQuery,
  ApprovalRecord,
  ApprovalStore,
  BindOlder,
  ChangeConditions,
} from './ApprovalStore.js';
import type { CounterChange, CounterStore } from './counter/CounterStore.js';
import type { StoredRecord } from './RecordStore.js';
import type { SigningStore } from './SigningStore.js';

/**
 * Signs every approval with a key that is not in the store (HMAC-SHA-256 over the whole record, verdicts included), and ignores records without a valid
 * signature. Someone who can write the store but does not have the key cannot approve, cannot have another call run under an approval, and cannot have an
 * approval used twice by putting back rows. It does not protect against putting back an earlier state of the whole store.
 * Its code is loaded when the first one is made: most modules have no key.
 */
export class SignedApprovalStore implements ApprovalStore {
  readonly signs = true;
  /** The store that keeps the records, which anyone may write. */
  readonly inner: ApprovalStore;
  readonly #part: LazyPart<SigningStore>;

  constructor(inner: ApprovalStore, key: SecretString) {
    this.inner = inner;
    this.#part = new LazyPart(async () => {
      const { SigningStore } = await import('./SigningStore.js');
      return new SigningStore(inner, key);
    });
    this.#part.prepare();
  }

  get insertsBeside(): boolean {
    return this.inner.insertsBeside === true;
  }

  get counters(): CounterStore | undefined {
    return this.inner.counters;
  }

  open(): Awaitable<void> {
    return this.inner.open?.();
  }

  close(): Awaitable<void> {
    return this.inner.close?.();
  }

  insert(record: ApprovalRecord, _card?: ApprovalCard, beside?: readonly StoredRecord[], takes?: CounterChange): Awaitable<boolean> {
    return chain(this.#part.get(), (store) => store.insert(record, beside, takes));
  }

  get(decisionId: string): Awaitable<ApprovalRecord | undefined> {
    return chain(this.#part.get(), (store) => store.get(decisionId));
  }

  replace(
    record: ApprovalRecord,
    version: number,
    _card?: ApprovalCard,
    beside?: readonly StoredRecord[],
    conditions?: ChangeConditions,
    takes?: CounterChange,
  ): Awaitable<boolean> {
    return chain(this.#part.get(), (store) => store.replace(record, version, beside, conditions, takes));
  }

  list(query: ApprovalQuery): Awaitable<readonly ApprovalRecord[]> {
    return chain(this.#part.get(), (store) => store.list(query));
  }

  countPending(agentId: string, toolName: string, cap?: number): Awaitable<number> {
    return this.inner.countPending(agentId, toolName, cap);
  }

  listDenied(agentId: string, toolName: string, sinceMs: number): Awaitable<readonly ApprovalRecord[]> {
    return chain(this.#part.get(), (store) => store.listDenied(agentId, toolName, sinceMs));
  }

  ofIdempotencyKey(agentId: string, key: string): Awaitable<ApprovalRecord | undefined> {
    return chain(this.#part.get(), (store) => store.ofIdempotencyKey(agentId, key));
  }

  page(query: ApprovalPageQuery): Awaitable<ApprovalPage> {
    return chain(this.#part.get(), (store) => store.page(query));
  }

  prune(endedByMs: number): Awaitable<number> {
    return this.inner.prune(endedByMs);
  }

  bindOlder(bind: BindOlder): Awaitable<void> {
    return chain(this.#part.get(), (store) => store.bindOlder(bind));
  }
}
