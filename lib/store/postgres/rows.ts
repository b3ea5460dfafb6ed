import { createHash } from 'node:crypto';
import type { Task } from '../../model/Task.js';
import { freezeDeep } from '../../model/snapshot/frozenData.js';
import type { ApprovalRecord } from '../ApprovalStore.js';
import { soundTask } from '../task/soundTask.js';
import type { TaskColumns } from '../task/soundTask.js';
import { fromStoredJson, toStoredJson } from '../storedJson.js';
import { storedSummary } from '../storedSummary.js';
import { patchTask } from '../taskTransitions.js';

/** A task as it is read. */
export interface TaskRow {
  readonly body: string;
  readonly attempt_count: string;
  readonly lease_until: string | null;
}

/** The columns that {@link taskFromRow} needs. */
export const TASK_COLUMNS = 'body, attempt_count, lease_until';

/** A task as it is read among many. */
export type CheckedRow = TaskRow & TaskColumns;
export const CHECKED_COLUMNS: string = `${TASK_COLUMNS}, task.task_id, task.decision_id, task.status, task.version`;

/** {@link taskFromRow} where the row is one that a store wrote. */
export function soundTaskFromRow(row: CheckedRow): Task | undefined {
  return soundTask(row, () => taskFromRow(row), indexKey);
}

/** The columns of a task that never change. */
export const FIXED_COLUMNS = [
  'task_id',
  'guard_key',
  'agent_id',
  'tool_name',
  'mode',
  'original_digest',
  'session_digest',
  'owner_id',
  'resumable',
  'created_at',
  'attempt_count',
] as const;

/** The columns that change with a task. */
export const CHANGING_COLUMNS = [
  'decision_id',
  'status',
  'version',
  'updated_at',
  'expires_at',
  'queue',
  'lease_until',
  'executor_id',
  'card',
  'body',
] as const;

/** The columns of an approval that its record fills. */
export const APPROVAL_COLUMNS = [
  'decision_id',
  'agent_id',
  'tool_name',
  'status',
  'version',
  'created_at',
  'expires_at',
  'denied_at',
  'consumed',
  'body',
] as const;

type Values<Columns extends readonly string[]> = Readonly<Record<Columns[number], unknown>>;

/** A longer text is stored and found by its hash: an index takes about 2,700 bytes. */
const MAX_KEY_CHARACTERS = 200;

/** A text as a column can hold and index it: PostgreSQL has no U+0000, and UTF-8 no lone surrogate. Equal for equal texts only. */
export function indexKey(text: string): string {
  if (text.length > MAX_KEY_CHARACTERS) return `"#${createHash('sha256').update(JSON.stringify(text)).digest('base64url')}`;
  return /^"|\0|\p{Surrogate}/u.test(text) ? JSON.stringify(text) : text;
}

/** The task of a row. */
export function taskFromRow(row: TaskRow): Task {
  const stored = freezeDeep(fromStoredJson(row.body) as Task);
  const newer: Record<string, unknown> = { attemptCount: Number(row.attempt_count) };
  if (stored.status === 'executing') newer['leaseUntilMs'] = Number(row.lease_until);
  // JSON has no undefined, and a result may be undefined
  if (stored.status === 'completed' && !Object.hasOwn(stored, 'result')) newer['result'] = undefined;
  return patchTask(stored, newer, stored);
}

/** The values of {@link FIXED_COLUMNS}. */
export function fixedValues(task: Task): Values<typeof FIXED_COLUMNS> {
  return {
    task_id: indexKey(task.taskId),
    guard_key: indexKey(task.guardKey),
    agent_id: indexKey(task.agentId),
    tool_name: indexKey(task.toolName),
    mode: task.mode,
    original_digest: indexKey(task.originalDigest),
    session_digest: indexKey(task.sessionDigest),
    owner_id: indexKey(task.origin?.ownerId ?? ''),
    resumable: task.origin?.resumable === true,
    created_at: task.createdAtMs,
    attempt_count: task.attemptCount,
  };
}

/** The values of {@link CHANGING_COLUMNS}. */
export function changingValues(task: Task): Values<typeof CHANGING_COLUMNS> {
  const executorId = task.status === 'executing' || task.status === 'unknown' ? task.executorId : undefined;
  return {
    decision_id: indexKey(task.decisionId),
    status: task.status,
    version: task.version,
    updated_at: task.updatedAtMs,
    expires_at: task.expiresAtMs,
    queue: queueOf(task),
    lease_until: task.status === 'executing' ? task.leaseUntilMs : null,
    executor_id: executorId === undefined ? null : indexKey(executorId),
    card: storedSummary(task),
    body: toStoredJson(task),
  };
}

/**
 * What an open task needs from a live process once its owner is dead, so that due tasks are found among 100,000 without reading them: to be run (`run`),
 * to be ended (`ends`), or to have its approval polled (`wait`). A verdict turns it into `decided`. A manual task needs nothing, nor does an approved
 * one of mode `throw`, which its caller redeems.
 */
function queueOf(task: Task): 'run' | 'ends' | 'wait' | null {
  if (task.mode === 'manual') return null;
  const resumable = task.origin?.resumable === true;
  if (task.status === 'pending') return resumable ? 'wait' : 'ends';
  if (task.status !== 'approved') return null;
  if (task.mode !== 'throw') return 'run';
  return resumable ? null : 'ends';
}

/** The approval of a row. */
export function approvalFromRow({ body }: { readonly body: string }): ApprovalRecord {
  return freezeDeep(fromStoredJson(body) as ApprovalRecord);
}

/** The values of {@link APPROVAL_COLUMNS}. */
export function approvalValues(record: ApprovalRecord): Values<typeof APPROVAL_COLUMNS> {
  return {
    decision_id: indexKey(record.decisionId),
    agent_id: indexKey(record.agentId),
    tool_name: indexKey(record.toolName),
    status: record.status,
    version: record.version,
    created_at: record.createdAtMs,
    expires_at: record.expiresAtMs,
    denied_at: record.status === 'denied' ? (record.verdicts.at(-1)?.atMs ?? 0) : null,
    consumed: record.consumed !== undefined,
    body: toStoredJson(record),
  };
}
