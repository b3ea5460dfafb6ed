import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { publishDiagnostic } from '../model/diagnostics.js';
import type { ErrorSummary } from '../model/errors/AegisError.js';
import type { ApprovalRecord } from './ApprovalStore.js';
import { changedTask } from './changedTask.js';
import { writeApproval } from './sqliteApprovalRows.js';
import type { SqliteDatabase } from './SqliteDatabase.js';
import { TASK_COLUMNS, taskOf, writeChange } from './sqliteTaskRows.js';
import type { TaskRow } from './sqliteTaskRows.js';
import { fromStoredText } from './storedText.js';

const RESTORED: ErrorSummary = {
  name: 'OutcomeUnknownError',
  code: 'outcome_unknown',
  message: 'The store was restored or copied: what ran after that state of it was kept is not known.',
};

/**
 * A file that is not the one it was, by device and inode, is a copy or a backup put back: what it calls approved may have run since. That becomes
 * `unknown`, and approvals that it calls unused are withdrawn. Writing over the same file in place cannot be seen.
 */
export function withdrawIfRestored(db: SqliteDatabase, path: string): void {
  const { dev, ino } = statSync(path, { bigint: true });
  const identity = `${dev}:${ino}`;
  const recorded = (): string | undefined => db.get<{ value: string }>("SELECT value FROM meta WHERE key = 'file'")?.value;
  if (recorded() === identity) return;
  const message = db.write(() => {
    const before = recorded();
    db.run("INSERT INTO meta VALUES ('file', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", identity);
    db.run("INSERT INTO meta VALUES ('store_id', ?) ON CONFLICT (key) DO NOTHING", randomUUID());
    // another process may have been first; a file that has no identity yet is new
    return before === identity || before === undefined ? undefined : withdraw(db);
  });
  if (message !== undefined) publishDiagnostic({ kind: 'security', code: 'store_restored', message });
}

/** Gives what is to be told about it. */
function withdraw(db: SqliteDatabase): string {
  const nowMs = db.clock(Date.now());
  const rows = db.all<TaskRow>(`SELECT ${TASK_COLUMNS} FROM task WHERE status IN ('approved', 'executing')`);
  for (const row of rows) {
    const task = taskOf(row);
    const stamp = { status: 'unknown', updatedAtMs: nowMs, version: task.version + 1 } as const;
    writeChange(db, row, task, changedTask(task, { error: RESTORED }, stamp, ['leaseUntilMs']));
  }
  const unused = db
    .all<{ body: string }>("SELECT body FROM approval WHERE status = 'approved'")
    .map((row) => fromStoredText(row.body) as ApprovalRecord)
    .filter((record) => record.consumed === undefined);
  for (const record of unused) writeApproval(db, { ...record, status: 'withdrawn', version: record.version + 1 }, record.version);
  const counts = `${rows.length} approved or executing tasks are unknown now, ${unused.length} unused approvals withdrawn`;
  return `The store's file is not the one it was: it was restored or copied. ${counts}.`;
}
