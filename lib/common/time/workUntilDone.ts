const FIRST_WAIT_MS = 1_000;
const LAST_WAIT_MS = 3_600_000;

/** What decides how often it is tried. */
export interface Trying {
  /** Gets each failure. */
  readonly failed: (error: unknown) => void;
  /** Whether it is needed no longer. */
  readonly isOver: () => boolean;
}

/**
 * Does what has to be done once and for which no one waits, and where it fails does it again: after a second, then after twice as long each time, up to an hour.
 * Its timers do not keep the process alive. Never rejects.
 */
export async function workUntilDone(work: () => unknown, { failed, isOver }: Trying): Promise<void> {
  for (let waitMs = FIRST_WAIT_MS; waitMs <= LAST_WAIT_MS && !isOver(); waitMs *= 2)
    try {
      await work();
      return;
    } catch (error) {
      if (isOver()) return;
      failed(error);
      await new Promise<void>((resolve) => {
        setTimeout(resolve, waitMs).unref();
      });
    }
}
