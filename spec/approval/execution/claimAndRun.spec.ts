import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import type { ExecutionStart } from '../../../lib/decision/DecisionService.js';
import type { ExecutingTask, Task } from '../../../lib/model/Task.js';
import type { TaskClaim } from '../../../lib/store/TaskStore.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { rejection } from '../../support/rejection.js';
import { schedulerSetup } from '../../support/schedulerSetup.js';
import type { SchedulerSetup, SchedulerSetupOptions, Watched } from '../../support/schedulerSetup.js';
import { SharedMemoryStore } from '../../support/SharedMemoryStore.js';
import { originOf } from '../../support/tasks.js';

const HOUR = 3_600_000;
const LEASE_MS = 10_000;

describe('claimAndRun, on a durable store', () => {
  let time: SinonFakeTimers;
  let store: SharedMemoryStore;
  beforeEach(() => {
    time = useFakeTimers({ now: Date.UTC(2026, 0, 1) });
    store = new SharedMemoryStore({ later: true });
  });
  afterEach(() => time.restore());

  function setupOf(options: SchedulerSetupOptions = {}): SchedulerSetup {
    const status = (decisionId: string) => ({ decisionId, state: 'approved' as const });
    return schedulerSetup({ store: store.tasks, leaseMs: LEASE_MS, service: { status, consume: () => true }, ...options });
  }

  const submit = (setup: SchedulerSetup, run: () => unknown = () => 'done'): Promise<Watched> =>
    setup.submit({ expiresAtMs: Date.now() + HOUR, origin: originOf(store.ownerId) }, { run });

  /** What the other process does. */
  const elsewhere = (): SharedMemoryStore['tasks'] => store.another({ later: false }).tasks;
  const claimOf = ({ taskId, digest }: Task, token = 'theirs'): TaskClaim => ({
    taskId,
    digest,
    token,
    nowMs: Date.now(),
    leaseMs: LEASE_MS,
  });

  it('is executing in the store before the method is entered, under a lease', async () => {
    const setup = setupOf();
    let seen: Task | undefined;
    const { handle, task } = await submit(setup, async () => (seen = await elsewhere().get(task.taskId)));
    await time.tickAsync(2_100);
    await handle.completed;
    expect(seen).to.include({
      status: 'executing',
      executorId: store.ownerId,
      runs: 1,
      leaseUntilMs: (seen as ExecutingTask).startedAtMs + LEASE_MS,
    });
  });

  it('runs once where the answer of a claim that was committed is lost', async () => {
    const setup = setupOf();
    const { handle, runs } = await submit(setup);
    store.faults.fail('claim', { when: 'after' });
    await time.tickAsync(60_000);
    expect([await handle.completed, runs.length, store.faults.count('claim')]).to.deep.equal(['done', 1, 2]);
  });

  for (const operation of ['claim', 'get'] as const) {
    it(`tries again where the store is away (${operation}), with one token for one claim`, async () => {
      const setup = setupOf();
      const { handle, runs, task } = await submit(setup);
      const tokens = new Set<string>();
      const claim = store.tasks.claim.bind(store.tasks);
      store.tasks.claim = (wanted) => (tokens.add(wanted.token), claim(wanted));
      store.faults.fail('claim', { times: 1, when: 'after' });
      if (operation === 'get') setup.registry.on('approved', () => store.faults.fail('get', { times: 2 }));
      await diagnosed(() => time.tickAsync(120_000));
      expect([await handle.completed, runs.length, tokens.size]).to.deep.equal(['done', 1, 1]);
      expect((await elsewhere().get(task.taskId))?.runs).to.equal(1);
    });
  }

  it('gives a claim back that took more than half its lease, and tries again', async () => {
    const setup = setupOf();
    const { handle, runs, path } = await submit(setup);
    store.faults.delayAnswers('claim', LEASE_MS / 2 + 1);
    // polled after 2 s; it is tried again 250 ms after it was given back
    await time.tickAsync(2_000 + LEASE_MS / 2 + 200);
    expect([path.at(-1), runs.length]).to.deep.equal(['approved', 0]);
    store.faults.delayAnswers('claim', LEASE_MS / 2 - 1);
    await time.tickAsync(20_000);
    expect([await handle.completed, runs.length]).to.deep.equal(['done', 1]);
    expect(path).to.deep.equal(['pending', 'approved', 'executing', 'approved', 'executing', 'completed']);
  });

  for (const when of ['before', 'after'] as const) {
    it(`gives it back later where that failed (${when} it was done), and runs then`, async () => {
      const setup = setupOf();
      const { handle, entry, runs, task } = await submit(setup);
      store.faults.delayAnswers('claim', LEASE_MS);
      store.faults.fail('release', { when });
      setup.registry.on('executing', () => store.faults.delayAnswers('claim', 0));
      const seen = await diagnosed(() => time.tickAsync(120_000));
      expect([seen.length, runs.length]).to.deep.equal([1, 0]);
      expect((await elsewhere().get(task.taskId))?.status).to.equal(when === 'after' ? 'approved' : 'executing');
      await setup.registry.flushPendingWrites();
      await setup.scheduler.catchUp(entry, (await elsewhere().get(task.taskId)) as Task);
      await time.tickAsync(120_000);
      expect([await handle.completed, runs.length]).to.deep.equal(['done', 1]);
    });
  }

  describe('does what was offered with the approval, and what the service requires,', () => {
    const status = (decisionId: string) => ({ decisionId, state: 'approved' as const });
    const STEPS = ['consume', 'begin'] as const;

    for (const [requires, offers, done] of [
      [undefined, undefined, STEPS],
      // what is stored of a task may have been changed there
      [undefined, [], STEPS],
      [undefined, ['consume'], STEPS],
      [[], [], []],
      [[], ['consume'], ['consume']],
      [[], undefined, STEPS],
      [STEPS, [], STEPS],
      [['begin'], [], ['begin']],
    ] as const) {
      it(`requires ${requires?.join() ?? 'nothing in particular'}, offered ${offers?.join() ?? 'nothing in particular'}: ${done.join() || 'neither'}`, async () => {
        const service = { status, consume: () => true, begin: () => true, ...(requires && { requires: () => requires }) };
        const setup = setupOf({ service });
        const call = await setup.submit({ expiresAtMs: Date.now() + HOUR, origin: originOf(store.ownerId), ...(offers && { offers }) });
        await time.tickAsync(3_000);
        await call.handle.completed;
        expect(STEPS.filter((step) => setup.service.count(step) === 1)).to.deep.equal(done);
      });
    }
  });

  describe('begins at the desk, where the service offers it,', () => {
    const status = (decisionId: string) => ({ decisionId, state: 'approved' as const });
    const offering = (begin: (start: ExecutionStart) => boolean | Promise<boolean>, more: object = {}): SchedulerSetup =>
      setupOf({ service: { status, consume: () => true, verify: () => true, begin, ...more } });

    it('after the claim and before the method, with the token of the use', async () => {
      const starts: ExecutionStart[] = [];
      const setup = offering((start) => (starts.push(start), true));
      const { handle, task } = await submit(setup, () => starts.push({ decisionId: 'entered', token: '', claimToken: '' }));
      await time.tickAsync(2_100);
      await handle.completed;
      const { decisionId, taskId } = task;
      expect(starts.map((start) => start.decisionId)).to.deep.equal([decisionId, 'entered']);
      expect(starts[0]).to.include({ decisionId, token: taskId });
      expect(setup.service.asked.slice(-4).map((asked) => asked.split(' ')[0])).to.deep.equal(['status', 'verify', 'consume', 'begin']);
    });

    for (const idempotent of [false, true]) {
      it(`and where another claim has begun, ${idempotent ? 'runs because its guard says that it may' : 'is unknown, which is reported'}`, async () => {
        const setup = offering(async () => false);
        const call = await setup.submit({ expiresAtMs: Date.now() + HOUR, origin: originOf(store.ownerId, { idempotent }) });
        const ended = call.handle.completed.catch((error: unknown) => error);
        const seen = await diagnosed(() => time.tickAsync(3_000));
        expect(call.runs).to.have.length(idempotent ? 1 : 0);
        expect(call.path.at(-1)).to.equal(idempotent ? 'completed' : 'unknown');
        expect(securityCodes(seen)).to.deep.equal(idempotent ? [] : ['approval_already_begun']);
        if (!idempotent) expect(await ended).to.include({ name: 'OutcomeUnknownError', code: 'outcome_unknown' });
      });
    }

    it('with the same claim again where the answer was lost', async () => {
      const claims: string[] = [];
      const setup = offering(({ claimToken }) => {
        claims.push(claimToken);
        if (claims.length < 3) throw new Error('the answer was lost');
        return true;
      });
      const { handle, runs } = await submit(setup);
      await diagnosed(() => time.tickAsync(120_000));
      expect([await handle.completed, runs.length]).to.deep.equal(['done', 1]);
      expect([claims.length, new Set(claims).size]).to.deep.equal([3, 1]);
    });

    describe('and then keeps its claim, which no other process could begin again,', () => {
      const slow = (): boolean | Promise<boolean> => new Promise((resolve) => setTimeout(() => resolve(true), LEASE_MS / 2 + 1));

      it('where that took more than half its lease: it renews the claim, decides afresh, and runs', async () => {
        const answers = [slow, () => true];
        const setup = offering(() => (answers.shift() as typeof slow)());
        const { handle, runs, path, task } = await submit(setup);
        const theirs: unknown[] = [];
        const claim = async (): Promise<void> => void theirs.push(await elsewhere().claim(claimOf(task)));
        setup.registry.on('executing', () => setTimeout(() => void claim(), LEASE_MS));
        const seen = await diagnosed(() => time.tickAsync(60_000));
        expect([await handle.completed, runs.length]).to.deep.equal(['done', 1]);
        expect(path).to.deep.equal(['pending', 'approved', 'executing', 'completed']);
        expect([theirs, securityCodes(seen), setup.service.count('consume')]).to.deep.equal([[undefined], [], 1]);
      });

      it('where the desk could not be reached', async () => {
        let begins = 0;
        const setup = offering(() => {
          begins += 1;
          if (begins < 4) throw new Error('the store is away');
          return true;
        });
        const { handle, runs, path } = await submit(setup);
        await diagnosed(() => time.tickAsync(60_000));
        expect([await handle.completed, runs.length, begins]).to.deep.equal(['done', 1, 4]);
        expect(path).to.deep.equal(['pending', 'approved', 'executing', 'completed']);
      });

      it('where the store could not say whether it has it still', async () => {
        const answers = [slow, () => true];
        const setup = offering(() => (answers.shift() as typeof slow)());
        const { handle, runs } = await submit(setup);
        setup.registry.on('executing', () => store.faults.fail('heartbeat', { times: 2 }));
        await diagnosed(() => time.tickAsync(60_000));
        expect([await handle.completed, runs.length, store.faults.count('heartbeat')]).to.deep.equal(['done', 1, 3]);
      });

      it('and is not entered where the policies deny it by then, or ask again, or its time is over', async () => {
        const ends = [
          { effect: 'deny', code: 'denied_at_run' },
          { effect: 'approval_needed', code: 'denied_at_run' },
          { effect: 'allow', code: 'approval_timeout', begin: () => new Promise<boolean>((r) => setTimeout(() => r(true), 2 * HOUR)) },
        ] as const;
        for (const { effect, code, ...more } of ends) {
          let fresh = 0;
          const withdrawn: string[] = [];
          const reevaluate = () => {
            fresh += 1;
            return { effect: fresh === 1 ? 'allow' : effect, decisionId: 'dec_again' } as const;
          };
          const setup = offering('begin' in more ? more.begin : () => slow(), {
            reevaluate,
            withdraw: (id: string) => void withdrawn.push(id),
          });
          const { handle, runs, path } = await submit(setup);
          const ended = rejection(handle.completed);
          await diagnosed(() => time.tickAsync(3 * HOUR));
          expect(await ended).to.include({ code });
          expect([runs.length, path.at(-1)]).to.deep.equal([0, 'failed']);
          expect(withdrawn).to.deep.equal(effect === 'approval_needed' ? ['dec_again'] : []);
        }
      });

      it('and is unknown where another process finds that its lease had lapsed', async () => {
        const setup = offering(() => new Promise((resolve) => setTimeout(() => resolve(true), 3 * LEASE_MS)));
        const { handle, runs } = await submit(setup);
        setup.registry.on('executing', () =>
          setTimeout(() => void elsewhere().sweep({ nowMs: Date.now(), maxRuns: 5, limit: 10 }), 2 * LEASE_MS),
        );
        const ended = rejection(handle.completed);
        await diagnosed(() => time.tickAsync(60_000));
        expect(await ended).to.include({ name: 'OutcomeUnknownError' });
        expect(runs).to.have.length(0);
      });

      it('and is unknown where its module closes while it waits', async () => {
        const setup = offering(() => {
          throw new Error('the store is away');
        });
        const { handle, runs, path } = await submit(setup);
        const ended = rejection(handle.completed);
        await diagnosed(async () => {
          await time.tickAsync(20_000);
          await setup.scheduler.shutdown();
        });
        expect([runs.length, path.at(-1)]).to.deep.equal([0, 'unknown']);
        expect(await ended).to.include({ name: 'OutcomeUnknownError' });
      });
    });

    for (const when of ['claim', 'begin'] as const) {
      it(`and is ${when === 'claim' ? 'approved still' : 'unknown'} where its module closes during the ${when}`, async () => {
        let closing: Promise<void> | undefined;
        const setup = offering(async () => ((closing = setup.scheduler.shutdown()), true));
        const { handle, runs, path } = await submit(setup);
        if (when === 'claim') setup.registry.on('executing', () => void (closing = setup.scheduler.shutdown()));
        handle.completed.catch(() => {});
        await diagnosed(() => time.tickAsync(60_000));
        await closing;
        expect([runs.length, path.at(-1)]).to.deep.equal([0, when === 'claim' ? 'approved' : 'unknown']);
      });
    }

    it('never for a stored call that is not the one that was approved, or of which that cannot be said', async () => {
      for (const verify of [() => false, () => undefined as unknown as boolean, async () => false]) {
        const setup = offering(() => true, { verify });
        const { handle, runs, path } = await submit(setup);
        handle.completed.catch(() => {});
        await time.tickAsync(3_000);
        expect([runs.length, path.at(-1), setup.service.count('consume')]).to.deep.equal([0, 'denied', 0]);
        expect(await rejection(handle.completed)).to.include({ name: 'ForbiddenError', code: 'approved_params_changed' });
      }
    });

    it('later, where it cannot be asked about now', async () => {
      let asked = 0;
      const verify = (): boolean => {
        asked += 1;
        if (asked < 3) throw new Error('the store is away');
        return true;
      };
      const { handle, runs } = await submit(offering(() => true, { verify }));
      await diagnosed(() => time.tickAsync(120_000));
      expect([await handle.completed, runs.length]).to.deep.equal(['done', 1]);
    });

    it('and not at all where it was cancelled while it was verified', async () => {
      const verify = async (): Promise<boolean> => (await call.handle.cancel(), true);
      const call = await submit(offering(() => true, { verify }));
      call.handle.completed.catch(() => {});
      await time.tickAsync(5_000);
      expect([call.runs.length, call.path.at(-1)]).to.deep.equal([0, 'cancelled']);
    });
  });

  it('waits for the process that was first, and gives what it recorded', async () => {
    for (const outcome of [
      { to: 'completed', result: 'theirs' },
      { to: 'failed', error: { name: 'Error', message: 'theirs' } },
      { to: 'unknown', error: { name: 'Error', message: 'theirs' } },
    ] as const) {
      const setup = setupOf({
        service: {
          status: (decisionId) => ({ decisionId, state: 'approved' }),
          consume: () => elsewhere().claim(claimOf(current.entry.task)) !== undefined,
        },
      });
      const current = await submit(setup);
      await time.tickAsync(2_100);
      expect([current.handle.status, current.runs.length, current.settled.length]).to.deep.equal(['executing', 0, 0]);
      await time.tickAsync(600_000);
      expect(setup.scheduler.queueSize).to.equal(1);
      const { taskId } = current.task;
      const ended = (await elsewhere().settle(taskId, 'theirs', outcome, Date.now())) as Task;
      await setup.registry.onChange({ kind: 'task', taskId, version: ended.version, status: ended.status, from: 'executing' });
      const end = await current.handle.completed.catch((error: Error) => error.message);
      expect([end, current.runs.length, setup.scheduler.queueSize]).to.deep.equal(['theirs', 0, 0]);
    }
  });

  it('gives what another process recorded before this one even looked', async () => {
    const setup = setupOf({
      service: {
        status: (decisionId) => ({ decisionId, state: 'approved' }),
        consume: async () => {
          const other = elsewhere();
          await other.claim(claimOf(current.entry.task));
          await other.settle(current.task.taskId, 'theirs', { to: 'completed', result: 'theirs' }, Date.now());
          return true;
        },
      },
    });
    const current = await submit(setup);
    await time.tickAsync(2_100);
    expect([await current.handle.completed, current.runs.length]).to.deep.equal(['theirs', 0]);
  });

  it('tries again where another process gave its claim back, and loses no approval by it', async () => {
    const setup = setupOf();
    const { handle, runs, task } = await submit(setup);
    const claim = store.tasks.claim.bind(store.tasks);
    store.tasks.claim = async (wanted) => {
      store.tasks.claim = claim;
      const other = elsewhere();
      await other.claim({ ...wanted, token: 'theirs' });
      const lost = await claim(wanted);
      await other.release(task.taskId, 'theirs', Date.now());
      return lost;
    };
    await time.tickAsync(120_000);
    expect([await handle.completed, runs.length]).to.deep.equal(['done', 1]);
  });

  it('goes on waiting where another process has asked again meanwhile', async () => {
    const setup = setupOf({
      service: { status: (decisionId, n) => ({ decisionId, state: decisionId === 'dec-again' && n < 2 ? 'pending' : 'approved' }) },
    });
    const { handle, runs, task } = await submit(setup);
    const claim = store.tasks.claim.bind(store.tasks);
    store.tasks.claim = async (wanted) => {
      store.tasks.claim = claim;
      const { params, digest, reason } = task;
      const change = { to: 'pending', decisionId: 'dec-again', params, digest, reason, expiresAtMs: Date.now() + HOUR } as const;
      await elsewhere().transition(task.taskId, ['approved'], change, Date.now());
      return claim(wanted);
    };
    await time.tickAsync(2_500);
    expect([handle.status, handle.decisionId, runs.length]).to.deep.equal(['pending', 'dec-again', 0]);
    await time.tickAsync(600_000);
    expect([await handle.completed, runs.length]).to.deep.equal(['done', 1]);
  });

  for (const [what, changesAfter, atOnce] of [
    ['at once where halts were changed in between, of other calls', 2, true],
    ['later where none was: another process had claimed it, and gave its claim back', 1, false],
  ] as const)
    it(`claims again ${what}`, async () => {
      const gate = {
        changes: 1,
        stop: () => undefined,
        look: () => undefined,
        cancels: () => false,
        refresh: () => void (gate.changes = changesAfter),
      };
      const setup = setupOf({ halts: { gate } });
      const { handle, runs } = await submit(setup);
      const claim = store.tasks.claim.bind(store.tasks);
      const wanted: unknown[] = [];
      store.tasks.claim = (one) => {
        wanted.push(one.haltChanges);
        if (wanted.length > 1) return claim(one);
        return undefined;
      };
      await time.tickAsync(2_100);
      expect([wanted, runs.length]).to.deep.equal(atOnce ? [[1, changesAfter], 1] : [[1], 0]);
      await time.tickAsync(120_000);
      expect([await handle.completed, wanted, runs.length]).to.deep.equal(['done', [1, changesAfter], 1]);
    });

  it('is denied where the store has other params than were approved', async () => {
    const setup = setupOf();
    const { handle, runs, task } = await submit(setup);
    setup.registry.on('approved', () => store.tamper(task.taskId, { digest: 'another' }));
    await time.tickAsync(2_100);
    expect(await rejection(handle.completed)).to.include({ code: 'claim_lost' });
    expect(runs).to.deep.equal([]);
  });

  it('ends as timed out where its time was over by the store’s clock', async () => {
    const setup = setupOf();
    const { handle, runs, task } = await submit(setup);
    const claim = store.tasks.claim.bind(store.tasks);
    store.tasks.claim = async (wanted) => {
      await time.tickAsync(HOUR);
      return claim({ ...wanted, nowMs: Date.now() });
    };
    await time.tickAsync(2_100);
    expect(await rejection(handle.completed)).to.include({ name: 'ApprovalTimeoutError' });
    expect([runs.length, (await elsewhere().get(task.taskId))?.status]).to.deep.equal([0, 'timeout']);
  });

  it('records an outcome late that the store could not take, and its caller has it at once', async () => {
    for (const fails of [false, true]) {
      const setup = setupOf();
      const error = new Error('from the method');
      const { handle, runs, task } = await submit(setup, () => {
        store.faults.fail('settle', { times: 2 });
        if (fails) throw error;
        return 'done';
      });
      await diagnosed(() => time.tickAsync(2_100));
      expect(await handle.completed.catch((e: unknown) => e)).to.equal(fails ? error : 'done');
      expect((await elsewhere().get(task.taskId))?.status).to.equal('executing');
      expect(await rejection(setup.registry.flushPendingWrites())).to.be.instanceOf(Error);
      await setup.registry.flushPendingWrites();
      expect([(await elsewhere().get(task.taskId))?.status, runs.length]).to.deep.equal([fails ? 'failed' : 'completed', 1]);
    }
  });
});
