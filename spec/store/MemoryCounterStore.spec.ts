import { expect } from 'chai';
import sinon from 'sinon';
import type { CounterTake, Takes } from '../../lib/store/counter/CounterStore.js';
import { MemoryCounterStore } from '../../lib/store/counter/MemoryCounterStore.js';
import { seed } from '../support/assurance.js';

const HOUR = 3_600_000;

/** Numbers from 0 to 1, the same in each run. */
function random(from: number): () => number {
  let state = from >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('MemoryCounterStore', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers({ now: 1_800_000_000_000, toFake: ['Date'] })));
  afterEach(() => clock.restore());

  it('counts the same where a take comes again as the very object, frozen, and where it is another one each time', () => {
    const next = random(seed);
    const shared = (['fixed', 'sliding'] as const).flatMap((kind) =>
      [undefined, true].map((force): CounterTake =>
        Object.freeze({ key: `${kind} ${force}`, cost: 3, limit: 40, windowMs: HOUR, kind, force }),
      ),
    );
    const [same, fresh] = [new MemoryCounterStore(), new MemoryCounterStore()];
    for (let i = 0; i < 5_000; i++) {
      clock.tick(Math.floor(next() ** 4 * HOUR));
      const takes = shared.filter(() => next() < 0.3);
      const token = `t${Math.floor(i - next() * 3)}`;
      const keepMs = next() < 0.3 ? 0 : Math.floor(next() * HOUR);
      if (next() < 0.1) {
        same.give(token);
        fresh.give(token);
      }
      const of = (all: readonly CounterTake[]): Takes => ({ token, takes: all, keepMs });
      expect(same.take(of(takes)), `step ${i}`).to.deep.equal(fresh.take(of(takes.map((take) => ({ ...take })))));
      expect(same.peek(shared, token)).to.deep.equal(fresh.peek(shared, token));
      if (next() < 0.01) expect(same.prune()).to.equal(fresh.prune());
    }
    expect(same.list()).to.deep.equal(fresh.list());
  });

  it('checks the token and its time also where it knows the take, and a take that is not frozen each time', () => {
    const counters = new MemoryCounterStore();
    const frozen = Object.freeze<CounterTake>({ key: 'k', cost: 1, limit: 9, windowMs: HOUR, kind: 'fixed' });
    counters.take({ token: 't', takes: [frozen] });
    expect(() => counters.take({ token: '', takes: [frozen] })).to.throw(TypeError, '`token`');
    expect(() => counters.take({ token: 'u', takes: [frozen], keepMs: -1 })).to.throw(TypeError, '`keepMs`');
    const open = { ...frozen, key: 'open' };
    counters.take({ token: 't', takes: [open] });
    open.cost = -1;
    expect(() => counters.take({ token: 'u', takes: [open] })).to.throw(TypeError, '`cost`');
    expect(counters.peek([frozen, open].map((take) => ({ ...take, cost: 1 }))).map(({ used }) => used)).to.deep.equal([1, 1]);
  });

  it('keeps what has to be kept of a token whose other takes need not be, and looks through what it keeps as often as there is that much of it', () => {
    const counters = new MemoryCounterStore();
    const [a, b] = ['a', 'b'].map((key): CounterTake => ({ key, cost: 1, limit: 9_000, windowMs: 24 * HOUR, kind: 'fixed' })) as [
      CounterTake,
      CounterTake,
    ];
    counters.take({ token: 't', takes: [a], keepMs: 1_000 });
    counters.take({ token: 't', takes: [b], keepMs: 5_000 });
    clock.tick(1_000);
    expect(counters.prune()).to.equal(1);
    expect(counters.peek([a, b], 't').map(({ own }) => own)).to.deep.equal([0, 1]);
    // the same counter again, once its token is over
    counters.take({ token: 't', takes: [a], keepMs: 5_000 });
    clock.tick(4_000);
    counters.take({ token: 't', takes: [b], keepMs: 5_000 });
    expect(counters.peek([a, b], 't').map(({ own, used }) => [own, used])).to.deep.equal([
      [1, 2],
      [1, 2],
    ]);
    for (let i = 0; i < 2_000; i++) counters.take({ token: `n${i}`, takes: [a], keepMs: 1 });
    clock.tick(10_000);
    for (let i = 0; i < 2_100; i++) counters.take({ token: `m${i}`, takes: [a], keepMs: 0 });
    expect(counters.prune(), 'it was pruned by itself').to.equal(0);
  });
});
