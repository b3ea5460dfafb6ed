import { callSafely, chain } from '../../../common/awaitable.js';
import type { Awaitable } from '../../../common/awaitable.js';
import { publishCallbackError } from '../../../model/diagnostics.js';
import { LazyPart } from '../../../model/LazyPart.js';
import type { ApprovalRecord, ApprovalStore } from '../../../store/ApprovalStore.js';
import type { LimitEvent } from '../../limit/LimitEvent.js';
import type { CounterChange, CounterStore, Takes } from '../../../store/counter/CounterStore.js';
import { LazyCounterStore } from '../../../store/counter/LazyCounterStore.js';
import type { TakeRefusedError } from '../../../store/counter/TakeRefusedError.js';
import type { StoredRecord } from '../../../store/RecordStore.js';
import type { UseRules } from './consumeApproval.js';

/** What is needed where the store of the approvals does not count. */
const apart = new LazyPart(() => import('./countedApart.js'));

/** What is counted with the approvals of a desk. */
export class DeskCounts {
  /** What is counted at the use of an approval, and where. */
  readonly rules: Pick<UseRules, 'countingOf' | 'counted' | 'refused'> = {
    countingOf: (record) => this.#countingOf?.(record),
    counted: (counting, change) => this.counted(counting, change),
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
    return this.#store().counters ?? (this.#own ??= new LazyCounterStore());
  }

  /** Whether counts are kept where the approvals are. */
  get isInStore(): boolean {
    return this.#store().counters !== undefined;
  }

  /** Loads what counts in this process, where it does. After that, counting there answers at once. */
  open(): Awaitable<void> {
    const { counters } = this;
    return counters instanceof LazyCounterStore ? counters.open() : undefined;
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

  /**
   * Makes a change together with what is counted for it: both, or neither.
   *
   * @throws TakeRefusedError where it does not fit
   */
  counted(counting: CounterChange | undefined, change: (takes?: CounterChange) => Awaitable<boolean>): Awaitable<boolean> {
    if (counting === undefined || this.isInStore) return change(counting);
    return chain(apart.get(), ({ countedApart }) => countedApart(counting, this.counters, change));
  }

  /** Replaces a record, and gives back what was counted for it where it ends unused. */
  replace(record: ApprovalRecord, next: ApprovalRecord, beside: readonly StoredRecord[] | undefined): Awaitable<boolean> {
    return this.counted(givenBack(record, next), (takes) =>
      this.#store().replace(next, record.version, undefined, beside, undefined, takes),
    );
  }
}

/** What was counted for an approval that ends: nothing runs under it, so that it was not used. */
function givenBack(
  { counted }: ApprovalRecord,
  { status, consumed, decisionId }: ApprovalRecord,
): { readonly giveBack: string } | undefined {
  const isOver = status === 'denied' || status === 'expired' || status === 'withdrawn';
  return counted === true && isOver && consumed === undefined ? { giveBack: decisionId } : undefined;
}
