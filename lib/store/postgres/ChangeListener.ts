import type { Client } from 'pg';
import { monotonicNow } from '../../common/time/SteadyClock.js';

const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 2_000;
/** How often the connection is tried: a network that swallows packets closes nothing. */
const HEARTBEAT_MS = 10_000;

/** Its socket can be taken out of what keeps the process alive; `@types/pg` does not know. */
type Listening = Client & { ref(): void; unref(): void };

interface Hearing {
  readonly heard: (payload: string) => void;
  /** The connection was lost and is back: what was said in between went by, for at most so many milliseconds. */
  readonly back: (goneMs: number) => void;
}

/** One connection that listens for everybody, and comes back by itself. */
export class ChangeListener {
  readonly #connect: () => Client;
  readonly #hearings = new Map<string, Set<Hearing>>();
  #client: Listening | undefined;
  #stopped = false;
  #failures = 0;
  #aliveAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(connect: () => Client) {
    this.#connect = connect;
  }

  async start(isBack = false): Promise<void> {
    const client = this.#connect() as Listening;
    client.on('error', () => this.#lost(client));
    client.on('end', () => this.#lost(client));
    client.on('notification', ({ channel, payload = '' }) => {
      if (this.#client === client) this.#aliveAtMs = monotonicNow();
      for (const { heard } of this.#hearings.get(channel) ?? []) heard(payload);
    });
    this.#client = client;
    try {
      await client.connect();
      for (const channel of this.#hearings.keys()) await client.query(`LISTEN "${channel}"`);
    } catch (error) {
      if (this.#client === client) this.#client = undefined;
      void client.end().catch(() => undefined);
      throw error;
    }
    if (this.#stopped) return void client.end().catch(() => undefined);
    // like a timer that is not waited for: listening does not keep a process alive
    client.unref();
    this.#failures = 0;
    const goneMs = monotonicNow() - this.#aliveAtMs;
    this.#aliveAtMs = monotonicNow();
    if (isBack) this.#back(goneMs);
    this.#later(HEARTBEAT_MS, () => this.#try(client));
  }

  /** From when this resolves, everything said on the channel is heard, or `back` is called. */
  async hear(channel: string, hearing: Hearing): Promise<() => void> {
    const hearings = this.#hearings.get(channel) ?? new Set();
    this.#hearings.set(channel, hearings.add(hearing));
    // where the connection is just lost, it listens when it is back
    if (hearings.size === 1 && this.#client !== undefined) await listen(this.#client, channel).catch(() => undefined);
    return () => {
      hearings.delete(hearing);
      if (hearings.size > 0 || this.#hearings.get(channel) !== hearings) return;
      this.#hearings.delete(channel);
      void this.#client?.query(`UNLISTEN "${channel}"`).catch(() => undefined);
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    this.#hearings.clear();
    await client?.end().catch(() => undefined);
  }

  #lost(client: Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    void client.end().catch(() => undefined);
    this.#again();
  }

  #again(): void {
    if (this.#stopped) return;
    const waitMs = Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures, MAX_BACKOFF_MS);
    this.#failures += 1;
    this.#later(waitMs, () => {
      this.start(true).catch(() => this.#again());
    });
  }

  #back(goneMs: number): void {
    for (const hearings of this.#hearings.values()) for (const { back } of hearings) back(goneMs);
  }

  #try(client: Client): void {
    if (this.#client !== client) return;
    const overdue = setTimeout(() => this.#lost(client), HEARTBEAT_MS).unref();
    client.query('SELECT 1').then(
      () => {
        clearTimeout(overdue);
        if (this.#client !== client) return;
        this.#aliveAtMs = monotonicNow();
        this.#later(HEARTBEAT_MS, () => this.#try(client));
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

/** Whoever waits for the answer keeps the process alive until then. */
async function listen(client: Listening, channel: string): Promise<void> {
  client.ref();
  try {
    await client.query(`LISTEN "${channel}"`);
  } finally {
    client.unref();
  }
}
