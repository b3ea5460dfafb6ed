import type { Task, TaskStatus } from '../model/Task.js';

/**
 * A task with other fields. Copied field by field: V8 gives each object made by a spread that adds one a hidden class of its own, which costs ten
 * times the time and four times the memory.
 *
 * @param without a field of the task's present status that its next one does not have
 */
export function changedTask(
  task: Task,
  patch: object,
  stamp: { readonly status: TaskStatus; readonly updatedAtMs: number; readonly version: number },
  without: readonly string[] = [],
): Task {
  const next: Record<string, unknown> = {};
  copyFields(task, next, without);
  copyFields(patch, next, ['to']);
  copyFields(stamp, next, []);
  return next as unknown as Task;
}

function copyFields(from: object, to: Record<string, unknown>, without: readonly string[]): void {
  for (const [field, value] of Object.entries(from)) if (!without.includes(field)) to[field] = value;
}
