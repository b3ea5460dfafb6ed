import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import type { Awaitable } from '../../common/awaitable.js';
import { LruMap } from '../../common/LruMap.js';
import type { SecretString } from '../../common/SecretString.js';
import { DAY_MS, monotonicNow, SteadyClock } from '../../common/time/SteadyClock.js';
import { BadRequestError, NotFoundError, StoreError } from '../../model/errors/ServiceErrors.js';
import type { RecordStore, StoredRecord } from '../../store/RecordStore.js';
import { apiKeyOf, isTaggedFor, newApiKey, readApiKey } from './apiKey.js';
import type { Caller, Scope } from './Caller.js';
import { KEY_KIND, readKeyBody } from './KeyBody.js';
import type { KeyBody } from './KeyBody.js';
import { checkKeyRequest, checkMaker, coversAgents } from './KeyRequest.js';
import type { KeyRequest } from './KeyRequest.js';

/** What may be known of a key: all but its secret. */
export interface KeyInfo {
  /** The public part of the key, by which it is found. */
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  /** What it may do. */
  readonly scopes: readonly Scope[];
  /** `undefined`: all of the tenant. */
  readonly agents: readonly string[] | undefined;
  /** Whether the session that it sends is believed. */
  readonly sessionTrusted: boolean;
  /** Whether it opens anything now. */
  readonly status: 'active' | 'expired' | 'revoked';
  /** When it was made, in epoch milliseconds. */
  readonly createdAtMs: number;
  /** Who made it. */
  readonly createdBy: string;
  /** From when on it opens nothing, in epoch milliseconds; `undefined`: it does not expire. */
  readonly expiresAtMs: number | undefined;
  /** Until when the secret of before its rotation works too. */
  readonly previousUntilMs: number | undefined;
  /** When it was revoked, in epoch milliseconds; `undefined`: it was not. */
  readonly revokedAtMs: number | undefined;
}

/** A key that was made or rotated. This is the only time that its text is known. */
export interface IssuedKey {
  /** What is known of the key. */
  readonly info: KeyInfo;
  /** The key itself, which is kept nowhere. */
  readonly key: SecretString;
}

/** What a {@link KeyRing} needs. */
export interface KeyRingOptions {
  readonly tenantId: string;
  /** Signed: a row that was written without the state key is absent. */
  readonly records: RecordStore;
  /** The pepper of the hashes: with it, a table that was stolen or written opens nothing. */
  readonly pepper: SecretString;
  readonly clock?: SteadyClock | undefined;
}

const MAX_OVERLAP_MS: number = 30 * DAY_MS;
/** How long a key is taken from memory, in milliseconds: a revocation by another process counts this late. */
const KEPT_MS = 30_000;
const KEPT_KEYS = 10_000;

/** The keys of one tenant. */
export class KeyRing {
  readonly tenantId: string;
  readonly #records: RecordStore;
  readonly #pepper: SecretString;
  readonly #clock: SteadyClock;
  /** By the digest of the whole key. */
  #known = new LruMap<string, { readonly caller: Caller; readonly readAtMs: number; readonly untilMs: number }>(KEPT_KEYS);
  readonly #reading = new Map<string, Promise<Caller | undefined>>();
  /** Raised by each change here, so that a read that began before it is not kept. */
  #changes = 0;

  constructor({ tenantId, records, pepper, clock = new SteadyClock() }: KeyRingOptions) {
    this.tenantId = tenantId;
    this.#records = records;
    this.#pepper = pepper;
    this.#clock = clock;
  }

