import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Awaitable } from '../../lib/common/awaitable.js';
import { nextId } from '../../lib/common/nextId.js';
import type { ExecutingTask, PendingTask, Task, TaskStatus } from '../../lib/model/Task.js';
import { TASK_STATUSES } from '../../lib/model/Task.js';
import type { DueQuery, StoreChange, TaskStore } from '../../lib/store/TaskStore.js';
import { pendingTask } from '../support/tasks.js';
import { until } from '../support/until.js';
import { ERROR, inStatus, LATER, NOW } from './taskInStatus.js';
import { originOf } from './taskStoreLeases.js';

/** What a store can do that more than one process, or more than one life of a process, has. */
export interface OtherHandles {
  /** Closes it, and opens its data anew. */
  readonly reopen?: (store: TaskStore) => Awaitable<TaskStore>;
  /** A second handle, open, on the data of the first. */
  readonly another?: (store: TaskStore) => Awaitable<TaskStore>;
}

/** What two handles on the same data must agree on. */
export function sharesWithOthers(name: string, make: () => Awaitable<TaskStore>, open: NonNullable<OtherHandles['another']>): void {
  describe(`${name}, of two handles`, () => {
    let [one, two] = [] as unknown as [TaskStore, TaskStore];
    beforeEach(async () => {
      one = await make();
      two = await open(one);
      for (const store of [one, two]) await store.heartbeat(60_000, Date.now());
    });
    afterEach(async () => {
      await two.close?.();
      await one.close?.();
    });

    it('has a name of its own for each, and each knows that the other lives until it is closed', async () => {
      expect(one.durable).to.equal(true);
      expect(two.ownerId).to.not.equal(one.ownerId);
      expect(await one.isLive(two.ownerId, Date.now())).to.equal(true);
      await two.close?.();
      expect(await one.isLive(two.ownerId, Date.now())).to.equal(false);
    });

    it('shows each what the other wrote', async () => {
      for (const status of TASK_STATUSES) {
        const task = await inStatus(one, status);
        expect(await two.get(task.taskId)).to.deep.equal(task);
        expect(await two.ofDecision(task.decisionId)).to.deep.equal(task);
      }
      expect(await two.list({})).to.deep.equal(await one.list({}));
      expect(await two.counts()).to.deep.equal(await one.counts());
      // they are all equal: an approved one goes before one that is pending
      const open = (await one.list({ status: 'approved' }))[0] as Task;
      expect(await two.findOpen(open)).to.deep.equal(open);
    });

    it('lets one of the two insert, decide and claim', async () => {
      for (let i = 0; i < 20; i++) {
        const [a, b] = i % 2 === 0 ? [one, two] : [two, one];
        const task = pendingTask();
        const { taskId, digest } = task;
        const made = await Promise.all([a.insert(task), b.insert({ ...task })]);
        expect(made.map((m) => m.outcome).sort()).to.deep.equal(['created', 'exists']);
        const said = await Promise.all([
          a.transition(taskId, ['pending'], { to: 'approved' }, NOW),
          b.transition(taskId, ['pending'], { to: 'approved' }, NOW),
        ]);
        expect(said.filter((t) => t !== undefined)).to.have.length(1);
        const claims = await Promise.all(
          [a, b].map((s) => s.claim({ taskId, token: nextId('t'), digest, nowMs: NOW, leaseMs: 36_000_000 })),
        );
        const won = claims.filter((t) => t !== undefined);
        expect(won).to.have.length(1);
        expect(won[0]?.executorId).to.equal(claims[0] === undefined ? b.ownerId : a.ownerId);
        expect(await one.get(taskId)).to.deep.equal(won[0]);
      }
    });

    it('takes no approval twice, from any handle', async () => {
      const [mine, yours] = [await inStatus(one, 'approved'), await inStatus(two, 'approved')];
      const again = { to: 'pending', params: {}, digest: 'd', reason: undefined, expiresAtMs: NOW + 36_000_000 } as const;
      expect(await two.transition(yours.taskId, ['approved'], { ...again, decisionId: mine.decisionId }, LATER)).to.equal(undefined);
      const both = await Promise.all([
        one.transition(mine.taskId, ['approved'], { ...again, decisionId: 'dec-shared' }, LATER),
        two.transition(yours.taskId, ['approved'], { ...again, decisionId: 'dec-shared' }, LATER),
      ]);
      expect(both.filter((t) => t !== undefined)).to.have.length(1);
    });

    it('renews the executions of the handle that beats, and no other', async () => {
      const [mine, yours] = [await inStatus(one, 'executing', {}, 0), await inStatus(two, 'executing', {}, 0)];
      await two.heartbeat(60_000, Date.now());
      const { unknown } = await two.sweep({ nowMs: Date.now(), maxRuns: 1, limit: 10 });
      expect(unknown.map((t) => [t.taskId, (t as { executorId?: string }).executorId])).to.deep.equal([[mine.taskId, one.ownerId]]);
      expect(await one.get(yours.taskId)).to.include({ status: 'executing' });
    });

    it('ends a lapsed execution once, however many handles sweep', async () => {
      for (let i = 0; i < 10; i++) await inStatus(one, 'executing', {}, 0);
      const swept = await Promise.all([one, two, one, two].map((s) => s.sweep({ nowMs: Date.now(), maxRuns: 1, limit: 100 })));
      const ids = swept.flatMap((s) => s.unknown.map((t) => t.taskId));
      expect([ids.length, new Set(ids).size]).to.deep.equal([10, 10]);
    });

    it('fences the handle off that lost its execution to another', async () => {
      const origin = originOf(one.ownerId, { idempotent: true });
      const first = (await inStatus(one, 'executing', { origin }, 0)) as ExecutingTask;
      const { taskId, digest } = first;
      expect((await two.sweep({ nowMs: Date.now(), maxRuns: 3, limit: 10 })).reclaimed).to.have.length(1);
      const second = await two.claim({ taskId, token: nextId('t'), digest, nowMs: NOW, leaseMs: 36_000_000 });
      expect(second).to.include({ executorId: two.ownerId, runs: 2 });
      expect(await one.settle(taskId, first.claimToken, { to: 'completed', result: 'late' }, LATER)).to.equal(undefined);
      expect(await one.release(taskId, first.claimToken, LATER)).to.equal(undefined);
      expect(await two.get(taskId)).to.deep.equal(second);
    });

    tellsOfChanges(() => [one, two]);
    givesWhatIsDue(() => [one, two]);
  });
}

