import type { OpenRecord } from '../../audit/record/OpenRecord.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { StoredRecord } from '../../store/RecordStore.js';

/** Where changes leave what a log is to write of them. */
export interface ChangeOutbox {
  /**
   * Makes a change together with the rows of its records.
   *
   * @param change gets the rows; resolves to whether it was made
   * @throws RequestError 503 `audit_unavailable` where a server cannot write them
   */
  commit(entries: readonly OpenRecord[], change: (beside: readonly StoredRecord[]) => Awaitable<boolean>): Awaitable<boolean>;
  /** Resolves when everything that is known of an approval at this version may be told. @throws RequestError 503 `audit_unavailable` */
  settled(decisionId: string, version: number): Awaitable<void>;
  /** The approvals of which not everything may be told. */
  unsettled(): Awaitable<ReadonlySet<string>>;
}
