import type { Awaitable } from '../../../common/awaitable.js';
import type { ApprovalEvent, EventOutbox } from '../../../store/record/EventOutbox.js';
import type { StoredRecord } from '../../../store/RecordStore.js';

/** Changes an approval in its store, and inserts records with it. Resolves to whether it did. */
export type ApprovalChange = (beside?: readonly StoredRecord[]) => Awaitable<boolean>;

/** Makes a change together with what the journal will write of it. */
export function commitKept(events: readonly ApprovalEvent[], change: ApprovalChange, outbox: EventOutbox | undefined): Awaitable<boolean> {
  return outbox === undefined || events.length === 0 ? change() : outbox.commit(events, change);
}
