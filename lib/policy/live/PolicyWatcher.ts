import { watch, type FSWatcher } from 'node:fs';
import { inSlices } from '../../common/time/inSlices.js';
import { fingerprint } from './fingerprint.js';

/** Quiet time after an event before it is reported: writers change many files, or one file many times. */
const DEBOUNCE_MS = 50;
/** How often it looks by itself. Events are quicker, but none comes where a link in the path is set anew, and from some network volumes. */
const POLL_MS = 500;
/** How many of its own looks report a change once there was one: two writes may follow so closely that the second leaves all times as they are. */
const SETTLING = 6;

/**
 * Reports when a file or folder may have changed, also where links in its path were set anew, and after it was replaced or was gone for a while. A
 * report too many does no harm: the receiver compares what it reads. It does not keep the process alive.
 */
export class PolicyWatcher {
  readonly #path: string;
  readonly #changed: () => void;
  /** The clock that it began with: one that a test sets up later is for what the test looks at. */
  readonly #setTimeout: typeof setTimeout = setTimeout;
  #watcher: FSWatcher | undefined;
  #debounce: NodeJS.Timeout | undefined;
  #poll: NodeJS.Timeout | undefined;
  #seen: string | undefined;
  #unsettled = 0;
  #closed = false;

  /** @param changed called about 50 ms after an event, and within half a second after a change without one; also at once, because a change may have come just before */
  constructor(path: string, changed: () => void) {
    this.#path = path;
    this.#changed = changed;
    this.#watch();
    void this.#look();
  }

  /** Stops watching: no further change is reported. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#debounce);
    clearTimeout(this.#poll);
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** Watches what the path means now: a watch follows the file that was there, not the one that took its place. */
  #watch(): void {
    const before = this.#watcher;
    this.#watcher = undefined;
    try {
      this.#watcher = watch(this.#path, { persistent: false }, () => this.#arm());
      this.#watcher.on('error', () => this.#arm());
    } catch {
      // gone, or no watch is to be had: the looks go on
    }
    before?.close();
  }

  #arm(): void {
    if (this.#closed) return;
    clearTimeout(this.#debounce);
    this.#debounce = this.#setTimeout(() => {
      // watching comes first, so that no change falls between
      this.#watch();
      this.#unsettled = SETTLING;
      this.#changed();
    }, DEBOUNCE_MS).unref();
  }

  async #look(): Promise<void> {
    const seen = await inSlices(fingerprint(this.#path));
    if (this.#closed) return;
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#unsettled = SETTLING;
      this.#watch();
    }
    if (this.#unsettled > 0) {
      this.#unsettled -= 1;
      this.#changed();
    }
    this.#poll = this.#setTimeout(() => void this.#look(), POLL_MS).unref();
  }
}
