import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import type { ExecutingTask, Task } from '../../lib/model/Task.js';
import type { TaskClaim } from '../../lib/store/TaskStore.js';
import { diagnosed } from '../support/diagnosed.js';
import { rejection } from '../support/rejection.js';
import { schedulerSetup } from '../support/schedulerSetup.js';
import type { SchedulerSetup, SchedulerSetupOptions, Watched } from '../support/schedulerSetup.js';
import { SharedMemoryStore } from '../support/SharedMemoryStore.js';
import { SlowTaskStore } from '../support/SlowTaskStore.js';
import { originOf } from '../support/tasks.js';

const HOUR = 3_600_000;

describe('ApprovalScheduler.shutdown', () => {
  let time: SinonFakeTimers;
  beforeEach(() => (time = useFakeTimers({ now: Date.UTC(2026, 0, 1) })));
  afterEach(() => time.restore());

  it('ends what is pending with a ShutdownError, cancels its task and tells the service', async () => {
    const setup = schedulerSetup();
    const calls = [await submit(setup), await submit(setup), await setup.hold({ expiresAtMs: Date.now() + HOUR })];
    await setup.scheduler.shutdown();
    for (const { handle, path, settled, task } of calls) {
      const error = await rejection(handle.completed);
      expect(error).to.include({ name: 'ShutdownError', code: 'shutdown' });
      expect([path, settled]).to.deep.equal([['pending', 'cancelled'], [[undefined, error]]]);
      expect(((await setup.registry.getTask(task.taskId)) as Task & { error: object }).error).to.include({ name: 'ShutdownError' });
      expect(setup.service.asked).to.include(`withdraw ${task.decisionId}`);
    }
    expect([setup.scheduler.queueSize, time.countTimers()]).to.deep.equal([0, 0]);
  });

  it('is idempotent, whatever it is told the second time', async () => {
    const setup = schedulerSetup();
    await submit(setup);
    const first = setup.scheduler.shutdown({ graceMs: 10 });
    expect(setup.scheduler.shutdown({ graceMs: 99 })).to.equal(first);
    await first;
    await setup.scheduler.shutdown();
    expect(setup.changes.filter((c) => c.task.status === 'cancelled')).to.have.length(1);
  });

  it('refuses options that it does not have, and goes on as before', async () => {
    const setup = schedulerSetup();
    const { task } = await submit(setup);
    const wrong: readonly unknown[] = [{ graceMS: 10 }, { graceMs: 'soon' }, { graceMs: -1 }, null, 10];
    for (const options of wrong) {
      const error = await rejection(setup.scheduler.shutdown(options as never));
      expect(error, JSON.stringify(options)).to.include({ name: 'ConfigError' });
    }
    expect((await rejection(setup.scheduler.shutdown({ graceMS: 10 } as never)))?.message).to.include('graceMs');
    expect(await setup.registry.getTask(task.taskId)).to.include({ status: 'pending' });
    await setup.scheduler.shutdown({});
    expect(await setup.registry.getTask(task.taskId)).to.include({ status: 'cancelled' });
  });

  it('refuses every call from then on', async () => {
    const setup = schedulerSetup();
    void setup.scheduler.shutdown();
    expect(await rejection(submit(setup))).to.include({ name: 'ShutdownError' });
    expect(await rejection(setup.hold())).to.include({ name: 'ShutdownError' });
    expect(() => setup.scheduler.start()).to.throw('The module is closed');
  });

  it('stops polling and listening', async () => {
    for (const pushes of [false, true]) {
      const setup = schedulerSetup({ service: { pushes } });
      const { runs, task } = await submit(setup);
      await time.tickAsync(1);
      await setup.scheduler.shutdown();
      const asked = setup.service.count('status');
      setup.service.push(task.decisionId, 'approved');
      await time.tickAsync(HOUR);
      expect([setup.service.count('status'), runs.length]).to.deep.equal([asked, 0]);
    }
  });

  it('aborts the questions that are under way', async () => {
    let signal: AbortSignal | undefined;
    const setup = schedulerSetup();
    Object.assign(setup.service, {
      status: (_: string, options: { signal: AbortSignal }) => {
        signal = options.signal;
        return new Promise(() => {});
      },
    });
    const { handle } = await submit(setup);
    await time.tickAsync(2_000);
    await setup.scheduler.shutdown();
    expect(signal?.aborted).to.equal(true);
    expect(await rejection(handle.completed)).to.include({ name: 'ShutdownError' });
  });

  describe('in the middle of', () => {
    for (const step of ['reevaluate', 'consume'] as const) {
      for (const store of [undefined, 'slow', 'durable'] as const) {
        it(`${step}${store === undefined ? '' : `, with a ${store} store,`} starts nothing any more`, async () => {
          let goOn: () => void = () => {};
          const waits = async (): Promise<void> => new Promise((resolve) => (goOn = resolve));
          const setup = schedulerSetup({
            ...storeOf(store),
            service: {
              status: (decisionId) => ({ decisionId, state: 'approved' }),
              reevaluate: async (_, decisionId) => {
                if (step === 'reevaluate') await waits();
                return { effect: 'allow', decisionId };
              },
              consume: async () => {
                if (step === 'consume') await waits();
                return true;
              },
            },
          });
          const { handle, runs, settled, task } = await submit(setup, undefined, store === 'durable');
          await time.tickAsync(2_000);
          expect(handle.status).to.equal('approved');
          const closed = setup.scheduler.shutdown();
          goOn();
          await time.tickAsync(20_000);
          await closed;
          expect(await rejection(handle.completed)).to.include({ name: 'ShutdownError' });
          expect([runs.length, settled.length, setup.service.count('consume')]).to.deep.equal([0, 1, step === 'consume' ? 1 : 0]);
          // one that another process can resume stays in its store
          expect((await setup.registry.getTask(task.taskId))?.status).to.equal(store === 'durable' ? 'approved' : 'cancelled');
          expect([setup.scheduler.queueSize, time.countTimers()]).to.deep.equal([0, 0]);
        });
      }
    }

    it('a claim lets one of the two win: it runs and is waited for, or it never runs', async () => {
      for (let promises = 0; promises < 24; promises++) {
        const setup = schedulerSetup({
          store: new SlowTaskStore(),
          service: { pushes: true, status: async (decisionId) => ({ decisionId, state: 'pending' }), consume: () => true },
        });
        const { handle, runs, settled, task, path } = await submit(setup);
        await time.tickAsync(1);
        setup.service.push(task.decisionId, 'approved');
        for (let i = 0; i < promises; i++) await Promise.resolve();
        const closed = setup.scheduler.shutdown();
        await time.tickAsync(100);
        await closed;
        const end = await handle.completed.catch((error: Error) => error.name);
        expect(end).to.equal(runs.length === 1 ? 'done' : 'ShutdownError');
        expect([settled.length, path.at(-1)]).to.deep.equal([1, runs.length === 1 ? 'completed' : 'cancelled']);
      }
    });
  });

  describe('waits for what is executing', () => {
    it('and gives its caller the result', async () => {
      const { setup, call, finish } = await executing();
      let closed = false;
      const closing = setup.scheduler.shutdown().then(() => (closed = true));
      await time.tickAsync(9_999);
      expect(closed).to.equal(false);
      finish();
      await closing;
      expect(await call.handle.completed).to.equal('whole');
      expect([call.path.at(-1), time.countTimers()]).to.deep.equal(['completed', 0]);
    });

    for (const graceMs of [undefined, 0, 250] as const) {
      it(`for ${graceMs ?? 'the default of 10,000'} ms at the most; then it is unknown, and a late end is accepted`, async () => {
        const { setup, call, finish } = await executing();
        const closing = setup.scheduler.shutdown(graceMs === undefined ? {} : { graceMs });
        await time.tickAsync(Math.max((graceMs ?? 10_000) - 1, 0));
        expect(call.path.at(-1)).to.equal(graceMs === 0 ? 'unknown' : 'executing');
        await time.tickAsync(1);
        await closing;
        const error = await rejection(call.handle.completed);
        expect(error).to.include({ name: 'OutcomeUnknownError', taskId: call.task.taskId });
        expect([call.path.at(-1), call.settled]).to.deep.equal(['unknown', [[undefined, error]]]);
        finish();
        await time.tickAsync(1);
        expect(await setup.registry.getTask(call.task.taskId)).to.include({ status: 'completed', result: 'whole' });
        expect(setup.changes.at(-1)).to.deep.include({ from: 'unknown' });
        expect([call.runs.length, call.settled.length]).to.deep.equal([1, 1]);
      });
    }

    it('with a durable store too: its caller gets the result', async () => {
      const { setup, call, finish } = await executing(storeOf('durable'));
      const closing = setup.scheduler.shutdown();
      await time.tickAsync(100);
      finish();
      await closing;
      expect([await call.handle.completed, call.path.at(-1)]).to.deep.equal(['whole', 'completed']);
    });

    it('but a late end never goes over a person’s word', async () => {
      const { setup, call, finish } = await executing();
      const closing = setup.scheduler.shutdown({ graceMs: 0 });
      await time.tickAsync(1);
      await closing;
      await setup.registry.updateStatus(call.task.taskId, 'failed', { reason: 'looked it up: not done' });
      finish();
      await time.tickAsync(1);
      expect(await setup.registry.getTask(call.task.taskId)).to.include({ status: 'failed' });
    });

    it('and for several', async () => {
      const setup = schedulerSetup({ service: { status: (decisionId) => ({ decisionId, state: 'approved' }) } });
      const calls: Watched[] = [];
      for (const ms of [100, 300, 60_000]) {
        const run = async (): Promise<number> => {
          await new Promise((resolve) => setTimeout(resolve, ms));
          return ms;
        };
        calls.push(await submit(setup, run));
      }
      await time.tickAsync(2_000);
      const closing = setup.scheduler.shutdown({ graceMs: 500 });
      await time.tickAsync(500);
      await closing;
      expect(calls.map((c) => c.path.at(-1))).to.deep.equal(['completed', 'completed', 'unknown']);
    });

    it('also where the store fails to record that it is unknown', async () => {
      const store = new SlowTaskStore();
      const { setup, call } = await executing({ store });
      store.settle = async () => Promise.reject(new Error('disk full'));
      const closing = setup.scheduler.shutdown({ graceMs: 0 });
      const seen = await diagnosed(async () => {
        await time.tickAsync(10);
        await closing;
      });
      expect(seen).to.have.length(1);
      expect(await rejection(call.handle.completed)).to.include({ name: 'OutcomeUnknownError' });
    });
  });

  it('leaves what can be resumed in a durable store, cancels the rest, and ends every caller', async () => {
    const setup = schedulerSetup(storeOf('durable'));
    const calls = [await submit(setup, undefined, true), await submit(setup, undefined, false)];
    await setup.scheduler.shutdown();
    const left: unknown[] = [];
    for (const { handle, settled, task } of calls) {
      expect(await rejection(handle.completed)).to.include({ name: 'ShutdownError' });
      left.push([(await setup.registry.getTask(task.taskId))?.status, settled.length]);
    }
    expect(left).to.deep.equal([
      ['pending', 1],
      ['cancelled', 1],
    ]);
    expect([setup.service.count('withdraw'), setup.scheduler.queueSize]).to.deep.equal([1, 0]);
  });

  it('gives a claim back whose answer was lost: nothing will begin any more', async () => {
    for (const resumable of [true, false]) {
      for (const isAway of [false, true]) {
        const store = new SharedMemoryStore();
        const setup = schedulerSetup({ store: store.tasks, service: { status: (decisionId) => ({ decisionId, state: 'approved' }) } });
        const { handle, runs, task } = await submit(setup, undefined, resumable);
        store.faults.fail('claim', { when: 'after' });
        await time.tickAsync(2_000);
        expect((await setup.registry.getTask(task.taskId))?.status).to.equal('executing');
        if (isAway) store.faults.fail('release');
        const seen = await diagnosed(() => setup.scheduler.shutdown());
        expect(await rejection(handle.completed)).to.include({ name: 'ShutdownError' });
        const status = (await setup.registry.getTask(task.taskId))?.status;
        expect(status).to.equal(isAway ? 'executing' : resumable ? 'approved' : 'cancelled');
        expect([seen.length, runs.length, setup.scheduler.queueSize]).to.deep.equal([isAway ? 1 : 0, 0, 0]);
      }
    }
  });

  it('ends a caller whose claim is still on its way, and never runs it', async () => {
    for (const isClaimed of [false, true]) {
      const store = new SharedMemoryStore({ later: true });
      const setup = schedulerSetup({ store: store.tasks, service: { status: (decisionId) => ({ decisionId, state: 'approved' }) } });
      const { handle, runs, task } = await submit(setup, undefined, true);
      let goOn: () => void = () => {};
      const claim = store.tasks.claim.bind(store.tasks);
      store.tasks.claim = async (wanted) => {
        const done = isClaimed ? await claim(wanted) : undefined;
        await new Promise<void>((resolve) => (goOn = resolve));
        return done ?? claim(wanted);
      };
      await time.tickAsync(2_000);
      const closing = setup.scheduler.shutdown({ graceMs: 100 });
      await time.tickAsync(100);
      await closing;
      expect(await rejection(handle.completed)).to.include({ name: 'OutcomeUnknownError' });
      goOn();
      await time.tickAsync(100);
      expect(runs).to.deep.equal([]);
      expect((await setup.registry.getTask(task.taskId))?.status).to.equal(isClaimed ? 'unknown' : 'approved');
    }
  });

  it('ends every caller even where the store cannot record it', async () => {
    const store = new SlowTaskStore();
    const setup = schedulerSetup({ store });
    const calls = [await submit(setup), await submit(setup)];
    store.transition = async () => Promise.reject(new Error('disk full'));
    await setup.scheduler.shutdown();
    for (const { handle, settled } of calls) {
      expect(await rejection(handle.completed)).to.include({ name: 'ShutdownError' });
      expect(settled).to.have.length(1);
    }
    expect([setup.scheduler.queueSize, time.countTimers()]).to.deep.equal([0, 0]);
  });

  it('ends the caller of a call whose claim failed meanwhile, and gives that claim back', async () => {
    for (const kept of ['before', 'after'] as const) {
      let fail: () => void = () => {};
      const store = new (class extends SlowTaskStore {
        override durable = true;
        override async claim(claim: TaskClaim): Promise<ExecutingTask | undefined> {
          if (kept === 'after') await super.claim(claim);
          await new Promise<void>((resolve) => (fail = resolve));
          throw new Error('connection lost');
        }
      })();
      const setup = schedulerSetup({ store, service: { status: (decisionId) => ({ decisionId, state: 'approved' }) } });
      const { handle, runs, settled, task } = await submit(setup, undefined, true);
      await time.tickAsync(2_000);
      const closed = setup.scheduler.shutdown();
      await time.tickAsync(10);
      fail();
      await time.tickAsync(20_000);
      await closed;
      expect([settled.length, runs.length, handle.status]).to.deep.equal([1, 0, 'approved']);
      expect(await rejection(handle.completed)).to.include({ name: 'ShutdownError' });
      expect((await store.get(task.taskId))?.status).to.equal('approved');
      expect([setup.scheduler.queueSize, time.countTimers()]).to.deep.equal([0, 0]);
    }
  });

  it('of a scheduler that was never used is nothing', async () => {
    const setup = schedulerSetup();
    await setup.scheduler.shutdown();
    expect(time.countTimers()).to.equal(0);
  });

  function submit(setup: SchedulerSetup, run: () => unknown = () => 'done', resumable?: boolean): Promise<Watched> {
    const origin = resumable === undefined ? undefined : originOf(setup.store.ownerId, { resumable });
    return setup.submit({ expiresAtMs: Date.now() + HOUR, origin }, { run });
  }

  function storeOf(kind: 'slow' | 'durable' | undefined): SchedulerSetupOptions {
    if (kind === undefined) return {};
    return { store: Object.assign(new SlowTaskStore(), { durable: kind === 'durable' }) };
  }

  async function executing(options: SchedulerSetupOptions = {}): Promise<{ setup: SchedulerSetup; call: Watched; finish: () => void }> {
    let finish: () => void = () => {};
    const setup = schedulerSetup({ service: { status: (decisionId) => ({ decisionId, state: 'approved' }) }, ...options });
    const call = await submit(setup, async () => new Promise<string>((resolve) => (finish = () => resolve('whole'))));
    await time.tickAsync(2_000);
    expect(call.path.at(-1)).to.equal('executing');
    return { setup, call, finish: () => finish() };
  }
});
