import { isThenable } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import { ConfigError } from './errors/SetupErrors.js';

/**
 * A part of the library that is loaded when it is first needed, so that it costs nothing where it is not. Parts become available in the order in which
 * they were asked for: what a verdict needs is not there before what runs the call.
 */
export class LazyPart<T> {
  static #before: Promise<unknown> = Promise.resolve();
  readonly #load: () => Promise<T>;
  #part: Awaitable<T> | undefined;

  constructor(load: () => Promise<T>) {
    this.#load = load;
  }

  /**
   * The part: at once where it is loaded. After a failure, the next call tries again.
   *
   * @throws ConfigError (as a rejection) where it cannot be loaded
   */
  get(): Awaitable<T> {
    return (this.#part ??= this.#start());
  }

  /** Loads it for later. A failure is thrown where it is needed. */
  prepare(): void {
    this.use(() => {});
  }

  /** Does something with it once it is there. Where it cannot be loaded, that is thrown to those who ask for it. */
  use(work: (part: T) => void): void {
    const part = this.get();
    if (isThenable(part)) part.then(work, () => {});
    else work(part);
  }

  #start(): Promise<T> {
    const before = LazyPart.#before;
    const part = this.#load().then(
      async (loaded) => {
        await before;
        this.#part = loaded;
        return loaded;
      },
      (cause: unknown) => {
        this.#part = undefined;
        const message =
          'A part of aegislib cannot be loaded; its files may have changed since this process started. Start the process again; see `cause` for the error.';
        throw new ConfigError([{ where: '', message }], { cause });
      },
    );
    LazyPart.#before = part.then(
      () => undefined,
      () => undefined,
    );
    return part;
  }
}
