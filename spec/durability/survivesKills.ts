import { expect } from 'chai';
import { counted } from '../support/assurance.js';
import { KILL_POINTS } from './killPoints.js';
import type { KillPoint } from './killPoints.js';
import { playCell } from './matrixCell.js';
import type { CellEnd } from './matrixCell.js';
import type { Tool } from './setting.js';
import type { StoreHere } from './stores.js';

type Expected = Pick<CellEnd, 'status' | 'starts' | 'ends' | 'runs'>;

/** As docs/durability.md promises: `once` never begins again after its claim, `idempotent` does. */
const DONE: Expected = { status: 'completed', starts: 1, ends: 1, runs: 1 };
const EXPECTED: { readonly [P in KillPoint]: { readonly [T in Tool]: Expected } } = {
  'before-insert': {
    once: { ...DONE, status: 'none', starts: 0, ends: 0, runs: 0 },
    idempotent: { status: 'none', starts: 0, ends: 0, runs: 0 },
  },
  'after-insert': { once: DONE, idempotent: DONE },
  'during-poll': { once: DONE, idempotent: DONE },
  'after-approve': { once: DONE, idempotent: DONE },
  'after-dispatch': { once: DONE, idempotent: DONE },
  'during-consume': { once: DONE, idempotent: DONE },
  'before-claim': { once: DONE, idempotent: DONE },
  'after-claim': { once: { status: 'unknown', starts: 0, ends: 0, runs: 1 }, idempotent: { ...DONE, runs: 2 } },
  'mid-method': { once: { status: 'unknown', starts: 1, ends: 0, runs: 1 }, idempotent: { ...DONE, starts: 2, runs: 2 } },
  'before-settle': { once: { status: 'unknown', starts: 1, ends: 1, runs: 1 }, idempotent: { ...DONE, starts: 2, ends: 2, runs: 2 } },
  'after-settle': { once: DONE, idempotent: DONE },
};

/** Cells wait for leases most of the time. */
const AT_ONCE = 8;

/** The specs of one store: each cell kills a process at one point of a call. */
export function survivesKills(store: StoreHere): void {
  describe(`kill -9 at every point, on ${store.name}`, () => {
    const cells = new Map<string, Promise<CellEnd>>();
    let wrong = 0;
    before(async function () {
      await store.start(this);
      const lanes = Array.from({ length: AT_ONCE }, () => Promise.resolve());
      for (const tool of ['once', 'idempotent'] as const) {
        for (const point of KILL_POINTS) {
          const lane = cells.size % AT_ONCE;
          const cell = (lanes[lane] as Promise<void>).then(() => playCell(store.make(), tool, point));
          cells.set(`${tool} ${point}`, cell);
          // a cell that fails is told by its own spec
          lanes[lane] = cell.then(
            () => {},
            () => {},
          );
        }
      }
    });
    after(async () => {
      if (cells.size > 0)
        counted({
          what: `kill -9 at every point of a call's way, ${store.name}: the table of docs/durability.md holds`,
          cases: cells.size,
          wrong,
        });
      await store.end();
    });

    for (const tool of ['once', 'idempotent'] as const) {
      for (const point of KILL_POINTS) {
        const expected = EXPECTED[point][tool];
        it(`leaves a call that runs ${tool === 'once' ? 'once' : 'again'} ${expected.status} when its process dies ${point}`, async () => {
          wrong += 1;
          const { status, starts, ends, runs, faults, killed, told } = (await cells.get(`${tool} ${point}`)) as CellEnd;
          expect({ status, starts, ends, runs, faults, killed }, told).to.deep.equal({ ...expected, faults: [], killed: true });
          wrong -= 1;
        }).timeout(60_000);
      }
    }
  });
}
