import type { ApprovalStore } from '../ApprovalStore.js';
import type { ServerStore, TenantStore, TenantStoreOptions } from '../StateStore.js';
import type { MemoryCounterStore } from '../counter/MemoryCounterStore.js';
import { DEFAULT_TENANT, tenantScope } from '../tenant/tenantScope.js';
import { MemoryRecordStore } from './MemoryRecordStore.js';
import { MemoryTaskStore } from './MemoryTaskStore.js';
import { MemoryTenantApprovals } from './MemoryTenantApprovals.js';

interface TenantRows {
  readonly counters: MemoryCounterStore;
  readonly approvals: MemoryTenantApprovals;
  readonly records: MemoryRecordStore;
}

/** Tasks, approvals and records of many tenants in the memory of this process. Everything ends with the process. */
export class MemoryStateStore implements ServerStore {
  readonly tasks: MemoryTaskStore;
  readonly approvals: ApprovalStore;
  readonly #tenants = new Map<string, TenantRows>();

  constructor() {
    const { approvals, records } = this.#rowsOf(DEFAULT_TENANT);
    this.approvals = approvals;
    this.tasks = new MemoryTaskStore(() => records.haltChanges());
  }

  open(): void {}

  close(): void {}

  forTenant(tenantId: string, options?: TenantStoreOptions): TenantStore {
    const scope = tenantScope(tenantId, options);
    const rows = this.#rowsOf(scope.tenantId);
    rows.approvals.keep(scope.keepMs);
    return rows;
  }

  #rowsOf(tenantId: string): TenantRows {
    const known = this.#tenants.get(tenantId);
    if (known !== undefined) return known;
    const isTaken = (decisionId: string): boolean =>
      [...this.#tenants].some(([other, { approvals }]) => other !== tenantId && approvals.get(decisionId) !== undefined);
    const records = new MemoryRecordStore();
    const rows = { approvals: new MemoryTenantApprovals(isTaken, records), records, counters: records.counters };
    this.#tenants.set(tenantId, rows);
    return rows;
  }
}
