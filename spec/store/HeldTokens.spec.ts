import { expect } from 'chai';
import { HeldTokens } from '../../lib/store/counter/HeldTokens.js';
import { seed } from '../support/assurance.js';

describe('HeldTokens', () => {
  it('holds what a map would, whatever is set and dropped in which order', () => {
    const [held, map] = [new HeldTokens<number>(), new Map<string, number>()];
    let state = seed >>> 0;
    const next = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let i = 0; i < 5_000; i++) {
      const token = `t${next(4)}`;
      if (next(2) === 0) {
        held.set(token, i);
        map.set(token, i);
      } else {
        held.delete(token);
        map.delete(token);
      }
      for (const one of ['t0', 't1', 't2', 't3']) expect(held.get(one), `step ${i}`).to.equal(map.get(one));
      if (next(10) === 0) expect(Object.fromEntries(held.all())).to.deep.equal(Object.fromEntries(map));
    }
  });
});
