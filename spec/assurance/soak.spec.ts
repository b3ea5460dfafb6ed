import { expect } from 'chai';
import { counted, volume } from '../support/assurance.js';
import { runInChild } from '../support/runInChild.js';
import type { SoakFigures } from '../support/soak.js';

const CALLS = volume(1_000_000);
const APPROVALS = volume(100_000);

describe('A long day', () => {
  it('of guarded calls and approvals leaves the heap, listeners and handles as they were', async function () {
    this.timeout(600_000);
    const program = `
      import { soak } from './spec/support/soak.js';
      console.log(JSON.stringify(await soak(${CALLS}, ${APPROVALS})));`;
    const cwd = new URL('../..', import.meta.url).pathname;
    const { code, stdout, stderr } = await runInChild(program, { cwd, nodeArgs: ['--expose-gc'], timeoutMs: 590_000 });
    expect([code, stderr]).to.deep.equal([0, '']);
    const { ran, approved, heapGrowth, handles, listeners, exitMs } = JSON.parse(stdout) as SoakFigures;
    const wrong = CALLS - ran + (APPROVALS - approved) + handles + listeners;
    counted({
      what: 'soak: guarded calls and approvals, each run exactly once; nothing left behind',
      cases: CALLS + APPROVALS,
      wrong: Math.abs(wrong) + (heapGrowth > 0.05 ? 1 : 0),
      beside: { 'heap grown by': `${(heapGrowth * 100).toFixed(2)} %`, 'closed in, ms': Math.round(exitMs) },
    });
    expect({ ran, approved, handles, listeners }).to.deep.equal({ ran: CALLS, approved: APPROVALS, handles: 0, listeners: 0 });
    expect(heapGrowth).to.be.below(0.05);
    expect(exitMs).to.be.below(1_000);
  });
});
