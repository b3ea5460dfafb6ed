import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { publishDiagnostic } from '../../model/diagnostics.js';
import type { ErrorSummary } from '../../model/AegisError.js';
import type { ApprovalRecord } from '../ApprovalStore.js';
import { patchTask } from '../patchTask.js';
import { writeApproval } from './approvalRows.js';
import type { SqliteDatabase } from './SqliteDatabase.js';
import { TASK_COLUMNS, taskOf, writeChange } from './taskRows.js';
import type { TaskRow } from './taskRows.js';
import { fromStoredText } from '../storedJson.js';

const RESTORED: ErrorSummary = {
  name: 'OutcomeUnknownError',
  code: 'outcome_unknown',
  message: 'The store was restored or copied: what ran after that state of it was kept is not known.',
};

/**
 * A file that is not the one it was, by device, inode and the time it was made, is a copy or a backup put back: what it calls approved may have run since. That becomes
 * `unknown`, and approvals that it calls unused are withdrawn. Writing over the same file in place cannot be seen.
 */
export function withdrawIfRestored(db: SqliteDatabase, path: string): void {
  const identity = identityOf(path);
  const recorded = (): string | undefined => db.get<{ value: string }>("SELECT value FROM meta WHERE key = 'file'")?.value;
  if (recorded() === identity) return;
  const message = db.write(() => {
    const before = recorded();
    db.run("INSERT INTO meta VALUES ('file', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", identity);
    db.run("INSERT INTO meta VALUES ('store_id', ?) ON CONFLICT (key) DO NOTHING", randomUUID());
    // another process may have been first; a file that has no identity yet is new
    return before === undefined || isSameFile(before, identity) ? undefined : withdraw(db);
  });
  if (message !== undefined) publishDiagnostic({ kind: 'security', code: 'store_restored', message });
}

/** Device and inode, and the time the file was made where that can be told: an inode is given again when its file is gone. */
function identityOf(path: string): string {
  const { dev, ino, birthtimeNs, ctimeNs } = statSync(path, { bigint: true });
  // where a file system keeps no such time, Node gives that of the last change
  return `${dev}:${ino}:${birthtimeNs > 0n && birthtimeNs < ctimeNs ? birthtimeNs : ''}`;
}

function isSameFile(before: string, now: string): boolean {
  const [was, is] = [before.split(':'), now.split(':')];
  // one whose time could be told, and cannot now, has just been made
  const unknown = was[2] === undefined || was[2] === '';
  return was[0] === is[0] && was[1] === is[1] && (unknown || was[2] === is[2]);
}

/** Gives what is to be told about it. */
function withdraw(db: SqliteDatabase): string {
  const nowMs = db.clock(Date.now());
  const rows = db.all<TaskRow>(`SELECT ${TASK_COLUMNS} FROM task WHERE status IN ('approved', 'executing')`);
  for (const row of rows) {
    const task = taskOf(row);
    const stamp = { status: 'unknown', updatedAtMs: nowMs, version: task.version + 1 } as const;
    writeChange(db, row, task, patchTask(task, { error: RESTORED }, stamp, ['leaseUntilMs']));
  }
  const unused = db
    .all<{ body: string }>("SELECT body FROM approval WHERE status = 'approved'")
    .map((row) => fromStoredText(row.body) as ApprovalRecord)
    .filter((record) => record.consumed === undefined);
  for (const record of unused) writeApproval(db, { ...record, status: 'withdrawn', version: record.version + 1 }, record.version);
  const counts = `${rows.length} approved or executing tasks are unknown now, ${unused.length} unused approvals withdrawn`;
  return `The store's file is not the one it was: it was restored or copied. ${counts}.`;
}
