import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { ApprovalScheduler } from '../../../lib/approval/ApprovalScheduler.js';
import type { RestoredCall } from '../../../lib/approval/recovery/CallRestorer.js';
import { RecoveryWorker } from '../../../lib/approval/recovery/RecoveryWorker.js';
import type { RecoveryWorkerOptions } from '../../../lib/approval/recovery/RecoveryWorker.js';
import { TaskRegistry } from '../../../lib/approval/task/TaskRegistry.js';
import type { PendingTask, Task } from '../../../lib/model/Task.js';
import { requestOf } from '../../support/callRequests.js';
import { diagnosed } from '../../support/diagnosed.js';
import { rejection } from '../../support/rejection.js';
import { POLLING } from '../../support/schedulerSetup.js';
import { ScriptedDecisions } from '../../support/scriptedDecisions.js';
import { SharedMemoryStore } from '../../support/SharedMemoryStore.js';
import { originOf, pendingTask } from '../../support/tasks.js';

const LEASE_MS = 9_000;
const SWEEP_MS = 1_000;
const HOUR = 3_600_000;

describe('RecoveryWorker', () => {
  let time: SinonFakeTimers;
  let first: SharedMemoryStore;
  let store: SharedMemoryStore;
  beforeEach(() => {
    time = useFakeTimers({ now: Date.UTC(2026, 0, 1) });
    first = new SharedMemoryStore();
    store = first.another();
  });
  afterEach(() => time.restore());

  function setup(options: Partial<RecoveryWorkerOptions> & { keys?: string[] } = {}) {
    const service = new ScriptedDecisions({ pushes: true });
    const registry = new TaskRegistry(store.tasks);
    const scheduler = new ApprovalScheduler({ decisions: service, registry, polling: POLLING });
    const runs: string[] = [];
    const asked: string[] = [];
    const restore = (task: Task): RestoredCall => {
      asked.push(task.taskId);
      const request = requestOf({ params: task.params });
      return { kind: 'call', call: { request, run: () => void runs.push(task.taskId), admit: (params) => params } };
    };
    const keys = options.keys ?? [];
    const restorer = { restore, keys: () => keys, sensitive: () => undefined, runnable: () => ['refund'] };
    const defaults = {
      registry,
      scheduler,
      decisions: service,
      restorer,
      pollMs: 60_000,
      polls: false,
      leaseMs: LEASE_MS,
      sweepMs: SWEEP_MS,
    };
    const keeper = new RecoveryWorker({ ...defaults, ...options });
    return { keeper, registry, scheduler, service, runs, asked, keys };
  }

  /** A task of a process that is dead. */
  function left(more: Partial<PendingTask> = {}, approved = true): PendingTask {
    const task = pendingTask({ origin: originOf('dead'), expiresAtMs: Date.now() + HOUR, ...more });
    void first.tasks.insert(task);
    if (approved) void first.tasks.transition(task.taskId, ['pending'], { to: 'approved' }, Date.now());
    return task;
  }
  const statusOf = (task: Task): string | undefined => (first.tasks.get(task.taskId) as Task | undefined)?.status;

  it('says that its process lives, before it starts and again before its lease is over', async () => {
    const { keeper } = setup({ sweepMs: HOUR });
    await keeper.start();
    expect(await first.tasks.isLive(store.ownerId, Date.now())).to.equal(true);
    await time.tickAsync(20 * LEASE_MS);
    expect(await first.tasks.isLive(store.ownerId, Date.now())).to.equal(true);
    expect(store.faults.count('heartbeat')).to.equal(61);
    await keeper.stop();
    await time.tickAsync(LEASE_MS);
    expect(await first.tasks.isLive(store.ownerId, Date.now())).to.equal(false);
  });

  it('holds a lease of 30 seconds and looks every 5, unless told otherwise', async () => {
    const { keeper } = setup({ leaseMs: undefined, sweepMs: undefined });
    await keeper.start();
    await time.tickAsync(50_000);
    expect([store.faults.count('heartbeat'), store.faults.count('sweep')]).to.deep.equal([11, 11]);
    await time.tickAsync(0);
    expect(await first.tasks.isLive(store.ownerId, Date.now() + 29_999)).to.equal(true);
    expect(await first.tasks.isLive(store.ownerId, Date.now() + 30_000)).to.equal(false);
    await keeper.stop();
  });

  it('lets the process end, unless it is to wait for what others ask it to run', async () => {
    for (const [keepAlive, holds] of [
      [undefined, false],
      [false, false],
      [true, true],
    ] as const) {
      const timers: NodeJS.Timeout[] = [];
      const start = globalThis.setTimeout;
      globalThis.setTimeout = ((...args: Parameters<typeof start>) => (timers.push(start(...args)), timers.at(-1))) as typeof start;
      const { keeper } = setup({ keepAlive });
      await keeper.start().finally(() => (globalThis.setTimeout = start));
      expect(timers.map((timer) => timer.hasRef())).to.deep.equal([holds]);
      await keeper.stop();
    }
  });

  it('takes the time over that others have reached, so that a clock that was set back extends nothing', async () => {
    await first.tasks.heartbeat(1_000, Date.now() + HOUR);
    const { keeper, registry } = setup();
    await keeper.start();
    expect(registry.clock.now()).to.equal(Date.now() + HOUR);
    await keeper.stop();
  });

  it('runs what is approved and was left behind, at once', async () => {
    const task = left();
    const { keeper, runs } = setup();
    await keeper.start();
    await time.tickAsync(10);
    expect([runs, statusOf(task)]).to.deep.equal([[task.taskId], 'completed']);
    await keeper.stop();
  });

  it('takes over more than one page of them, and sweeps more than one page', async () => {
    for (let i = 0; i < 150; i++) left();
    const claimed: PendingTask[] = [];
    for (let i = 0; i < 150; i++) {
      const task = left();
      claimed.push(task);
      void first.tasks.claim({ taskId: task.taskId, digest: task.digest, token: 't', nowMs: Date.now(), leaseMs: 0 });
    }
    const { keeper, runs, registry } = setup();
    const unknown: string[] = [];
    registry.on('unknown', (task) => unknown.push(task.taskId));
    await keeper.start();
    await time.tickAsync(100);
    expect([runs.length, unknown]).to.deep.equal([150, claimed.map((t) => t.taskId)]);
    await keeper.stop();
  });

  it('leaves what its caller redeems, and what was made by hand', async () => {
    const tasks = [left({ mode: 'throw' }), left({ mode: 'manual', origin: undefined }, false)];
    const { keeper, asked } = setup();
    await keeper.start();
    await time.tickAsync(100);
    expect([asked, ...tasks.map(statusOf)]).to.deep.equal([[], 'approved', 'pending']);
    await keeper.stop();
  });

  it('checks once what it found approved, but not what a call has taken by then, nor what was made by hand', async () => {
    const [found, taken] = [left({ mode: 'throw' }), left({ mode: 'throw' })];
    const hand = left({ mode: 'manual', origin: undefined });
    const service = new ScriptedDecisions({ verify: () => false });
    const { keeper, scheduler } = setup({ decisions: service });
    await keeper.start();
    const call = { request: requestOf({ params: taken.params }), run: () => 'done', admit: (params: Task['params']) => params };
    scheduler.hold(taken, call);
    await time.tickAsync(SWEEP_MS * 3);
    expect(service.asked.filter((asked) => asked.startsWith('verify'))).to.deep.equal([`verify ${found.decisionId}`]);
    expect([found, taken, hand].map(statusOf)).to.deep.equal(['denied', 'approved', 'approved']);
    await keeper.stop();
  });

  it('ends what is over, and what cannot be resumed, and tells the service', async () => {
    const over = left({ expiresAtMs: Date.now() });
    const hand = left({ mode: 'manual', origin: undefined, expiresAtMs: Date.now() }, false);
    const orphan = left({ origin: originOf('dead', { resumable: false }) });
    const { keeper, service } = setup();
    await keeper.start();
    await time.tickAsync(100);
    expect([over, hand, orphan].map(statusOf)).to.deep.equal(['timeout', 'timeout', 'cancelled']);
    expect(service.asked).to.deep.equal([`expire ${over.decisionId}`, `expire ${hand.decisionId}`, `withdraw ${orphan.decisionId}`]);
    await keeper.stop();
  });

  it('tells nobody of an end that somebody else was first with', async () => {
    const tasks = [left({ expiresAtMs: Date.now() }), left({ origin: originOf('dead', { resumable: false }) })];
    const { keeper, service } = setup();
    const due = store.tasks.due.bind(store.tasks);
    store.tasks.due = (query) => {
      const found = due(query);
      for (const { taskId } of tasks)
        void first.tasks.transition(taskId, ['approved'], { to: 'cancelled', error: { name: 'E', message: 'm' } }, Date.now());
      return found;
    };
    await keeper.start();
    await time.tickAsync(100);
    expect(service.asked).to.deep.equal([]);
    await keeper.stop();
  });

  for (const state of ['pending', 'denied', 'expired', 'invalid', 'approved'] as const) {
    it(`asks where one stands that was decided elsewhere: ${state}`, async () => {
      const { keeper, service, runs } = setup();
      service.script = (decisionId) => ({ decisionId, state });
      const task = left({}, false);
      await first.approvals.insert({ decisionId: task.decisionId, version: 1, status: 'pending' } as never);
      await first.approvals.replace({ decisionId: task.decisionId, version: 2, status: 'approved' } as never, 1);
      await keeper.start();
      await time.tickAsync(100);
      const ends = { pending: 'pending', denied: 'denied', expired: 'timeout', invalid: 'failed', approved: 'completed' };
      expect([statusOf(task), runs.length]).to.deep.equal([ends[state], state === 'approved' ? 1 : 0]);
      await keeper.stop();
    });
  }

  it('does nothing for a verdict on an approval that the task waits for no more, or that is not its to see to', async () => {
    await first.tasks.heartbeat(HOUR, Date.now());
    const { keeper, service } = setup();
    await keeper.start();
    const elsewhere = pendingTask({ origin: originOf(first.ownerId), expiresAtMs: Date.now() + HOUR });
    await first.tasks.insert(elsewhere);
    const again = left();
    const change = { to: 'pending', params: {}, digest: 'd', reason: undefined, expiresAtMs: Date.now() + HOUR } as const;
    await first.tasks.transition(again.taskId, ['approved'], { ...change, decisionId: 'dec-again' }, Date.now());
    for (const decisionId of [elsewhere.decisionId, again.decisionId, 'dec-none']) keeper.decided({ decisionId });
    await time.tickAsync(10);
    expect(service.count('status')).to.equal(0);
    keeper.decided({ decisionId: 'dec-again' });
    await time.tickAsync(10);
    expect(service.asked).to.include('status dec-again');
    await keeper.stop();
    const before = service.asked.length;
    keeper.decided({ decisionId: 'dec-again' });
    await time.tickAsync(10);
    expect(service.asked).to.have.length(before);
  });

  it('hears of what others change: tasks and approvals', async () => {
    const heard: string[] = [];
    const { keeper, registry } = setup({ onApproval: async (decisionId) => void heard.push(decisionId) });
    const seen: string[] = [];
    registry.on('transition', ({ task, from }) => seen.push(`${task.taskId} ${from}`));
    await keeper.start();
    await first.tasks.heartbeat(HOUR, Date.now());
    const task = pendingTask({ origin: originOf(first.ownerId) });
    await first.tasks.insert(task);
    await first.approvals.insert({ decisionId: 'dec-theirs', version: 1, status: 'pending' } as never);
    await time.tickAsync(1);
    expect([seen, heard]).to.deep.equal([[`${task.taskId} undefined`], ['dec-theirs']]);
    await keeper.stop();
    await first.tasks.insert(pendingTask());
    await time.tickAsync(1);
    expect(seen).to.have.length(1);
  });

  it('hears of what others change also where it cannot be read at first, and until it stops', async () => {
    const heard: string[] = [];
    let away = 3;
    const onApproval = async (decisionId: string): Promise<void> => {
      away -= 1;
      if (away >= 0) throw new Error('the store is away');
      heard.push(decisionId);
    };
    const { keeper } = setup({ onApproval });
    await keeper.start();
    const seen = await diagnosed(async () => {
      await first.approvals.insert({ decisionId: 'dec-theirs', version: 1, status: 'pending' } as never);
      await time.tickAsync(6_000);
      expect(heard).to.deep.equal([]);
      await time.tickAsync(1_500);
    });
    expect(heard).to.deep.equal(['dec-theirs']);
    expect(seen).to.have.length(3);
    away = Infinity;
    await first.approvals.insert({ decisionId: 'dec-later', version: 1, status: 'pending' } as never);
    await time.tickAsync(1);
    await keeper.stop();
    away = 0;
    await time.tickAsync(HOUR);
    expect(heard).to.have.length(1);
  });

  it('takes no notice of approvals where nobody wants to hear of them', async () => {
    const { keeper } = setup();
    await keeper.start();
    const seen = await diagnosed(async () => {
      await first.approvals.insert({ decisionId: 'dec-theirs', version: 1, status: 'pending' } as never);
      await time.tickAsync(1);
    });
    expect(seen).to.deep.equal([]);
    await keeper.stop();
  });

  it('goes on when its store was away for a while, and reports it', async () => {
    const { keeper, runs } = setup();
    await keeper.start();
    const task = left();
    store.faults.away = true;
    const seen = await diagnosed(() => time.tickAsync(5 * SWEEP_MS));
    expect(seen).to.not.be.empty;
    expect(runs).to.deep.equal([]);
    store.faults.away = false;
    await time.tickAsync(2 * SWEEP_MS);
    expect(runs).to.deep.equal([task.taskId]);
    await keeper.stop();
  });

  it('keeps one task that cannot be seen to from no other', async () => {
    const bad = left();
    const good = left();
    const { keeper, runs, scheduler } = setup({
      restorer: {
        keys: () => [],
        sensitive: () => undefined,
        runnable: () => ['refund'],
        restore: (task) => {
          if (task.taskId === bad.taskId) throw new Error('cannot be revived');
          return { kind: 'call', call: { request: requestOf(), run: () => void runs.push(task.taskId), admit: (p) => p } };
        },
      },
    });
    const seen = await diagnosed(async () => {
      await keeper.start();
      await time.tickAsync(10);
    });
    expect([runs, seen.length, scheduler.queueSize]).to.deep.equal([[good.taskId], 1, 0]);
    await keeper.stop();
  });

  it('takes over while an outcome can still not be recorded', async () => {
    const { keeper, registry, runs } = setup();
    await keeper.start();
    registry.settleLater('task-none', 't', { to: 'completed', result: 1 });
    store.faults.fail('settle', { times: 1 });
    const task = left();
    const seen = await diagnosed(() => time.tickAsync(SWEEP_MS + 10));
    expect([seen.length, runs, statusOf(task)]).to.deep.equal([1, [task.taskId], 'completed']);
    await keeper.stop();
  });

  it('records at the end what waits to be recorded, or reports it', async () => {
    for (const isAway of [false, true]) {
      const { keeper, registry } = setup();
      await keeper.start();
      const task = left({ origin: originOf(store.ownerId) });
      await store.tasks.claim({ taskId: task.taskId, digest: task.digest, token: 't', nowMs: Date.now(), leaseMs: LEASE_MS });
      registry.settleLater(task.taskId, 't', { to: 'completed', result: 1 });
      if (isAway) store.faults.fail('settle');
      const seen = await diagnosed(() => keeper.stop());
      expect([statusOf(task), seen.length]).to.deep.equal(isAway ? ['executing', 1] : ['completed', 0]);
    }
  });

  it('serves the guards there are, also those that come later, each once', async () => {
    const served: string[] = [];
    const stopped: string[] = [];
    const run = new Map<string, (taskId: string) => unknown>();
    Object.assign(store.tasks, {
      serve: (key: string, given: (taskId: string) => unknown) => {
        served.push(key);
        run.set(key, given);
        return () => void stopped.push(key);
      },
    });
    const { keeper, keys, runs } = setup({ keys: ['a'] });
    await keeper.start();
    await time.tickAsync(10);
    keys.push('b');
    await time.tickAsync(3 * SWEEP_MS);
    expect(served).to.deep.equal(['a', 'b']);
    const [task, pending] = [left({ origin: originOf(store.ownerId) }), left({ origin: originOf(store.ownerId) }, false)];
    await run.get('a')?.(task.taskId);
    await run.get('a')?.(pending.taskId);
    await run.get('a')?.('task-none');
    await time.tickAsync(10);
    expect(runs).to.deep.equal([task.taskId]);
    await keeper.stop();
    expect(stopped).to.deep.equal(['a', 'b']);
  });

  it('leaves the store even where a part of that fails', async () => {
    const { keeper } = setup();
    const stopped: string[] = [];
    keeper.whenStopped(() => {
      throw new Error('already gone');
    });
    keeper.whenStopped(() => stopped.push('second'));
    await keeper.start();
    await keeper.stop();
    expect(stopped).to.deep.equal(['second']);
  });

  it('looks at nothing before it has started, and nothing after it has stopped', async () => {
    const { keeper } = setup();
    await keeper.scan();
    expect(store.faults.asked).to.deep.equal([]);
    await keeper.start();
    await time.tickAsync(10);
    await keeper.stop();
    const asked = store.faults.asked.length;
    await keeper.scan();
    await time.tickAsync(HOUR);
    expect([store.faults.asked.length, time.countTimers()]).to.deep.equal([asked, 0]);
  });

  it('holds no timer where it is stopped while it beats', async () => {
    store = first.another({ later: true });
    const { keeper } = setup();
    const starting = keeper.start();
    await time.tickAsync(50);
    await starting;
    time.tick(SWEEP_MS);
    await keeper.stop();
    await time.tickAsync(10);
    expect(time.countTimers()).to.equal(0);
  });

  it('leaves what it cannot run to another process, however their timers fall', async () => {
    const task = left();
    const { keeper } = setup({
      restorer: {
        keys: () => [],
        sensitive: () => undefined,
        runnable: () => ['refund'],
        restore: () => ({ kind: 'waiting', reason: 'no-guard' }),
      },
    });
    await keeper.start();
    await time.tickAsync(SWEEP_MS / 2);
    store = first.another();
    const worker = setup();
    await worker.keeper.start();
    await time.tickAsync(LEASE_MS + 2 * SWEEP_MS);
    expect(worker.runs).to.deep.equal([task.taskId]);
    await keeper.stop();
    await worker.keeper.stop();
  });

  it('beats on while it rests, and takes nothing over', async () => {
    const { keeper, runs } = setup();
    await keeper.start();
    await time.tickAsync(10);
    keeper.rest();
    left();
    await time.tickAsync(10 * LEASE_MS);
    expect([runs, await first.tasks.isLive(store.ownerId, Date.now())]).to.deep.equal([[], true]);
    await keeper.stop();
    expect(time.countTimers()).to.equal(0);
  });

  it('begins nothing of what it found by the time it has to stop', async () => {
    left();
    let goOn: (revived: RestoredCall) => void = () => {};
    const { keeper, runs, scheduler } = setup({
      restorer: {
        keys: () => [],
        sensitive: () => undefined,
        runnable: () => ['refund'],
        restore: async () => new Promise<RestoredCall>((resolve) => (goOn = resolve)),
      },
    });
    await keeper.start();
    await time.tickAsync(10);
    await keeper.stop();
    goOn({ kind: 'call', call: { request: requestOf(), run: () => void runs.push('ran'), admit: (p) => p } });
    await time.tickAsync(10);
    expect([runs, scheduler.queueSize]).to.deep.equal([[], 0]);
  });

  it('does not start where its store cannot be asked', async () => {
    const { keeper } = setup();
    store.faults.fail('heartbeat');
    expect(await rejection(keeper.start())).to.be.instanceOf(Error);
    await keeper.stop();
    expect(time.countTimers()).to.equal(0);
  });

  it('looks once more for whoever asks while it looks', async () => {
    const slow = (store = first.another({ later: true }));
    const { keeper } = setup();
    const starting = keeper.start();
    await time.tickAsync(50);
    await starting;
    const sweeps = slow.faults.count('sweep');
    const all = Promise.all([keeper.scan(), keeper.scan(), keeper.scan()]);
    await time.tickAsync(50);
    await all;
    expect(slow.faults.count('sweep')).to.be.within(sweeps + 1, sweeps + 2);
    await keeper.stop();
  });
});
