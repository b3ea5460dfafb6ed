import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { counted, seed, volume } from '../../support/assurance.js';
import { fraction } from '../setting.js';
import { postgres, sqlite } from '../stores.js';

const KILLS = Math.max(8, volume(200));
const PROCESSES = 8;
/** So many calls are left for each kill, so that the limit is reached by those that live on. */
const LIMIT = KILLS * (KILLS < 100 ? 150 : 600);

/** A process that counts. */
interface Counting {
  readonly child: ChildProcess;
  /** Settles when it has ended. */
  readonly ended: Promise<void>;
}

for (const here of [sqlite, postgres])
  describe(`A limit of ${PROCESSES} processes that are killed at random, on ${here.name}`, () => {
    let folder: string;
    const children = new Set<ChildProcess>();
    before(async function () {
      await here.start(this);
      folder = mkdtempSync(join(tmpdir(), 'aegis-counts-'));
    });
    after(async () => {
      for (const child of children) child.kill('SIGKILL');
      await here.end();
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    });

    it('lets no more run than it says, and loses no more than one call with each of them', async function () {
      this.timeout(60_000 + KILLS * 5_000);
      const at = here.make() ?? { kind: 'sqlite' as const, at: join(folder, 'store.db') };
      const file = join(folder, 'ran');
      writeFileSync(file, '');
      const ran = (): number => readFileSync(file).length;
      const started = async (): Promise<Counting> => {
        const child = fork(new URL('./countedWorker.js', import.meta.url), [JSON.stringify(at), file, String(LIMIT)], {
          execArgv: ['--disable-warning=ExperimentalWarning'],
        });
        children.add(child);
        // listened for from the start: one that reaches the limit ends by itself
        const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
        void ended.then(() => children.delete(child));
        await new Promise<void>((resolve, reject) => {
          child.once('message', () => resolve());
          child.once('exit', (code) => reject(new Error(`a process ended with ${code} before it ran`)));
        });
        return { child, ended };
      };
      let alive = await Promise.all(Array.from({ length: PROCESSES }, started));
      let killed = 0;
      for (; killed < KILLS && ran() < LIMIT - KILLS; killed++) {
        await sleep(fraction(seed, killed) * 60);
        const [one, ...others] = alive as [Counting, ...Counting[]];
        one.child.kill('SIGKILL');
        await one.ended;
        alive = [...others, await started()];
      }
      await Promise.all(alive.map(async ({ ended }) => ended));
      const count = ran();
      const wrong = Math.max(0, count - LIMIT) + Math.max(0, LIMIT - killed - count);
      counted({
        what: `processes killed under a limit, ${here.name}: no run beyond it, none lost but what was under way`,
        cases: killed,
        wrong,
        beside: { limit: LIMIT, ran: count },
      });
      expect(count)
        .to.be.at.most(LIMIT)
        .and.at.least(LIMIT - killed);
      expect(killed).to.be.at.least(Math.min(KILLS, 8) / 2);
    });
  });