  /**
   * Makes a key. What it may do is what its maker may, at most.
   *
   * @throws BadRequestError, RequestError as {@link checkKeyRequest}
   */
  async create(request: KeyRequest, maker: Caller): Promise<IssuedKey> {
    const nowMs = this.#clock.now();
    checkKeyRequest(request, maker, nowMs);
    const { keyId, key } = newApiKey(this.tenantId);
    const { name, scopes, agents, sessionTrusted = false, expiresAtMs } = request;
    const own = { name, scopes: [...scopes], agents: agents && [...agents], sessionTrusted, expiresAtMs };
    const body: KeyBody = { ...own, createdBy: maker.id, hash: this.#hashOf(key.reveal()) };
    const record = recordOf(body, { id: keyId, version: 1, createdAtMs: nowMs });
    if (!(await this.#records.insert(record)))
      throw new StoreError('The key was not recorded: the store already holds one with its id. Make it again.');
    return { info: infoOf(record, body, nowMs), key };
  }

  /** Lists the keys that this caller covers, oldest first. */
  async list(
    caller: Caller,
    { cursor, limit }: { cursor?: string | undefined; limit?: number | undefined } = {},
  ): Promise<{
    readonly keys: readonly KeyInfo[];
    readonly cursor: string | undefined;
  }> {
    const page = await this.#records.list({ kind: KEY_KIND, cursor, limit });
    const keys = page.records.flatMap((record) => this.#infoOf(record) ?? []).filter(({ agents }) => coversAgents(caller, agents));
    return { keys, cursor: page.cursor };
  }

  /** @throws NotFoundError for an unknown key, and one whose agents the caller does not cover */
  async checkCovered(keyId: string, caller: Caller): Promise<void> {
    await this.#change(keyId, caller, () => undefined);
  }

  /**
   * Gives a key another secret. The one of before works for `overlapMs` more, so that programs can change it without a pause.
   *
   * @param overlapMs in milliseconds, at most 30 days; 0 ends the old secret at once, as does the next rotation
   * @throws BadRequestError for another overlap
   * @throws NotFoundError for an unknown key, one that has ended, and one whose agents the caller does not cover
   * @throws RequestError 403 `scope_missing` where the caller lacks what the key has
   */
  async rotate(keyId: string, caller: Caller, overlapMs: number = DAY_MS): Promise<IssuedKey> {
    if (!(Number.isInteger(overlapMs) && overlapMs >= 0 && overlapMs <= MAX_OVERLAP_MS))
      throw new BadRequestError('The overlap must be 0 to 720 hours: for so long the old secret works beside the new one.');
    const key = apiKeyOf(keyId);
    const info = await this.#change(keyId, caller, (body, { status }, nowMs) => {
      if (status !== 'active') throw unknownKey();
      checkMaker(caller, body);
      const { hash: previousHash, ...rest } = body;
      return { ...rest, hash: this.#hashOf(key.reveal()), previousHash, previousUntilMs: nowMs + overlapMs, rotatedBy: caller.id };
    });
    return { info, key };
  }

  /**
   * Ends a key. Its record stays: a revocation is never a deletion. Other processes notice it within 30 s.
   *
   * @throws NotFoundError for an unknown key, and one whose agents the caller does not cover
   */
  async revoke(keyId: string, caller: Caller): Promise<KeyInfo> {
    return this.#change(keyId, caller, (body, { status }, nowMs) =>
      status === 'revoked' ? undefined : { ...body, revokedAtMs: nowMs, revokedBy: caller.id },
    );
  }

  /**
   * Whose key this is; `undefined` for a key that opens nothing here.
   *
   * @param maxAgeMs how old what is taken from memory may be, in milliseconds
   */
  find(text: string, maxAgeMs: number = KEPT_MS): Awaitable<Caller | undefined> {
    const digest = hash('sha256', text, 'base64url');
    const known = this.#known.get(digest);
    const nowMs = monotonicNow();
    if (known !== undefined && nowMs < known.untilMs && nowMs - known.readAtMs <= maxAgeMs) return known.caller;
    const reading = this.#reading.get(digest);
    if (reading !== undefined) return reading;
    const read = this.#read(text, digest).finally(() => this.#reading.delete(digest));
    this.#reading.set(digest, read);
    return read;
  }

  async #read(text: string, digest: string): Promise<Caller | undefined> {
    const parts = readApiKey(text);
    if (parts === undefined || !isTaggedFor(parts.keyId, this.tenantId)) return undefined;
    const changes = this.#changes;
    const readAtMs = monotonicNow();
    const record = await this.#records.get(KEY_KIND, parts.keyId);
    const given = this.#hashOf(text);
    const nowMs = this.#clock.now();
    // an unknown id takes the same path
    const body = record && readKeyBody(record);
    const endsAtMs = body === undefined ? 0 : endOf(body, given);
    if (body === undefined || nowMs >= endsAtMs) return undefined;
    const caller: Caller = {
      kind: 'key',
      tenantId: this.tenantId,
      id: parts.keyId,
      scopes: new Set(body.scopes),
      agents: body.agents,
      sessionTrusted: body.sessionTrusted,
      ...(endsAtMs !== Infinity && { endsAtMs }),
    };
    if (this.#changes === changes) this.#known.set(digest, { caller, readAtMs, untilMs: readAtMs + Math.min(KEPT_MS, endsAtMs - nowMs) });
    return caller;
  }

  async #change(
    keyId: string,
    caller: Caller,
    next: (body: KeyBody, info: KeyInfo, nowMs: number) => KeyBody | undefined,
  ): Promise<KeyInfo> {
    for (;;) {
      const record = await this.#records.get(KEY_KIND, keyId);
      const body = record && readKeyBody(record);
      if (record === undefined || body === undefined || !coversAgents(caller, body.agents)) throw unknownKey();
      const nowMs = this.#clock.now();
      const info = infoOf(record, body, nowMs);
      const changed = next(body, info, nowMs);
      if (changed === undefined) return info;
      const written = recordOf(changed, { ...record, version: record.version + 1 });
      const isWritten = await this.#records.replace(written, record.version);
      this.#forget();
      if (isWritten) return infoOf(written, changed, nowMs);
      // another change was first
    }
  }

  #forget(): void {
    this.#changes += 1;
    this.#known = new LruMap(KEPT_KEYS);
    this.#reading.clear();
  }

