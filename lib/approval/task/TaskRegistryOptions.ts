import type { TaskStatus } from '../../model/Task.js';
import { DAY_MS } from '../../common/time/SteadyClock.js';

export interface TaskRegistryOptions {
  /** Unfinished tasks at most; beyond it, calls that need approval end in a CapacityError. Default 100,000. */
  readonly maxPending?: number | undefined;
  /** Finished tasks kept at most. Default 10,000. */
  readonly maxFinished?: number | undefined;
  /** How long finished tasks are kept, in milliseconds. Default 86,400,000 (a day). */
  readonly finishedTtlMs?: number | undefined;
}

/** How many tasks there are, by status and in all. */
export type TaskStats = Readonly<Record<TaskStatus | 'total', number>>;

/** The limits that hold where options say nothing. */
export function registryLimits({
  maxPending = 100_000,
  maxFinished = 10_000,
  finishedTtlMs = DAY_MS,
}: TaskRegistryOptions): Required<{ [K in keyof TaskRegistryOptions]: number }> {
  return { maxPending, maxFinished, finishedTtlMs };
}
