import { createHash, createHmac } from 'node:crypto';
import { canonicalText } from '../../common/data/canonical.js';
import type { SecretString } from '../../common/SecretString.js';
import type { RecordHead, StoredRecord } from '../RecordStore.js';
import { isSameMac } from '../record/isSameMac.js';

/** How many parts the list of one kind has. */
const PARTS = 64;

/** What the signed list says of a record: enough to know what any list of them must show. */
export interface RecordEntry extends Pick<StoredRecord, 'id' | 'createdAtMs' | 'index1' | 'index2' | 'deleteAfterMs' | 'version'> {
  /** The beginning of its MAC: an id may be taken again after the record was deleted, and then the earlier record is not this one. */
  readonly tag: string;
}

/** A part of the list as it was read. */
export interface HeadReading {
  /** The version of the part; 0 where there is none. */
  readonly version: number;
  /** By id. */
  readonly entries: ReadonlyMap<string, RecordEntry>;
  /**
   * `sound`: what someone with the key last wrote, as far as this process knows. `lost`: it was deleted or put back. `foreign`: it has no valid signature of
   * the key.
   */
  readonly state: 'sound' | 'lost' | 'foreign';
}

const NOTHING: ReadonlyMap<string, RecordEntry> = new Map();

/** Signs and reads the parts of the lists of one tenant, and remembers the newest version of each: a part that is put back is noticed while this process lives. */
export class RecordHeads {
  /** The first one signs. */
  readonly #keys: readonly SecretString[];
  readonly #tenantId: string;
  readonly #seen = new Map<string, number>();

  constructor(keys: readonly SecretString[], tenantId: string) {
    this.#keys = keys;
    this.#tenantId = tenantId;
  }

  /** Which part a record is in. */
  partOf(kind: string, id: string): number {
    return createHash('sha256').update(`${kind} ${id}`).digest().readUInt8(0) % PARTS;
  }

  /** The newest version that is known of a part: what is read from now on is not older. */
  newest(kind: string, part: number): number {
    return this.#seen.get(`${kind} ${part}`) ?? 0;
  }

  /** The parts of a kind that this process has seen. */
  seenParts(kind: string): readonly number[] {
    return [...this.#seen.keys()].filter((key) => key.startsWith(`${kind} `)).map((key) => Number(key.slice(kind.length + 1)));
  }

  /** A part that was written or read is the newest. */
  saw({ kind, part, version }: RecordHead): void {
    this.#seen.set(`${kind} ${part}`, Math.max(version, this.newest(kind, part)));
  }

  /**
   * Reads a part.
   *
   * @param found as it is stored; `undefined` where there is none
   * @param newest what {@link newest} was before it was read
   */
  read(found: RecordHead | undefined, newest: number): HeadReading {
    if (found === undefined) return { version: 0, entries: NOTHING, state: newest === 0 ? 'sound' : 'lost' };
    const { version } = found;
    const entries = this.#entriesOf(found);
    if (entries === undefined) return { version, entries: NOTHING, state: 'foreign' };
    if (version < newest) return { version, entries: NOTHING, state: 'lost' };
    this.saw(found);
    return { version, entries, state: 'sound' };
  }

  /** The next version of a part: newer than any that a process has seen, also where that one was put back. */
  signed(kind: string, part: number, version: number, entries: HeadReading['entries']): RecordHead {
    const head = { kind, part, version: Math.max(version, this.newest(kind, part)) + 1 };
    const list = [...entries.values()];
    const [key] = this.#keys as [SecretString];
    return { ...head, body: JSON.stringify({ list, mac: this.#macOf(head, list, key) }) };
  }

  #entriesOf({ body, ...head }: RecordHead): ReadonlyMap<string, RecordEntry> | undefined {
    try {
      const { list, mac } = JSON.parse(body) as { readonly list: readonly RecordEntry[]; readonly mac: string };
      const signed = this.#keys.some((key) => isSameMac(mac, this.#macOf(head, list, key)));
      return signed ? new Map(list.map((entry) => [entry.id, entry])) : undefined;
    } catch {
      return undefined;
    }
  }

  #macOf({ kind, part, version }: Omit<RecordHead, 'body'>, list: readonly RecordEntry[], key: SecretString): string {
    const text = canonicalText(['aegis record head 1', this.#tenantId, kind, part, version, list]);
    return createHmac('sha256', key.reveal()).update(text).digest('base64url');
  }
}
