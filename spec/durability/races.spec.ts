import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { expect } from 'chai';
import { pendingTask } from '../support/tasks.js';
import { counted, seed, volume } from '../support/assurance.js';
import type { ClaimerSetting } from './claimer.js';
import { Crew } from './crew.js';
import { readEntries } from './history.js';
import { postgres, sqlite } from './stores.js';
import type { StoreHere } from './stores.js';

const PROCESSES = 4;
const CLAIMERS = 64;

/** The full number on SQLite: with a server each try is a round trip. */
const APPROVALS: ReadonlyMap<StoreHere, number> = new Map([
  [sqlite, 10_000],
  [postgres, 1_000],
]);

for (const [store, full] of APPROVALS) {
  describe(`${CLAIMERS} that claim the same approvals at once, on ${store.name}`, () => {
    before(async function () {
      await store.start(this);
    });
    after(() => store.end());

    it('execute each approval once, and none is left', async () => {
      const crew = new Crew(store.make());
      try {
        const approvals = volume(full);
        await crew.look(async ({ tasks }) => {
          const made = Array.from({ length: approvals }, (_, n) => pendingTask({ params: { n }, expiresAtMs: Date.now() + 3_600_000 }));
          for (const task of made) {
            await tasks.insert(task);
            await tasks.transition(task.taskId, ['pending'], { to: 'approved' }, Date.now());
          }
        });
        const tried = await race(crew);
        const starts = readEntries(crew.history.lines()).filter(({ what }) => what === 'start');
        const executed = new Set(starts.map(({ with: [, taskId] }) => taskId));
        const tasks = await crew.tasks();
        const completed = tasks.filter((task) => task.status === 'completed' && task.runs === 1).length;
        const wrong = starts.length - executed.size + (approvals - completed);
        const beside = { claims: tried, executions: starts.length };
        counted({
          what: `${CLAIMERS} claimers in ${PROCESSES} processes on the same approvals, ${store.name}: executions == approvals`,
          cases: approvals,
          wrong,
          beside,
        });
        expect({ executions: starts.length, executed: executed.size, completed }).to.deep.equal({
          executions: approvals,
          executed: approvals,
          completed: approvals,
        });
        expect(tried).to.equal(approvals * CLAIMERS);
      } finally {
        await crew.disband();
      }
    }).timeout(600_000);
  });
}

/** All processes start when all are ready. Resolves to how many claims were tried. */
async function race(crew: Crew): Promise<number> {
  const racers = Array.from({ length: PROCESSES }, (_, i) => {
    const setting: ClaimerSetting = {
      who: `racer-${i}`,
      store: crew.store,
      history: crew.history.path,
      claimers: CLAIMERS / PROCESSES,
      seed: seed + i,
    };
    return fork(new URL('./claimer.js', import.meta.url), [JSON.stringify(setting)], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
  });
  await Promise.all(racers.map(message));
  const done = racers.map(message);
  for (const racer of racers) racer.send('go');
  return (await Promise.all(done)).reduce((sum: number, tried) => sum + Number(tried), 0);
}

function message(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`a claimer ended with ${code}`)));
  });
}
