import { GOVERNANCE_VERSION } from './file/schema.js';
import type { SqliteDatabase } from './SqliteDatabase.js';

/** How often the halts of a tenant were changed. */
export function haltChanges(db: SqliteDatabase, tenantId: string): number {
  return db.get<{ halts: number }>('SELECT halts FROM gate WHERE tenant_id = ?', tenantId)?.halts ?? 0;
}

/** Whether it was so often, and no oftener, in the transaction that is open. */
export function isUnchanged(db: SqliteDatabase, tenantId: string, expected: number | undefined): boolean {
  return expected === undefined || haltChanges(db, tenantId) === expected;
}

/** Lets no code use the file from now on that is older than halts, grants and limits. In the transaction that is open. */
export function endOlderReaders(db: SqliteDatabase): void {
  db.run("UPDATE meta SET value = ? WHERE key = 'min_reader' AND value < ?", GOVERNANCE_VERSION, GOVERNANCE_VERSION);
}

/** Counts one more change in the transaction that is open. Older code would run what is halted, so it may use the file no longer. */
export function countHaltChange(db: SqliteDatabase, tenantId: string): void {
  endOlderReaders(db);
  db.run('INSERT INTO gate (tenant_id, halts) VALUES (?, 1) ON CONFLICT (tenant_id) DO UPDATE SET halts = halts + 1', tenantId);
}
