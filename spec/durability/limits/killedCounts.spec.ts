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
/** So many calls are made around each kill, however long a process takes to start: more are allowed with the next one. */
const FOR_EACH_KILL = 150;
const LIMIT = KILLS * FOR_EACH_KILL;

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
      let allowed = 0;
      const started = async (): Promise<Counting> => {
        const child = fork(new URL('./countedWorker.js', import.meta.url), [JSON.stringify(at), file, String(LIMIT), String(allowed)], {
          execArgv: ['--disable-warning=ExperimentalWarning'],
        });
        children.add(child);
        // listened for from the start: one that reaches the limit ends by itself
        const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
        void ended.then(() => children.delete(child));
        await new Promise<void>((resolve, reject) => {
          child.once('message', () => resolve());
          child.once('exit', (code, signal) => reject(new Error(`a process ended with ${code ?? signal} before it ran`)));
        });
        return { child, ended };
      };
      let alive = await Promise.all(Array.from({ length: PROCESSES }, started));
      const allow = (calls: number): void => {
        allowed = calls;
        for (const { child } of alive) if (child.connected) child.send(calls, () => {});
      };
      let killed = 0;
      for (; killed < KILLS; killed++) {
        // never all of it: those that live on reach the limit
        allow(killed * FOR_EACH_KILL + FOR_EACH_KILL / 2);
        await sleep(fraction(seed, killed) * 60);
        const [one, ...others] = alive as [Counting, ...Counting[]];
        one.child.kill('SIGKILL');
        await one.ended;
        alive = [...others, await started()];
      }
      allow(2 * LIMIT);
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
      expect(killed).to.equal(KILLS);
    });
  });
