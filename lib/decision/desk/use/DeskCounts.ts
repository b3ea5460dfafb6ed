import { callSafely } from '../../../common/awaitable.js';
import type { Awaitable } from '../../../common/awaitable.js';
import { publishCallbackError } from '../../../model/diagnostics.js';
import type { ApprovalRecord, ApprovalStore } from '../../../store/ApprovalStore.js';
import type { LimitEvent } from '../../limit/LimitEvent.js';
import type { CounterStore, Takes } from '../../../store/counter/CounterStore.js';
import { MemoryCounterStore } from '../../../store/counter/MemoryCounterStore.js';
import type { TakeRefusedError } from '../../../store/counter/TakeRefusedError.js';
import type { StoredRecord } from '../../../store/RecordStore.js';
import type { UseRules } from './consumeApproval.js';
import { countedChange, givenBack } from './countedChange.js';

/** What is counted with the approvals of a desk. */
export class DeskCounts {
  /** What is counted at the use of an approval, and where. */
  readonly rules: Pick<UseRules, 'countingOf' | 'counters' | 'refused'> = {
    countingOf: (record) => this.#countingOf?.(record),
    counters: () => this.counters,
    refused: (record, takes, error) => this.refused(record, takes, error),
  };
  readonly #listeners: ((event: LimitEvent) => void)[] = [];
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

  /** Tells of what happens at limits. */
  onLimit(listener: (event: LimitEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** Tells the listeners. What fails there changes no decision. */
  tell(event: LimitEvent): void {
    for (const listener of this.#listeners) callSafely(listener, [event], (error) => publishCallbackError('a listener of limits', error));
  }

  /** Tells of a call that did not fit when it was to be counted with its approval. */
  refused(
    { agentId, toolName, decisionId }: Pick<ApprovalRecord, 'agentId' | 'toolName'> & { readonly decisionId?: string | undefined },
    { takes }: Pick<Takes, 'takes'>,
    error: TakeRefusedError,
  ): void {
    const over = takes.filter(({ key }) => error.refused.some((one) => one.key === key));
    this.tell({ how: 'refused', agentId, toolName, approvalId: decisionId, takes: over, uncounted: [] });
  }

  /** Replaces a record, and gives back what was counted for it where it ends unused. */
  replace(record: ApprovalRecord, next: ApprovalRecord, beside: readonly StoredRecord[] | undefined): Awaitable<boolean> {
    return countedChange(givenBack(record, next), this.counters, this.isInStore, (takes) =>
      this.#store().replace(next, record.version, undefined, beside, undefined, takes),
    );
  }
}
