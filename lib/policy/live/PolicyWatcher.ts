import { watch, type FSWatcher } from 'node:fs';

/** Quiet time after a change before it is reported: writers change many files, or one file many times. */
const DEBOUNCE_MS = 50;
/** How often it looks for a path that is gone. */
const RETRY_MS = 1_000;

/** Reports when a file or folder changes, also after it was replaced or was gone for a while. It does not keep the process alive. */
export class PolicyWatcher {
  readonly #path: string;
  readonly #changed: () => void;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param changed called about 50 ms after the last change */
  constructor(path: string, changed: () => void) {
    this.#path = path;
    this.#changed = changed;
    this.#watch();
  }

  /** Stops watching: no further change is reported. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #watch(): void {
    const before = this.#watcher;
    this.#watcher = undefined;
    try {
      this.#watcher = watch(this.#path, { persistent: false }, () => this.#arm(DEBOUNCE_MS));
      this.#watcher.on('error', () => this.#arm(RETRY_MS));
    } catch {
      this.#arm(RETRY_MS);
    }
    before?.close();
  }

  #arm(ms: number): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // a watch follows the file that was there, not the one that took its place; watching comes first, so that no change falls between
      this.#watch();
      this.#changed();
    }, ms);
    this.#timer.unref();
  }
}
