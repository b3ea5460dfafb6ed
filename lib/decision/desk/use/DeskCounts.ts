import type { Awaitable } from '../../../common/awaitable.js';
import type { ApprovalRecord, ApprovalStore } from '../../../store/ApprovalStore.js';
import type { CounterStore } from '../../../store/counter/CounterStore.js';
import { MemoryCounterStore } from '../../../store/counter/MemoryCounterStore.js';
import type { StoredRecord } from '../../../store/RecordStore.js';
import type { UseRules } from './consumeApproval.js';
import { countedChange, givenBack } from './countedChange.js';

/** What is counted with the approvals of a desk. */
export class DeskCounts {
  /** What is counted at the use of an approval, and where. */
  readonly rules: Pick<UseRules, 'countingOf' | 'counters'> = {
    countingOf: (record) => this.#countingOf?.(record),
    counters: () => this.counters,
  };
  readonly #store: () => ApprovalStore;
  #countingOf: UseRules['countingOf'] | undefined;
  #own: CounterStore | undefined;

  constructor(store: () => ApprovalStore) {
    this.#store = store;
  }

  /** Where the calls of limits are counted: beside the approvals, or in this process where their store does not count. */
  get counters(): CounterStore {
    return this.#store().counters ?? (this.#own ??= new MemoryCounterStore());
  }

  /** Whether counts are kept where the approvals are. */
  get isInStore(): boolean {
    return this.#store().counters !== undefined;
  }

  /** Asks, whenever an approval is used, what is counted with it. */
  askWith(countingOf: UseRules['countingOf']): void {
    this.#countingOf = countingOf;
  }

  /** Replaces a record, and gives back what was counted for it where it ends unused. */
  replace(record: ApprovalRecord, next: ApprovalRecord, beside: readonly StoredRecord[] | undefined): Awaitable<boolean> {
    return countedChange(givenBack(record, next), this.counters, this.isInStore, (takes) =>
      this.#store().replace(next, record.version, undefined, beside, undefined, takes),
    );
  }
}
