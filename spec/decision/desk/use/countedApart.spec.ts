import { expect } from 'chai';
import { countedApart } from '../../../../lib/decision/desk/use/countedApart.js';
import type { CounterStore } from '../../../../lib/store/counter/CounterStore.js';
import { MemoryCounterStore } from '../../../../lib/store/counter/MemoryCounterStore.js';
import { TakeRefusedError } from '../../../../lib/store/counter/TakeRefusedError.js';
import { rejection } from '../../../support/rejection.js';
import { thrown } from '../../../support/standInDecisions.js';

const takesOf = (token: string) => ({
  token,
  keepMs: 60_000,
  takes: [{ key: 'k', cost: 1, limit: 1, windowMs: 366 * 86_400_000, kind: 'fixed' as const }],
});

describe('A change that is counted in another store', () => {
  let counters: MemoryCounterStore;
  beforeEach(() => (counters = new MemoryCounterStore()));
  const used = (): number => counters.list()[0]?.used ?? 0;

  it('is counted before it is made, and not made where it does not fit', () => {
    const seen: number[] = [];
    const change = (): boolean => seen.push(used()) > 0;
    expect(countedApart(takesOf('a'), counters, change)).to.equal(true);
    const error = thrown(() => countedApart(takesOf('b'), counters, change)) as TakeRefusedError;
    expect(error).to.be.instanceOf(TakeRefusedError);
    expect(error.refused.map(({ key }) => key)).to.deep.equal(['k']);
    expect(seen).to.deep.equal([1]);
    expect(used()).to.equal(1);
  });

  it('stays counted where it is not made, or fails: too much is counted, never too little', async () => {
    expect(countedApart(takesOf('a'), counters, () => false)).to.equal(false);
    expect(used()).to.equal(1);
    counters = new MemoryCounterStore();
    const failing = async () => countedApart(takesOf('a'), counters, () => Promise.reject(new Error('no disk')));
    expect((await rejection(failing())).message).to.equal('no disk');
    expect(used()).to.equal(1);
  });

  it('gives back after it is made, and nothing where it is not made or fails', async () => {
    counters.take(takesOf('a'));
    expect(countedApart({ giveBack: 'a' }, counters, () => false)).to.equal(false);
    const failing = async () => countedApart({ giveBack: 'a' }, counters, () => Promise.reject(new Error('no disk')));
    expect((await rejection(failing())).message).to.equal('no disk');
    expect(used()).to.equal(1);
    const seen: number[] = [];
    expect(countedApart({ giveBack: 'a' }, counters, () => seen.push(used()) > 0)).to.equal(true);
    expect(seen).to.deep.equal([1]);
    expect(used()).to.equal(0);
  });

  it('waits for counters that answer later', async () => {
    const later: CounterStore = {
      take: async (takes) => Promise.resolve(counters.take(takes)),
      give: async (token) => Promise.resolve(counters.give(token)),
      peek: (takes, token) => counters.peek(takes, token),
      list: () => counters.list(),
      prune: () => counters.prune(),
    };
    let made = 0;
    const change = (): boolean => (made += 1) > 0;
    expect(await countedApart(takesOf('a'), later, change)).to.equal(true);
    expect(await rejection((async () => countedApart(takesOf('b'), later, change))())).to.be.instanceOf(TakeRefusedError);
    expect(made).to.equal(1);
    expect(await countedApart({ giveBack: 'a' }, later, change)).to.equal(true);
    expect(used()).to.equal(0);
  });
});
