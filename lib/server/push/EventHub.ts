import { writeWire } from '../../decision/wire/readWire.js';
import { bootId } from '../../common/nextId.js';
import { monotonicNow } from '../../common/time/SteadyClock.js';
import { SseStream } from './SseStream.js';
import type { StreamOptions } from './SseStream.js';

/** What an event says to each listener by itself. It is kept with the event, and holds no more than it needs. */
export interface PersonalPart<Whom> {
  /** About how much memory it takes. */
  readonly bytes: number;
  /** More fields of the data, for this listener. */
  of(whom: Whom): object;
}

/** What a server tells the programs and people that listen. */
export interface HubEvent<Whom = never> {
  /**
   * For programs, `status`: where an approval stands now. For people, `requested`: somebody has to decide; `changed`: there is more to know of an approval;
   * `settled`: it was decided, or has ended; `halts`: what is halted from now on. For both, `resync`: something may be missing here, so ask for what you wait
   * for; also once a halt is over.
   */
  readonly type: 'status' | 'requested' | 'changed' | 'settled' | 'halts' | 'resync';
  /** Only callers that speak for this agent get it; all of the tenant, where it is absent. */
  readonly agentId?: string | undefined;
  /** What it says, as JSON. */
  readonly data: object;
  readonly personal?: PersonalPart<Whom> | undefined;
}

/** Options of an {@link EventHub}. */
export interface EventHubOptions {
  /**
   * Events that are kept for listeners that come back.
   *
   * @defaultValue 10,000
   */
  readonly keepEvents?: number | undefined;
  /**
   * Bytes of these events at most.
   *
   * @defaultValue 4,194,304 (4 MiB)
   */
  readonly keepBytes?: number | undefined;
  /**
   * Events that follow each other within this time reach listeners together, in milliseconds.
   *
   * @defaultValue 0.1 for each listener, at most 25: so long that telling all of them takes a part of the time only
   */
  readonly gatherMs?: number | undefined;
}

/** How to listen. */
export interface Subscription<Whom = never> extends StreamOptions {
  /** The `Last-Event-ID` of a listener that comes back. */
  readonly lastEventId?: string | undefined;
  /** Whether the listener speaks for an agent. */
  readonly covers: (agentId: string) => boolean;
  /** Who listens, as it is now; where that is not known, no event says anything to the listener by itself. */
  readonly whom?: (() => Whom | undefined) | undefined;
}

/** An event that is kept. */
interface KeptEvent<Whom> {
  readonly agentId: string | undefined;
  readonly personal: PersonalPart<Whom> | undefined;
  readonly text: string;
  readonly bytes: number;
}

/** How much a listener gets at a time, in characters: less than what a server lets wait in a connection. */
const PIECE = 16_384;
const GATHER_MS = 25;
/** About ten times what it takes to write to one. */
const GATHER_MS_EACH = 0.1;

/**
 * Tells a tenant's programs what became of their approvals, or its people what waits for them. The newest events are kept, so that a listener that comes back misses none. A listener is a
 * position in them, so that a slow one costs no memory; one that falls behind what is kept is told to ask for what it waits for.
 */
export class EventHub<Whom = never> {
  readonly #keepEvents: number;
  readonly #keepBytes: number;
  readonly #gatherMs: number | undefined;
  readonly #streams = new Set<SseStream>();
  #kept: KeptEvent<Whom>[] = [];
  #keptBytes = 0;
  /** The number of the first event that is kept; numbers begin with 1. */
  #first = 1;
  /** Where the kept ones begin in `#kept`: what is before is dropped in one go, now and then. */
  #head = 0;
  #lastFlushMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  /** Set once it is closed: about when listeners should come back. */
  #retryMs: number | undefined;

  constructor({ keepEvents = 10_000, keepBytes = 4_194_304, gatherMs }: EventHubOptions = {}) {
    this.#keepEvents = keepEvents;
    this.#keepBytes = keepBytes;
    this.#gatherMs = gatherMs;
  }

  /** How many listen. */
  get listeners(): number {
    return this.#streams.size;
  }

  /** Where a listener is that has had all events so far: what it comes back with. */
  get position(): string {
    return `${bootId}-${this.#next - 1}`;
  }

