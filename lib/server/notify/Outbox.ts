import type { Logger } from '../../common/Logger.js';
import type { RecordStore, StoredRecord } from '../../store/RecordStore.js';
import { DeliveryError } from './Channel.js';
import type { Channel, IsRequester, SentCard } from './Channel.js';
import type { HaltNotice } from './HaltNotices.js';
import type { LimitNotice } from './LimitNotices.js';
import type { AdminNotice, Notice } from './Notice.js';

/** The kind of the records of what is to be delivered. */
export const NOTICE_KIND = 'notice';

/** A notice for one channel. */
export interface Outgoing {
  readonly channel: string;
  readonly notice: Notice;
  /** The message that it changes; absent where it is a new one. */
  readonly card?: SentCard | undefined;
}

/** What the admins are told, for one channel. */
export interface OutgoingToAdmins {
  readonly channel: string;
  readonly toAdmins: AdminNotice;
}

/** What the admins are told of a halt, for one channel. */
export interface OutgoingHalt {
  readonly channel: string;
  readonly halt: HaltNotice;
}

/** What the admins are told of a limit, for one channel. */
export interface OutgoingLimit {
  readonly channel: string;
  readonly limit: LimitNotice;
}

type Stored = (Outgoing | OutgoingToAdmins | OutgoingHalt | OutgoingLimit) & {
  readonly attempts: number;
  readonly nextAtMs: number;
};

/** What an {@link Outbox} needs. */
export interface OutboxOptions {
  readonly records: RecordStore;
  readonly channels: readonly Channel[];
  readonly logger: Logger;
  readonly now: () => number;
  /** Whether to begin another delivery. */
  readonly mayGoOn: () => boolean;
  readonly isRequester: IsRequester;
  /** The notice as things are now; `undefined` where there is nothing left to tell. */
  readonly current: (outgoing: Outgoing) => Promise<Notice | undefined>;
  /** Gets the message that a channel sent, if it can be changed later. */
  readonly onSent: (outgoing: Outgoing, card: SentCard) => Promise<void>;
}

/** How long after each attempt the next one follows, in milliseconds. */
const RETRY_MS = [5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 7_200_000];
/** A server that has taken a notice and does not deliver it in this time is taken for dead. */
const LEASE_MS = 60_000;
/** Deliveries of a channel in a minute, attempts included. */
const BUDGET = 60;
const MINUTE_MS = 60_000;

/** Delivers notices: each at least once, by one of several servers, with pauses that grow, and no more than a channel is good for. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #spent = new Map<string, { readonly sinceMs: number; count: number }>();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Keeps a notice for delivery. The same id is kept once. */
  async add(id: string, outgoing: Outgoing | OutgoingToAdmins | OutgoingHalt | OutgoingLimit): Promise<void> {
    const { records, now } = this.#options;
    const stored: Stored = { ...outgoing, attempts: 0, nextAtMs: now() };
    await records.insert({ kind: NOTICE_KIND, id, version: 1, createdAtMs: now(), body: JSON.stringify(stored) });
  }

  /**
   * Delivers what is due.
   *
   * @returns when the next one is due, in epoch milliseconds
   */
  async deliver(): Promise<number | undefined> {
    const { records, now, mayGoOn } = this.#options;
    let nextMs: number | undefined;
    let cursor: string | undefined;
    do {
      const page = await records.list({ kind: NOTICE_KIND, cursor });
      for (const row of page.records) {
        if (!mayGoOn()) return undefined;
        const stored = JSON.parse(row.body) as Stored;
        const atMs = stored.nextAtMs <= now() ? await this.#attempt(row, stored) : stored.nextAtMs;
        if (atMs !== undefined) nextMs = Math.min(nextMs ?? Infinity, atMs);
      }
      ({ cursor } = page);
    } while (cursor !== undefined);
    return nextMs;
  }

  /** @returns when it is tried again; `undefined` where it is not */
  async #attempt(row: StoredRecord, stored: Stored): Promise<number | undefined> {
    const { records, channels, now } = this.#options;
    const channel = channels.find(({ name }) => name === stored.channel);
    // a channel that was taken out of the configuration
    if (channel === undefined) return this.#drop(row, 'its channel is not configured');
    const freeAtMs = this.#spend(channel.name);
    if (freeAtMs !== undefined) return freeAtMs;
    const attempts = stored.attempts + 1;
    const taken: StoredRecord = rowOf(row, { ...stored, attempts, nextAtMs: now() + LEASE_MS });
    // another server was first
    if (!(await records.replace(taken, row.version))) return undefined;
    try {
      if ('toAdmins' in stored) await channel.sendToAdmins?.(stored.toAdmins);
      else if ('halt' in stored) await channel.sendHalt?.(stored.halt);
      else if ('limit' in stored) await channel.sendLimit?.(stored.limit);
      else await this.#sendNotice(channel, stored);
      await records.delete(NOTICE_KIND, row.id, taken.version);
      return undefined;
    } catch (error) {
      const pauseMs = RETRY_MS[attempts - 1];
      const why = error instanceof DeliveryError ? error.message : 'The delivery failed.';
      if (pauseMs === undefined || (error instanceof DeliveryError && error.isFinal)) return this.#drop(taken, why);
      const nextAtMs = now() + pauseMs;
      await records.replace(rowOf(taken, { ...stored, attempts, nextAtMs }), taken.version);
      this.#options.logger.warn({ channel: channel.name, attempts, why }, 'A notice was not delivered. It is tried again.');
      return nextAtMs;
    }
  }

  async #sendNotice(channel: Channel, outgoing: Outgoing): Promise<void> {
    const { now, isRequester, onSent, current } = this.#options;
    const notice = await current(outgoing);
    if (notice === undefined) return;
    if (outgoing.card !== undefined) return channel.update?.(outgoing.card, notice, now());
    const card = await channel.send(notice, now(), isRequester);
    if (card !== undefined) await onSent({ ...outgoing, notice }, card);
  }

  async #drop(row: StoredRecord, why: string): Promise<undefined> {
    await this.#options.records.delete(NOTICE_KIND, row.id, row.version);
    this.#options.logger.error(
      { channel: (JSON.parse(row.body) as Stored).channel, why },
      'A notice was given up. It changes no approval.',
    );
  }

  /** @returns when the channel is free again, where its budget is spent */
  #spend(channel: string): number | undefined {
    const nowMs = this.#options.now();
    const spent = this.#spent.get(channel);
    if (spent === undefined || nowMs - spent.sinceMs >= MINUTE_MS) {
      this.#spent.set(channel, { sinceMs: nowMs, count: 1 });
      return undefined;
    }
    if (spent.count >= BUDGET) return spent.sinceMs + MINUTE_MS;
    spent.count += 1;
    return undefined;
  }
}

function rowOf({ kind, id, version, createdAtMs }: StoredRecord, body: Stored): StoredRecord {
  return { kind, id, version: version + 1, createdAtMs, body: JSON.stringify(body) };
}
