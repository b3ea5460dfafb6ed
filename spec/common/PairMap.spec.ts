import { expect } from 'chai';
import { PairMap } from '../../lib/common/PairMap.js';

describe('PairMap', () => {
  it('knows each pair apart, in any order in which they are asked for', () => {
    const map = new PairMap<string>();
    const pairs = ['ann', 'bob', ''].flatMap((agent) => ['send', 'read'].map((tool) => [agent, tool] as const));
    for (const [agent, tool] of pairs) {
      expect(map.get(agent, tool)).to.equal(undefined);
      map.set(agent, tool, `${agent} ${tool}`);
    }
    for (const [agent, tool] of [...pairs, ...pairs.toReversed(), ...pairs.filter((_, i) => i % 2 === 0)])
      expect(map.get(agent, tool)).to.equal(`${agent} ${tool}`);
    expect(map.get('an', 'nsend')).to.equal(undefined);
    map.set('ann', 'send', 'other');
    expect(map.get('bob', 'send')).to.equal('bob send');
    expect(map.get('ann', 'send')).to.equal('other');
  });

  it('forgets all once there are more than a thousand, and keeps no names of any length', () => {
    const map = new PairMap<number>();
    for (let i = 0; i < 1_000; i++) map.set(`agent-${i}`, 'send', i);
    expect([map.get('agent-0', 'send'), map.get('agent-999', 'send')]).to.deep.equal([0, 999]);
    map.set('one-more', 'send', 1_000);
    expect(map.get('agent-0', 'send')).to.equal(undefined);
    expect(map.get('one-more', 'send')).to.equal(1_000);
    map.set('x'.repeat(1_000), 'send', 1);
    expect(map.get('x'.repeat(1_000), 'send')).to.equal(undefined);
  });
});
