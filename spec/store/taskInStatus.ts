import { nextId } from '../../lib/common/nextId.js';
import type { PendingTask, Task, TaskStatus } from '../../lib/model/Task.js';
import type { TaskStore } from '../../lib/store/TaskStore.js';
import { pendingTask } from '../support/tasks.js';

export const ERROR = { name: 'Error', message: 'as recorded', code: 'c' };
export const NOW: number = Date.now();
export const LATER: number = NOW + 1_000;

/** Takes a new task to a status, by the shortest legal way. */
export async function inStatus(store: TaskStore, status: TaskStatus, more: Partial<PendingTask> = {}, leaseMs = 36_000_000): Promise<Task> {
  const task = pendingTask({ createdAtMs: NOW, updatedAtMs: NOW, expiresAtMs: NOW + 36_000_000, ...more });
  const { taskId, digest } = task;
  await store.insert(task);
  if (status === 'pending') return task;
  if (status === 'denied' || status === 'timeout' || status === 'cancelled')
    return (await store.transition(taskId, ['pending'], { to: status, error: ERROR }, NOW)) as Task;
  const approved = (await store.transition(taskId, ['pending'], { to: 'approved', approvedBy: 'ann' }, NOW)) as Task;
  if (status === 'approved') return approved;
  const token = nextId('token');
  const executing = (await store.claim({ taskId, token, digest, nowMs: NOW, leaseMs })) as Task;
  if (status === 'executing') return executing;
  const outcome = status === 'completed' ? { to: status, result: 1 } : { to: status, error: ERROR };
  return (await store.settle(taskId, token, outcome, NOW)) as Task;
}