function tellsOfChanges(of: () => readonly [TaskStore, TaskStore]): void {
  describe('watch', () => {
    it('tells of each change by the other handle, and of none by this one, until it is stopped', async () => {
      const [one, two] = of();
      const seen: StoreChange[] = [];
      const stop = await two.watch((change) => seen.push(change));
      const own = await inStatus(two, 'approved');
      const task = await inStatus(one, 'completed');
      const statuses: TaskStatus[] = ['pending', 'approved', 'executing', 'completed'];
      await until(() => seen.some((c) => c.kind === 'task' && c.status === 'completed'));
      for (const [i, status] of statuses.entries())
        expect(seen).to.deep.include({ kind: 'task', taskId: task.taskId, version: i + 1, status, from: statuses[i - 1] });
      expect(seen.filter((c) => c.kind === 'task' && c.taskId === own.taskId)).to.deep.equal([]);
      await stop();
      const before = seen.length;
      await inStatus(one, 'approved');
      await sleep(300);
      expect(seen).to.have.length(before);
    });

    it('goes on after a listener that throws, and tells every listener', async () => {
      const [one, two] = of();
      const seen: StoreChange[] = [];
      const stops = [
        await two.watch(() => {
          throw new Error('not mine to handle');
        }),
        await two.watch((change) => seen.push(change)),
      ];
      for (let i = 0; i < 2; i++) {
        const { taskId } = await inStatus(one, 'pending');
        await until(() => seen.some((c) => c.kind === 'task' && c.taskId === taskId));
        expect(seen.some((c) => c.kind === 'task' && c.taskId === taskId)).to.equal(true);
      }
      for (const stop of stops) await stop();
    });

    it('tells what a sweep of the other handle found', async () => {
      const [one, two] = of();
      const { taskId, version } = await inStatus(two, 'executing', {}, 0);
      const seen: StoreChange[] = [];
      const stop = await two.watch((change) => seen.push(change));
      await one.sweep({ nowMs: Date.now(), maxRuns: 1, limit: 10 });
      await until(() => seen.length > 0);
      expect(seen).to.deep.include({ kind: 'task', taskId, version: version + 1, status: 'unknown', from: 'executing' });
      await stop();
    });
  });
}

