import { expect } from 'chai';
import { StoreError } from '../../lib/model/errors/ServiceErrors.js';
import { LazyCounterStore } from '../../lib/store/counter/LazyCounterStore.js';
import { TakeRefusedError } from '../../lib/store/counter/TakeRefusedError.js';
import type { CounterTake } from '../../lib/store/counter/CounterStore.js';

const take: CounterTake = { key: 'k', cost: 2, limit: 3, windowMs: 3_600_000, kind: 'fixed' };

describe('LazyCounterStore', () => {
  it('takes nothing together with a change before it is open: that could not be counted in the same tick', async () => {
    const counters = new LazyCounterStore();
    expect(() => counters.change({ token: 't', takes: [take] })).to.throw(StoreError, 'not open');
    expect(await counters.peek([take])).to.deep.include.members([
      { key: 'k', retryAtMs: (await counters.peek([take]))[0]?.retryAtMs, used: 0, own: 0 },
    ]);
  });

  it('has nothing to give back before it is open, and nothing to do without a change', () => {
    const counters = new LazyCounterStore();
    counters.change({ giveBack: 't' });
    counters.forget('t');
    counters.change(undefined);
  });

  it('gives back nothing of a token that it has forgotten', async () => {
    const counters = new LazyCounterStore();
    await counters.take({ token: 't', takes: [{ ...take, cost: 1 }] });
    await counters.take({ token: 'u', takes: [{ ...take, cost: 1 }] });
    counters.forget('t');
    await counters.give('t');
    expect((await counters.list())[0]?.used).to.equal(2);
    await counters.give('u');
    expect((await counters.list())[0]?.used).to.equal(1);
  });

  it('answers at once when it is open', async () => {
    const counters = new LazyCounterStore();
    await counters.open();
    counters.change(undefined);
    counters.change({ token: 't', takes: [take] });
    expect(() => counters.change({ token: 'u', takes: [take] })).to.throw(TakeRefusedError);
    expect(counters.list()).to.have.length(1);
    counters.change({ giveBack: 't' });
    expect(counters.take({ token: 'v', takes: [take] })).to.deep.equal({ ok: true, used: [2] });
    expect(counters.give('v')).to.equal(undefined);
    expect(counters.prune()).to.equal(0);
  });

  it('counts once for calls that come together while it is loaded', async () => {
    const counters = new LazyCounterStore();
    const outcomes = await Promise.all(['a', 'b', 'c'].map((token) => counters.take({ token, takes: [{ ...take, cost: 1 }] })));
    expect(outcomes.map((outcome) => outcome.ok && outcome.used)).to.deep.equal([[1], [2], [3]]);
  });
});
