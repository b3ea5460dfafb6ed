/** How long work may run before it lets other work have a turn, in milliseconds. */
const SLICE_MS = 2;

/** Work in small steps: it may be interrupted at each `yield`. */
export type Steps<T> = Generator<void, T, void>;

/** Does all the steps at once. */
export function inOneGo<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Does the steps in slices of about 2 ms, between which other work of this thread has its turn. A single step is never cut. */
export async function inSlices<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const endsAt = performance.now() + SLICE_MS;
    do {
      const { done, value } = steps.next();
      if (done === true) return value;
    } while (performance.now() < endsAt);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
