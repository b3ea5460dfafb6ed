import type { Task, TaskStatus } from '../../model/Task.js';

/** One change of a task's status. */
export interface TaskTransition {
  /** The task after the change. */
  readonly task: Task;
  /** `undefined` when the task was made. */
  readonly from: TaskStatus | undefined;
}

/** A task that is approved, and that nobody here can run. */
export interface WaitingForWorker {
  /** The task that waits. */
  readonly task: Task;
  /**
   * `no-guard`: this process has no guard of its key. `several-guards`: it has more than one. `no-instance`: none was constructed, or `resolve` gave
   * none. `several-instances`: more than one was, and there is no `resolve`.
   */
  readonly reason: 'no-guard' | 'several-guards' | 'no-instance' | 'several-instances';
}

/** An event for each status a task can enter, with the task, and `transition` for all of them. */
export type TaskEvents = { [S in TaskStatus]: [task: Extract<Task, { status: S }>] } & {
  transition: [change: TaskTransition];
  /** An approved task waits for a process that can run it. Told once by each process. */
  'waiting-for-worker': [waiting: WaitingForWorker];
};
