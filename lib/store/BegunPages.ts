import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalText } from '../common/data/canonical.js';
import type { SecretString } from '../common/SecretString.js';
import { DAY_MS } from '../common/time/SteadyClock.js';
import type { ApprovalRecord, BegunPage } from './ApprovalStore.js';

/** What a page has of one approval: the claim that began, and when the approval expires. */
type Entry = readonly [claimToken: string, expiresAtMs: number];
type Entries = Readonly<Record<string, Entry>>;

/** What a page says of an approval that is about to begin. */
export type PageReading =
  | { readonly kind: 'free'; readonly next: BegunPage }
  /** This very claim has begun. */
  | { readonly kind: 'own' }
  /** Another claim has begun. */
  | { readonly kind: 'taken' }
  /** It is an earlier page than one that was seen: somebody put it back. */
  | { readonly kind: 'older' };

/** Signs and reads the pages of what has begun, and remembers the newest of each: a page that is put back is noticed while this process lives. */
export class BegunPages {
  readonly #key: SecretString;
  readonly #seen = new Map<number, number>();

  constructor(key: SecretString) {
    this.#key = key;
  }

  /** Which page an approval is on. */
  static of({ decisionId }: ApprovalRecord): number {
    return createHash('sha256').update(decisionId).digest().readUInt16BE(0) >> 4;
  }

  /**
   * Reads a page for an approval that is about to begin.
   *
   * @param found as it is stored; `undefined` where there is none
   * @param newest what {@link newest} was before the page was read
   * @param invalid called for a page without a valid signature: what is in it is not believed
   */
  read(found: BegunPage | undefined, record: ApprovalRecord, claimToken: string, newest: number, invalid: () => void): PageReading {
    const page = BegunPages.of(record);
    const version = found?.version ?? 0;
    if (version < newest) {
      // reported once: a database that was restored goes on from there
      this.#seen.set(page, version);
      return { kind: 'older' };
    }
    this.#saw(page, version);
    const entries = found === undefined ? {} : this.#entriesOf(found);
    if (entries === undefined) invalid();
    const known = entries !== undefined && Object.hasOwn(entries, record.decisionId) ? entries[record.decisionId] : undefined;
    if (known !== undefined) return { kind: known[0] === claimToken ? 'own' : 'taken' };
    // an approval that has expired begins no more; a day more, because clocks differ
    const nowMs = Date.now();
    const kept = Object.entries(entries ?? {}).filter(([, [, expiresAtMs]]) => expiresAtMs + DAY_MS > nowMs);
    const next: Entries = Object.fromEntries([...kept, [record.decisionId, [claimToken, record.expiresAtMs]]]);
    return { kind: 'free', next: this.#signed(page, version + 1, next) };
  }

  /** The newest version that is known of the page of an approval: what is read from now on is not older. */
  newest(record: ApprovalRecord): number {
    return this.#seen.get(BegunPages.of(record)) ?? 0;
  }

  /** A page that was written is the newest. */
  wrote({ page, version }: BegunPage): void {
    this.#saw(page, version);
  }

  #saw(page: number, version: number): void {
    this.#seen.set(page, Math.max(version, this.#seen.get(page) ?? 0));
  }

  #signed(page: number, version: number, entries: Entries): BegunPage {
    return { page, version, body: JSON.stringify({ entries, mac: this.#macOf(page, version, entries) }) };
  }

  #entriesOf({ page, version, body }: BegunPage): Entries | undefined {
    try {
      const { entries, mac } = JSON.parse(body) as { readonly entries: Entries; readonly mac: string };
      const [given, expected] = [Buffer.from(mac), Buffer.from(this.#macOf(page, version, entries))];
      return given.length === expected.length && timingSafeEqual(given, expected) ? entries : undefined;
    } catch {
      return undefined;
    }
  }

  #macOf(page: number, version: number, entries: Entries): string {
    const text = canonicalText(['aegis begun page 1', page, version, entries]);
    return createHmac('sha256', this.#key.reveal()).update(text).digest('base64url');
  }
}
