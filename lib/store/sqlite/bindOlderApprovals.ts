import type { ApprovalRecord, BindOlder } from '../ApprovalStore.js';
import { fromStoredJson } from '../storedJson.js';
import { readDecision, taskFromRow, writeApprovalRow } from './rows.js';
import type { SqliteDatabase } from './SqliteDatabase.js';

/** Says in `meta` that approvals of before schema version 4 have not been bound yet. */
const UNBOUND = "SELECT 1 FROM meta WHERE key = 'unbound'";

/** Binds what schema version 3 left unbound, in one transaction. Of several processes that try, one does it. */
export function bindOlderApprovals(db: SqliteDatabase, bind: BindOlder): void {
  if (db.get(UNBOUND) === undefined) return;
  db.write(() => {
    if (db.get(UNBOUND) === undefined) return;
    const rows = db.all<{ body: string }>("SELECT body FROM approval WHERE status IN ('pending', 'approved')");
    const found = { bound: 0, left: 0 };
    for (const { body } of rows) {
      const record = fromStoredJson(body) as ApprovalRecord;
      const row = record.bindingDigest === undefined ? readDecision(db, record.decisionId) : undefined;
      if (row === undefined) continue;
      const bound = bind(record, taskFromRow(row));
      found[bound === undefined ? 'left' : 'bound'] += 1;
      if (bound !== undefined) writeApprovalRow(db, bound, record.version);
    }
    // a process with another state key can bind none of them: the right one still has to
    if (found.bound > 0 || found.left === 0) db.run("DELETE FROM meta WHERE key = 'unbound'");
  });
}
