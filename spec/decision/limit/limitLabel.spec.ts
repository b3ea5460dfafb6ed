import { expect } from 'chai';
import { readLimitLabel, writeLimitLabel } from '../../../lib/decision/limit/limitLabel.js';
import { Limits } from '../../../lib/decision/limit/Limits.js';
import { MemoryCounterStore } from '../../../lib/store/counter/MemoryCounterStore.js';

const HOUR = 3_600_000;

describe('The label of a counter', () => {
  it('says the policy, what is counted apart, and when it is nearly used up', () => {
    const text = writeLimitLabel('cap', ['tenant', 'agent', 'tool', 'session/user_id'], ['t', 'a', 'x', 'string ann b'], 60);
    const label = { policyId: 'cap', by: { tenant: 't', agent: 'a', tool: 'x', 'session/user_id': 'ann b' }, warnAt: 60 };
    expect(readLimitLabel(text)).to.deep.equal(label);
    expect(readLimitLabel(writeLimitLabel('cap', ['agent'], ['a'], undefined))).to.deep.equal({ policyId: 'cap', by: { agent: 'a' } });
  });

  it('names an agent in full, so that no other has its name, and cuts what sessions hold', () => {
    const agent = 'a'.repeat(256);
    const { by } = readLimitLabel(writeLimitLabel('cap', ['agent', 'session/user_id'], [agent, `string ${'u'.repeat(900)}`], undefined));
    expect(by['agent']).to.equal(agent);
    expect(by['session/user_id']).to.equal('u'.repeat(200));
  });

  it('always fits in a store', () => {
    const fields = Array.from({ length: 8 }, (_, i) => `session/${i}` as const);
    for (const value of ['\u0001', '😀', '"', 'x', '\ud800']) {
      const text = writeLimitLabel('cap', ['agent', ...fields], ['a', ...fields.map(() => `string ${value.repeat(900)}`)], 80);
      expect(text.length, value).to.be.at.most(4_000);
      expect(readLimitLabel(text).by['agent']).to.equal('a');
      const store = new MemoryCounterStore();
      store.take({ token: 't', takes: [{ key: 'k', cost: 1, limit: 1, windowMs: HOUR, kind: 'fixed', label: text }] });
      expect(store.list()).to.have.length(1);
    }
  });

  it('shows nothing of what another program wrote there', () => {
    const empty = { policyId: '', by: {} };
    for (const text of [undefined, '{', '[]', 'null', '1', '{"policyId":1,"by":1}', '{"by":null}', '{"by":{"agent":7},"warnAt":"9"}'])
      expect(readLimitLabel(text), text).to.deep.equal(empty);
  });
});

describe('How full a limit is', () => {
  it('is near from the percentage of its policy on, or from 80, and full where nothing more fits', async () => {
    const counters = new MemoryCounterStore();
    const take = (key: string, cost: number, label: object): unknown =>
      counters.take({
        token: key,
        takes: [{ key, cost, limit: 100, windowMs: HOUR, kind: 'fixed', label: JSON.stringify(label), force: true }],
      });
    take('a', 79, { policyId: 'a' });
    take('b', 80, { policyId: 'b' });
    take('c', 20, { policyId: 'c', warnAt: 20 });
    take('d', 99, { policyId: 'd', warnAt: 99.5 });
    take('e', 100, { policyId: 'e' });
    take('f', 101, { policyId: 'f' });
    const levels = Object.fromEntries((await new Limits(() => counters).list()).map(({ policyId, level }) => [policyId, level]));
    expect(levels).to.deep.equal({ a: 'free', b: 'near', c: 'near', d: 'free', e: 'full', f: 'full' });
  });
});
