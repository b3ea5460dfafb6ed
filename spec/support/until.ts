import { setTimeout as sleep } from 'node:timers/promises';

/** How often it looks; each look is at least 10 ms after the one before. */
const LOOKS = 2_000;

/** Waits until something holds, at least 20 seconds; where the machine or this process stands still meanwhile, that much longer. What follows says what is missing. */
export async function until(holds: () => unknown): Promise<void> {
  for (let i = 0; i < LOOKS && !(await holds()); i++) await sleep(10);
}
