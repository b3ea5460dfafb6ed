import { pageOfList } from '../approval/approvalPage.js';
import type { ApprovalCard, ApprovalPage, ApprovalPageQuery, ApprovalRecord, ChangeConditions } from '../ApprovalStore.js';
import type { CounterChange } from '../counter/CounterStore.js';
import type { StoredRecord } from '../RecordStore.js';
import type { MemoryRecordStore } from './MemoryRecordStore.js';
import { MemoryApprovalStore } from './MemoryApprovalStore.js';

/** The approvals of one tenant in the memory of this process. */
export class MemoryTenantApprovals extends MemoryApprovalStore {
  readonly insertsBeside = true;
  readonly #isTaken: (decisionId: string) => boolean;
  readonly #records: MemoryRecordStore;
  /** The ids of approvals by agent and idempotency key. */
  readonly #keys = new Map<string, string>();
  #keepMs = 0;

  /**
   * @param isTaken whether another tenant has an approval of that id
   * @param records of the same tenant
   */
  constructor(isTaken: (decisionId: string) => boolean, records: MemoryRecordStore) {
    super(records.counters);
    this.#isTaken = isTaken;
    this.#records = records;
  }

  /** Keeps approvals that much longer than until they have expired, in milliseconds. */
  keep(keepMs: number): void {
    this.#keepMs = Math.max(this.#keepMs, keepMs);
  }

  override insert(record: ApprovalRecord, _card?: ApprovalCard, beside?: readonly StoredRecord[], takes?: CounterChange): boolean {
    const { agentId, decisionId, idempotency } = record;
    if (this.#isTaken(decisionId) || (idempotency !== undefined && this.ofIdempotencyKey(agentId, idempotency.key) !== undefined))
      return false;
    if (!super.insert(record, undefined, undefined, takes)) return false;
    if (idempotency !== undefined) this.#keys.set(JSON.stringify([agentId, idempotency.key]), decisionId);
    this.#records.insertAll(beside);
    return true;
  }

  override replace(
    record: ApprovalRecord,
    version: number,
    _card?: ApprovalCard,
    beside?: readonly StoredRecord[],
    { haltChanges }: ChangeConditions = {},
    takes?: CounterChange,
  ): boolean {
    if (haltChanges !== undefined && haltChanges !== this.#records.haltChanges()) return false;
    if (!super.replace(record, version, undefined, undefined, undefined, takes)) return false;
    this.#records.insertAll(beside);
    return true;
  }

  ofIdempotencyKey(agentId: string, key: string): ApprovalRecord | undefined {
    const decisionId = this.#keys.get(JSON.stringify([agentId, key]));
    return decisionId === undefined ? undefined : this.get(decisionId);
  }

  page(query: ApprovalPageQuery): Promise<ApprovalPage> {
    return pageOfList((all) => this.list(all), query);
  }

  override prune(endedByMs: number): number {
    const pruned = super.prune(endedByMs - this.#keepMs);
    for (const [key, decisionId] of this.#keys) if (this.get(decisionId) === undefined) this.#keys.delete(key);
    return pruned;
  }
}
