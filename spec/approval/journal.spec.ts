import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { NotEnteredError } from '../../lib/approval/execution/ExecutionHost.js';
import type { JournalEvent } from '../../lib/model/Journal.js';
import type { Task } from '../../lib/model/Task.js';
import { diagnosed } from '../support/diagnosed.js';
import { rejection } from '../support/rejection.js';
import { schedulerSetup } from '../support/schedulerSetup.js';
import type { SchedulerSetup, SchedulerSetupOptions } from '../support/schedulerSetup.js';
import { SharedMemoryStore } from '../support/SharedMemoryStore.js';

const HOUR = 3_600_000;

/** What a journal is told of an approved call: by the scheduler; the guard tells it of the rest. */
describe('The journal of approved calls', () => {
  let time: SinonFakeTimers;
  let events: JournalEvent[];
  beforeEach(() => {
    time = useFakeTimers({ now: Date.UTC(2026, 0, 1) });
    events = [];
  });
  afterEach(() => time.restore());

  const inAnHour = (): { expiresAtMs: number } => ({ expiresAtMs: Date.now() + HOUR });
  const told = (): string[] => events.map((event) => (event.kind === 'settled' ? `settled ${event.outcome}` : event.kind));

  function setupOf(options: SchedulerSetupOptions = {}): SchedulerSetup {
    return schedulerSetup({
      journal: { note: (event) => events.push(event) },
      ...options,
      service: {
        status: (decisionId) => ({ decisionId, state: 'approved' }),
        reevaluate: (_, decisionId) => ({ effect: 'allow', decisionId }),
        ...options.service,
      },
    });
  }

  it('has the fresh decision, with the approval it is for, and the end of the run', async () => {
    const { handle, task, entry } = await setupOf().submit(inAnHour());
    await time.tickAsync(2_100);
    await handle.completed;
    const { agentId, toolName, decisionId, taskId } = task;
    expect(events[0]).to.deep.include({ kind: 'decided', request: entry.call.request, approvalId: decisionId });
    expect((events[0] as { decision: object }).decision).to.include({ effect: 'allow', decisionId });
    expect(events.slice(1)).to.deep.equal([{ kind: 'settled', agentId, toolName, decisionId, taskId, outcome: 'completed' }]);
  });

  it('has a decision that denies, and no run', async () => {
    const { handle } = await setupOf({ service: { reevaluate: () => ({ effect: 'deny', decisionId: 'd' }) } }).submit(inAnHour());
    await time.tickAsync(2_100);
    expect(await rejection(handle.completed)).to.include({ code: 'denied_at_run' });
    expect(told()).to.deep.equal(['decided']);
  });

  it('has a method that failed', async () => {
    const { handle } = await setupOf().submit(inAnHour(), { run: () => Promise.reject(new RangeError('no')) });
    await time.tickAsync(2_100);
    expect((await rejection(handle.completed)).message).to.equal('no');
    expect(told()).to.deep.equal(['decided', 'settled failed']);
  });

  it('has a run that the gate withheld, which its caller gets the reason of', async () => {
    const reason = new TypeError('halted');
    const { handle, path } = await setupOf().submit(inAnHour(), {
      run: () => {
        throw new NotEnteredError(reason);
      },
    });
    await time.tickAsync(2_100);
    expect(await rejection(handle.completed)).to.equal(reason);
    expect([told(), path.at(-1)]).to.deep.equal([['decided', 'settled withheld'], 'failed']);
  });

  it('has a second approval that was opened, and asks about it', async () => {
    const setup = setupOf({
      service: {
        status: (decisionId) => ({ decisionId, state: decisionId === 'dec-second' ? 'pending' : 'approved' }),
        reevaluate: () => ({ effect: 'approval_needed', decisionId: 'dec-second' }),
      },
    });
    const { handle } = await setup.submit(inAnHour());
    await time.tickAsync(2_100);
    expect(told()).to.deep.equal(['decided', 'opened']);
    expect((events[1] as { task: Task }).task).to.include({ status: 'pending', decisionId: 'dec-second' });
    const ended = rejection(handle.completed);
    await handle.cancel();
    await ended;
  });

  it('has what still ran when the module closed', async () => {
    const setup = setupOf();
    const { handle } = await setup.submit(inAnHour(), { run: () => new Promise(() => {}) });
    await time.tickAsync(2_100);
    const ended = rejection(handle.completed);
    const closed = setup.scheduler.shutdown({ graceMs: 10 });
    await time.tickAsync(20);
    await closed;
    expect((await ended).name).to.equal('OutcomeUnknownError');
    expect(told()).to.deep.equal(['decided', 'settled unknown']);
  });

  it('has security events beside the diagnostics channel', async () => {
    const changed = setupOf({ service: { pushes: true, status: (decisionId) => ({ decisionId, state: 'pending' }) } });
    const { task } = await changed.submit(inAnHour(), { run: () => new Promise(() => {}) });
    await time.tickAsync(100);
    const replayed = setupOf({ service: { reevaluate: (_, decisionId) => ({ effect: 'approval_needed', decisionId }) } });
    const second = await replayed.submit(inAnHour());
    const seen = await diagnosed(async () => {
      changed.service.push(task.decisionId, 'approved');
      await time.tickAsync(100);
      changed.service.push(task.decisionId, 'denied');
      await time.tickAsync(2_100);
    });
    expect(await rejection(second.handle.completed)).to.include({ code: 'replayed_decision' });
    const security = events.flatMap((event) => (event.kind === 'security' ? [event.diagnostic] : []));
    expect(security.map(({ code }) => code).sort()).to.deep.equal(['replayed_decision', 'status_changed_after_final']);
    expect(seen).to.deep.include.members(security);
    const closed = changed.scheduler.shutdown({ graceMs: 0 });
    await time.tickAsync(1);
    await closed;
  });

  it('is not there: everything goes on without it', async () => {
    const { handle } = await setupOf({ journal: undefined }).submit(inAnHour());
    await time.tickAsync(2_100);
    expect([await handle.completed, events]).to.deep.equal(['done', []]);
  });

  describe('and the last look', () => {
    /** Enters the method as the gate does: something is awaited, then the last look, then the body in the same tick. */
    function gated(meanwhile: () => unknown): { readonly run: (...args: any[]) => Promise<unknown>; readonly entered: () => number } {
      let entered = 0;
      const run = async (_params: unknown, _task: Task, lastLook: () => Error | undefined): Promise<unknown> => {
        await meanwhile();
        const stop = lastLook();
        if (stop !== undefined) throw new NotEnteredError(stop);
        entered += 1;
        return 'done';
      };
      return { run, entered: () => entered };
    }
    const LEASE_MS = 10_000;

    it('stops a call whose claim is older than half its lease, gives the claim back and runs it later', async () => {
      let late = true;
      const { run, entered } = gated(() => (late ? new Promise((resolve) => setTimeout(resolve, LEASE_MS / 2 + 1)) : undefined));
      const { handle, path } = await setupOf({ leaseMs: LEASE_MS }).submit(inAnHour(), { run });
      await time.tickAsync(7_200);
      expect([entered(), path.at(-1), told()]).to.deep.equal([0, 'approved', ['decided']]);
      late = false;
      await time.tickAsync(60_000);
      expect([await handle.completed, entered()]).to.deep.equal(['done', 1]);
      expect(path).to.deep.equal(['pending', 'approved', 'executing', 'approved', 'executing', 'completed']);
    });

    it('counts a wall clock that went on while the machine slept', async () => {
      let slept = false;
      const { run, entered } = gated(() => {
        if (!slept) time.setSystemTime(Date.now() + LEASE_MS);
        slept = true;
      });
      const { handle } = await setupOf({ leaseMs: LEASE_MS }).submit(inAnHour(), { run });
      await time.tickAsync(2_001);
      expect(entered()).to.equal(0);
      await time.tickAsync(60_000);
      expect([await handle.completed, entered()]).to.deep.equal(['done', 1]);
    });

    it('stops a call whose approval expired meanwhile, which ends as timed out', async () => {
      const { run, entered } = gated(() => new Promise((resolve) => setTimeout(resolve, 60_000)));
      const { handle, path } = await setupOf({ leaseMs: HOUR }).submit({ expiresAtMs: Date.now() + 30_000 }, { run });
      const ended = rejection(handle.completed);
      await time.tickAsync(130_000);
      expect([(await ended).name, entered(), path.at(-1)]).to.deep.equal(['ApprovalTimeoutError', 0, 'timeout']);
    });

    it('stops a call whose params were changed meanwhile, and reports it', async () => {
      let given: Record<string, unknown> | undefined;
      const { run, entered } = gated(() => ((given as Record<string, unknown>)['amount'] = 1_000_000));
      const { handle, path } = await setupOf().submit(inAnHour(), {
        run: (params, ...rest) => run((given = params as Record<string, unknown>), ...rest),
      });
      const ended = rejection(handle.completed);
      await diagnosed(() => time.tickAsync(2_100));
      expect(await ended).to.include({ name: 'ForbiddenError', code: 'approved_params_changed' });
      expect([entered(), path.at(-1), told()]).to.deep.equal([0, 'failed', ['decided', 'security', 'settled withheld']]);
    });

    for (const durable of [false, true]) {
      it(`stops a call where the module closes meanwhile: its task is ${durable ? 'left in its store' : 'cancelled'}`, async () => {
        const store = new SharedMemoryStore();
        const { run, entered } = gated(() => new Promise((resolve) => setTimeout(resolve, 1_000)));
        const origin = {
          ownerId: store.ownerId,
          resumable: true,
          originalParams: {},
          target: '',
          argumentCount: 1,
          signature: 's',
          idempotent: false,
        };
        const setup = setupOf(durable ? { store: store.tasks } : {});
        const { handle, task } = await setup.submit({ ...inAnHour(), ...(durable ? { origin } : {}) }, { run });
        await time.tickAsync(2_100);
        expect(handle.status).to.equal('executing');
        const ended = rejection(handle.completed);
        const closed = setup.scheduler.shutdown();
        await time.tickAsync(1_100);
        await closed;
        expect([(await ended).name, entered()]).to.deep.equal(['ShutdownError', 0]);
        expect((await setup.store.get(task.taskId))?.status).to.equal(durable ? 'approved' : 'cancelled');
      });
    }
  });
});