  #infoOf(record: StoredRecord): KeyInfo | undefined {
    const body = readKeyBody(record);
    return body && infoOf(record, body, this.#clock.now());
  }

  #hashOf(text: string): string {
    return createHmac('sha256', this.#pepper.reveal()).update(text).digest('base64url');
  }
}

/** When the secret with this hash ends, in epoch milliseconds; 0 where it opens nothing. */
function endOf({ hash: current, previousHash, previousUntilMs = 0, expiresAtMs = Infinity, revokedAtMs }: KeyBody, given: string): number {
  const isCurrent = isSame(current, given);
  const isPrevious = isSame(previousHash ?? current, given) && previousHash !== undefined;
  if (revokedAtMs !== undefined) return 0;
  if (isCurrent) return expiresAtMs;
  return isPrevious ? Math.min(expiresAtMs, previousUntilMs) : 0;
}

function isSame(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function recordOf(body: KeyBody, { id, version, createdAtMs }: Pick<StoredRecord, 'id' | 'version' | 'createdAtMs'>): StoredRecord {
  return { kind: KEY_KIND, id, version, createdAtMs, body: JSON.stringify(body) };
}

function infoOf({ id, createdAtMs }: StoredRecord, body: KeyBody, nowMs: number): KeyInfo {
  const { name, scopes, agents, sessionTrusted, createdBy, expiresAtMs, previousUntilMs, revokedAtMs } = body;
  const status = revokedAtMs !== undefined ? 'revoked' : nowMs >= (expiresAtMs ?? Infinity) ? 'expired' : 'active';
  return { id, name, scopes, agents, sessionTrusted, status, createdAtMs, createdBy, expiresAtMs, previousUntilMs, revokedAtMs };
}

function unknownKey(): NotFoundError {
  return new NotFoundError('There is no such key, or it has ended. List the keys to find it: npx aegis keys list.');
}
