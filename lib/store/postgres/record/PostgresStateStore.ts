import type { Migration, ServerStore, TenantStore, TenantStoreOptions } from '../../StateStore.js';
import { DEFAULT_SCOPE, tenantScope } from '../../tenant/tenantScope.js';
import { PostgresApprovalStore } from '../PostgresApprovalStore.js';
import { PostgresSession } from '../PostgresSession.js';
import { PostgresTaskStore } from '../PostgresTaskStore.js';
import type { PostgresSettings } from '../settings.js';
import { PostgresCounterStore } from './PostgresCounterStore.js';
import { PostgresRecordStore } from './PostgresRecordStore.js';

/** Tasks, approvals and records in one PostgreSQL schema. */
export class PostgresStateStore implements ServerStore {
  readonly tasks: PostgresTaskStore;
  readonly approvals: OpenableApprovals;
  readonly #session: PostgresSession;

  constructor(settings: PostgresSettings) {
    this.#session = new PostgresSession(settings);
    this.tasks = new PostgresTaskStore(this.#session);
    this.approvals = new OpenableApprovals(this.#session);
  }

  async open(): Promise<void> {
    await this.tasks.open();
    await this.approvals.open();
  }

  async close(): Promise<void> {
    await this.approvals.close();
    await this.tasks.close();
  }

  migrate(): Promise<Migration> {
    return this.#session.migrate();
  }

  forTenant(tenantId: string, options?: TenantStoreOptions): TenantStore {
    const scope = tenantScope(tenantId, options);
    const counters = new PostgresCounterStore(this.#session, scope.tenantId);
    return {
      approvals: new PostgresApprovalStore(this.#session, scope, counters),
      records: new PostgresRecordStore(this.#session, scope.tenantId, counters),
      counters,
    };
  }
}

/** The approvals of programs without a server, which can be opened without their tasks. */
class OpenableApprovals extends PostgresApprovalStore {
  readonly #session: PostgresSession;

  constructor(session: PostgresSession) {
    super(session, DEFAULT_SCOPE, new PostgresCounterStore(session, DEFAULT_SCOPE.tenantId));
    this.#session = session;
  }

  open(): Promise<void> {
    return this.#session.open(this);
  }

  close(): Promise<void> {
    return this.#session.close(this);
  }
}