function givesWhatIsDue(of: () => readonly [TaskStore, TaskStore]): void {
  describe('due', () => {
    const due = async (more: Partial<DueQuery> = {}): Promise<string[]> => {
      const query = { nowMs: Date.now(), idleMs: 3_600_000, againMs: 0, keys: ['refund'], poll: false, limit: 100, ...more };
      return (await of()[0].due(query)).map((t) => t.taskId);
    };
    const made = (status: 'pending' | 'approved', more: Partial<PendingTask> = {}, resumable = true): Promise<Task> =>
      inStatus(of()[1], status, { origin: originOf(of()[1].ownerId, { resumable }), ...more });
    /** Leaves the other handle's tasks without a live owner. */
    const die = (): Awaitable<unknown> => of()[1].heartbeat(0, Date.now());

    it('gives no task of a live owner, except an approved one that is idle', async () => {
      await made('pending');
      await made('pending', {}, false);
      const { taskId } = await made('approved');
      expect(await due({ poll: true })).to.deep.equal([]);
      expect(await due({ poll: true, idleMs: 0, nowMs: Date.now() + 1 })).to.deep.equal([taskId]);
    });

    it('gives the approved tasks of a dead owner, as they are', async () => {
      const task = await made('approved');
      await made('approved', { mode: 'throw' });
      await made('approved', { mode: 'manual', origin: undefined });
      await die();
      expect(await due()).to.deep.equal([task.taskId]);
      const query = { nowMs: Date.now(), idleMs: 0, againMs: 0, keys: ['refund'], poll: false, limit: 1 };
      expect(await of()[0].due(query)).to.deep.equal([task]);
    });

    it('gives approved tasks to who can run them only, and again at once where that puts them back', async () => {
      const { taskId, guardKey } = await made('approved');
      await die();
      const give = async (...keys: string[]): Promise<string[]> => {
        const query = { nowMs: Date.now(), idleMs: 0, againMs: 60_000, keys, poll: false, limit: 10 };
        return (await of()[0].due(query)).map((t) => t.taskId);
      };
      expect(await give()).to.deep.equal([]);
      expect(await give('another', '')).to.deep.equal([]);
      expect(await give('another', guardKey)).to.deep.equal([taskId]);
      expect(await give(guardKey)).to.deep.equal([]);
      await of()[0].makeDue([taskId, 'no such task']);
      expect(await give(guardKey)).to.deep.equal([taskId]);
    });

    it('gives undecided tasks of a dead owner to a handle that polls', async () => {
      const { taskId } = await made('pending');
      await made('pending', { mode: 'manual', origin: undefined });
      await die();
      expect(await due()).to.deep.equal([]);
      expect(await due({ poll: true })).to.deep.equal([taskId]);
    });

    it('gives what cannot be resumed once its owner is dead', async () => {
      const waiting = [await made('pending', {}, false), await made('pending', { origin: undefined })];
      await die();
      expect((await due()).sort()).to.deep.equal(waiting.map((t) => t.taskId).sort());
    });

    it('gives those of an owner that was closed', async () => {
      const { taskId } = await made('approved');
      await of()[1].close?.();
      expect(await due()).to.deep.equal([taskId]);
    });

    it('gives what has expired, of every owner and mode, and nothing that is executing or has ended', async () => {
      const over = { createdAtMs: NOW - 9_000, expiresAtMs: NOW - 1 };
      const open = [
        await made('pending', over),
        await made('approved', over),
        await made('approved', { ...over, mode: 'throw' }),
        await made('pending', { ...over, mode: 'manual', origin: undefined }),
        await inStatus(of()[0], 'pending', over),
      ];
      for (const status of ['executing', 'completed', 'unknown', 'denied'] as const) await inStatus(of()[1], status);
      await die();
      expect((await due()).sort()).to.deep.equal(open.map((t) => t.taskId).sort());
    });

    it('gives one again after a while, or once something happened to it', async () => {
      const { taskId, decisionId } = await made('approved');
      await die();
      expect(await due({ againMs: 60_000 })).to.deep.equal([taskId]);
      expect(await due()).to.deep.equal([]);
      const again = { to: 'pending', params: {}, digest: 'd', reason: undefined, expiresAtMs: NOW + 36_000_000 } as const;
      await of()[0].transition(taskId, ['approved'], { ...again, decisionId: `${decisionId}-2` }, LATER);
      expect(await due({ poll: true, againMs: 0 })).to.deep.equal([taskId]);
      expect(await due({ poll: true, againMs: 0 })).to.deep.equal([taskId]);
    });

    it('gives each to one of the two that ask, up to the limit', async () => {
      const ids: string[] = [];
      for (let i = 0; i < 10; i++) ids.push((await made('approved')).taskId);
      await die();
      const query = { nowMs: Date.now(), idleMs: 3_600_000, againMs: 60_000, keys: ['refund'], poll: false, limit: 4 };
      const given: string[] = [];
      for (let i = 0; i < 4; i++) given.push(...(await of()[i % 2]!.due(query)).map((t) => t.taskId));
      expect(given.slice().sort()).to.deep.equal(ids.slice().sort());
    });
  });
}

