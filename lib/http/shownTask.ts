import type { Task } from '../model/Task.js';
import type { TaskSummary } from '../store/TaskStore.js';

/** The details of a task that are shown only if the host asks for them: the call's params and session, its result or error, and the people who decided. */
export type TaskDetail = 'params' | 'session' | 'result' | 'error' | 'people';

/** The JSON form of a task for those who may see it. */
export function shownTask(task: Task | TaskSummary, details: ReadonlySet<TaskDetail>): Readonly<Record<string, unknown>> {
  const { taskId, decisionId, status, toolName, agentId, reason, createdAtMs, updatedAtMs, expiresAtMs } = task;
  const has = (detail: TaskDetail): boolean => details.has(detail);
  return {
    task_id: taskId,
    approval_id: decisionId,
    status,
    tool: toolName,
    agent: agentId,
    reason,
    created_at: timeOf(createdAtMs),
    updated_at: timeOf(updatedAtMs),
    expires_at: timeOf(expiresAtMs),
    ...('edited' in task && task.edited !== undefined && { edited: task.edited }),
    ...(has('params') && 'params' in task && { params: plain(task.params) }),
    ...(has('session') && { session: plain(task.session) }),
    ...(has('result') && 'result' in task && { result: plain(task.result) }),
    ...(has('error') && 'error' in task && task.error !== undefined && { error: { code: task.error.code, message: task.error.message } }),
    ...(has('people') && 'approvedBy' in task && { approved_by: task.approvedBy }),
    ...(has('people') && 'deniedBy' in task && { denied_by: task.deniedBy }),
  };
}

/** A manually created task may have a time outside the range of dates. */
function timeOf(ms: number): string | null {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : null;
}

/** Turns any value that a method returned into JSON. */
function plain(value: unknown): unknown {
  try {
    const text = JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part)) as string | undefined;
    return text === undefined ? null : (JSON.parse(text) as unknown);
  } catch {
    return 'This value cannot be shown.';
  }
}
