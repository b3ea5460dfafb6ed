import { TaskStateError } from '../../model/errors/SetupErrors.js';
import type { TaskResolution } from '../../model/Task.js';
import type { TaskChange } from '../../store/TaskStore.js';

/** Who settles an unknown task, and why. */
export interface UnknownResolution {
  /** Who says so: an id the host has authenticated, 1 to 256 characters. */
  readonly by: string;
  readonly reason?: string | undefined;
  /** The person has made sure that the process which executed it is gone, although it looks alive. Only for `retry`. */
  readonly confirmExecutorDead?: boolean | undefined;
}

/** What a person's word makes of an unknown task. @throws TaskStateError for a word of nobody, or none that is known */
export function resolutionChange(taskId: string, how: TaskResolution['how'], { by, reason }: UnknownResolution, atMs: number): TaskChange {
  if (typeof by !== 'string' || by.trim() === '' || by.length > 256 || (reason !== undefined && typeof reason !== 'string'))
    throw new TaskStateError(taskId, 'A resolution needs `by`, a text of 1 to 256 characters, and at most a text as `reason`.');
  const resolution: TaskResolution = { how, by, reason, atMs };
  const error = (message: string): TaskChange => ({
    to: 'failed',
    error: { name: 'OutcomeUnknownError', code: 'outcome_unknown', message },
    resolution,
  });
  switch (how) {
    case 'done':
      return { to: 'completed', result: undefined, resolution };
    case 'retry':
      return error(`Nobody knows whether it ran; ${by} had it called again.`);
    case 'abandon':
      return error(`Nobody knows whether it ran; ${by} gave it up.`);
    default:
      throw new TaskStateError(taskId, "An unknown task is 'done', or to 'retry' or 'abandon'.");
  }
}
