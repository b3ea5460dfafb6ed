import { chain } from '../../../common/awaitable.js';
import type { Awaitable } from '../../../common/awaitable.js';
import type { CounterChange, CounterStore } from '../../../store/counter/CounterStore.js';
import { TakeRefusedError } from '../../../store/counter/TakeRefusedError.js';

/**
 * Makes a change, and counts for it in a store of its own: one after the other, so that after a crash in between too much is counted, never too little.
 *
 * @throws TakeRefusedError where it does not fit
 */
export function countedApart(counting: CounterChange, counters: CounterStore, change: () => Awaitable<boolean>): Awaitable<boolean> {
  if ('giveBack' in counting) return chain(change(), (done) => (done ? chain(counters.give(counting.giveBack), () => true) : false));
  return chain(counters.take(counting), (outcome) => {
    if (!outcome.ok) throw new TakeRefusedError(outcome.refused);
    return change();
  });
}
