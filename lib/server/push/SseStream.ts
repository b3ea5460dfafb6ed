import { attempt } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';

/** Where a stream has its text from. */
export interface StreamSource {
  /** How it begins. */
  readonly start: string;
  /** The next piece; `undefined` where there is none yet. */
  read(): string | undefined;
  /** A heartbeat: where the listener is. */
  position(): string;
  /** Called once, when it has ended. */
  ended(): void;
}

/** What every stream of events needs. */
export interface StreamOptions {
  /** Ends the stream: its client is gone. */
  readonly signal: AbortSignal;
  /** Asked with each heartbeat: whether the listener may still listen. An error is a no. */
  readonly mayListen?: (() => Awaitable<boolean>) | undefined;
  /** Asks that between heartbeats, too, in milliseconds. @defaultValue not between them */
  readonly askEveryMs?: number | undefined;
  /** Called once, when it has ended. */
  readonly onEnd?: (() => void) | undefined;
}

/** Many a proxy cuts a connection on which nothing happens for longer, in milliseconds. */
const HEARTBEAT_MS = 15_000;

/**
 * One listener's stream of server-sent events, as pieces of text for one reader. Nothing waits in it: each piece is made when it is read. A reader that
 * does not read for two heartbeats has ended.
 */
export class SseStream implements AsyncIterable<string> {
  readonly #source: StreamSource;
  readonly #options: StreamOptions;
  readonly #timers: readonly NodeJS.Timeout[];
  /** Sent before anything else: how it begins, a heartbeat, or how it ends. */
  #first: string | undefined;
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(source: StreamSource, options: StreamOptions) {
    this.#source = source;
    this.#first = source.start;
    this.#options = options;
    const { askEveryMs } = options;
    this.#timers = [
      setInterval(() => this.#beat(), HEARTBEAT_MS),
      ...(askEveryMs === undefined ? [] : [setInterval(() => this.#ask(() => {}), askEveryMs)]),
    ];
    for (const timer of this.#timers) timer.unref();
    options.signal.addEventListener('abort', this.#cut, { once: true });
  }

  readonly #cut = (): void => this.end();

  /** Has a reader that waits look again. */
  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** @param last a last piece, for a reader that still reads */
  end(last?: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#first = last;
    this.#timers.forEach(clearInterval);
    this.#options.signal.removeEventListener('abort', this.#cut);
    this.#source.ended();
    this.#options.onEnd?.();
    this.wake();
  }

  [Symbol.asyncIterator](): AsyncIterator<string> {
    return {
      next: async () => {
        for (;;) {
          const piece = this.#take();
          if (piece !== undefined) return { done: false, value: piece };
          if (this.#ended) return { done: true, value: undefined };
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      },
      return: () => {
        this.end();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #take(): string | undefined {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined || this.#ended) return first;
    return this.#source.read();
  }

  #beat(): void {
    // the last one was not even read
    if (this.#first !== undefined) return this.end();
    this.#ask(() => {
      this.#first = this.#source.position();
      this.wake();
    });
  }

  #ask(goOn: () => void): void {
    attempt<boolean, void>(
      () => this.#options.mayListen?.() ?? true,
      (may) => {
        if (!may) return this.end();
        if (!this.#ended) goOn();
      },
      () => this.end(),
    );
  }
}
