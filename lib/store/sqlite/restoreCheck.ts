import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { publishDiagnostic } from '../../model/diagnostics.js';
import type { ApprovalRecord } from '../ApprovalStore.js';
import { writeApprovalRow, TASK_COLUMNS, taskFromRow, writeChange } from './rows.js';
import type { SqliteDatabase } from './SqliteDatabase.js';
import type { TaskRow } from './rows.js';
import { fromStoredJson } from '../storedJson.js';
import { restored } from '../taskTransitions.js';

/**
 * Compares the file's device, inode and creation time with those it had. A file that has others is a copy, or a backup that was put back, so that what
 * it calls approved may have run since: those tasks become `unknown`, and approvals that it calls unused are withdrawn. Contents written over the same
 * file in place go unnoticed.
 */
export function restoreCheck(db: SqliteDatabase, path: string): void {
  const identity = identityOf(path);
  const recorded = (): string | undefined => db.get<{ value: string }>("SELECT value FROM meta WHERE key = 'file'")?.value;
  if (recorded() === identity) return;
  const message = db.write(() => {
    const before = recorded();
    db.run("INSERT INTO meta VALUES ('file', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", identity);
    db.run("INSERT INTO meta VALUES ('store_id', ?) ON CONFLICT (key) DO NOTHING", randomUUID());
    // another process may have been first; a file without an identity is new
    return before === undefined || isSameFile(before, identity) ? undefined : withdraw(db);
  });
  if (message !== undefined) publishDiagnostic({ kind: 'security', code: 'store_restored', message });
}

/** Device and inode, and the creation time where the file system keeps it: an inode is used again once its file is gone. */
function identityOf(path: string): string {
  const { dev, ino, birthtimeNs, ctimeNs } = statSync(path, { bigint: true });
  // where a file system keeps no creation time, Node gives that of the last change
  return `${dev}:${ino}:${birthtimeNs > 0n && birthtimeNs < ctimeNs ? birthtimeNs : ''}`;
}

function isSameFile(before: string, now: string): boolean {
  const [was, is] = [before.split(':'), now.split(':')];
  // a file whose creation time was known, and is not now, has just been made
  const unknown = was[2] === undefined || was[2] === '';
  return was[0] === is[0] && was[1] === is[1] && (unknown || was[2] === is[2]);
}

/** Returns the message of the diagnostic. */
function withdraw(db: SqliteDatabase): string {
  const nowMs = db.clock(Date.now());
  const rows = db.all<TaskRow>(`SELECT ${TASK_COLUMNS} FROM task WHERE status IN ('approved', 'executing')`);
  for (const row of rows) {
    const task = taskFromRow(row);
    writeChange(db, row, task, restored(task, nowMs));
  }
  const unused = db
    .all<{ body: string }>("SELECT body FROM approval WHERE status = 'approved'")
    .map((row) => fromStoredJson(row.body) as ApprovalRecord)
    .filter((record) => record.consumed === undefined);
  for (const record of unused) writeApprovalRow(db, { ...record, status: 'withdrawn', version: record.version + 1 }, record.version);
  const counts = `${rows.length} approved or executing tasks became unknown, and ${unused.length} unused approvals were withdrawn`;
  return `The store's file was restored or copied: ${counts}. Check what ran, and settle the unknown tasks.`;
}
