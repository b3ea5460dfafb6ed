import { expect } from 'chai';
import { LimitGate } from '../../../lib/decision/limit/LimitGate.js';
import type { LimitTerms } from '../../../lib/model/terms/LimitTerms.js';
import type { AppliedLimit } from '../../../lib/policy/PolicyEngine.js';
import type { CounterTake } from '../../../lib/store/counter/CounterStore.js';
import { MemoryCounterStore } from '../../../lib/store/counter/MemoryCounterStore.js';

const terms: LimitTerms = { limit: 20_000, windowMs: 3_600_000, kind: 'fixed', by: ['agent'], over: 'deny' };
const limitOf = (id: string, more: Partial<LimitTerms> = {}, observed = false): AppliedLimit => ({
  policy: { id, hash: `hash of ${id}`, effect: 'limit' },
  terms: Object.keys(more).length === 0 ? terms : { ...terms, ...more },
  ...(observed && { observed }),
});

describe('LimitGate', () => {
  const gate = new LimitGate({ counters: new MemoryCounterStore(), tenantId: 'default', durable: false });
  const call = { agentId: 'ann', toolName: 'send', params: { amount: 2 }, session: { user_id: 'u' }, sessionTrusted: true };
  const planned = (limits: readonly AppliedLimit[], more: Partial<typeof call> = {}): readonly CounterTake[] => {
    const plan = gate.plan(limits, { ...call, ...more }, () => false);
    return plan.kind === 'takes' ? plan.takes : [];
  };
  const keyOf = (limit: AppliedLimit, more: Partial<typeof call> = {}): string | undefined => planned([limit], more)[0]?.key;

  it('counts each policy apart, also where two of them have the very same terms', () => {
    const keys = [limitOf('a'), limitOf('b'), limitOf('a'), limitOf('b')].map((limit) => keyOf(limit));
    expect(new Set(keys).size).to.equal(2);
    expect(keys.slice(2)).to.deep.equal(keys.slice(0, 2));
  });

  it('has one counter for a policy whose text changed, and another one for another window, kind or dimension', () => {
    const key = keyOf(limitOf('a'));
    expect(keyOf(limitOf('a', { limit: 50_000, warnAt: 50 }))).to.equal(key);
    const others: Partial<LimitTerms>[] = [
      { windowMs: 60_000 },
      { kind: 'sliding' },
      { by: ['tool'] },
      { by: [] },
      { by: ['agent', 'tool'] },
    ];
    expect(new Set([key, ...others.map((more) => keyOf(limitOf('a', more)))]).size).to.equal(6);
  });

  it('counts each value of a dimension apart, however long it is', () => {
    const limit = limitOf('long', { by: ['session/user_id'] });
    const ids = ['u', 'v', 'x'.repeat(2_000), `${'x'.repeat(2_000)}y`];
    const keys = [...ids, ...ids].map((user_id) => keyOf(limit, { session: { user_id } }));
    expect(new Set(keys).size).to.equal(4);
    expect(keys.slice(4)).to.deep.equal(keys.slice(0, 4));
    const pair = limitOf('pair', { by: ['agent', 'tool'] });
    expect(keyOf(pair, { agentId: 'a', toolName: 'bc' })).to.not.equal(keyOf(pair, { agentId: 'ab', toolName: 'c' }));
  });

  it('counts each caller apart by what the limit says, whoever called before', () => {
    const limits = [limitOf('by agent'), limitOf('by tool', { by: ['tool'] }), limitOf('by both', { by: ['tenant', 'agent', 'tool'] })];
    const callers = ['ann', 'bob'].flatMap((agentId) => ['send', 'read'].map((toolName) => ({ agentId, toolName })));
    const keys = [...callers, ...callers.toReversed()].map((caller) => planned(limits, caller).map(({ key }) => key));
    expect(keys.slice(4).toReversed()).to.deep.equal(keys.slice(0, 4));
    expect(limits.map((_, i) => new Set(keys.map((of) => of[i])).size)).to.deep.equal([2, 2, 4]);
  });

  it('gives the very same take to a call like the one before, so that its counter need not check it', () => {
    const [limit, paid] = [limitOf('same'), limitOf('same paid', { cost: '/amount' })];
    for (const one of [limit, paid, { ...limit }])
      expect(planned([one])[0])
        .to.equal(planned([one])[0])
        .and.satisfy(Object.isFrozen);
    expect(planned([{ ...limit }])[0]).to.equal(planned([limit])[0]);
  });

  it('tells of each limit that was asked, of those that are nearly reached, and of those that are only watched', async () => {
    const [near, watched, plain] = [limitOf('near', { warnAt: 100 }), limitOf('watched', {}, true), limitOf('plain', { limit: 1e9 })];
    const take = async (limits: readonly AppliedLimit[], i: number) => {
      const found = await gate.take(limits, { ...call, agentId: 'told' }, `told ${limits.length} ${i}`, 0);
      if (found.kind !== 'fits') throw new Error(found.kind);
      return [found.names.map(({ id }) => id), found.near.map(({ limit }) => limit.policy.id), found.watched.map(({ id }) => id)];
    };
    expect(await take([near, watched, plain], 1)).to.deep.equal([['near', 'watched', 'plain'], [], []]);
    expect(await take([near, watched, plain], 2)).to.deep.equal([['near', 'watched', 'plain'], ['near'], []]);
    expect(await take([watched], 3)).to.deep.equal([['watched'], [], ['watched']]);
    expect(await take([plain], 4)).to.deep.equal([['plain'], [], []]);
    const unknown = limitOf('unknown', { by: ['session/other'] }, true);
    expect(await take([unknown], 5)).to.deep.equal([['unknown'], [], []]);
  });

  it('denies where the counters fail, at once or later, unless all that counts the call is only watched', async () => {
    const failures: readonly (() => never | Promise<never>)[] = [
      () => {
        throw new Error('it is away');
      },
      () => Promise.reject(new Error('it is away')),
    ];
    for (const fail of failures) {
      const counters = new (class extends MemoryCounterStore {
        override take = fail as never;
      })();
      const broken = new LimitGate({ counters, tenantId: 'default', durable: true });
      expect(await broken.take([limitOf('a'), limitOf('b', {}, true)], call, 't', 0))
        .to.include({ kind: 'denied', code: 'limit_unavailable' })
        .and.have.nested.property('error.message', 'it is away');
      expect(await broken.take([limitOf('b', {}, true)], call, 't', 0)).to.include({ kind: 'fits' });
    }
  });

  it('takes of a store that answers later what it takes of one that answers at once', async () => {
    const asked: unknown[] = [];
    const inner = new MemoryCounterStore();
    const counters = new (class extends MemoryCounterStore {
      override take = ((...given: Parameters<MemoryCounterStore['take']>) => {
        asked.push(given);
        return Promise.resolve(inner.take(given[0]));
      }) as never;
    })();
    const later = new LimitGate({ counters, tenantId: 'default', durable: true });
    for (const [token, kind] of [
      ['1', 'fits'],
      ['2', 'fits'],
      ['3', 'denied'],
    ])
      expect(await later.take([limitOf('a')], call, token as string, 0)).to.include({ kind });
    expect(asked.map((given) => (given as unknown[])[1])).to.deep.equal([{ durable: true }, { durable: true }, { durable: true }]);
  });

  it('takes what this call costs, up to what the limit is now', () => {
    const paid = limitOf('paid', { cost: '/amount' });
    const costs = [2, 2, 3, 2].map((amount) => planned([paid], { params: { amount } })[0]?.cost);
    expect(costs).to.deep.equal([20_000, 20_000, 30_000, 20_000]);
    expect([{}, { limit: 70_000 }, {}].map((more) => planned([limitOf('a', more)])[0]?.limit)).to.deep.equal([20_000, 70_000, 20_000]);
    expect([false, true, false].map((observed) => planned([limitOf('a', {}, observed)])[0]?.force)).to.deep.equal([
      undefined,
      true,
      undefined,
    ]);
  });
});
