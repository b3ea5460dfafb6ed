import { chain } from '../../../common/awaitable.js';
import type { Awaitable } from '../../../common/awaitable.js';
import type { ApprovalRecord } from '../../../store/ApprovalStore.js';
import type { CounterChange, CounterStore } from '../../../store/counter/CounterStore.js';
import { TakeRefusedError } from '../../../store/counter/TakeRefusedError.js';

/**
 * Makes a change together with what is counted for it: both, or neither. A store that has no counters makes them one after the other, so that after a crash
 * in between too much is counted, never too little.
 *
 * @param own whether the store of the change counts
 * @throws TakeRefusedError where it does not fit
 */
export function countedChange(
  counting: CounterChange | undefined,
  counters: CounterStore,
  own: boolean,
  change: (takes?: CounterChange) => Awaitable<boolean>,
): Awaitable<boolean> {
  if (counting === undefined || own) return change(counting);
  if ('giveBack' in counting) return chain(change(), (done) => (done ? chain(counters.give(counting.giveBack), () => true) : false));
  return chain(counters.take(counting), (outcome) => {
    if (!outcome.ok) throw new TakeRefusedError(outcome.refused);
    return change();
  });
}

/** What was counted for an approval that ends: nothing runs under it, so that it was not used. */
export function givenBack(
  { counted }: ApprovalRecord,
  { status, consumed, decisionId }: ApprovalRecord,
): { readonly giveBack: string } | undefined {
  const isOver = status === 'denied' || status === 'expired' || status === 'withdrawn';
  return counted === true && isOver && consumed === undefined ? { giveBack: decisionId } : undefined;
}
