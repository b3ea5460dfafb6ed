import type { ClientBase } from 'pg';
import { publishDiagnostic } from '../../model/diagnostics.js';
import { restored } from '../taskTransitions.js';
import { approvalFromRow, TASK_COLUMNS, taskFromRow } from './rows.js';
import type { TaskRow } from './rows.js';
import { SCHEMA_VERSION } from './schema.js';
import { ApprovalStatements, TaskStatements } from './statements.js';

const BATCH = 500;

/**
 * Which history of which server this is. A restored backup and a replica that took over have another timeline; a copy of the tables has another server.
 * A snapshot of the disks that was put back has neither, so it goes unnoticed.
 */
const INCARNATIONS: readonly string[] = [
  `SELECT (SELECT system_identifier FROM pg_control_system()) || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS incarnation`,
  // where the functions are not granted: the database itself, which a copy of the tables does not bring along
  `SELECT 'database ' || oid AS incarnation FROM pg_database WHERE datname = current_database()`,
];

/** Compares the database's incarnation with the stored one. Where they differ, unused approvals are withdrawn, and tasks that may have run become `unknown`. */
export async function restoreCheck(client: ClientBase, schema: string, ownerId: string): Promise<void> {
  const incarnation = await readIncarnation(client);
  const stored = `SELECT incarnation FROM ${schema}.meta`;
  if (incarnationIn((await client.query(stored)).rows) === incarnation) return;
  let counts = { tasks: 0, approvals: 0 };
  await client.query(`BEGIN; SELECT ${schema}.durably(${SCHEMA_VERSION})`);
  try {
    const before = incarnationIn((await client.query(`${stored} FOR UPDATE`)).rows);
    if (before !== incarnation) {
      // another kind of incarnation only says that a right was granted or revoked
      const changed = before !== undefined && isOfServer(before) === isOfServer(incarnation);
      if (changed) counts = { tasks: await endTasks(client, schema, ownerId), approvals: await withdrawApprovals(client, schema, ownerId) };
      await client.query(`UPDATE ${schema}.meta SET incarnation = $1`, [incarnation]);
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

async function readIncarnation(client: ClientBase): Promise<string> {
  const [server, database] = INCARNATIONS as [string, string];
  try {
    return incarnationIn((await client.query(server)).rows) as string;
  } catch (error) {
    // 42501: not granted; 42883 and 0A000: not there, or not on this kind of server
    if (!['42501', '42883', '0A000'].includes((error as { readonly code?: string }).code ?? '')) throw error;
    return incarnationIn((await client.query(database)).rows) as string;
  }
}

async function endTasks(client: ClientBase, schema: string, ownerId: string): Promise<number> {
  const statements = new TaskStatements(schema);
  const mark = { stamp: `${ownerId} restored`, ownerId };
  const open = `SELECT seq, ${TASK_COLUMNS}, ${schema}.now_ms() AS now FROM ${schema}.task
    WHERE status IN ('approved', 'executing') LIMIT ${BATCH} FOR UPDATE`;
  for (let ended = 0; ;) {
    const rows = (await client.query(open)).rows as (TaskRow & { readonly seq: string; readonly now: string })[];
    if (rows.length === 0) return ended;
    for (const row of rows) {
      const task = taskFromRow(row);
      const next = restored(task, Number(row.now));
      await client.query(statements.overwrite(row.seq, task, next, mark));
    }
    ended += rows.length;
  }
}

async function withdrawApprovals(client: ClientBase, schema: string, ownerId: string): Promise<number> {
  const statements = new ApprovalStatements(schema);
  const mark = { stamp: `${ownerId} restored`, ownerId };
  const unused = `SELECT seq, body FROM ${schema}.approval WHERE status = 'approved' AND NOT consumed LIMIT ${BATCH} FOR UPDATE`;
  for (let withdrawn = 0; ;) {
    const rows = (await client.query(unused)).rows as { readonly seq: string; readonly body: string }[];
    if (rows.length === 0) return withdrawn;
    for (const row of rows) {
      const record = approvalFromRow(row);
      const next = { ...record, status: 'withdrawn' as const, version: record.version + 1 };
      await client.query(statements.overwrite(row.seq, next, mark));
    }
    withdrawn += rows.length;
  }
}

function report({ tasks, approvals }: { readonly tasks: number; readonly approvals: number }): void {
  publishDiagnostic({
    kind: 'security',
    code: 'store_restored',
    message: `The database was restored, copied or taken over by a replica: ${tasks} approved or executing tasks became unknown, and ${approvals} unused approvals were withdrawn. Check what ran, and settle the unknown tasks.`,
  });
}

function isOfServer(incarnation: string): boolean {
  return !incarnation.startsWith('database ');
}

function incarnationIn(rows: readonly unknown[]): string | undefined {
  return (rows[0] as { readonly incarnation: string | null } | undefined)?.incarnation ?? undefined;
}
