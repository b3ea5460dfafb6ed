import { expect } from 'chai';
import { counted, seed, volume } from '../../support/assurance.js';
import type { StoreHere } from '../stores.js';
import { lineOf, playServerChaos } from './playServerChaos.js';

/** So many at least, in the shortest run. */
const RUNS = 5;

/** The specs of one store: servers die at random, and whatever was acknowledged is held against what they promise. */
export function survivesServerChaos(store: StoreHere): void {
  describe(`Servers that die at random, on ${store.name}`, () => {
    before(async function () {
      await store.start(this);
    });
    after(() => store.end());

    it('lose no approval and no verdict that was acknowledged, and let nothing run twice or unapproved', async () => {
      const end = await playServerChaos({ kills: Math.max(6, volume(60)), seed, store: store.make() });
      const { counts, faults, told, drained } = end;
      const { opened, approved, denied, starts, approvalsLost, verdictsLost, twice, unapproved } = counts;
      counted({
        what: `random kill -9 of two servers under load, ${store.name}: no approval or verdict lost, no second run, none unapproved`,
        cases: counts.kills,
        wrong: faults.length,
        beside: {
          'approvals acknowledged': opened,
          verdicts: approved + denied,
          runs: starts,
          'approvals lost': approvalsLost,
          'verdicts lost': verdictsLost,
          'run twice': twice,
          'run unapproved': unapproved,
        },
      });
      expect(faults, `${lineOf(end)}\n${told}`).to.deep.equal([]);
      expect(drained, `${lineOf(end)}\n${told}`).to.equal(true);
      // a run in which nothing happened proves nothing
      expect(starts, told).to.be.above(RUNS);
    }).timeout(600_000);
  });
}
