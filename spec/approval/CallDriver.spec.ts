import { expect } from 'chai';
import sinon, { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import type { Decision, DecisionStatus } from '../../lib/model/Decision.js';
import type { Task } from '../../lib/model/Task.js';
import { MemoryTaskStore } from '../../lib/store/memory/MemoryTaskStore.js';
import { rejection } from '../support/rejection.js';
import { schedulerSetup } from '../support/schedulerSetup.js';
import { SlowTaskStore } from '../support/SlowTaskStore.js';
import { requestOf } from '../support/callRequests.js';
import { pendingTask } from '../support/tasks.js';

const HOUR = 3_600_000;

/** What comes late: after the end of a call, while everything ends, or out of turn. */
describe('CallDriver', () => {
  let time: SinonFakeTimers;
  let start: number;
  beforeEach(() => {
    time = useFakeTimers({ now: Date.UTC(2026, 0, 1) });
    start = Date.now();
  });
  afterEach(() => time.restore());

  const inAnHour = (): { expiresAtMs: number } => ({ expiresAtMs: start + HOUR });
  const loggerOf = (warn: sinon.SinonSpy) => ({ debug() {}, info() {}, warn, error() {} });

  it('wakes no call that ended while it was decided afresh, when that fails', async () => {
    let fail: (error: Error) => void = () => {};
    const warn = sinon.spy();
    const setup = schedulerSetup({
      logger: loggerOf(warn),
      service: {
        status: (decisionId) => ({ decisionId, state: 'approved' }),
        reevaluate: () => new Promise((_, reject) => (fail = reject)),
      },
    });
    const { entry, handle, path, runs } = await setup.submit(inAnHour());
    await time.tickAsync(2_000);
    expect(await handle.cancel()).to.equal(true);
    fail(new Error('connection lost'));
    await time.tickAsync(HOUR);
    expect([entry.phase, path, runs]).to.deep.equal(['ended', ['pending', 'approved', 'cancelled'], []]);
    expect(warn.called).to.equal(false);
    expect(time.countTimers()).to.equal(0);
  });

  it('ends what could not be decided afresh until its time was over', async () => {
    const setup = schedulerSetup({
      service: {
        status: (decisionId) => ({ decisionId, state: 'approved' }),
        reevaluate: () => {
          // as when the machine was asleep while it was decided
          time.setSystemTime(start + 2 * HOUR);
          throw new Error('connection lost');
        },
      },
    });
    const { handle, path, runs } = await setup.submit(inAnHour());
    await time.tickAsync(2_100);
    expect(await rejection(handle.completed)).to.include({ name: 'ApprovalTimeoutError' });
    expect([path, runs]).to.deep.equal([['pending', 'approved', 'timeout'], []]);
    expect(time.countTimers()).to.equal(0);
  });

  it('waits for the answer that whoever redeems a call is getting, when the call is followed meanwhile', async () => {
    let answer: (status: DecisionStatus) => void = () => {};
    const setup = schedulerSetup({ service: { pushes: true, status: () => new Promise((resolve) => (answer = resolve)) } });
    const { entry, task, runs } = await setup.hold(inAnHour());
    const redeemed = setup.scheduler.redeem(entry, entry.call.run);
    setup.scheduler.follow(entry);
    await time.tickAsync(60_000);
    expect([setup.service.count('status'), entry.phase]).to.deep.equal([1, 'waiting']);
    answer({ decisionId: task.decisionId, state: 'approved' });
    await redeemed;
    await time.tickAsync(HOUR);
    expect(runs).to.deep.equal([task.params]);
  });

  it('asks nothing about a call whose turn comes when it is approved already', async () => {
    // the first question takes the only place and is never answered
    const setup = schedulerSetup({ maxConcurrentPolls: 1, service: { pushes: true, status: () => new Promise(() => {}) } });
    const first = await setup.submit(inAnHour());
    const second = await setup.submit(inAnHour());
    await time.tickAsync(1);
    // its place is free in the very moment in which the second one is approved
    setup.registry.on('approved', () => void first.handle.cancel());
    setup.service.push(second.task.decisionId, 'approved');
    await time.tickAsync(1);
    expect(await second.handle.completed).to.equal('done');
    expect(setup.service.asked.filter((asked) => asked.startsWith('status'))).to.deep.equal([`status ${first.task.decisionId}`]);
    expect(second.runs).to.have.length(1);
  });

  for (const end of [undefined, new Error('connection lost')])
    it(`goes on with a call that is approved when the stream of statuses ${end === undefined ? 'ends' : 'breaks'}, and asks no more about it`, async () => {
      let answer: (decision: Decision) => void = () => {};
      const setup = schedulerSetup({
        service: { pushes: true, reevaluate: () => new Promise((resolve) => (answer = resolve)) },
      });
      const { handle, task, path, runs } = await setup.submit(inAnHour());
      await time.tickAsync(1);
      setup.service.push(task.decisionId, 'approved');
      await time.tickAsync(1);
      const asked = setup.service.count('status');
      setup.service.endPush(end);
      await time.tickAsync(600_000);
      expect([setup.service.count('status'), path, runs]).to.deep.equal([asked, ['pending', 'approved'], []]);
      answer({ effect: 'allow', decisionId: task.decisionId });
      expect(await handle.completed).to.equal('done');
      await time.tickAsync(HOUR);
      expect([path.at(-1), runs, setup.service.count('status')]).to.deep.equal(['completed', [task.params], asked]);
      expect(time.countTimers()).to.equal(0);
    });

  describe('with a call that is approved and kept from running', () => {
    const kept = async () => {
      let fails = true;
      const setup = schedulerSetup({
        service: {
          pushes: true,
          reevaluate: (_, decisionId) => {
            if (fails) throw new Error('connection lost');
            return { effect: 'allow', decisionId };
          },
        },
      });
      const call = await setup.submit(inAnHour());
      await time.tickAsync(1);
      setup.service.push(call.task.decisionId, 'approved');
      await time.tickAsync(1);
      expect([call.path, call.entry.phase]).to.deep.equal([['pending', 'approved'], 'waiting']);
      return { ...setup, ...call, recover: () => (fails = false) };
    };

    it('ends it when a halt has ended its approval, and for nothing else that is pushed', async () => {
      const { service, task, handle, path, runs } = await kept();
      for (const state of ['denied', 'expired'] as const) service.push(task.decisionId, state);
      await time.tickAsync(1);
      expect(path).to.deep.equal(['pending', 'approved']);
      service.push(task.decisionId, 'denied', { code: 'halted', reason: 'The tools are halted.' });
      await time.tickAsync(1);
      expect(await rejection(handle.completed)).to.have.property('code', 'halted');
      await time.tickAsync(HOUR);
      expect([path, runs]).to.deep.equal([['pending', 'approved', 'cancelled'], []]);
      expect(time.countTimers()).to.equal(0);
    });

    it('tries it at once where the service says that its stream may have missed something', async () => {
      const { service, handle, task, path, runs, recover } = await kept();
      recover();
      const tried = service.count('reevaluate');
      expect(tried).to.be.at.least(1);
      service.pushAnswer('resync');
      await time.tickAsync(1);
      expect(service.count('reevaluate')).to.equal(tried + 1);
      expect(await handle.completed).to.equal('done');
      await time.tickAsync(HOUR);
      expect([path.at(-1), runs]).to.deep.equal(['completed', [task.params]]);
      expect(time.countTimers()).to.equal(0);
    });
  });

  it('tries an approved call again soon, and each time twice as late, up to the time between two polls', async () => {
    const tried: number[] = [];
    let fails = true;
    const setup = schedulerSetup({
      polling: { initialDelayMs: 10_000 },
      service: {
        pushes: true,
        reevaluate: (_, decisionId) => {
          tried.push(Date.now());
          if (fails) throw new Error('503');
          return { effect: 'allow', decisionId };
        },
      },
    });
    const { handle, task, runs, path } = await setup.submit(inAnHour());
    await time.tickAsync(1);
    setup.service.push(task.decisionId, 'approved');
    await time.tickAsync(60_000);
    const gaps = tried.slice(1).map((at, i) => at - (tried[i] as number));
    expect(gaps).to.deep.equal([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000, 10_000]);
    fails = false;
    await time.tickAsync(10_000);
    expect(await handle.completed).to.equal('done');
    expect([runs, path]).to.deep.equal([[task.params], ['pending', 'approved', 'executing', 'completed']]);
    expect(time.countTimers()).to.equal(0);
  });

  it('tries it no later than its deadline, and not after it', async () => {
    const setup = schedulerSetup({
      service: {
        pushes: true,
        reevaluate: () => {
          throw new Error('503');
        },
      },
    });
    const { handle, task, runs } = await setup.submit({ expiresAtMs: start + 3_000 });
    await time.tickAsync(1);
    setup.service.push(task.decisionId, 'approved');
    await time.tickAsync(3_000);
    const tries = setup.service.count('reevaluate');
    expect(await rejection(handle.completed)).to.include({ name: 'ApprovalTimeoutError' });
    await time.tickAsync(HOUR);
    expect([tries, setup.service.count('reevaluate'), runs]).to.deep.equal([4, 4, []]);
    expect(time.countTimers()).to.equal(0);
  });

  it('begins anew with short delays once the service says that it may have missed something', async () => {
    const tried: number[] = [];
    const setup = schedulerSetup({
      service: {
        pushes: true,
        reevaluate: () => {
          tried.push(Date.now() - start);
          throw new Error('503');
        },
      },
    });
    const { handle, task } = await setup.submit(inAnHour());
    await time.tickAsync(1);
    setup.service.push(task.decisionId, 'approved');
    await time.tickAsync(20_000);
    const before = tried.length;
    setup.service.pushAnswer('resync');
    await time.tickAsync(1_000);
    const since = tried.slice(before);
    expect(since.slice(1).map((at, i) => at - (since[i] as number))).to.deep.equal([250, 500]);
    await handle.cancel();
    expect(time.countTimers()).to.equal(0);
  });

  describe('while everything shuts down', () => {
    for (const late of ['an approval', 'a failure'] as const) {
      it(`takes no notice of ${late} that arrives`, async () => {
        const warn = sinon.spy();
        const answers: ((late: 'an approval' | 'a failure') => void)[] = [];
        const setup = schedulerSetup({
          store: new SlowTaskStore(),
          logger: loggerOf(warn),
          service: {
            status: (decisionId) =>
              new Promise((resolve, reject) => {
                answers.push((what) =>
                  what === 'an approval' ? resolve({ decisionId, state: 'approved' }) : reject(new Error('connection lost')),
                );
              }),
          },
        });
        const calls = [await setup.submit(inAnHour()), await setup.submit(inAnHour())];
        await time.tickAsync(2_100);
        const closed = setup.scheduler.shutdown();
        // the calls end one after another: the second is still open
        answers[1]?.(late);
        await time.tickAsync(100);
        await closed;
        for (const { handle, path, runs } of calls) {
          expect(await rejection(handle.completed)).to.include({ name: 'ShutdownError' });
          expect([path, runs]).to.deep.equal([['pending', 'cancelled'], []]);
        }
        expect(warn.called).to.equal(false);
        expect(time.countTimers()).to.equal(0);
      });
    }
  });

  it('wakes no call that was cancelled while its refusal was being recorded, when that fails', async () => {
    const store = new MemoryTaskStore();
    const setup = schedulerSetup({ store, service: { status: (decisionId) => ({ decisionId, state: 'denied' }) } });
    const { entry, handle, path } = await setup.submit(inAnHour());
    const transition = store.transition.bind(store);
    let fail: (error: Error) => void = () => {};
    store.transition = () => new Promise<Task>((_, reject) => (fail = reject)) as never;
    await time.tickAsync(2_000);
    store.transition = transition;
    expect(await handle.cancel()).to.equal(true);
    fail(new Error('disk full'));
    await time.tickAsync(HOUR);
    expect([entry.phase, path]).to.deep.equal(['ended', ['pending', 'cancelled']]);
    expect(time.countTimers()).to.equal(0);
  });

  it('takes over what the store has when it learns late that the task was made', async () => {
    // another process made it and has ended it since; both changes are told at once
    const store = new SlowTaskStore();
    store.durable = true;
    const setup = schedulerSetup({ store });
    const task = pendingTask(inAnHour());
    await store.insert(task);
    const entry = setup.scheduler.hold(task, { request: requestOf({ params: task.params }), run: () => 'done', admit: (p) => p });
    const { taskId, decisionId } = task;
    const error = { name: 'ForbiddenError', message: 'no' };
    await store.transition(taskId, ['pending'], { to: 'denied', error }, start);
    for (const [version, from] of [
      [1, undefined],
      [2, 'pending'],
    ] as const)
      await setup.registry.onChange({ kind: 'task', taskId, version, from, decisionId } as never);
    expect([entry.phase, entry.task.status]).to.deep.equal(['ended', 'denied']);
    expect(await rejection(entry.completed)).to.include({ name: 'ForbiddenError' });
    expect(time.countTimers()).to.equal(0);
  });
});
