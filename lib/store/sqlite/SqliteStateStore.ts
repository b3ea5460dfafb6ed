import type { CounterStore } from '../counter/CounterStore.js';
import type { Migration, ServerStore, TenantStore, TenantStoreOptions } from '../StateStore.js';
import { DEFAULT_SCOPE, tenantScope } from '../tenant/tenantScope.js';
import { CounterConnection } from './counter/CounterConnection.js';
import { SqliteCounterStore } from './counter/SqliteCounterStore.js';
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
  readonly #counting: CounterConnection;

  constructor(path: string | URL, pollMs: number) {
    this.#db = new SqliteDatabase(path, restoreCheck);
    this.#counting = new CounterConnection(this.#db);
    this.tasks = new SqliteTaskStore(this.#db, new ChangeFeed(this.#db, pollMs));
    this.approvals = new OpenableApprovals(this.#db, new SqliteCounterStore(this.#db, this.#counting, DEFAULT_SCOPE.tenantId));
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
    const counters = new SqliteCounterStore(this.#db, this.#counting, tenantId);
    return {
      approvals: new SqliteApprovalStore(this.#db, scope, counters),
      records: new SqliteRecordStore(this.#db, tenantId, counters),
      counters,
    };
  }
}

/** The approvals of programs without a server, which can be opened without their tasks. */
class OpenableApprovals extends SqliteApprovalStore {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase, counters: CounterStore) {
    super(db, DEFAULT_SCOPE, counters);
    this.#db = db;
  }

  open(): void {
    this.#db.open('approvals');
  }

  close(): void {
    this.#db.close('approvals');
  }
}
