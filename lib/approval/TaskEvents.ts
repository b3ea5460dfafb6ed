import type { Task, TaskStatus } from '../model/Task.js';

/** One change of a task's status. */
export interface TaskTransition {
  readonly task: Task;
  /** `undefined` when the task was made. */
  readonly from: TaskStatus | undefined;
}

/** An event for each status a task can enter, with the task, and `transition` for all of them. */
export type TaskEvents = { [S in TaskStatus]: [task: Extract<Task, { status: S }>] } & { transition: [change: TaskTransition] };
