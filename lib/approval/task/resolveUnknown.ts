import { TaskStateError } from '../../model/errors/SetupErrors.js';
import type { TaskResolution } from '../../model/Task.js';
import type { TaskChange } from '../../store/TaskStore.js';

/** How a person settles an unknown task, who that is, and why. */
export interface UnknownResolution {
  /** `done`: it ran, so it is completed. `abandon`: it failed. `retry`: it failed, and is called again as a new task. */
  readonly outcome: 'done' | 'retry' | 'abandon';
  /** Who says so: an id the host has authenticated, 1 to 256 characters. */
  readonly by: string;
  /** Why, for the record. */
  readonly reason?: string | undefined;
  /** The person has made sure that the process which executed it is gone, although it looks alive. Only for `retry`. */
  readonly confirmExecutorDead?: boolean | undefined;
}

/**
 * The change that a person's resolution makes to an unknown task.
 *
 * @throws TaskStateError where `by` names no person, or `outcome` is not one of the three
 */
export function resolutionChange(taskId: string, { outcome, by, reason }: UnknownResolution, atMs: number): TaskChange {
  if (typeof by !== 'string' || by.trim() === '' || by.length > 256 || (reason !== undefined && typeof reason !== 'string'))
    throw new TaskStateError(taskId, 'A resolution needs `by`, a text of 1 to 256 characters, and at most a text as `reason`.');
  const resolution: TaskResolution = { how: outcome, by, reason, atMs };
  const error = (message: string): TaskChange => ({
    to: 'failed',
    error: { name: 'OutcomeUnknownError', code: 'outcome_unknown', message },
    resolution,
  });
  switch (outcome) {
    case 'done':
      return { to: 'completed', result: undefined, resolution };
    case 'retry':
      return error(`Nobody knows whether it ran; ${by} had it called again.`);
    case 'abandon':
      return error(`Nobody knows whether it ran; ${by} gave it up.`);
    default:
      throw new TaskStateError(taskId, "`outcome` must be 'done', 'retry' or 'abandon'.");
  }
}
