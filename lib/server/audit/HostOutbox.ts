import type { OpenRecord } from '../../audit/record/OpenRecord.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { SecretString } from '../../common/SecretString.js';
import type { ServerStore, TenantStore } from '../../store/StateStore.js';
import type { SignedTenantStore } from '../../store/signing/signedTenantStore.js';
import type { SignableRecordStore, StoredRecord } from '../../store/RecordStore.js';
import { DEFAULT_TENANT } from '../../store/tenant/tenantScope.js';
import { AuditedApprovals } from './AuditedApprovals.js';
import { AuditedRecords } from './AuditedRecords.js';
import type { ChangeOutbox } from './ChangeOutbox.js';
import { HOST_LOG, OutboxRows } from '../../audit/outbox/OutboxRows.js';

/** The kind of the record that says that servers of this store keep a log. */
export const KEPT_KIND = 'audit-log';
/** Its only id. */
export const KEPT_ID = 'kept';

/** What a {@link HostOutbox} needs. */
export interface HostOutboxOptions {
  readonly stateKey: SecretString;
  readonly tenantId: string;
}

/**
 * The outbox of the host's operator, who changes the store by commands: a server writes the rows to its log, at once where one runs, else when one starts. Nothing
 * is left where servers of this store keep no log.
 */
export class HostOutbox implements ChangeOutbox {
  readonly #kept: SignableRecordStore;
  readonly #rows: OutboxRows;
  #isKept: boolean | undefined;

  /**
   * The rows of a tenant, each change of which leaves what a server is to write.
   *
   * @param raw not signed
   * @param signed the same rows, signed
   */
  static rowsOf(store: ServerStore, raw: TenantStore, signed: SignedTenantStore, options: HostOutboxOptions): SignedTenantStore {
    if (raw.records.insertsBeside !== true || raw.approvals.insertsBeside !== true) return signed;
    const outbox = new HostOutbox(store.forTenant(DEFAULT_TENANT).records, options);
    const { tenantId } = options;
    return {
      approvals: new AuditedApprovals(signed.approvals, outbox, tenantId),
      records: new AuditedRecords(signed.records, outbox, tenantId),
    };
  }

  private constructor(kept: SignableRecordStore, options: HostOutboxOptions) {
    this.#kept = kept;
    this.#rows = new OutboxRows(options);
  }

  async commit(entries: readonly OpenRecord[], change: (beside: readonly StoredRecord[]) => Awaitable<boolean>): Promise<boolean> {
    this.#isKept ??= (await this.#kept.get(KEPT_KIND, KEPT_ID)) !== undefined;
    if (!this.#isKept) return change([]);
    return change(entries.map((entry) => this.#rows.make(entry, { logId: HOST_LOG, from: 0 }, Date.now())));
  }

  settled(): void {}

  unsettled(): ReadonlySet<string> {
    return new Set();
  }
}