  /** Tells the listeners that may know of it. */
  publish({ type, agentId, data, personal }: HubEvent<Whom>): void {
    if (this.#retryMs !== undefined) return;
    const text = `id: ${bootId}-${this.#next}\nevent: ${type}\ndata: ${writeWire(data)}\n\n`;
    const bytes = Buffer.byteLength(text) + (personal?.bytes ?? 0);
    this.#kept.push({ agentId, personal, text, bytes });
    this.#keptBytes += bytes;
    while (this.#kept.length - this.#head > this.#keepEvents || this.#keptBytes > this.#keepBytes) this.#forgetFirst();
    if (this.#timer !== undefined) return;
    const sinceMs = monotonicNow() - this.#lastFlushMs;
    const gatherMs = this.#gatherMs ?? Math.min(GATHER_MS, this.#streams.size * GATHER_MS_EACH);
    this.#timer = setTimeout(() => this.#flush(), Math.max(0, gatherMs - sinceMs));
    this.#timer.unref();
  }

  /** Tells every listener that something may be missing, for example after a database connection was lost. */
  resync(): void {
    this.publish({ type: 'resync', data: {} });
  }

  /** Listens from the call on, not from the first read. */
  subscribe({ lastEventId, covers, whom, ...options }: Subscription<Whom>): AsyncIterable<string> {
    const asked = this.#positionOf(lastEventId);
    let next = asked ?? this.#next;
    const read = (): string | undefined => {
      let text = '';
      const listener = whom?.();
      if (next < this.#first) {
        next = this.#next;
        return resyncAt(next);
      }
      for (; next < this.#next && text.length < PIECE; next++) {
        const event = this.#kept[this.#head + next - this.#first] as KeptEvent<Whom>;
        if (event.agentId === undefined || covers(event.agentId)) text += textFor(event, listener);
      }
      return text === '' ? undefined : text;
    };
    // also without any event: a listener whose connection is lost at once comes back to this place
    const position = (): string => `id: ${bootId}-${next - 1}\n\n`;
    const missed = lastEventId !== undefined && asked === undefined;
    const start = `retry: 2000\n${missed ? resyncAt(next) : position()}`;
    const stream = new SseStream({ start, read, position, ended: () => this.#streams.delete(stream) }, options);
    this.#streams.add(stream);
    if (this.#retryMs !== undefined) stream.end(goodbye(this.#retryMs));
    if (options.signal.aborted) stream.end();
    return stream;
  }

  /**
   * Ends every stream, and each later one.
   *
   * @param retryMs about when listeners should come back, in milliseconds: each is told a time of its own, from half of it to one and a half
   */
  close(retryMs = 2_000): void {
    this.#retryMs = retryMs;
    clearTimeout(this.#timer);
    for (const stream of this.#streams) stream.end(goodbye(retryMs));
  }

  /** The number of the next event. */
  get #next(): number {
    return this.#first + this.#kept.length - this.#head;
  }

  /** The number of the first event after one that a listener has had, where all since then are kept. */
  #positionOf(lastEventId: string | undefined): number | undefined {
    const [, boot, count] = /^(.+)-(\d{1,15})$/.exec(lastEventId ?? '') ?? [];
    const next = Number(count) + 1;
    return boot === bootId && next >= this.#first && next <= this.#next ? next : undefined;
  }

  #forgetFirst(): void {
    this.#keptBytes -= (this.#kept[this.#head] as KeptEvent<Whom>).bytes;
    this.#head += 1;
    this.#first += 1;
    if (this.#head < this.#keepEvents) return;
    this.#kept = this.#kept.slice(this.#head);
    this.#head = 0;
  }

  #flush(): void {
    this.#timer = undefined;
    this.#lastFlushMs = monotonicNow();
    for (const stream of this.#streams) stream.wake();
  }
}

/** The text of an event with what it says to this listener by itself. */
function textFor<Whom>({ text, personal }: KeptEvent<Whom>, listener: Whom | undefined): string {
  if (personal === undefined || listener === undefined) return text;
  const more = JSON.stringify(personal.of(listener)).slice(1);
  return more === '}' ? text : `${text.slice(0, -END.length)},${more}\n\n`;
}

/** How the data of each event ends. */
const END = '}\n\n';

/** Programs that all come back at once would be a flood. */
function goodbye(retryMs: number): string {
  const ms = Math.round(retryMs * (0.5 + Math.random()));
  return `retry: ${ms}\nevent: bye\ndata: {"retry_ms":${ms}}\n\n`;
}

function resyncAt(next: number): string {
  return `id: ${bootId}-${next - 1}\nevent: resync\ndata: {}\n\n`;
}
