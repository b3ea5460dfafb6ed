import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { HaltBook } from '../../../lib/decision/halt/HaltBook.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { counted, seed, volume } from '../../support/assurance.js';
import { slower } from '../../support/pace.js';
import { PostgresStores } from '../../support/postgresStores.js';
import { postgresServer } from '../../support/postgresServer.js';
import { inStatus } from '../../store/taskInStatus.js';
import { fraction, stateStore } from '../setting.js';
import type { StoreAt } from '../setting.js';
import { postgres, sqlite } from '../stores.js';
import type { HaltedNews, HaltedOrder } from './haltedWorker.js';

const HALTS = 1_000;
const PROCESSES = 2;
/** How long after a halt was committed a call may still begin where it is not claimed. */
const LATEST_MS = 1_000;
const ORDER = { by: 'ann', reason: 'it runs wild' };
/** Told to both processes just before each halt. */
const RACED = 2;

/** A process under load, as its parent sees it. */
interface LoadedProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Extract<HaltedNews, { readonly starts: unknown }>>;
  tell(order: HaltedOrder): void;
  /** Settles when the last of its calls was so. */
  turned(how: 'running' | 'halted'): Promise<void>;
}

for (const here of [sqlite, postgres])
  describe(`Halts while ${PROCESSES} processes are under load, on ${here.name}`, () => {
    let stores: PostgresStores | undefined;
    let at: StoreAt;
    before(async function () {
      await here.start(this);
      if (here === postgres) stores = new PostgresStores(await postgresServer(this));
    });
    after(async () => {
      await stores?.end();
      await here.end();
    });

    it('are obeyed within a second, and no approved call begins once they are committed', async () => {
      const halts = Math.max(4, volume(HALTS));
      const folder = await stateFor();
      const store = (await stateStore(at)) as ServerStore;
      await store.open();
      const executing = await counter();
      const processes = Array.from({ length: PROCESSES }, started);
      const book = new HaltBook({ records: store.forTenant('default').records, isShared: true, maxStaleMs: 5_000 });
      const cycles: { readonly orderedMs: number; readonly committedMs: number; liftedMs: number }[] = [];
      let late = 0;
      try {
        await Promise.all(processes.map(async (one) => one.turned('running')));
        for (let i = 0; i < halts; i++) {
          const tasks = await Promise.all(
            Array.from({ length: RACED * PROCESSES }, async () => inStatus(store.tasks, 'approved', { toolName: 'work' })),
          );
          tasks.forEach(({ taskId, digest }, n) => processes[n % PROCESSES]?.tell({ claim: { taskId, digest } }));
          // from before the claims to after them
          await sleep(Math.floor(6 * fraction(seed, i)));
          const orderedMs = now();
          const { id } = await book.halt(i % 2 === 0 ? { agentId: 'bot' } : { toolName: 'work' }, ORDER);
          const committedMs = now();
          const claimed = await executing();
          await Promise.all(processes.map(async (one) => one.turned('halted')));
          late += (await executing()) - claimed;
          const cycle = { orderedMs, committedMs, liftedMs: now() };
          cycles.push(cycle);
          await book.lift(id, ORDER);
          await Promise.all(processes.map(async (one) => one.turned('running')));
        }
        for (const one of processes) one.tell({ stop: true });
        const told = await Promise.all(processes.map(async ({ ended }) => ended));
        const latestMs = cycles.map(({ orderedMs, liftedMs }) =>
          // a halt is committed after it was ordered, so that this is more than it took
          Math.max(0, ...told.flatMap(({ starts }) => lastBetween(starts, orderedMs, liftedMs)).map((startMs) => startMs - orderedMs)),
        );
        const boundMs = LATEST_MS * slower();
        const tooLate = latestMs.filter((ms) => ms > boundMs).length;
        const claims = told.reduce((sum, one) => sum + one.claims, 0);
        counted({
          what: `halts while ${PROCESSES} processes are under load, ${here.name}: the latest start within a second, no claim after the commit`,
          cases: halts,
          wrong: late + tooLate,
          beside: {
            'claims after the commit': late,
            'latest start (ms after the order)': Math.round(Math.max(...latestMs)),
            'longest order (ms)': Math.round(Math.max(...cycles.map(({ orderedMs, committedMs }) => committedMs - orderedMs))),
            claims,
            'claims refused': told.reduce((sum, one) => sum + one.refused, 0),
            starts: told.reduce((sum, one) => sum + one.starts.length, 0),
          },
        });
        expect({ late, tooLate }).to.deep.equal({ late: 0, tooLate: 0 });
        expect(claims).to.be.greaterThan(halts);
      } finally {
        for (const { child } of processes) child.kill('SIGKILL');
        book.close();
        executing.close?.();
        await store.close();
        await folder();
      }
    }).timeout(1_800_000);

    /** Makes an empty state. @returns what takes it away */
    async function stateFor(): Promise<() => Promise<void>> {
      const made = here.make();
      if (made !== undefined) {
        at = { ...made, queue: false };
        return async () => undefined;
      }
      const { mkdtempSync, rmSync } = await import('node:fs');
      const { tmpdir } = await import('node:os');
      const { join } = await import('node:path');
      const folder = mkdtempSync(join(tmpdir(), 'aegis-halts-'));
      at = { kind: 'sqlite', at: join(folder, 'state.db') };
      return async () => rmSync(folder, { recursive: true, force: true });
    }

    /** Counts the claims that are committed, as the database has them. */
    async function counter(): Promise<(() => Promise<number>) & { readonly close?: () => void }> {
      const text = (table: string): string => `SELECT count(*) AS count FROM ${table} WHERE status = 'executing'`;
      if (at.kind === 'postgres') {
        const client = await (stores as PostgresStores).client();
        return async () => Number((await client.query(text(`${at.schema ?? 'aegis'}.task`))).rows[0].count);
      }
      const { DatabaseSync: Database } = process.getBuiltinModule('node:sqlite');
      const db: DatabaseSync = new Database(at.at, { readOnly: true });
      const query = db.prepare(text('task'));
      return Object.assign(async () => Number(query.get()?.['count']), { close: () => db.close() });
    }

    function started(): LoadedProcess {
      const child = fork(new URL('./haltedWorker.js', import.meta.url), [JSON.stringify(at)], {
        execArgv: ['--disable-warning=ExperimentalWarning'],
      });
      let last: string | undefined;
      let wake = (): void => {};
      let fault: Error | undefined;
      const ended = new Promise<Extract<HaltedNews, { readonly starts: unknown }>>((resolve, reject) => {
        child.on('message', (news: HaltedNews) => {
          if ('starts' in news) return resolve(news);
          last = news.turned;
          wake();
        });
        child.once('exit', (code) => {
          fault = new Error(`a process ended with ${code}`);
          reject(fault);
          wake();
        });
      });
      ended.catch(() => {});
      return {
        child,
        ended,
        tell: (order) => void child.send(order),
        turned: async (how) => {
          while (last !== how) {
            if (fault !== undefined) throw fault;
            await new Promise<void>((resolve) => (wake = resolve));
          }
        },
      };
    }
  });

function now(): number {
  return performance.timeOrigin + performance.now();
}

/** The last of some times in order that is between two others, if there is one. */
function lastBetween(times: readonly number[], fromMs: number, toMs: number): readonly number[] {
  const last = times.findLast((time) => time < toMs);
  return last !== undefined && last > fromMs ? [last] : [];
}
