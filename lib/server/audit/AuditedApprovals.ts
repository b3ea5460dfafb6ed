import { approvalRecords } from '../../audit/record/approvalRecords.js';
import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { CounterChange, CounterStore } from '../../store/counter/CounterStore.js';
import { approvalPage } from '../../store/approval/approvalPage.js';
import type {
  ApprovalCard,
  ApprovalPage,
  ApprovalPageQuery,
  ApprovalQuery,
  ApprovalRecord,
  ApprovalStore,
  BindOlder,
  ChangeConditions,
} from '../../store/ApprovalStore.js';
import type { StoredRecord } from '../../store/RecordStore.js';
import { approvalChanges } from './approvalChanges.js';
import type { ChangeOutbox } from './ChangeOutbox.js';

/**
 * The approvals of a tenant, whose every change is recorded: it is committed together with its record's row, and no one reads it before the record is durable,
 * at any server.
 */
export class AuditedApprovals implements ApprovalStore {
  readonly #inner: ApprovalStore;
  readonly #outbox: ChangeOutbox;
  readonly #tenantId: string | undefined;

  /** @param tenantId what records say: those of a module have none */
  constructor(inner: ApprovalStore, outbox: ChangeOutbox, tenantId: string | undefined) {
    this.#inner = inner;
    this.#outbox = outbox;
    this.#tenantId = tenantId;
  }

  get signs(): boolean {
    return this.#inner.signs === true;
  }

  get counters(): CounterStore | undefined {
    return this.#inner.counters;
  }

  insert(record: ApprovalRecord, _card?: undefined, _beside?: undefined, takes?: CounterChange): Awaitable<boolean> {
    const entry = approvalRecords.opened(record, { tenantId: this.#tenantId });
    return this.#outbox.commit([entry], (beside) => this.#inner.insert(record, undefined, beside, takes));
  }

  get(decisionId: string): Awaitable<ApprovalRecord | undefined> {
    return chain(this.#inner.get(decisionId), (record) => this.#settled(record));
  }

  replace(
    record: ApprovalRecord,
    version: number,
    _card?: ApprovalCard,
    _beside?: readonly StoredRecord[],
    conditions?: ChangeConditions,
    takes?: CounterChange,
  ): Awaitable<boolean> {
    return chain(this.#inner.get(record.decisionId), (before) => {
      // another change was first
      if (before?.version !== version) return false;
      const entries = approvalChanges(before, record, this.#tenantId);
      return this.#outbox.commit(entries, (beside) => this.#inner.replace(record, version, undefined, beside, conditions, takes));
    });
  }

  list(query: ApprovalQuery): Awaitable<readonly ApprovalRecord[]> {
    return chain(this.#inner.list(query), async (records) => {
      if (records.length === 0) return records;
      const unsettled = await this.#outbox.unsettled();
      return records.filter(({ decisionId }) => !unsettled.has(decisionId));
    });
  }

  countPending(agentId: string, toolName: string, cap?: number): Awaitable<number> {
    return this.#inner.countPending(agentId, toolName, cap);
  }

  ofIdempotencyKey(agentId: string, key: string): Awaitable<ApprovalRecord | undefined> {
    return chain(this.#inner.ofIdempotencyKey?.(agentId, key), (record) => this.#settled(record));
  }

  async page(query: ApprovalPageQuery): Promise<ApprovalPage> {
    const page = await approvalPage(this.#inner, query);
    if (page.cards.length === 0) return page;
    const unsettled = await this.#outbox.unsettled();
    return unsettled.size === 0 ? page : { ...page, cards: page.cards.filter(({ decisionId }) => !unsettled.has(decisionId)) };
  }

  /** Refusals that are not in the log yet count too: they let less run. */
  listDenied(agentId: string, toolName: string, sinceMs: number): Awaitable<readonly ApprovalRecord[]> {
    return this.#inner.listDenied(agentId, toolName, sinceMs);
  }

  prune(endedByMs: number): Awaitable<number> {
    return this.#inner.prune(endedByMs);
  }

  bindOlder(bind: BindOlder): Awaitable<void> {
    return this.#inner.bindOlder?.(bind);
  }

  #settled(record: ApprovalRecord | undefined): Awaitable<ApprovalRecord | undefined> {
    return record === undefined ? undefined : chain(this.#outbox.settled(record.decisionId, record.version), () => record);
  }
}
