import { createHmac, createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { chain } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import { canonicalText } from '../common/data/canonical.js';
import type { SecretString } from '../common/SecretString.js';
import { frozenData } from '../model/snapshot/frozenData.js';
import { publishDiagnostic } from '../model/diagnostics.js';
import { approvalCard } from './approval/approvalCard.js';
import { approvalPage } from './approval/approvalPage.js';
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
import { BegunPages } from './BegunPages.js';
import type { CounterChange } from './counter/CounterStore.js';
import type { StoredRecord } from './RecordStore.js';
import { withoutAbsent } from './record/checkedRecord.js';
import { isSameMac } from './record/isSameMac.js';
import { storeLimits } from './storeLimits.js';
import { storedForm } from './storedJson.js';

/** A store that keeps pages of what has begun. */
type PagedStore = ApprovalStore & Required<Pick<ApprovalStore, 'begunPage' | 'replaceBegun'>>;

/** A change by which an approval has begun. */
interface Begin {
  readonly record: ApprovalRecord;
  readonly version: number;
  readonly claimToken: string;
  readonly beside: readonly StoredRecord[] | undefined;
  readonly takes: CounterChange | undefined;
  readonly conditions: ChangeConditions | undefined;
}

/** What a SignedApprovalStore does, once it is loaded. */
export class SigningStore {
  readonly #inner: ApprovalStore;
  readonly #key: KeyObject;
  readonly #pages: BegunPages;
  /** What was found to be signed and never changes: a store in memory gives the very same records again. */
  readonly #known = new WeakSet<ApprovalRecord>();
  /** Their cards. */
  readonly #cards = new WeakMap<ApprovalRecord, ApprovalCard>();

  constructor(inner: ApprovalStore, key: SecretString) {
    this.#inner = inner;
    this.#key = createSecretKey(key.reveal(), 'utf8');
    this.#pages = new BegunPages(key);
  }

  insert(record: ApprovalRecord, beside?: readonly StoredRecord[], takes?: CounterChange): Awaitable<boolean> {
    return this.#inner.insert(this.#signed(record), this.#card(record), beside, takes);
  }

  get(decisionId: string): Awaitable<ApprovalRecord | undefined> {
    return chain(this.#inner.get(decisionId), (record) => {
      if (record === undefined || !this.#isSigned(record)) return undefined;
      // a valid signature proves what the record says, not that it is in its own row
      if (record.decisionId === decisionId) return record;
      report({ ...record, decisionId }, 'approval_row_swapped', SWAPPED);
      return undefined;
    });
  }

  replace(
    record: ApprovalRecord,
    version: number,
    beside?: readonly StoredRecord[],
    conditions?: ChangeConditions,
    takes?: CounterChange,
  ): Awaitable<boolean> {
    const inner = this.#inner;
    if (record.begun === undefined || !keepsPages(inner))
      return inner.replace(this.#signed(record), version, this.#card(record), beside, conditions, takes);
    return this.#begin(inner, { record, version, claimToken: record.begun.claimToken, beside, conditions, takes });
  }

  ofIdempotencyKey(agentId: string, key: string): Awaitable<ApprovalRecord | undefined> {
    return chain(this.#inner.ofIdempotencyKey?.(agentId, key), (record) => {
      if (record === undefined || !this.#isSigned(record)) return undefined;
      if (record.agentId === agentId && record.idempotency?.key === key) return record;
      report(record, 'approval_row_swapped', SWAPPED);
      return undefined;
    });
  }

  /** A page that is short because cards were refused is filled up. */
  async page(query: ApprovalPageQuery): Promise<ApprovalPage> {
    const limit = query.limit ?? storeLimits.listedCards;
    const cards: ApprovalCard[] = [];
    for (let { cursor } = query; ;) {
      const wanted = limit - cards.length;
      const page = await approvalPage(this.#inner, { ...query, cursor, limit: wanted });
      const believed = await Promise.all(page.cards.map((card) => this.#believed(card)));
      cards.push(...believed.filter((card) => card !== undefined));
      cursor = page.cursor;
      if (cursor === undefined) return { cards };
      // a page that is short by itself has looked through enough
      if (cards.length === limit || page.cards.length < wanted) return { cards, cursor };
    }
  }

  list(query: ApprovalQuery): Awaitable<readonly ApprovalRecord[]> {
    return chain(this.#inner.list(query), (records) => records.filter((record) => this.#isSigned(record)));
  }

  listDenied(agentId: string, toolName: string, sinceMs: number): Awaitable<readonly ApprovalRecord[]> {
    return chain(this.#inner.listDenied(agentId, toolName, sinceMs), (records) => records.filter((record) => this.#isSigned(record)));
  }

  bindOlder(bind: BindOlder): Awaitable<void> {
    return this.#inner.bindOlder?.((record, task) => {
      const bound = this.#isSigned(record) ? bind(record, task) : undefined;
      return bound && this.#signed(bound);
    });
  }

  /**
   * Writes down that an approval has begun, on a signed page beside its record: a record that is put back with the row of its task is valid by itself.
   *
   * @param seen the version of the page that could not be replaced: if it is still there, the record itself was changed
   */
  #begin(inner: PagedStore, begin: Begin, seen?: number): Awaitable<boolean> {
    const { record, version, claimToken, beside, conditions, takes } = begin;
    const signed = this.#signed(record);
    const newest = this.#pages.newest(record);
    return chain(inner.begunPage(this.#pages.pageOf(record)), (found) => {
      const reading = this.#pages.read(found, record, claimToken, newest, () => report(record, 'begun_page_invalid', PAGE_INVALID));
      switch (reading.kind) {
        case 'own':
          return inner.replace(signed, version, this.#card(record), beside, conditions, takes);
        case 'taken':
        case 'lost':
          report(record, 'approval_rolled_back', ROLLED_BACK);
          return false;
        case 'free': {
          const { next } = reading;
          if (next.version === seen) return false;
          return chain(inner.replaceBegun(signed, version, next, this.#card(record), beside, conditions, takes), (done) => {
            if (done) this.#pages.wrote(next);
            return done || this.#begin(inner, begin, next.version);
          });
        }
      }
    });
  }

  /** A card that was signed as it is; else that of its record, which code that knows no cards may have written. */
  async #believed(card: ApprovalCard): Promise<ApprovalCard | undefined> {
    if (card.status === 'withdrawn' || (card.mac !== undefined && isSameMac(card.mac, this.#macOfCard(card)))) return card;
    const record = await this.get(card.decisionId);
    if (record === undefined) return undefined;
    const made = this.#cards.get(record) ?? approvalCard(record);
    if (this.#known.has(record)) this.#cards.set(record, made);
    return made;
  }

  /** The signed card of a record, where the store keeps cards. */
  #card(record: ApprovalRecord): ApprovalCard | undefined {
    if (this.#inner.page === undefined) return undefined;
    const card = approvalCard(record);
    return { ...card, mac: this.#macOfCard(card) };
  }

  #macOfCard(card: ApprovalCard): string {
    return this.#macOfText(canonicalText(['aegis approval card 1', withoutAbsent({ ...card, mac: undefined })]));
  }

  #signed(record: ApprovalRecord): ApprovalRecord {
    return { ...record, mac: this.#macOf(record) };
  }

  #isSigned(record: ApprovalRecord): boolean {
    const { mac } = record;
    // a store may withdraw an approval by itself, for example once it was restored: nothing can run because of that
    if (record.status === 'withdrawn' || this.#known.has(record)) return true;
    if (isSameMac(mac, this.#macOf(record))) {
      if (Object.isFrozen(record) && frozenData(record) === record) this.#known.add(record);
      return true;
    }
    report(record, 'approval_signature_invalid', UNSIGNED);
    return false;
  }

  #macOf(record: ApprovalRecord): string {
    // as the store returns it: without undefined fields
    return this.#macOfText(canonicalText(storedForm({ ...record, mac: undefined })));
  }

  #macOfText(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url');
  }
}

const UNSIGNED =
  'A stored approval has no valid signature of this state key, so it is ignored: check that all processes have the same `stateKey`, and who can write the store.';
const SWAPPED = 'A stored approval is in the row of another one, so it is ignored: check who can write the store.';
const ROLLED_BACK =
  'An approval that had begun, or may have, was put back to an earlier state, or the list of what has begun was: nothing ran again. Check who can write the store.';
const PAGE_INVALID =
  'A page of the list of what has begun has no valid signature, so no approval of before runs that could be on it: check who can write the store.';

function report({ agentId, toolName, decisionId }: ApprovalRecord, code: string, message: string): void {
  publishDiagnostic({ kind: 'security', code, message, actor: { kind: 'store' }, agentId, toolName, decisionId });
}

function keepsPages(store: ApprovalStore): store is PagedStore {
  return store.replaceBegun !== undefined;
}
