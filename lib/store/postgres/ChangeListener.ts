import type { Client } from 'pg';
import { monotonicNow } from '../../common/time/SteadyClock.js';

const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 2_000;
/** How often the connection is tested: a network that swallows packets closes nothing. */
const TEST_MS = 10_000;
/** How long a new connection may take until it listens. */
const START_MS = 20_000;

/** Its socket can stop keeping the process alive; `@types/pg` does not declare that. */
type ListeningClient = Client & { ref(): void; unref(): void };

/** Who listens on a channel. */
interface Listener {
  readonly onNotice: (payload: string) => void;
  /** The connection was lost and is back: the notices of at most so many milliseconds were missed. */
  readonly onReconnect: (goneMs: number) => void;
}

/** One connection that listens on all channels, and reconnects by itself. */
export class ChangeListener {
  readonly #connect: () => Client;
  readonly #listeners = new Map<string, Set<Listener>>();
  #client: ListeningClient | undefined;
  #stopped = false;
  #failures = 0;
  #aliveAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(connect: () => Client) {
    this.#connect = connect;
  }

  async start(reconnected = false): Promise<void> {
    const client = this.#connect() as ListeningClient;
    client.on('error', () => this.#lost(client));
    client.on('end', () => this.#lost(client));
    client.on('notification', ({ channel, payload = '' }) => {
      if (this.#client === client) this.#aliveAtMs = monotonicNow();
      for (const { onNotice } of this.#listeners.get(channel) ?? []) onNotice(payload);
    });
    this.#client = client;
    // nothing else tests a connection whose first answers the network swallows
    const overdue = setTimeout(() => this.#lost(client), START_MS).unref();
    try {
      await client.connect();
      for (const channel of this.#listeners.keys()) await client.query(`LISTEN "${channel}"`);
    } catch (error) {
      if (this.#client === client) this.#client = undefined;
      void client.end().catch(() => undefined);
      throw error;
    } finally {
      clearTimeout(overdue);
    }
    if (this.#stopped) return void client.end().catch(() => undefined);
    // lost together with the last answer: the next connection is under way already, and its timer must be left alone
    if (this.#client !== client) return;
    // like an unref'd timer: listening does not keep a process alive
    client.unref();
    this.#failures = 0;
    const goneMs = monotonicNow() - this.#aliveAtMs;
    this.#aliveAtMs = monotonicNow();
    if (reconnected) this.#onReconnect(goneMs);
    this.#later(TEST_MS, () => this.#test(client));
  }

  /** Once this resolves, every notice on the channel is delivered, or `onReconnect` is called. */
  async listen(channel: string, listener: Listener): Promise<() => void> {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(listener));
    // where the connection was just lost, the channel is listened on when it is back
    if (listeners.size === 1 && this.#client !== undefined) await listen(this.#client, channel).catch(() => undefined);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0 || this.#listeners.get(channel) !== listeners) return;
      this.#listeners.delete(channel);
      void this.#client?.query(`UNLISTEN "${channel}"`).catch(() => undefined);
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    this.#listeners.clear();
    await client?.end().catch(() => undefined);
  }

  #lost(client: Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    void client.end().catch(() => undefined);
    this.#reconnect();
  }

  #reconnect(): void {
    if (this.#stopped) return;
    const waitMs = Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures, MAX_BACKOFF_MS);
    this.#failures += 1;
    this.#later(waitMs, () => {
      this.start(true).catch(() => this.#reconnect());
    });
  }

  #onReconnect(goneMs: number): void {
    for (const listeners of this.#listeners.values()) for (const { onReconnect } of listeners) onReconnect(goneMs);
  }

  #test(client: Client): void {
    if (this.#client !== client) return;
    const overdue = setTimeout(() => this.#lost(client), TEST_MS).unref();
    client.query('SELECT 1').then(
      () => {
        clearTimeout(overdue);
        if (this.#client !== client) return;
        this.#aliveAtMs = monotonicNow();
        this.#later(TEST_MS, () => this.#test(client));
      },
      () => {
        clearTimeout(overdue);
        this.#lost(client);
      },
    );
  }

  #later(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = setTimeout(then, ms).unref();
  }
}

/** Waiting for the answer keeps the process alive. */
async function listen(client: ListeningClient, channel: string): Promise<void> {
  client.ref();
  try {
    await client.query(`LISTEN "${channel}"`);
  } finally {
    client.unref();
  }
}
