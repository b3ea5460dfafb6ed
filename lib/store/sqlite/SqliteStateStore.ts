import type { Migration, ServerStore, TenantStore, TenantStoreOptions } from '../StateStore.js';
import { DEFAULT_SCOPE, tenantScope } from '../tenant/tenantScope.js';
import { ChangeFeed } from './ChangeFeed.js';
import { restoreCheck } from './restoreCheck.js';
import { SqliteApprovalStore } from './SqliteApprovalStore.js';
import { SqliteDatabase } from './SqliteDatabase.js';
import { SqliteRecordStore } from './SqliteRecordStore.js';
import { SqliteTaskStore } from './SqliteTaskStore.js';

/** Tasks, approvals and records in one SQLite file. */
export class SqliteStateStore implements ServerStore {
  readonly tasks: SqliteTaskStore;
  readonly approvals: OpenableApprovals;
  readonly #db: SqliteDatabase;

  constructor(path: string | URL, pollMs: number) {
    this.#db = new SqliteDatabase(path, restoreCheck);
    this.tasks = new SqliteTaskStore(this.#db, new ChangeFeed(this.#db, pollMs));
    this.approvals = new OpenableApprovals(this.#db);
  }

  open(): void {
    this.#db.open('state');
  }

  close(): void {
    this.#db.close('state');
  }

  migrate(): Migration {
    return this.#db.migrate();
  }

  backup(path: string | URL, onProgress?: (copied: number, total: number) => void): Promise<void> {
    return this.#db.copyTo(path, onProgress);
  }

  forTenant(tenantId: string, options?: TenantStoreOptions): TenantStore {
    const scope = tenantScope(tenantId, options);
    return { approvals: new SqliteApprovalStore(this.#db, scope), records: new SqliteRecordStore(this.#db, scope.tenantId) };
  }
}

/** The approvals of programs without a server, which can be opened without their tasks. */
class OpenableApprovals extends SqliteApprovalStore {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    super(db, DEFAULT_SCOPE);
    this.#db = db;
  }

  open(): void {
    this.#db.open('approvals');
  }

  close(): void {
    this.#db.close('approvals');
  }
}
