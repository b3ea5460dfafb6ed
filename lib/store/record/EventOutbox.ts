import type { Awaitable } from '../../common/awaitable.js';
import type { SecretString } from '../../common/SecretString.js';
import type { AmendedEvent, BegunEvent, ConsumedEvent, EndedEvent, Journal, OpenedEvent, VerdictEvent } from '../../model/Journal.js';
import type { SignableRecordStore, StoredRecord } from '../RecordStore.js';

/** What a journal is told of a change of an approval. */
export type ApprovalEvent = Omit<OpenedEvent, 'task'> | VerdictEvent | AmendedEvent | ConsumedEvent | BegunEvent | EndedEvent;

/**
 * Keeps in a store what a journal has still to write of changes that are committed there: a process that dies between a change and its record loses none. Each is
 * written once.
 */
export interface EventOutbox {
  /** The store is open: writes what processes have left that have ended. It never rejects. */
  open(): Awaitable<void>;
  /**
   * Makes a change together with what is to be written of it. Afterwards the journal is told of these events, or of others with the same `approval`.
   *
   * @param change gets what is to be inserted with it; resolves to whether it was made
   * @throws DecisionUnavailableError `audit_unavailable`, before the change, where nothing can be kept of it
   */
  commit(events: readonly ApprovalEvent[], change: (beside?: readonly StoredRecord[]) => Awaitable<boolean>): Awaitable<boolean>;
  /** Resolves when nothing is kept that is written. The store is still open. */
  close(): Awaitable<void>;
}

/** Where an outbox is, and who signs what is in it. */
export interface OutboxPlace {
  /** The records beside the approvals; `undefined` where the store cannot insert records together with a change. */
  readonly records: () => SignableRecordStore | undefined;
  readonly stateKey: SecretString | undefined;
}

/** A journal that keeps an outbox in each store whose approvals it is told of. */
export interface KeepingJournal extends Journal {
  /** @internal */
  outboxIn(place: OutboxPlace): EventOutbox;
}
