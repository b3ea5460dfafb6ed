import { expect } from 'chai';
import { HaltIndex } from '../../../lib/decision/halt/HaltIndex.js';
import { isInScope } from '../../../lib/model/halt/Halt.js';
import type { Halt, HaltableCall, HaltScope } from '../../../lib/model/halt/Halt.js';
import { busyMs, quickestMs } from '../../support/pace.js';

const halt = (scope: HaltScope, i = 0): Halt => ({ id: `h-${i}`, scope, pending: 'freeze', by: 'ann', reason: 'r', atMs: 1 });
const NAMES = [undefined, 'a', 'b'] as const;

/** Every scope of these names, and what a store of another version might hold: no name at all, and one beside `all`. */
const SCOPES: readonly HaltScope[] = [
  { all: true },
  { all: true, agentId: 'a' },
  ...NAMES.flatMap((agentId) => NAMES.flatMap((toolName) => NAMES.map((group) => ({ agentId, toolName, group })))),
];
const CALLS: readonly HaltableCall[] = ['a', 'b', 'c'].flatMap((agentId) =>
  ['a', 'b', 'c'].flatMap((toolName) => [undefined, [], ['a'], ['b', 'a'], ['c']].map((groups) => ({ agentId, toolName, groups }))),
);

describe('The index of halts', () => {
  it('has the calls that one of its halts is about, and no others', () => {
    const sets = [[], ...SCOPES.map((scope) => [scope]), ...SCOPES.flatMap((one, i) => SCOPES.slice(i + 1).map((other) => [one, other]))];
    const wrong: string[] = [];
    for (const scopes of sets) {
      const index = new HaltIndex(scopes.map(halt));
      // each is asked about again, as most calls are like the one before
      for (const call of CALLS.flatMap((one) => [one, one]))
        if (index.has(call) !== scopes.some((scope) => isInScope(scope, call))) wrong.push(JSON.stringify([scopes, call]));
    }
    expect(sets).to.have.length(436);
    expect(wrong).to.deep.equal([]);
  });

  it('sees groups that are added to the list of a call that it was asked about before', () => {
    const index = new HaltIndex([halt({ group: 'a' })]);
    const groups = ['b'];
    const call = { agentId: 'x', toolName: 'y', groups };
    expect([index.has(call), index.has(call)]).to.deep.equal([false, false]);
    groups[0] = 'a';
    expect(index.has(call)).to.equal(true);
    groups[0] = 'b';
    expect([index.has(call), index.has({ ...call, groups: ['b', 'a'] }), index.has(call)]).to.deep.equal([false, true, false]);
  });

  it('takes no longer with 1,000 halts of others than with 10', () => {
    const of = (count: number): HaltIndex =>
      new HaltIndex(
        Array.from({ length: count }, (_, i) =>
          halt([{ agentId: `a-${i}` }, { toolName: `t-${i}` }, { group: `g-${i}` }][i % 3] as HaltScope, i),
        ),
      );
    const call: HaltableCall = { agentId: 'a', toolName: 't', groups: ['g'] };
    const ask = (index: HaltIndex) => (): void => {
      let found = 0;
      for (let i = 0; i < 20_000; i++) if (index.has(call)) found += 1;
      expect(found).to.equal(0);
    };
    const few = Math.min(...Array.from({ length: 9 }, () => busyMs(ask(of(10)))));
    expect(quickestMs(Math.max(few * 5, 1), ask(of(1_000)))).to.be.below(Math.max(few * 5, 1));
  });
});
