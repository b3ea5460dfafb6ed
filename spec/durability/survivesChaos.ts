import { expect } from 'chai';
import { counted, seed, volume } from '../support/assurance.js';
import { lineOf, playChaos } from './playChaos.js';
import type { StoreHere } from './stores.js';

const LAWS = 'random kill -9 of workers and desk, and stops past the lease: no run without approval, no second run, nothing lost';

const EDIT_LAWS =
  'random kill -9 of workers and desk while calls are edited: an edited approval runs at most once, with what its editor made of it';

/** A run in which nothing happened proves nothing. */
const COMPLETED = 20;

/** @param kills at least so many, where the volume asks for fewer */
export function survivesChaos(store: StoreHere, kills: number): void {
  describe(`Killing at random, on ${store.name}`, () => {
    before(async function () {
      await store.start(this);
    });
    after(() => store.end());

    it('keeps the laws of approvals', async () => {
      const end = await playChaos({ kills: Math.max(kills, volume(500)), seed, store: store.make(), completed: COMPLETED + 1 });
      const { counts, faults, told } = end;
      const beside = { tasks: counts.tasks, starts: counts.starts, unknown: counts.unknown, 'begun again': counts.reclaimed };
      counted({ what: `${LAWS}; ${store.name}`, cases: counts.kills, wrong: faults.length, beside });
      expect(faults, `${lineOf(end)}\n${told}`).to.deep.equal([]);
      expect(counts.completed).to.be.above(COMPLETED);
      expect(counts.reclaimed + counts.unknown).to.be.above(0);
    }).timeout(600_000);
  });
}

/** @param kills at least so many, where the volume asks for fewer */
export function survivesEdits(store: StoreHere, kills: number): void {
  describe(`Killing at random while people edit calls, on ${store.name}`, () => {
    before(async function () {
      await store.start(this);
    });
    after(() => store.end());

    it('runs an edited call at most once, and with nothing else than what a person made of it', async () => {
      const end = await playChaos({
        kills: Math.max(kills, volume(500)),
        seed,
        store: store.make(),
        completed: COMPLETED + 1,
        edits: true,
      });
      const { counts, faults, told } = end;
      const beside = { edited: counts.edited, starts: counts.starts, 'ran twice': counts.twice, 'ran otherwise': counts.otherwise };
      counted({ what: `${EDIT_LAWS}; ${store.name}`, cases: counts.kills, wrong: faults.length, beside });
      expect(faults, `${lineOf(end)}\n${told}`).to.deep.equal([]);
      expect(counts.completed).to.be.above(COMPLETED);
      expect(counts.edited).to.be.above(counts.approvals / 2);
    }).timeout(600_000);
  });
}
