import { countedSuite } from '../../support/assurance.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { haltsEverywhere } from './haltsEverywhere.js';

describe('Halts at every stage of a call, in memory', () => {
  let cases = 0;
  countedSuite('A halt at every stage of a call, in each mode, in memory', () => ({ cases }));
  haltsEverywhere(
    'memory',
    () => {
      const store = new MemoryStateStore();
      return [store, store];
    },
    () => (cases += 1),
  );
});
