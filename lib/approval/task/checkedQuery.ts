import type { OptionKinds } from '../../common/readOptions.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import { TASK_STATUSES } from '../../model/Task.js';
import type { TaskQuery } from '../../store/TaskStore.js';
import type { NewTask, UnknownResolution } from './manualTask.js';

/** How long ago tasks must have finished to be cleared. */
export interface ClearAge {
  /** In milliseconds. Default 0: all finished tasks. */
  readonly maxAgeMs?: number | undefined;
  /** In seconds, as in the Python SDK. */
  readonly maxAgeSeconds?: number | undefined;
}

const STATUS = TASK_STATUSES.map((status) => `'${status}'`).join('|');
const TASK_QUERY: OptionKinds<TaskQuery> = {
  status: `${STATUS}|list`,
  agentId: 'string',
  toolName: 'string',
  after: 'string',
  limit: 'count',
};

/** The options of `createTask()`. */
export const NEW_TASK: OptionKinds<NewTask> = {
  agentId: 'text!',
  toolName: 'text!',
  decisionId: 'text!',
  taskId: 'text',
  metadata: 'record',
  timeoutMs: 'ms',
};

/** The options of `clearCompleted()`. */
export const CLEAR_AGE: OptionKinds<ClearAge> = { maxAgeMs: 'age', maxAgeSeconds: 'age' };

/** The options of `resolveUnknown()`. `any` is checked further where the task is changed. */
export const RESOLUTION: OptionKinds<UnknownResolution> = { outcome: 'any', by: 'any', reason: 'any', confirmExecutorDead: 'boolean' };

/** Checks a query of tasks. A filter that is dropped would show more tasks than were asked for. @throws ConfigError */
export function checkedQuery(method: 'listTasks()' | 'listSummaries()', given: TaskQuery): TaskQuery {
  const query = checkedOptions(method, given, TASK_QUERY);
  if (!Array.isArray(query.status)) return query;
  const status = (query.status as readonly unknown[]).map((one) => checkedOptions(method, { status: one }, { status: STATUS }).status);
  return { ...query, status } as TaskQuery;
}
