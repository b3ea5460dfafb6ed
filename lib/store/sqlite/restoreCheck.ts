import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { publishDiagnostic } from '../../model/diagnostics.js';
import type { ApprovalRecord } from '../ApprovalStore.js';
import { CommitMark } from './file/CommitMark.js';
import { continueHistory, filesBefore, hasLostHistory, markFileOf, markInUse, newestChange, storeIdOf } from './lostHistory.js';
import { writeApprovalRow, TASK_COLUMNS, taskFromRow, writeChange } from './rows.js';
import type { SqliteDatabase } from './SqliteDatabase.js';
import type { TaskRow } from './rows.js';
import { fromStoredJson } from '../storedJson.js';
import { restored } from '../taskTransitions.js';

/**
 * Finds out whether a file that is opened has lost what was committed to it, and marks it as in use. Its device, inode and creation time are compared
 * with those it had: a file that has others is a copy, or a backup that was put back. What else can be lost is described in lostHistory.ts. In each
 * case what the file calls approved may have run since: those tasks become `unknown`, and approvals that it calls unused are withdrawn.
 *
 * @returns what has to be called once the file is open; the first part is done before
 */
export function restoreCheck(path: string): (db: SqliteDatabase) => void {
  const before = filesBefore(path);
  return (db) => {
    const identity = identityOf(path);
    const recorded = (): string | undefined => db.get<{ value: string }>("SELECT value FROM meta WHERE key = 'file'")?.value;
    let marked = false;
    const message = db.write(() => {
      const known = recorded();
      const isOther = known !== undefined && known !== identity && !isSameFile(known, identity);
      const isCut = hasLostHistory(db, before);
      db.run("INSERT INTO meta VALUES ('file', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", identity);
      db.run("INSERT INTO meta VALUES ('store_id', ?) ON CONFLICT (key) DO NOTHING", randomUUID());
      if (isOther || isCut) continueHistory(db, before);
      marked = markInUse(db);
      // no other process can be here, so that only one of them makes the file
      db.keepMark(CommitMark.open(markFileOf(path), storeIdOf(db) as string));
      // another process may have been first; a file without an identity is new
      return isOther || isCut ? withdraw(db, isOther ? COPIED : CUT) : undefined;
    });
    db.noteCommitted(newestChange(db));
    // into the main file: the mark must be there when all else is gone
    if (marked) db.get('PRAGMA wal_checkpoint(PASSIVE)');
    if (message !== undefined) publishDiagnostic({ kind: 'security', code: 'store_restored', message });
  };
}

const COPIED = "The store's file was restored or copied";
const CUT = "The store's file has lost changes that were committed: its -wal file was deleted or cut, or an older file was written over it";

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
function withdraw(db: SqliteDatabase, why: string): string {
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
  return `${why}: ${counts}. Check what ran, and settle the unknown tasks.`;
}
