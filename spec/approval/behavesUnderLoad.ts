import { expect } from 'chai';
import { runInChild } from '../support/runInChild.js';
import type { LoadFigures } from '../support/pendingLoad.js';

const COUNT = 100_000;

/** One file for each way: together they take longer than a file may. */
export function behavesUnderLoad(how: 'poll' | 'push'): void {
  describe('100,000 approvals pending at once (P6)', () => {
    it(`by ${how}: hold one timer, all run once, and the event loop comes round between`, async function () {
      this.timeout(120_000);
      const program = `
        import { pendingLoad } from './spec/support/pendingLoad.js';
        console.log(JSON.stringify(await pendingLoad(${COUNT}, '${how}')));`;
      const cwd = new URL('../..', import.meta.url).pathname;
      const { code, stdout, stderr } = await runInChild(program, { cwd, nodeArgs: ['--expose-gc'], timeoutMs: 100_000 });
      expect([code, stderr]).to.deep.equal([0, '']);
      const figures = JSON.parse(stdout) as LoadFigures;
      expect(figures).to.include({ runs: COUNT, settled: COUNT, left: 0, timers: 1 });
      // in slices of 2 ms: in one piece it would come round once or twice
      expect(figures.turns).to.be.greaterThan(20);
      const { heapBytesEach, heapBytesEachOncePolled, turns, longestTurnMs } = figures;
      console.log(
        `      ${heapBytesEach.toFixed(0)} B of heap each beside its task (${heapBytesEachOncePolled.toFixed(0)} once polled),`,
        `${turns} turns, the longest ${longestTurnMs.toFixed(1)} ms`,
      );
    });
  });
}
