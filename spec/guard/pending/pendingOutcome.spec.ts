import { expect } from 'chai';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners } from 'node:events';
import sinon from 'sinon';
import { ApprovalTimeoutError, CallAbortedError, guard, guardCall } from '../../../lib/index.js';
import type { PendingOutcome } from '../../../lib/guard/call/GuardedCall.js';
import type { AegisModule, PendingApproval } from '../../../lib/index.js';
import { moduleAsking, rejection, StandInDecisions } from '../../support/standInDecisions.js';

describe('Waiting for an approval', () => {
  let clock: sinon.SinonFakeTimers;
  let service: StandInDecisions;
  let module: AegisModule;
  let body: sinon.SinonSpy;
  let controller: AbortController;

  beforeEach(() => {
    clock = sinon.useFakeTimers();
    service = new StandInDecisions().always({ effect: 'approval_needed' });
    module = moduleAsking(service);
    body = sinon.spy(() => 'ran');
    controller = new AbortController();
  });
  afterEach(async () => {
    clock.restore();
    await module.close();
  });

  const poll = (): Promise<number> => clock.tickAsync(10_000);
  const waiting = (options: object = {}): (() => Promise<unknown>) =>
    (guard as any)(async () => body() as unknown, { toolName: 't', module, approval: 'wait', signal: () => controller.signal, ...options });

  it('ends, cancelled, when its caller aborts', async () => {
    const running = rejection(waiting()());
    await clock.tickAsync(1);
    const reason = new Error('gone');
    controller.abort(reason);
    const error = await running;
    expect(error).to.be.instanceOf(CallAbortedError).and.have.property('cause', reason);
    expect((await module.tasks.listTasks())[0]?.status).to.equal('cancelled');
    expect(service.withdrawn).to.have.length(1);
    service.state = 'approved';
    await poll();
    expect(body.called).to.equal(false);
    expect(getEventListeners(controller.signal, 'abort')).to.be.empty;
  });

  it('ends, timed out, after waitMs', async () => {
    const running = rejection(waiting({ waitMs: 1_000 })());
    await clock.tickAsync(999);
    expect(module.scheduler.queueSize).to.equal(1);
    await clock.tickAsync(1);
    expect(await running)
      .to.be.instanceOf(ApprovalTimeoutError)
      .and.match(/within 1000 ms \(waitMs\)/);
    service.state = 'approved';
    await poll();
    expect(body.called).to.equal(false);
  });

  it('lasts as long as it says, beyond what one timer takes', async () => {
    const days = 86_400_000;
    // a service that pushes: polls would end it first
    const pushing = Object.assign(new StandInDecisions().always({ effect: 'approval_needed' }), {
      // oxlint-disable-next-line require-yield -- it has nothing to tell
      async *watch(signal: AbortSignal): AsyncGenerator<never> {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    const other = moduleAsking(pushing);
    let ended = false;
    const running = waiting({ module: other, waitMs: 40 * days, approvalTimeoutMs: 100 * days })();
    const error = rejection(running).finally(() => (ended = true));
    await clock.tickAsync(39 * days);
    expect(ended).to.equal(false);
    await clock.tickAsync(2 * days);
    expect(await error).to.be.instanceOf(ApprovalTimeoutError);
    await other.close();
  });

  it('leaves no listener and no timer when it ends well', async () => {
    const running = waiting({ waitMs: 60_000 })();
    service.state = 'approved';
    await poll();
    expect(await running).to.equal('ran');
    expect(getEventListeners(controller.signal, 'abort')).to.be.empty;
    expect(clock.countTimers()).to.equal(0);
  });

  it('goes on to the result where the abort comes too late', async () => {
    let release: (value: string) => void = () => {};
    const call = (guard as any)(() => new Promise((resolve) => (release = resolve)), {
      toolName: 't',
      module,
      approval: 'wait',
      signal: controller.signal,
    }) as () => Promise<unknown>;
    const running = call();
    service.state = 'approved';
    await poll();
    controller.abort();
    await clock.tickAsync(1);
    release('done');
    expect(await running).to.equal('done');
  });

  it('ends no process where it has no signal to leave', async () => {
    const unhandled: unknown[] = [];
    const others = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection').on('unhandledRejection', (reason) => unhandled.push(reason));
    try {
      const running = waiting({ signal: undefined })();
      service.state = 'approved';
      await poll();
      expect(await running).to.equal('ran');
      clock.restore();
      for (let i = 0; i < 5; i++) await new Promise(setImmediate);
      expect(unhandled).to.deep.equal([]);
    } finally {
      process.removeAllListeners('unhandledRejection');
      for (const other of others) process.on('unhandledRejection', other);
    }
  });

  it('tells, for whoever listens, that it could not be ended', async () => {
    const events: { where?: string }[] = [];
    const listen = (event: unknown): void => void events.push(event as object);
    subscribe('aegis:diagnostics', listen);
    try {
      const running = waiting()();
      running.catch(() => {});
      await clock.tickAsync(1);
      module.scheduler.cancel = () => Promise.reject(new Error('disk full'));
      controller.abort();
      await clock.tickAsync(1);
      expect(events.map(({ where }) => where)).to.deep.equal(['ending an approval']);
    } finally {
      unsubscribe('aegis:diagnostics', listen);
    }
  });

  it('goes on for the others when one of them leaves', async () => {
    const own = new AbortController();
    const signals = [own.signal, undefined];
    const call = waiting({ signal: () => signals.shift() });
    const [first, second] = [rejection(call()), call()];
    await clock.tickAsync(1);
    own.abort();
    expect(await first).to.be.instanceOf(CallAbortedError);
    expect(getEventListeners(own.signal, 'abort')).to.be.empty;
    service.state = 'approved';
    await poll();
    expect(await second).to.equal('ran');
    expect(body.callCount).to.equal(1);
  });

  it('ends with the last of them, also where all leave in one moment', async () => {
    const call = waiting();
    const all = [rejection(call()), rejection(call()), rejection(call())];
    await clock.tickAsync(1);
    controller.abort();
    for (const error of await Promise.all(all)) expect(error).to.be.instanceOf(CallAbortedError);
    service.state = 'approved';
    await poll();
    expect(module.scheduler.queueSize).to.equal(0);
    expect(body.called).to.equal(false);
  });

  describe('by guardCall', () => {
    const identity = { guard: {}, target: {} };
    async function pending(more: object = {}): Promise<PendingOutcome<unknown>> {
      const call = { agentId: 'a', toolName: 't', params: {}, ...identity, ...more };
      const outcome = await guardCall(module, call, async () => body() as unknown);
      if (outcome.kind !== 'pending') throw new Error(outcome.kind);
      return outcome;
    }

    it('schedules nothing by itself', async () => {
      const outcome = await pending();
      service.state = 'approved';
      await clock.tickAsync(60_000);
      expect(body.called).to.equal(false);
      expect(outcome.pending.status).to.equal('pending');
      expect(await outcome.resume()).to.deep.equal({ value: 'ran' });
    });

    it('tells by resume() that nobody has decided, and runs once when somebody has', async () => {
      const outcome = await pending();
      expect(await outcome.resume()).to.equal(undefined);
      service.state = 'approved';
      expect(await outcome.resume()).to.deep.equal({ value: 'ran' });
      expect(await outcome.resume()).to.deep.equal({ value: 'ran' });
      expect(body.callCount).to.equal(1);
    });

    it('gives by resume() what somebody else who resumed it is running already', async () => {
      let finish: (value: string) => void = () => {};
      body = sinon.spy(() => new Promise((resolve) => (finish = resolve)));
      const outcome = await pending();
      service.state = 'approved';
      const both = [outcome.resume(), outcome.resume()];
      await clock.tickAsync(1);
      finish('ran');
      expect(await Promise.all(both)).to.deep.equal([{ value: 'ran' }, { value: 'ran' }]);
      expect(body.callCount).to.equal(1);
    });

    it('ends at once where its signal was aborted before anybody waited', async () => {
      const outcome = await pending();
      const reason = new Error('gone');
      const error = await rejection(outcome.wait({ signal: AbortSignal.abort(reason) }));
      expect(error).to.be.instanceOf(CallAbortedError).and.have.property('cause', reason);
      service.state = 'approved';
      await poll();
      expect([outcome.pending.status, body.called]).to.deep.equal(['cancelled', false]);
    });

    it('takes the signal of the call where wait() is given none', async () => {
      for (const options of [undefined, {}, { signal: undefined }, { waitMs: 60_000 }]) {
        controller = new AbortController();
        const outcome = await pending({ signal: controller.signal });
        const running = rejection(outcome.wait(options));
        controller.abort();
        expect(await running).to.be.instanceOf(CallAbortedError);
      }
    });

    it('is not cancelled under somebody who has it scheduled', async () => {
      const scheduled = (await pending()).schedule();
      const second = await pending({ signal: controller.signal });
      expect(second.deduplicated).to.equal(true);
      const running = rejection(second.wait());
      controller.abort();
      expect(await running).to.be.instanceOf(CallAbortedError);
      service.state = 'approved';
      await poll();
      expect(await scheduled.completed).to.equal('ran');
    });

    it('cancels', async () => {
      const outcome = await pending();
      expect(await outcome.cancel()).to.equal(true);
      expect(await outcome.cancel()).to.equal(false);
      expect((outcome.pending satisfies PendingApproval).status).to.equal('cancelled');
    });
  });
});
