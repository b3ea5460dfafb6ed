import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { TaskRegistry } from '../../../lib/approval/task/TaskRegistry.js';
import type { NewTask, TaskRegistryOptions, TaskTransition } from '../../../lib/approval/task/TaskRegistry.js';
import type { ExecutingTask, PendingTask, Task, TaskStatus } from '../../../lib/model/Task.js';
import { isFinished, isLegalEdge, TASK_STATUSES } from '../../../lib/model/Task.js';
import { MemoryTaskStore } from '../../../lib/store/memory/MemoryTaskStore.js';
import { diagnosed } from '../../support/diagnosed.js';
import { rejection } from '../../support/rejection.js';
import { SlowTaskStore } from '../../support/SlowTaskStore.js';
import { pendingTask } from '../../support/tasks.js';

const ERROR = { name: 'Error', message: 'boom' };

describe('TaskRegistry', () => {
  let time: SinonFakeTimers;
  beforeEach(() => (time = useFakeTimers({ now: Date.UTC(2026, 0, 1) })));
  afterEach(() => time.restore());

  it('resolves a promise from every method, also over a store that answers at once', async () => {
    const { registry, made } = setup();
    const { taskId } = await made();
    const calls = [
      () => registry.createTask(NEW),
      () => registry.getTask(taskId),
      () => registry.listTasks(),
      () => registry.updateStatus(taskId, 'denied'),
      () => registry.deleteTask(taskId),
      () => registry.clearCompleted(),
      () => registry.clearAll(),
      () => registry.getStats(),
    ];
    for (const call of calls) {
      const answer = call();
      expect(answer).to.be.instanceOf(Promise);
      await answer;
    }
  });

  describe('createTask', () => {
    it('makes a pending task by hand, without params or runner, for a day by default', async () => {
      const { registry } = setup();
      const task = await registry.createTask({ ...NEW, metadata: { ticket: 7 } });
      expect(task).to.deep.include({
        status: 'pending',
        mode: 'manual',
        agentId: 'bot',
        toolName: 'refund',
        decisionId: 'dec-1',
        params: {},
        attemptCount: 0,
        metadata: { ticket: 7 },
        createdAtMs: Date.now(),
        expiresAtMs: Date.now() + 86_400_000,
      });
      expect(await registry.getTask(task.taskId)).to.deep.equal(task);
      expect((await registry.createTask({ ...NEW, decisionId: 'dec-2', taskId: 'mine', timeoutMs: 5 })).expiresAtMs).to.equal(
        Date.now() + 5,
      );
    });

    it('sets no timer where the registry was closed meanwhile', async () => {
      const { registry } = setup();
      const making = registry.createTask(NEW);
      await registry.closeStore();
      expect(await making).to.include({ status: 'pending', mode: 'manual' });
      expect(time.countTimers()).to.equal(0);
    });

    it('refuses a taskId or decisionId that is taken', async () => {
      const { registry } = setup();
      const task = await registry.createTask({ ...NEW, taskId: 'mine' });
      for (const again of [NEW, { ...NEW, decisionId: 'dec-2', taskId: 'mine' }, { ...NEW, taskId: 'mine' }])
        expect(await rejection(registry.createTask(again))).to.include({ name: 'TaskStateError' });
      expect(await registry.listTasks()).to.deep.equal([task]);
    });

    it('makes one that the program completes, with a result', async () => {
      for (const store of [new MemoryTaskStore(), new SlowTaskStore()]) {
        const { registry, changes } = setup({}, store);
        const told: string[] = [];
        registry.withdrawWith(({ decisionId }) => told.push(decisionId));
        const { taskId } = await registry.createTask(NEW);
        const done = await registry.updateStatus(taskId, 'completed', { result: { rows: 7 } });
        expect(done).to.deep.include({ status: 'completed', result: { rows: 7 }, runs: 0 });
        expect(changes.map(({ task, from }) => [from, task.status])).to.deep.equal([
          [undefined, 'pending'],
          ['pending', 'completed'],
        ]);
        // its approval, if there is one, was used: there is nothing to withdraw
        expect(told).to.deep.equal([]);
        expect(await rejection(registry.updateStatus(taskId, 'failed'))).to.include({ name: 'TaskStateError' });
        expect(await registry.clearCompleted()).to.equal(1);
      }
    });

    it('makes one that one of many at once completes', async () => {
      const { registry } = setup({}, new SlowTaskStore());
      const { taskId } = await registry.createTask(NEW);
      const ends = ['completed', 'cancelled', 'completed', 'failed'] as const;
      const ended = await Promise.allSettled(ends.map((status) => registry.updateStatus(taskId, status)));
      expect(ended.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
    });

    it('makes one that times out, and tells the service', async () => {
      const { registry, changes } = setup();
      const told: string[] = [];
      registry.withdrawWith(({ decisionId }) => told.push(decisionId));
      const [over, ended, deleted] = [
        await registry.createTask({ ...NEW, timeoutMs: 5_000 }),
        await registry.createTask({ ...NEW, decisionId: 'dec-2', timeoutMs: 5_000 }),
        await registry.createTask({ ...NEW, decisionId: 'dec-3', timeoutMs: 5_000 }),
      ];
      await registry.updateStatus(ended.taskId, 'completed');
      await registry.deleteTask(deleted.taskId);
      told.splice(0);
      await time.tickAsync(4_999);
      expect(await registry.getTask(over.taskId)).to.include({ status: 'pending' });
      await time.tickAsync(1);
      expect(await registry.getTask(over.taskId)).to.deep.include({ status: 'timeout' });
      expect(changes.at(-1)).to.have.nested.property('task.error.code', 'approval_timeout');
      expect(await registry.getTask(ended.taskId)).to.include({ status: 'completed' });
      expect(told).to.deep.equal(['dec-1']);
      expect(time.countTimers()).to.equal(0);
    });

    it('leaves no timer where the store is closed, and reports a timeout that it could not record', async () => {
      const store = new MemoryTaskStore();
      const { registry } = setup({}, store);
      await registry.createTask({ ...NEW, timeoutMs: 1_000 });
      store.transition = () => {
        throw new Error('disk full');
      };
      const seen = await diagnosed(() => time.tickAsync(1_000));
      expect(seen).to.have.length(1);
      await registry.createTask({ ...NEW, decisionId: 'dec-2', timeoutMs: 1_000 });
      await registry.closeStore();
      expect(time.countTimers()).to.equal(0);
    });

    it('gives no digest that anything could be claimed or run with', async () => {
      const { registry } = setup();
      const { taskId, digest } = await registry.createTask(NEW);
      expect(digest).to.equal('');
      await registry.transition(taskId, ['pending'], { to: 'approved' });
      expect(await rejection(registry.updateStatus(taskId, 'executing'))).to.include({ name: 'TaskStateError' });
    });
  });

  describe('updateStatus', () => {
    it('tells the decision service that nobody waits any more, and reports where that fails', async () => {
      const { registry, inStatus } = setup();
      const told: string[] = [];
      registry.withdrawWith(({ decisionId }) => {
        told.push(decisionId);
        throw new Error('away');
      });
      const [one, two, three] = [await inStatus('pending'), await inStatus('approved'), await inStatus('unknown')];
      const seen = await diagnosed(async () => {
        await registry.updateStatus(one.taskId, 'cancelled');
        await registry.deleteTask(two.taskId);
        await registry.updateStatus(three.taskId, 'completed');
      });
      expect(told).to.deep.equal([one.decisionId, two.decisionId]);
      expect(seen).to.have.length(2);
    });

    for (const from of TASK_STATUSES) {
      for (const to of TASK_STATUSES) {
        const byHand = isLegalEdge(from, to) && from !== 'executing' && !['approved', 'executing', 'pending', 'unknown'].includes(to);
        it(`${byHand ? 'takes' : 'refuses to take'} a task from ${from} to ${to}`, async () => {
          const { registry, inStatus, changes } = setup();
          const task = await inStatus(from);
          const told = changes.length;
          if (!byHand) {
            expect(await rejection(registry.updateStatus(task.taskId, to))).to.include({ name: 'TaskStateError', taskId: task.taskId });
            expect(await registry.getTask(task.taskId)).to.include({ status: from, version: task.version });
            return expect(changes).to.have.length(told);
          }
          const changed = await registry.updateStatus(task.taskId, to, { result: 7, reason: 'by hand' });
          expect(changed.status).to.equal(to);
          expect(to === 'completed' ? changed : (changed as unknown as { error: object }).error).to.include(
            to === 'completed' ? { result: 7 } : { message: 'by hand' },
          );
          expect(changes.slice(told)).to.deep.equal([{ task: changed, from }]);
        });
      }
    }

    it('refuses what there is no task of, and a status that there is not', async () => {
      const { registry, made } = setup();
      expect(await rejection(registry.updateStatus('task-none', 'denied'))).to.include({ name: 'TaskStateError', taskId: 'task-none' });
      expect(await rejection(registry.updateStatus((await made()).taskId, 'APPROVED' as TaskStatus))).to.include({
        name: 'TaskStateError',
      });
    });

    it('says what may be set, and what a near miss meant', async () => {
      const { registry, inStatus } = setup();
      const refusal = async (from: TaskStatus, to: string): Promise<string> =>
        (await rejection(registry.updateStatus((await inStatus(from)).taskId, to as TaskStatus))).message;
      const pending = 'The program cannot set a task that is pending to';
      const may = 'it may set failed, denied, timeout, cancelled';
      expect(await refusal('pending', 'canceled')).to.equal(`${pending} canceled; ${may}; did you mean 'cancelled'?`);
      expect(await refusal('pending', 'completed')).to.equal(`${pending} completed; ${may}.`);
      expect(await refusal('executing', 'failed')).to.contain('; only its execution ends it.');
      expect(await refusal('denied', 'failed')).to.contain('; a finished task does not change.');
    });

    it('lets one of many at once win', async () => {
      for (const store of [new MemoryTaskStore(), new SlowTaskStore()]) {
        const { registry, made, changes } = setup({}, store);
        const { taskId } = await made();
        const to: TaskStatus[] = ['denied', 'timeout', 'cancelled', 'failed'];
        const done = await Promise.allSettled(Array.from({ length: 16 }, (_, i) => registry.updateStatus(taskId, to[i % 4]!)));
        expect(done.filter((d) => d.status === 'fulfilled')).to.have.length(1);
        expect(changes).to.have.length(2);
      }
    });
  });

  describe('listTasks', () => {
    it('gives the tasks that match, oldest first', async () => {
      const { registry, made } = setup();
      const tasks = [await made({ toolName: 'z' }), await made({ toolName: 'a' }), await made({ toolName: 'z', agentId: 'other' })];
      await registry.updateStatus(tasks[0]!.taskId, 'denied');
      const ids = async (query?: object): Promise<number[]> =>
        (await registry.listTasks(query)).map((t) => tasks.findIndex((m) => m.taskId === t.taskId));
      expect(await ids()).to.deep.equal([0, 1, 2]);
      expect(await ids({ toolName: 'z' })).to.deep.equal([0, 2]);
      expect(await ids({ status: ['pending'], agentId: 'bot' })).to.deep.equal([1]);
      expect(await ids({ limit: 1 })).to.deep.equal([0]);
    });
  });

  describe('listSummaries', () => {
    it('gives at most a hundred, or as many as it is asked for, and goes on after the last one', async () => {
      const { registry, made } = setup();
      const ids: string[] = [];
      for (let i = 0; i < 103; i++) ids.push((await made()).taskId);
      const first = await registry.listSummaries();
      expect(first.map(({ taskId }) => taskId)).to.deep.equal(ids.slice(0, 100));
      const rest = await registry.listSummaries({ after: first.at(-1)?.cursor });
      expect(rest.map(({ taskId }) => taskId)).to.deep.equal(ids.slice(100));
      expect((await registry.listSummaries({ limit: 2 })).map(({ taskId }) => taskId)).to.deep.equal(ids.slice(0, 2));
    });
  });

  describe('deleteTask', () => {
    for (const status of TASK_STATUSES) {
      const refused = status === 'executing' || status === 'unknown';
      it(`${refused ? 'refuses' : 'deletes'} one that is ${status}`, async () => {
        const { registry, inStatus, changes } = setup();
        const { taskId } = await inStatus(status);
        const told = changes.length;
        if (refused) {
          const error = await rejection(registry.deleteTask(taskId));
          expect(error).to.include({ name: 'TaskStateError' });
          expect(error.message).to.contain(status === 'unknown' ? 'resolveUnknown() first' : 'wait until it has ended');
          return expect((await registry.getTask(taskId))?.status).to.equal(status);
        }
        expect(await registry.deleteTask(taskId)).to.equal(true);
        expect(await registry.getTask(taskId)).to.equal(undefined);
        // what was open is cancelled first, so that whoever waits hears of it
        expect(changes.slice(told).map((c) => c.task.status)).to.deep.equal(isFinished(status) ? [] : ['cancelled']);
        expect(await registry.deleteTask(taskId)).to.equal(false);
      });
    }

    it('resolves to true also where cancelling it pushed it out of the finished ones that are kept', async () => {
      const { registry, made } = setup({ maxFinished: 0 });
      for (let i = 0; i < 130; i++) expect(await registry.deleteTask((await made()).taskId)).to.equal(true);
      expect(await registry.deleteTask('task-none')).to.equal(false);
    });
  });

  it('clearCompleted deletes what is finished, or finished longer ago than it is told', async () => {
    const { registry, inStatus } = setup();
    for (const status of TASK_STATUSES) await inStatus(status);
    time.tick(10_000);
    await inStatus('denied');
    time.tick(5_000);
    expect(await registry.clearCompleted({ maxAgeSeconds: 20 })).to.equal(0);
    expect(await registry.clearCompleted({ maxAgeSeconds: 12 })).to.equal(5);
    expect(await registry.clearCompleted({ maxAgeMs: 6_000, maxAgeSeconds: 1 })).to.equal(0);
    expect(await registry.clearCompleted({ maxAgeMs: 4_000 })).to.equal(1);
    await inStatus('denied');
    expect(await registry.clearCompleted()).to.equal(1);
    expect((await registry.listTasks()).map((t) => t.status).sort()).to.deep.equal(['approved', 'executing', 'pending', 'unknown']);
  });

  it('clearAll cancels what is pending or approved, more than a page of it, and keeps what is executing or unknown', async () => {
    const { registry, inStatus, made, changes } = setup();
    for (const status of TASK_STATUSES) await inStatus(status);
    for (let i = 0; i < 1_100; i++) await made();
    const told = changes.length;
    expect(await registry.clearAll()).to.equal(1_100 + TASK_STATUSES.length - 2);
    expect(changes.slice(told).filter((c) => c.task.status === 'cancelled')).to.have.length(1_102);
    expect((await registry.listTasks()).map((t) => t.status).sort()).to.deep.equal(['executing', 'unknown']);
    expect(await registry.clearAll()).to.equal(0);
  });

  it('getStats counts by status and in all', async () => {
    const { registry, inStatus } = setup();
    const zero = Object.fromEntries(TASK_STATUSES.map((s) => [s, 0]));
    expect(await registry.getStats()).to.deep.equal({ ...zero, total: 0 });
    for (const status of TASK_STATUSES) await inStatus(status);
    await inStatus('unknown');
    expect(await registry.getStats()).to.deep.equal({
      ...Object.fromEntries(TASK_STATUSES.map((s) => [s, 1])),
      unknown: 2,
      total: TASK_STATUSES.length + 1,
    });
  });

  describe('bounds', () => {
    it('the finished tasks by number: the oldest go first', async () => {
      const { registry, made, store } = setup({ maxFinished: 100 });
      const ids: string[] = [];
      for (let i = 0; i < 1_000; i++) {
        ids.push((await made()).taskId);
        await registry.updateStatus(ids.at(-1)!, 'denied');
        // between two prunings a few more may be there
        expect((store as MemoryTaskStore).counts().denied).to.be.at.most(163);
      }
      expect((await registry.listTasks()).map((t) => t.taskId)).to.deep.equal(ids.slice(-100));
    });

    it('the finished tasks now and then, not at each end', async () => {
      const store = new MemoryTaskStore();
      const { registry, made } = setup({}, store);
      const prune = store.prune.bind(store);
      let pruned = 0;
      store.prune = (limits) => ((pruned += 1), prune(limits));
      for (let i = 0; i < 640; i++) await registry.updateStatus((await made()).taskId, 'denied');
      expect(pruned).to.equal(10);
    });

    it('the finished tasks by age', async () => {
      const { registry, made } = setup({ finishedTtlMs: 60_000 });
      await registry.updateStatus((await made()).taskId, 'denied');
      time.tick(60_000);
      expect(await registry.getStats()).to.include({ total: 1 });
      time.tick(1);
      expect(await registry.getStats()).to.include({ total: 0 });
    });

    it('never what is unknown, approved, pending or executing', async () => {
      const { registry, inStatus } = setup({ maxFinished: 0, finishedTtlMs: 0 });
      for (const status of ['unknown', 'approved', 'pending', 'executing'] as const) await inStatus(status);
      time.tick(1e9);
      for (let i = 0; i < 100; i++) await inStatus('denied');
      expect(await registry.getStats()).to.include({ unknown: 1, approved: 1, pending: 1, executing: 1, total: 4 });
    });

    it('the unfinished ones: beyond maxPending a call ends in a CapacityError, until one of them ends', async () => {
      for (const store of [new MemoryTaskStore(), new SlowTaskStore()]) {
        const { registry, made, inStatus } = setup({ maxPending: 4 }, store);
        const tasks = [await made(), await inStatus('approved'), await inStatus('executing'), await inStatus('unknown')];
        const error = await rejection(made());
        expect(error).to.include({ name: 'CapacityError', code: 'capacity', limit: 4 });
        expect(await rejection(registry.createTask(NEW))).to.include({ name: 'CapacityError' });
        expect(await registry.getStats()).to.include({ total: 4 });
        for (const task of tasks.slice(0, 2)) {
          await registry.deleteTask(task.taskId);
          await made();
          await rejection(made());
        }
        const { claimToken } = (await registry.getTask(tasks[2]!.taskId)) as ExecutingTask;
        await registry.settle(tasks[2]!.taskId, claimToken, { to: 'completed', result: 1 });
        await made();
        // a late end of what was unknown makes room as well
        await registry.updateStatus(tasks[3]!.taskId, 'completed');
        await made();
        await rejection(made());
      }
    });

    it('of maxPending hold for what is recorded at once too, and are not used up by what was there already', async () => {
      const { registry } = setup({ maxPending: 3 }, new SlowTaskStore());
      const task = pendingTask();
      await registry.record(task);
      for (let i = 0; i < 10; i++) expect((await registry.record({ ...task })).outcome).to.equal('exists');
      const records = await Promise.allSettled(Array.from({ length: 10 }, async () => registry.record(pendingTask())));
      expect(records.filter((r) => r.status === 'fulfilled')).to.have.length(2);
    });
  });

  describe('resolveUnknown', () => {
    it('takes a person’s word, and only on what is unknown', async () => {
      const { registry, inStatus } = setup();
      const { taskId } = await inStatus('unknown');
      expect(await registry.resolveUnknown(taskId, { outcome: 'done', by: 'ann' })).to.include({ status: 'completed', result: undefined });
      for (const id of [taskId, (await inStatus('executing')).taskId, 'task-none'])
        expect(await rejection(registry.resolveUnknown(id, { outcome: 'done', by: 'ann' }))).to.include({
          name: 'TaskStateError',
          taskId: id,
        });
    });

    it('refuses a word of nobody, and changes nothing', async () => {
      const { registry, inStatus } = setup();
      const { taskId } = await inStatus('unknown');
      for (const how of ['done', 'retry', 'abandon'] as const)
        for (const by of [' ', 'ann\u200b', 'ann b', '\u0000ann'])
          expect(await rejection(registry.resolveUnknown(taskId, { outcome: how, by }))).to.include({ name: 'TaskStateError' });
      expect((await registry.getTask(taskId))?.status).to.equal('unknown');
    });

    it('calls nothing again while its holder lives, or without a module', async () => {
      const { registry, inStatus } = setup();
      const { taskId } = await inStatus('unknown');
      expect((await rejection(registry.resolveUnknown(taskId, { outcome: 'retry', by: 'ann' }))).message).to.contain('is alive');
      const gone = registry.resolveUnknown(taskId, { outcome: 'retry', by: 'ann', confirmExecutorDead: true });
      expect((await rejection(gone)).message).to.contain('no module');
      expect((await registry.getTask(taskId))?.status).to.equal('unknown');
    });

    it('lets the first of two words stand', async () => {
      const { registry, inStatus } = setup();
      const { taskId } = await inStatus('unknown');
      registry.retryWith(async () => {
        await registry.resolveUnknown(taskId, { outcome: 'done', by: 'bob' });
        return async () => {
          throw new Error('called again');
        };
      });
      const late = registry.resolveUnknown(taskId, { outcome: 'retry', by: 'ann', confirmExecutorDead: true });
      expect((await rejection(late)).message).to.contain('Another person resolved it first');
      expect(await registry.getTask(taskId)).to.deep.include({ status: 'completed' });
    });
  });

  describe('events', () => {
    it('come after the record, one for the status and one for the transition', async () => {
      const { registry, made, store } = setup();
      const seen: unknown[] = [];
      for (const status of TASK_STATUSES)
        registry.on(status, (task: Task) => seen.push([status, task.status, (store as MemoryTaskStore).get(task.taskId)?.status]));
      registry.on('transition', ({ task, from }: TaskTransition) => seen.push(['transition', from, task.status]));
      const { taskId, digest } = await made();
      await registry.transition(taskId, ['pending'], { to: 'approved' });
      await registry.claim({ taskId, digest, token: 't', nowMs: Date.now(), leaseMs: 60_000 });
      await registry.settle(taskId, 't', { to: 'unknown', error: ERROR });
      await registry.settle(taskId, 't', { to: 'completed', result: 1 });
      const expected = ['pending', 'approved', 'executing', 'unknown', 'completed'];
      expect(seen).to.deep.equal(
        expected.flatMap((status, i) => [
          [status, status, status],
          ['transition', expected[i - 1], status],
        ]),
      );
    });

    it('do not come for what changed nothing', async () => {
      const { registry, inStatus, changes } = setup();
      const { taskId } = await inStatus('denied');
      const told = changes.length;
      await registry.transition(taskId, ['pending'], { to: 'approved' });
      await registry.claim({ taskId, digest: '', token: 't', nowMs: 0, leaseMs: 60_000 });
      await registry.settle(taskId, 't', { to: 'completed', result: 1 });
      await registry.deleteTask(taskId);
      expect(changes).to.have.length(told);
    });

    it('are heard by whoever owns the calls first', async () => {
      const { registry, made } = setup();
      const heard: string[] = [];
      registry.on('denied', () => heard.push('listener'));
      registry.observe(() => heard.push('owner'));
      await registry.updateStatus((await made()).taskId, 'denied');
      expect(heard).to.deep.equal(['owner', 'owner', 'listener']);
    });

    it('harm nobody when a listener throws or rejects: each is reported once, and the others are called', async () => {
      const { registry, made, changes } = setup();
      registry.prependListener('pending', () => {
        throw new Error('no');
      });
      // oxlint-disable-next-line typescript/no-misused-promises -- that is what it is about
      registry.prependListener('transition', async () => Promise.reject(new Error('no')));
      const seen = await diagnosed(async () => {
        await made();
        await time.tickAsync(1);
      });
      expect(seen.map((d) => d.kind)).to.deep.equal(['callback', 'callback']);
      expect(changes).to.have.length(1);
    });
  });

  it('says whether its tasks outlive the process, and closes its store', async () => {
    let closed = 0;
    const store = Object.assign(new SlowTaskStore(), { durable: true, close: () => void (closed += 1) });
    const registry = new TaskRegistry(store);
    expect([registry.durable, new TaskRegistry(new MemoryTaskStore()).durable]).to.deep.equal([true, false]);
    await registry.closeStore();
    await new TaskRegistry(new MemoryTaskStore()).closeStore();
    expect(closed).to.equal(1);
  });

  const NEW: NewTask = { agentId: 'bot', toolName: 'refund', decisionId: 'dec-1' };

  function setup(options: TaskRegistryOptions = {}, store: MemoryTaskStore | SlowTaskStore = new MemoryTaskStore()) {
    const registry = new TaskRegistry(store, options);
    const changes: TaskTransition[] = [];
    registry.on('transition', (change) => changes.push(change));
    const made = async (more: Partial<PendingTask> = {}): Promise<PendingTask> => {
      const task = pendingTask(more);
      await registry.record(task);
      return task;
    };
    const inStatus = async (status: TaskStatus): Promise<Task> => {
      const task = await made();
      const { taskId, digest } = task;
      if (status === 'denied' || status === 'timeout' || status === 'cancelled')
        return (await registry.transition(taskId, ['pending'], { to: status, error: ERROR }))!;
      if (status === 'pending') return task;
      const approved = await registry.transition(taskId, ['pending'], { to: 'approved' });
      if (status === 'approved') return approved!;
      const executing = await registry.claim({ taskId, digest, token: 't', nowMs: Date.now(), leaseMs: 60_000 });
      if (status === 'executing') return executing!;
      return (await registry.settle(taskId, 't', status === 'completed' ? { to: status, result: 1 } : { to: status, error: ERROR }))!;
    };
    return { registry, store, changes, made, inStatus };
  }
});
