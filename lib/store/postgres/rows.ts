import { createHash } from 'node:crypto';
import type { Task } from '../../model/Task.js';
import type { ApprovalRecord } from '../ApprovalStore.js';
import { patchTask } from '../patchTask.js';
import { fromStoredText, toStoredText } from '../storedJson.js';

/** What is read of a task. */
export interface TaskRow {
  readonly body: string;
  readonly attempt_count: string;
  readonly lease_until: string | null;
}

/** The columns that {@link taskOf} needs. */
export const TASK_COLUMNS = 'body, attempt_count, lease_until';

/** Longer texts are not found by themselves but by their hash: an index takes about 2,700 bytes. */
const MAX_KEY = 200;

/** A text as a column can hold and index it: PostgreSQL has no U+0000, and UTF-8 no lone surrogate. Equal for equal texts only. */
export function keyOf(text: string): string {
  if (text.length > MAX_KEY) return `"#${createHash('sha256').update(JSON.stringify(text)).digest('base64url')}`;
  return /^"|\0|\p{Surrogate}/u.test(text) ? JSON.stringify(text) : text;
}

/** The task of a row. */
export function taskOf(row: TaskRow): Task {
  const stored = fromStoredText(row.body) as Task;
  const newer: Record<string, unknown> = { attemptCount: Number(row.attempt_count) };
  if (stored.status === 'executing') newer['leaseUntilMs'] = Number(row.lease_until);
  // JSON has no undefined, and a result may be that
  if (stored.status === 'completed' && !Object.hasOwn(stored, 'result')) newer['result'] = undefined;
  return patchTask(stored, newer, stored);
}

/** The values of the columns that change with a task, in the order of {@link CHANGING}. */
export function valuesOf(task: Task): unknown[] {
  const owner = task.status === 'executing' || task.status === 'unknown' ? task.executorId : undefined;
  return [
    keyOf(task.decisionId),
    task.status,
    task.version,
    task.updatedAtMs,
    task.expiresAtMs,
    laneOf(task),
    task.status === 'executing' ? task.leaseUntilMs : null,
    owner === undefined ? null : keyOf(owner),
    toStoredText(task),
  ];
}

export const CHANGING: readonly string[] = [
  'decision_id',
  'status',
  'version',
  'updated_at',
  'expires_at',
  'lane',
  'lease_until',
  'owner',
  'body',
];

/** The values of the columns that never change, in the order of {@link LASTING}. */
export function lastingValuesOf(task: Task): unknown[] {
  return [
    keyOf(task.taskId),
    keyOf(task.guardKey),
    keyOf(task.agentId),
    keyOf(task.toolName),
    task.mode,
    keyOf(task.originalDigest),
    keyOf(task.sessionDigest),
    keyOf(task.origin?.ownerId ?? ''),
    task.origin?.resumable === true,
    task.createdAtMs,
    task.attemptCount,
  ];
}

export const LASTING: readonly string[] = [
  'task_id',
  'guard_key',
  'agent_id',
  'tool_name',
  'mode',
  'original_digest',
  'session_digest',
  'home',
  'resumable',
  'created_at',
  'attempt_count',
];

/**
 * Who would have to see to an open task, so that due tasks are found among 100,000 without reading them: `run` it, end it with its home (`ends`), ask
 * whether it was decided (`wait`). A verdict makes it `decided`. Nobody sees to a task made by hand, and to an approved one of mode `throw` its caller does.
 */
function laneOf(task: Task): 'run' | 'ends' | 'wait' | null {
  if (task.mode === 'manual') return null;
  const resumable = task.origin?.resumable === true;
  if (task.status === 'pending') return resumable ? 'wait' : 'ends';
  if (task.status !== 'approved') return null;
  if (task.mode !== 'throw') return 'run';
  return resumable ? null : 'ends';
}

/** The approval of a row. */
export function approvalOf({ body }: { readonly body: string }): ApprovalRecord {
  const record = fromStoredText(body) as ApprovalRecord;
  return Object.freeze(record);
}

/** The values of an approval's columns, in the order of {@link APPROVAL}. */
export function approvalValuesOf(record: ApprovalRecord): unknown[] {
  return [
    keyOf(record.decisionId),
    keyOf(record.agentId),
    keyOf(record.toolName),
    record.status,
    record.version,
    record.createdAtMs,
    record.expiresAtMs,
    record.status === 'denied' ? (record.verdicts.at(-1)?.atMs ?? 0) : null,
    record.consumed !== undefined,
    toStoredText(record),
  ];
}

export const APPROVAL: readonly string[] = [
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
];
