import { publishDiagnostic } from '../../model/diagnostics.js';
import { TASK_STATUSES } from '../../model/Task.js';
import type { Task } from '../../model/Task.js';

/** The columns of a task's row that say the same as its text. */
export interface TaskColumns {
  readonly task_id: string;
  readonly decision_id: string;
  readonly status: string;
  /** A number, or its digits: a bigint of PostgreSQL is a string. */
  readonly version: number | string;
}

const TEXTS = ['taskId', 'decisionId', 'agentId', 'toolName', 'guardKey', 'digest', 'originalDigest', 'sessionDigest', 'mode'] as const;
const NUMBERS = ['createdAtMs', 'updatedAtMs', 'expiresAtMs', 'version', 'runs', 'attemptCount'] as const;

/**
 * The task of a row among many: `undefined`, and a `security` diagnostic, where it cannot be read or written back, or its columns say otherwise. No store
 * writes such a row, and it must not keep all others from being handled.
 *
 * @param columnOf what a store keeps of a text in a column
 */
export function soundTask(row: TaskColumns, read: () => Task, columnOf: (text: string) => string = (text) => text): Task | undefined {
  const task = readable(read);
  if (
    task !== undefined &&
    columnOf(task.taskId) === row.task_id &&
    columnOf(task.decisionId) === row.decision_id &&
    task.status === row.status &&
    task.version === Number(row.version)
  )
    return task;
  const message =
    'A stored task cannot be read, or its columns say something else than its text: the row was changed by somebody else, and the task is not handled.';
  const actor = { kind: 'store' } as const;
  publishDiagnostic({ kind: 'security', code: 'stored_task_tampered', message, actor, decisionId: row.decision_id });
  return undefined;
}

function readable(read: () => Task): Task | undefined {
  try {
    const task: unknown = read();
    return isTask(task) ? task : undefined;
  } catch {
    // a text that is not JSON
    return undefined;
  }
}

function isTask(value: unknown): value is Task {
  if (!isObject(value)) return false;
  const { status, session, metadata, params, history, error, origin } = value;
  return (
    TEXTS.every((field) => typeof value[field] === 'string') &&
    NUMBERS.every((field) => Number.isFinite(value[field])) &&
    (TASK_STATUSES as readonly unknown[]).includes(status) &&
    (session === null || isObject(session)) &&
    isObject(metadata) &&
    isObject(params) &&
    Array.isArray(history) &&
    (error === undefined || isObject(error)) &&
    (origin === undefined || (isObject(origin) && typeof origin['ownerId'] === 'string' && typeof origin['resumable'] === 'boolean')) &&
    (status !== 'executing' || Number.isFinite(value['leaseUntilMs']))
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