/** What must be there after a restart: everything. */
export function outlivesItsProcess(name: string, make: () => Awaitable<TaskStore>, reopen: NonNullable<OtherHandles['reopen']>): void {
  describe(`${name}, after a restart`, () => {
    let store: TaskStore;
    beforeEach(async () => (store = await make()));
    afterEach(() => store.close?.());

    it('has every task as it was, and counts and orders them as before', async () => {
      const tasks: Task[] = [];
      for (const status of TASK_STATUSES)
        tasks.push(await inStatus(store, status, { origin: originOf('gone'), params: { at: new Date(3), big: 1n } }));
      const counts = await store.counts();
      store = await reopen(store);
      for (const task of tasks) {
        expect(await store.get(task.taskId)).to.deep.equal(task);
        expect(await store.ofDecision(task.decisionId)).to.deep.equal(task);
      }
      expect(await store.list({})).to.deep.equal(tasks);
      expect(await store.counts()).to.deep.equal(counts);
    });

    it('goes on with what was executing, under the old token', async () => {
      const task = (await inStatus(store, 'executing')) as ExecutingTask;
      const old = store.ownerId;
      store = await reopen(store);
      expect(store.ownerId).to.not.equal(old);
      expect(await store.isLive(old, Date.now())).to.equal(false);
      expect(await store.settle(task.taskId, task.claimToken, { to: 'failed', error: ERROR }, LATER)).to.include({ status: 'failed' });
    });

    it('keeps approvals taken that were asked before', async () => {
      const task = await inStatus(store, 'approved');
      const again = { to: 'pending', params: {}, digest: 'd', reason: undefined, expiresAtMs: NOW + 36_000_000 } as const;
      await store.transition(task.taskId, ['approved'], { ...again, decisionId: 'dec-after' }, LATER);
      store = await reopen(store);
      for (const decisionId of [task.decisionId, 'dec-after'])
        expect((await store.insert(pendingTask({ decisionId }))).outcome).to.equal('conflict');
    });
  });
}
