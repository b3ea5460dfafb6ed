import type { ClientBase } from 'pg';
import { publishDiagnostic } from '../../model/diagnostics.js';
import type { ErrorSummary } from '../../model/AegisError.js';
import type { Task } from '../../model/Task.js';
import { patchTask } from '../patchTask.js';
import { APPROVAL, approvalOf, approvalValuesOf, CHANGING, keyOf, TASK_COLUMNS, taskOf, valuesOf } from './rows.js';
import type { TaskRow } from './rows.js';

const BATCH = 500;

const RESTORED: ErrorSummary = {
  name: 'OutcomeUnknownError',
  code: 'outcome_unknown',
  message: 'The database was restored or taken over by a replica: what was recorded last may be lost, so it may have run.',
};

/**
 * Which history of which server this is: a backup that was restored and a replica that took over have another timeline, a copy of the tables has
 * another server. A snapshot of the disks that was put back has neither, and is not noticed.
 */
const EPOCHS: readonly string[] = [
  `SELECT (SELECT system_identifier FROM pg_control_system()) || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS epoch`,
  // where the functions are not granted: the database itself, which a copy of the tables does not bring along
  `SELECT 'database ' || oid AS epoch FROM pg_database WHERE datname = current_database()`,
];

/** Compares the epoch with the stored one: where it is another, no approval counts any more and nothing is known of what was executing. */
export async function observeEpoch(client: ClientBase, schema: string, owner: string): Promise<void> {
  const epoch = await epochOf(client);
  const stored = `SELECT epoch FROM ${schema}.meta`;
  if (known((await client.query(stored)).rows) === epoch) return;
  let counts = { tasks: 0, approvals: 0 };
  await client.query('BEGIN');
  try {
    const before = known((await client.query(`${stored} FOR UPDATE`)).rows);
    if (before !== epoch) {
      // another kind of epoch only says that a right was granted or taken
      const changed = before !== undefined && isServerEpoch(before) === isServerEpoch(epoch);
      if (changed) counts = { tasks: await endTasks(client, schema, owner), approvals: await withdrawApprovals(client, schema, owner) };
      await client.query(`UPDATE ${schema}.meta SET epoch = $1`, [epoch]);
      await client.query('COMMIT');
      if (changed) report(counts);
      return;
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

async function epochOf(client: ClientBase): Promise<string> {
  const [server, database] = EPOCHS as [string, string];
  try {
    return known((await client.query(server)).rows) as string;
  } catch (error) {
    // 42501: not granted; 42883 and 0A000: not there, or not on this kind of server
    if (!['42501', '42883', '0A000'].includes((error as { readonly code?: string }).code ?? '')) throw error;
    return known((await client.query(database)).rows) as string;
  }
}

async function endTasks(client: ClientBase, schema: string, owner: string): Promise<number> {
  const sets = CHANGING.map((column, i) => `${column} = $${i + 4}`).join(', ');
  for (let ended = 0; ;) {
    const open = `SELECT ${TASK_COLUMNS} FROM ${schema}.task WHERE status IN ('approved', 'executing') LIMIT ${BATCH} FOR UPDATE`;
    const tasks = ((await client.query(open)).rows as TaskRow[]).map(taskOf);
    if (tasks.length === 0) return ended;
    for (const task of tasks) {
      await client.query(
        `UPDATE ${schema}.task SET ${sets}, look_at = 0, changed_at = ${schema}.now_ms(), written_by = $2, stamp = $3 WHERE task_id = $1`,
        [keyOf(task.taskId), owner, `${owner} epoch`, ...valuesOf(restored(task))],
      );
    }
    ended += tasks.length;
  }
}

function restored(task: Task): Task {
  const stamp = { status: 'unknown' as const, updatedAtMs: Date.now(), version: task.version + 1 };
  return patchTask(task, { error: RESTORED }, stamp, ['leaseUntilMs', 'approvedBy']);
}

async function withdrawApprovals(client: ClientBase, schema: string, owner: string): Promise<number> {
  const sets = APPROVAL.map((column, i) => `${column} = $${i + 1}`).join(', ');
  for (let withdrawn = 0; ;) {
    const unused = `SELECT body FROM ${schema}.approval WHERE status = 'approved' AND NOT consumed LIMIT ${BATCH} FOR UPDATE`;
    const records = ((await client.query(unused)).rows as { body: string }[]).map(approvalOf);
    if (records.length === 0) return withdrawn;
    for (const record of records) {
      const values = approvalValuesOf({ ...record, status: 'withdrawn', version: record.version + 1 });
      await client.query(
        `UPDATE ${schema}.approval SET ${sets}, changed_at = ${schema}.now_ms(), written_by = $11, stamp = $12 WHERE decision_id = $1`,
        [...values, owner, `${owner} epoch`],
      );
    }
    withdrawn += records.length;
  }
}

function report({ tasks, approvals }: { readonly tasks: number; readonly approvals: number }): void {
  publishDiagnostic({
    kind: 'security',
    code: 'store_restored',
    message: `The database is another one than before, or was restored: ${tasks} approved or executing tasks became unknown, ${approvals} approvals were withdrawn.`,
  });
}

function isServerEpoch(epoch: string): boolean {
  return !epoch.startsWith('database ');
}

function known(rows: readonly unknown[]): string | undefined {
  return (rows[0] as { readonly epoch: string | null } | undefined)?.epoch ?? undefined;
}
