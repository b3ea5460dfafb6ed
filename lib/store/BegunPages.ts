import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalText } from '../common/data/canonical.js';
import type { SecretString } from '../common/SecretString.js';
import { DAY_MS } from '../common/time/SteadyClock.js';
import type { ApprovalRecord, BegunPage } from './ApprovalStore.js';

/** What a page has of one approval: the claim that began, and when the approval expires. */
type Entry = readonly [claimToken: string, expiresAtMs: number];
type Entries = Readonly<Record<string, Entry>>;

/** What is signed of a page. */
interface Content {
  readonly entries: Entries;
  /** When the page was last found to be lost, in milliseconds, or 0: no approval of before begins. */
  readonly lostAtMs: number;
}

const EMPTY: Content = { entries: {}, lostAtMs: 0 };

/** What a page says of an approval that is about to begin. */
export type PageReading =
  | { readonly kind: 'free'; readonly next: BegunPage }
  /** This very claim has begun. */
  | { readonly kind: 'own' }
  /** Another claim has begun. */
  | { readonly kind: 'taken' }
  /** Somebody put back an earlier page than one that was seen, or wrote one without the key: what it does not list may have begun all the same. */
  | { readonly kind: 'lost' };

/** The pages of one key: 4,096. */
const PAGE_BITS = 12;

/**
 * Signs and reads the pages of what has begun, and remembers the newest of each: a page that is put back is noticed while this process lives. Each key has pages
 * of its own, so a page without a valid signature was not left by an earlier key.
 */
export class BegunPages {
  readonly #key: SecretString;
  /** Where the pages of this key begin. */
  readonly #first: number;
  readonly #seen = new Map<number, number>();
  /** The pages that were found to be lost, until one is written that says so. */
  readonly #lost = new Map<number, { readonly version: number; readonly atMs: number }>();

  constructor(key: SecretString) {
    this.#key = key;
    const tag = createHmac('sha256', key.reveal()).update('aegis begun pages 1').digest().readUInt32BE(0);
    // page numbers are whole numbers below 2^31
    this.#first = (tag >>> (1 + PAGE_BITS)) << PAGE_BITS;
  }

  /** Which page an approval is on. */
  pageOf({ decisionId }: ApprovalRecord): number {
    const hash = createHash('sha256').update(decisionId).digest().readUInt16BE(0);
    return this.#first + (hash >> (16 - PAGE_BITS));
  }

  /**
   * Reads a page for an approval that is about to begin.
   *
   * @param found as it is stored; `undefined` where there is none
   * @param newest what {@link newest} was before the page was read
   * @param invalid called for a page without a valid signature: what is in it is not believed
   */
  read(found: BegunPage | undefined, record: ApprovalRecord, claimToken: string, newest: number, invalid: () => void): PageReading {
    const page = this.pageOf(record);
    const version = found?.version ?? 0;
    const content = found === undefined ? EMPTY : this.#contentOf(found);
    if (content === undefined) invalid();
    const { entries, lostAtMs } = content ?? EMPTY;
    const known = Object.hasOwn(entries, record.decisionId) ? entries[record.decisionId] : undefined;
    if (known !== undefined) return { kind: known[0] === claimToken ? 'own' : 'taken' };
    const nowMs = Date.now();
    if (version < newest || (content === undefined && this.#lost.get(page)?.version !== version))
      this.#lost.set(page, { version, atMs: nowMs });
    // what is opened from now on goes on from the page as it is: it may be that of a database that was restored
    this.#seen.set(page, version < newest ? version : Math.max(version, newest));
    const lost = Math.max(lostAtMs, this.#lost.get(page)?.atMs ?? 0);
    if (lost > 0 && record.createdAtMs <= lost) return { kind: 'lost' };
    // an approval that has expired begins no more; a day more, because clocks differ
    const kept = Object.entries(entries).filter(([, [, expiresAtMs]]) => expiresAtMs + DAY_MS > nowMs);
    const next: Entries = Object.fromEntries([...kept, [record.decisionId, [claimToken, record.expiresAtMs]]]);
    return { kind: 'free', next: this.#signed(page, version + 1, { entries: next, lostAtMs: lost }) };
  }

  /** The newest version that is known of the page of an approval: what is read from now on is not older. */
  newest(record: ApprovalRecord): number {
    return this.#newestOf(this.pageOf(record));
  }

  /** A page that was written is the newest. */
  wrote({ page, version }: BegunPage): void {
    this.#seen.set(page, Math.max(version, this.#newestOf(page)));
  }

  #newestOf(page: number): number {
    return this.#seen.get(page) ?? 0;
  }

  #signed(page: number, version: number, content: Content): BegunPage {
    return { page, version, body: JSON.stringify({ ...content, mac: this.#macOf(page, version, content) }) };
  }

  #contentOf({ page, version, body }: BegunPage): Content | undefined {
    try {
      const { mac, ...content } = JSON.parse(body) as Content & { readonly mac: string };
      const [given, expected] = [Buffer.from(mac), Buffer.from(this.#macOf(page, version, content))];
      return given.length === expected.length && timingSafeEqual(given, expected) ? content : undefined;
    } catch {
      return undefined;
    }
  }

  #macOf(page: number, version: number, content: Content): string {
    const text = canonicalText(['aegis begun page 1', page, version, content]);
    return createHmac('sha256', this.#key.reveal()).update(text).digest('base64url');
  }
}
