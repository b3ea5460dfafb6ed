import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import type { Task } from '../../lib/model/Task.js';
import { isFinished } from '../../lib/model/Task.js';
import { sqliteStore } from '../../lib/store/sqlite/index.js';
import type { StateStore } from '../../lib/store/StateStore.js';
import { countedSuite, volume } from '../support/assurance.js';
import { SharedMemoryStore } from '../support/SharedMemoryStore.js';
import { ordersOf } from './ordersOf.js';
import { sqlite } from './stores.js';
import { ask, EXPIRES_MS, LEASE_MS, startWorker } from './twoWorkers.js';
import type { Runs, Worker } from './twoWorkers.js';

/** One task that A has asked for, and what B can do to it. */
interface Scene {
  readonly a: Worker;
  readonly b: Worker;
  readonly mode: 'defer' | 'throw';
  readonly task: Task;
  readonly time: SinonFakeTimers;
  readonly runs: Runs;
  approving: boolean;
  approved: boolean;
}

const EVENTS: Readonly<Record<string, (scene: Scene) => unknown>> = {
  approve(scene) {
    const { b, task } = scene;
    scene.approving = true;
    return b.aegis.approvals.approve(task.decisionId, { by: 'ann', digest: task.digest }).then(() => (scene.approved = true));
  },
  deny: ({ b, task }) => b.aegis.approvals.deny(task.decisionId, { by: 'eve' }),
  cancel: ({ b, task }) => b.aegis.tasks.updateStatus(task.taskId, 'cancelled'),
  expire: ({ time }) => time.tickAsync(EXPIRES_MS + 1),
  crash: ({ a }) => a.crash(),
  // of what runs by itself B looks after what is left lying, of what its caller redeems B is that caller
  claim: ({ b, mode, runs }) => (mode === 'defer' ? b.aegis.register(b.tools) : b.tools.throw(1).then(() => runs.ended)),
};

const PAUSES: Readonly<Record<string, number>> = { 'at the same moment': 0, 'a moment apart': 150, 'a lease apart': LEASE_MS + 250 };

/** Where nothing is written to a disk, if there is such a place: on fake time two workers commit a hundred times in an instant, and none loses power. */
const FOLDER = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** Two handles on one state. */
type Make = (file: string) => readonly [StateStore, StateStore];
const STORES: Readonly<Record<string, Make>> = {
  'a durable store in memory': () => twoOf(new SharedMemoryStore()),
  'a durable store that answers later': () => twoOf(new SharedMemoryStore({ later: true })),
  SQLite: (file) => [sqliteStore(file), sqliteStore(file)],
};

describe('Approve, deny, cancel, expire, crash, claim in every order, on two workers', () => {
  let time: SinonFakeTimers;
  let folder: string;
  let played = 0;
  countedSuite('every order of up to 6 events on two workers, over 3 stores, 3 paces and 2 modes: the laws of approvals hold', () => ({
    cases: played,
  }));
  beforeEach(() => {
    folder = mkdtempSync(join(FOLDER, 'aegis-orders-'));
    time = useFakeTimers({ now: Date.UTC(2026, 0, 1) });
  });
  afterEach(() => {
    time.restore();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const [store, make] of Object.entries(STORES)) {
    // every write of SQLite is a transaction: each order is played once there, at one pace in one mode
    const shares = store === 'SQLite' ? 2 * Object.keys(PAUSES).length : 1;
    let share = 0;
    for (const [pause, ms] of Object.entries(PAUSES)) {
      for (const mode of ['defer', 'throw'] as const) {
        const first = share++ % shares;
        it(`keeps the laws in mode ${mode} over ${store}, ${pause}`, async function () {
          if (store === 'SQLite') await sqlite.start(this);
          const orders = [...ordersOf(Object.keys(EVENTS))];
          expect(orders).to.have.length(1_956);
          // all of them in a full run; else some, spread over all
          const every = Math.max(1, Math.round(orders.length / volume(orders.length))) * shares;
          for (let i = first; i < orders.length; i += every) await play(orders[i] as string[], make(join(folder, 'orders.db')), mode, ms);
        }).timeout(600_000);
      }
    }
  }

  async function play(
    order: readonly string[],
    [one, two]: readonly [StateStore, StateStore],
    mode: Scene['mode'],
    ms: number,
  ): Promise<void> {
    played += 1;
    const sinceMs = Date.now();
    const runs: Runs = { started: [], ended: [] };
    const [a, b] = [await startWorker(one, runs), await startWorker(two, runs)];
    const told: string[] = [];
    b.aegis.tasks.on('transition', ({ task }) => void told.push(`${task.taskId} ${task.version} ${task.status}`));
    const { taskId } = await ask(a, mode, 1);
    const task = (await two.tasks.get(taskId)) as Task;
    const scene: Scene = { a, b, mode, task, time, runs, approving: false, approved: false };
    let early = false;
    for (const event of order) {
      early ||= runs.started.length > 0 && !scene.approving;
      // most of them come too late for something
      void Promise.resolve(EVENTS[event]?.(scene)).catch(() => undefined);
      await time.tickAsync(ms);
    }
    await time.tickAsync(EXPIRES_MS + 3 * LEASE_MS);
    const name = `${mode}: ${order.join(' > ')}, ${ms} ms apart; told: ${told.join(', ')}`;
    // a second task may have been asked for, by a claim that came when the first one was over: nobody approves that
    for (const each of await two.tasks.list({})) if (each.createdAtMs >= sinceMs) holdsLaws(each, runs, scene, order, name);
    expect(early, name).to.equal(false);
    const last = (await two.tasks.get(taskId)) as Task;
    expect(
      told.filter((line) => line === `${taskId} ${last.version} ${last.status}`),
      name,
    ).to.have.length(1);
    expect(told, name).to.have.length(new Set(told).size);
    // the next one may be on the same state
    await two.tasks.prune({ keep: 0, finishedBeforeMs: Infinity });
    await Promise.all([a.end(), b.end(), time.tickAsync(500)]);
  }
});

function holdsLaws(task: Task, { started, ended }: Runs, scene: Scene, order: readonly string[], name: string): void {
  const { taskId, status, runs } = task;
  const starts = started.filter((id) => id === taskId).length;
  expect(starts, name).to.be.at.most(1);
  if (starts > 0) expect(scene.approving && taskId === scene.task.taskId, name).to.equal(true);
  // one end, which is what happened: unknown only where A died with a claim
  expect(isFinished(status) || status === 'unknown', `${name}: ${status}`).to.equal(true);
  if (status === 'unknown') expect([runs, order.includes('crash')], name).to.deep.equal([1, true]);
  if (status === 'completed') expect(ended, name).to.include(taskId);
  if (starts > 0) expect(status, name).to.be.oneOf(['completed', 'unknown']);
  if (status === 'denied') expect(order, name).to.include('deny');
  if (status === 'cancelled') expect(order, name).to.include('cancel');
  // what nothing stood against, runs
  const against = ['deny', 'cancel', 'expire', 'crash'].some((event) => order.includes(event));
  if (scene.approved && !against && scene.mode === 'defer') expect(status, name).to.equal('completed');
}

function twoOf(store: SharedMemoryStore): readonly [StateStore, StateStore] {
  return [store, store.another()];
}
