import { createHmac } from 'node:crypto';
import { canonicalText } from '../../common/data/canonical.js';
import { LruMap } from '../../common/LruMap.js';
import { randomId } from '../../common/nextId.js';
import type { SecretString } from '../../common/SecretString.js';
import { publishDiagnostic } from '../../model/diagnostics.js';
import { purposeKey } from '../../store/purposeKey.js';
import { isSameMac } from '../../store/record/isSameMac.js';
import type { StoredRecord } from '../../store/RecordStore.js';
import type { OpenRecord } from '../record/OpenRecord.js';

/** The kind of the rows of what is still to be written to the log of a server. */
export const OUTBOX_KIND = 'audit-outbox';

/** The kind of the rows of what is still to be written to the log of a program without a server. */
export const EVENT_KIND = 'audit-event';

/** The log of a row that any server may write: its change was made by a command of the host's operator. */
export const HOST_LOG = 'host';

/** The log that a row is to be written to. */
export interface RowTarget {
  /** Identifies the log. */
  readonly logId: string;
  /** The record of the row is at this position of the log, or behind it. */
  readonly from: number;
}

/** What is in a row. */
export interface OutboxRow extends RowTarget {
  readonly entry: OpenRecord;
  /** When its change was committed, in epoch milliseconds. */
  readonly at: number;
}

/** Who signs rows, and for whom. */
export interface OutboxSigning {
  /** Where it is absent, nothing in the store is signed: neither the approvals nor what is to be written of them. */
  readonly stateKey: SecretString | undefined;
  readonly previousStateKey?: SecretString | undefined;
  readonly tenantId: string;
  /** @defaultValue those of a server */
  readonly kind?: string | undefined;
}

/** Makes and reads the rows of an outbox. A row that someone without the state key wrote is not read: it would put words into the log. */
export class OutboxRows {
  readonly #keys: readonly SecretString[];
  readonly #tenantId: string;
  readonly #kind: string;
  /** Rows that were reported already. */
  readonly #reported = new LruMap<string, true>(1_000);

  constructor({ stateKey, previousStateKey, tenantId, kind = OUTBOX_KIND }: OutboxSigning) {
    const keys = [stateKey, previousStateKey].filter((key) => key !== undefined);
    this.#keys = keys.map((key) => purposeKey(key, 'audit', tenantId));
    this.#tenantId = tenantId;
    this.#kind = kind;
  }

  /** The row of a change that is about to be made. The id of the row is in its record too. */
  make({ record, opening }: OpenRecord, { logId, from }: RowTarget, nowMs: number): StoredRecord {
    const id = randomId('chg');
    const entry: OpenRecord = { record: { ...record, change: id }, opening };
    const decisionId = 'decisionId' in record ? record.decisionId : undefined;
    return this.#signed({
      id,
      version: 1,
      logId,
      index1: decisionId,
      createdAtMs: nowMs,
      body: JSON.stringify({ entry, from, at: nowMs }),
    });
  }

  /** The same row, to be written to another log. */
  moved({ id, version, index1, createdAtMs }: StoredRecord, { entry, at }: OutboxRow, { logId, from }: RowTarget): StoredRecord {
    return this.#signed({ id, version: version + 1, logId, index1, createdAtMs, body: JSON.stringify({ entry, from, at }) });
  }

  /** What a row says; `undefined`, and reported, where it was not made with the state key. */
  read(row: StoredRecord): OutboxRow | undefined {
    if (this.#keys.length === 0 || this.#keys.some((key) => isSameMac(row.mac, this.#macOf(row, key)))) {
      const { entry, from, at } = JSON.parse(row.body) as Omit<OutboxRow, 'logId'>;
      return { entry, from, at, logId: row.index2 ?? '' };
    }
    if (this.#reported.get(row.id) === true) return undefined;
    this.#reported.set(row.id, true);
    const message =
      'A row of the audit outbox has no valid signature of this state key, so it is not written to the log: check that all servers have the same state key, and who can write the store.';
    publishDiagnostic({ kind: 'security', code: 'audit_row_tampered', message, actor: { kind: 'store' } });
    return undefined;
  }

  #signed(fields: Pick<StoredRecord, 'id' | 'version' | 'index1' | 'createdAtMs' | 'body'> & { readonly logId: string }): StoredRecord {
    const { logId, ...rest } = fields;
    const row = { ...rest, kind: this.#kind, index2: logId };
    const [key] = this.#keys;
    return key === undefined ? row : { ...row, mac: this.#macOf(row, key) };
  }

  #macOf(
    { id, version, index1 = null, index2 = null, body }: Omit<StoredRecord, 'index1' | 'index2'> & Nullable,
    key: SecretString,
  ): string {
    const text = canonicalText([`aegis ${this.#kind} 1`, this.#tenantId, id, version, index1, index2, body]);
    return createHmac('sha256', key.reveal()).update(text).digest('base64url');
  }
}

interface Nullable {
  readonly index1?: string | null | undefined;
  readonly index2?: string | null | undefined;
}
