import { expect } from 'chai';
import { spy, useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { AegisGuard } from '../../../lib/guard/AegisGuard.js';
import type { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { RestoredCall } from '../../../lib/approval/recovery/CallRestorer.js';
import { recoverTask } from '../../../lib/approval/recovery/recoverTask.js';
import type { AegisOptions } from '../../../lib/guard/module/AegisOptions.js';
import type { PendingApproval } from '../../../lib/model/PendingApproval.js';
import type { Task } from '../../../lib/model/Task.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { diagnosed } from '../../support/diagnosed.js';
import { approve, ASK_ALWAYS, durableModule, LEASE_MS, SWEEP_MS } from '../../support/durableModules.js';
import { rejection } from '../../support/rejection.js';
import { SharedMemoryStore } from '../../support/SharedMemoryStore.js';
import { StandInDecisions } from '../../support/standInDecisions.js';

let keys = 0;

/** Every call asks, and who is asked may edit it. */
const EDITABLE = ASK_ALWAYS.replace('@reason', '@editable("/amount") @editor_may_approve("true") @reason');

/** A person makes 3 of the amount, and says yes to that. */
async function approveEdited(module: AegisModule, decisionId: string): Promise<void> {
  const record = await module.approvals.get(decisionId);
  await module.approvals.approve(decisionId, { by: 'bob', digest: record?.digest, edit: { set: { '/amount': 3 } } });
}

for (const later of [false, true]) {
  describe(`Two modules on one ${later ? 'slow' : 'prompt'} store`, () => {
    let time: SinonFakeTimers;
    let stores: [SharedMemoryStore, SharedMemoryStore];
    let modules: AegisModule[];
    let runs: { readonly on: number; readonly amount: number }[];
    let finish: (() => void)[];
    let hold: boolean;

    beforeEach(() => {
      time = useFakeTimers({ now: Date.UTC(2026, 0, 1) });
      const first = new SharedMemoryStore({ later });
      stores = [first, first.another()];
      runs = [];
      finish = [];
      hold = false;
    });
    afterEach(async () => {
      await soon(Promise.all(modules.map((m) => m.close({ graceMs: 0 }))));
      time.restore();
    });

    async function soon<T>(promise: PromiseLike<T>): Promise<T> {
      const done = Promise.resolve(promise);
      done.catch(() => {});
      await time.tickAsync(60);
      return done;
    }

    /** Each module with an instance of its own, as if in a process of its own. */
    async function start(options: AegisOptions = {}, guardOptions: object = {}) {
      const key = `two-${(keys += 1)}`;
      class Till {
        readonly n: number;
        constructor(n: number) {
          this.n = n;
        }
        @AegisGuard({
          toolName: 'refund',
          key,
          module: (self: Till) => modules[self.n] as AegisModule,
          params: ['amount'],
          ...guardOptions,
        } as never)
        async refund(amount: number): Promise<unknown> {
          runs.push({ on: this.n, amount });
          if (hold) await new Promise<void>((resolve) => finish.push(resolve));
          return {
            refunded: amount,
            by: new (class Clerk {
              readonly n = 1;
            })(),
          };
        }
      }
      const tills = [new Till(0), new Till(1)] as const;
      modules = stores.map((store, n) => durableModule(store, { resolve: () => tills[n], ...options }));
      await soon(Promise.all(modules.map((m) => m.ready())));
      return tills;
    }

    const ask = async (till: { refund(amount: number): Promise<unknown> }, amount = 5): Promise<PendingApproval> =>
      (await soon(till.refund(amount))) as PendingApproval;
    const statusOf = async (n: number, { taskId }: PendingApproval): Promise<string | undefined> =>
      (await soon(modules[n]!.tasks.getTask(taskId)))?.status;

    for (const desk of [0, 1]) {
      it(`leave it to its home, whichever desk decides (${desk})`, async () => {
        const tills = await start();
        const handle = await ask(tills[0]);
        await soon(approve(modules[desk]!, handle.decisionId));
        await time.tickAsync(10 * SWEEP_MS);
        expect(runs).to.deep.equal([{ on: 0, amount: 5 }]);
        // its own caller gets what the method returned, not what a store can keep of it
        expect(((await soon(handle.completed)) as { by: object }).by.constructor.name).to.equal('Clerk');
        expect((await soon(modules[1]!.tasks.getTask(handle.taskId))) as Task).to.deep.include({ result: { refunded: 5, by: { n: 1 } } });
      });
    }

    it('tell both of every change', async () => {
      const tills = await start();
      const heard: string[][] = [[], []];
      modules.forEach((m, n) => m.tasks.on('transition', ({ from, task }) => heard[n]!.push(`${from} → ${task.status}`)));
      const handle = await ask(tills[0]);
      await soon(approve(modules[1]!, handle.decisionId));
      await time.tickAsync(100);
      const path = ['undefined → pending', 'pending → approved', 'approved → executing', 'executing → completed'];
      expect(heard[0]).to.deep.equal(path);
      expect(heard[1]?.at(-1)).to.equal('executing → completed');
    });

    it('leave a call alone whose caller waits for it in a process that lives, however long nothing happened to it', async () => {
      const tills = await start({}, { approval: 'wait' });
      const result = tills[0].refund(5);
      await time.tickAsync(100);
      const [task] = (await soon(modules[1]!.tasks.listTasks())) as [Task];
      const { tasks: registry, scheduler, decisions } = modules[1]!;
      const restorer = {
        keys: () => [],
        sensitive: () => undefined,
        runnable: () => [],
        restore: () => ({ kind: 'waiting', reason: 'no-guard' }) as const,
      };
      const { signal } = new AbortController();
      expect(await soon(recoverTask(task, { registry, scheduler, decisions, restorer }, signal))).to.deep.equal({ kind: 'asked' });
      expect(await soon(modules[0]!.tasks.getTask(task.taskId))).to.include({ status: 'pending' });
      await soon(approve(modules[0]!, task.decisionId));
      expect(await soon(result)).to.include({ refunded: 5 });
    });

    it('read what is pushed about an approval that was offered with events', async () => {
      const tills = await start();
      const handle = await ask(tills[0]);
      const { tasks: registry, scheduler, decisions } = modules[1]!;
      const restorer = {
        keys: () => [],
        sensitive: () => undefined,
        runnable: () => [],
        restore: (): never => expect.fail('it was restored'),
      };
      const listening = spy(scheduler, 'start');
      const stored = (await soon(registry.getTask(handle.taskId))) as Task;
      const { signal } = new AbortController();
      for (const [offers, times] of [
        [undefined, 0],
        [['consume'], 0],
        [['events'], 1],
      ] as const) {
        expect(await soon(recoverTask({ ...stored, offers } as Task, { registry, scheduler, decisions, restorer }, signal))).to.deep.equal({
          kind: 'asked',
        });
        expect(listening.callCount).to.equal(times);
      }
    });

    it('start nothing about a call once they are to stop: neither its end, nor a question, nor its run', async () => {
      const tills = await start({}, { approvalTimeoutMs: 2 * LEASE_MS });
      const handle = await ask(tills[0]);
      const { tasks: registry, scheduler, decisions } = modules[1]!;
      const restorer = {
        keys: () => [],
        sensitive: () => undefined,
        runnable: () => [],
        restore: (): never => expect.fail('it was restored'),
      };
      const host = { registry, scheduler, decisions, restorer };
      const pending = (await soon(modules[1]!.tasks.getTask(handle.taskId))) as Task;
      for (const task of [pending, { ...pending, expiresAtMs: Date.now() } as Task, { ...pending, status: 'approved' } as Task])
        expect(await soon(recoverTask(task, host, AbortSignal.abort()))).to.deep.equal({ kind: 'asked' });
      expect([await statusOf(1, handle), runs]).to.deep.equal(['pending', []]);
    });

    it('say of an approved call whose time is over that it could not run, not that nobody decided', async () => {
      const tills = await start({ resolve: () => undefined, approvalTimeoutMs: 120_000 });
      const handle = await ask(tills[0]);
      stores[0].die();
      await time.tickAsync(LEASE_MS + 2 * SWEEP_MS);
      await soon(approve(modules[1]!, handle.decisionId));
      await time.tickAsync(120_000);
      const task = (await soon(modules[1]!.tasks.getTask(handle.taskId))) as Task & { readonly error: Error };
      expect([task.status, task.error.message]).to.deep.equal([
        'timeout',
        "The approval of tool 'refund' ended: it expired before it could run.",
      ]);
    });

    it('take it over from a home that has died', async () => {
      const tills = await start();
      const handle = await ask(tills[0]);
      stores[0].die();
      await time.tickAsync(LEASE_MS + 2 * SWEEP_MS);
      await soon(approve(modules[1]!, handle.decisionId));
      await time.tickAsync(100);
      expect(runs).to.deep.equal([{ on: 1, amount: 5 }]);
    });

    it('keep of the words of who refused it nothing that its guard hides', async () => {
      const tills = await start({}, { sensitive: { '/amount': 'personal' } });
      const handle = await ask(tills[0], 54_321);
      stores[0].die();
      await soon(modules[1]!.approvals.deny(handle.decisionId, { by: 'ann', reason: '54321 is too much' }));
      await time.tickAsync(LEASE_MS + 2 * SWEEP_MS);
      const task = (await soon(modules[1]!.tasks.getTask(handle.taskId))) as Task & { readonly error: Error };
      expect([task.status, task.error.message]).to.deep.equal(['denied', "Tool 'refund' was refused by a person: (hidden) is too much"]);
    });

    for (const first of ['its home has died', 'it was found']) {
      it(`run what a person made of it, where it was edited after ${first}`, async () => {
        const tills = await start({ policies: { text: EDITABLE } });
        const handle = await ask(tills[0]);
        stores[0].die();
        if (first === 'it was found') await time.tickAsync(LEASE_MS + 2 * SWEEP_MS);
        await soon(approveEdited(modules[1]!, handle.decisionId));
        await time.tickAsync(LEASE_MS + 2 * SWEEP_MS);
        expect(runs).to.deep.equal([{ on: 1, amount: 3 }]);
        const task = (await soon(modules[1]!.tasks.getTask(handle.taskId))) as Task;
        expect(task).to.deep.include({ status: 'completed', decisionId: handle.decisionId, edited: ['/amount'], history: [] });
      });
    }

    it('leave an edited call to its caller, where only that redeems it; and end it where no guard can check what it became', async () => {
      const tills = await start({ policies: { text: EDITABLE }, resolve: () => undefined });
      const handle = await ask(tills[0]);
      await soon(modules[0]!.close({ graceMs: 0 }));
      await soon(approveEdited(modules[1]!, handle.decisionId));
      const { tasks: registry, scheduler, decisions } = modules[1]!;
      const restore = (): RestoredCall => ({ kind: 'refused', code: 'guard_changed', why: 'its guard is another one now.' });
      const host = {
        registry,
        scheduler,
        decisions,
        restorer: { keys: () => [], sensitive: () => undefined, runnable: () => [], restore },
      };
      const stored = { ...((await soon(registry.getTask(handle.taskId))) as Task), status: 'pending' } as Task;
      const { signal } = new AbortController();
      expect(await soon(recoverTask({ ...stored, mode: 'throw' }, host, signal))).to.deep.equal({ kind: 'asked' });
      expect(await soon(recoverTask(stored, host, signal))).to.deep.equal({ kind: 'ended' });
      expect([await statusOf(1, handle), runs]).to.deep.equal(['denied', []]);
    });

    it('begin an idempotent call again as it was edited, without asking anyone', async () => {
      const tills = await start({ policies: { text: EDITABLE } }, { idempotent: true });
      hold = true;
      const handle = await ask(tills[0]);
      await soon(approveEdited(modules[0]!, handle.decisionId));
      await time.tickAsync(100);
      expect(runs).to.deep.equal([{ on: 0, amount: 3 }]);
      // its run is not over, so that what was made of it is still there, and nothing else of the call
      const used = (await soon(Promise.resolve(modules[1]!.approvals.get(handle.decisionId)))) as ApprovalRecord;
      expect([used.params, used.amendments?.[0]?.params]).to.deep.equal([{}, { amount: 3 }]);
      stores[0].die();
      hold = false;
      await time.tickAsync(2 * LEASE_MS + 4 * SWEEP_MS);
      expect(runs).to.deep.equal([
        { on: 0, amount: 3 },
        { on: 1, amount: 3 },
      ]);
      const task = (await soon(modules[1]!.tasks.getTask(handle.taskId))) as Task;
      expect(task).to.deep.include({ status: 'completed', decisionId: handle.decisionId, edited: ['/amount'], history: [] });
      const ended = (await soon(Promise.resolve(modules[1]!.approvals.get(handle.decisionId)))) as ApprovalRecord;
      expect([ended.outcome?.status, ended.amendments?.[0]?.params]).to.deep.equal(['completed', {}]);
    });

    it('take it over from a home that lives and does nothing', async () => {
      const tills = await start();
      const handle = await ask(tills[0]);
      stores[0].faults.fail(/^(claim|due)$/, { times: 1_000 });
      await soon(approve(modules[1]!, handle.decisionId));
      await time.tickAsync(20 * SWEEP_MS);
      expect(runs).to.deep.equal([{ on: 1, amount: 5 }]);
      // the caller in the first process gets what is stored
      expect(await soon(handle.completed)).to.deep.equal({ refunded: 5, by: { n: 1 } });
      expect(modules[0]!.scheduler.queueSize).to.equal(0);
    });

    it('leave its caller waiting while the other one executes it, and tell it of a failure there', async () => {
      const tills = await start();
      hold = true;
      const handle = await ask(tills[0]);
      // the other one is first
      stores[0].faults.delayAnswers('approvals.get', 3 * SWEEP_MS);
      await soon(approve(modules[1]!, handle.decisionId));
      await time.tickAsync(2 * SWEEP_MS);
      const [task] = await soon(modules[1]!.tasks.listTasks());
      expect(task?.status).to.be.oneOf(['pending', 'approved', 'executing']);
      stores[0].faults.delayAnswers('approvals.get', 0);
      await time.tickAsync(20 * SWEEP_MS);
      expect(runs).to.have.length(1);
      expect([handle.status, modules[0]!.scheduler.queueSize]).to.deep.equal(['executing', 1]);
      finish[0]?.();
      await time.tickAsync(100);
      expect(((await soon(handle.completed)) as { refunded: number }).refunded).to.equal(5);
    });

    it('run it once when both claim it at the same time, again and again', async () => {
      const tills = await start();
      for (let i = 1; i <= 20; i++) {
        const handle = await ask(tills[0], i);
        const joined = await ask(tills[1], 1_000 + i);
        // an equal call in each: both follow the same task
        const same = await ask(tills[1], i);
        expect(joined.taskId).to.not.equal(handle.taskId);
        if (same.taskId !== handle.taskId) continue;
        await soon(approve(modules[i % 2]!, handle.decisionId));
        await time.tickAsync(5 * SWEEP_MS);
        for (const of of [handle, same]) expect(((await soon(of.completed)) as { refunded: number }).refunded).to.equal(i);
      }
      expect(runs.map((r) => r.amount).sort((a, b) => a - b)).to.deep.equal([...new Set(runs.map((r) => r.amount))].sort((a, b) => a - b));
    });

    it('make an execution unknown whose process died in it, and run it no more', async () => {
      const tills = await start();
      hold = true;
      const handle = await ask(tills[0]);
      await soon(approve(modules[0]!, handle.decisionId));
      await time.tickAsync(10);
      expect(runs).to.have.length(1);
      stores[0].die();
      const seen: string[] = [];
      modules[1]!.tasks.on('unknown', (task) => seen.push(task.taskId));
      await time.tickAsync(LEASE_MS + 20 * SWEEP_MS);
      expect([runs.length, await statusOf(1, handle), seen]).to.deep.equal([1, 'unknown', [handle.taskId]]);
    });

    it('run an idempotent one again, so often and no oftener', async () => {
      const tills = await start({ recovery: { leaseMs: LEASE_MS, sweepMs: SWEEP_MS, maxRuns: 2 } }, { idempotent: true });
      hold = true;
      const handle = await ask(tills[0]);
      await soon(approve(modules[0]!, handle.decisionId));
      await time.tickAsync(10);
      stores[0].die();
      await time.tickAsync(LEASE_MS + 20 * SWEEP_MS);
      expect(runs.map((r) => r.on)).to.deep.equal([0, 1]);
      finish[1]?.();
      await time.tickAsync(100);
      expect(await statusOf(1, handle)).to.equal('completed');
    });

    it('keep beating for what is executing while one closes, so that the other leaves it alone', async () => {
      const tills = await start();
      hold = true;
      const handle = await ask(tills[0]);
      await soon(approve(modules[0]!, handle.decisionId));
      const closing = modules[0]!.close({ graceMs: 5 * LEASE_MS });
      await time.tickAsync(3 * LEASE_MS);
      expect(await statusOf(1, handle)).to.equal('executing');
      finish[0]?.();
      await soon(closing);
      expect(await statusOf(1, handle)).to.equal('completed');
      const beats = stores[0].faults.count('heartbeat');
      await time.tickAsync(3 * LEASE_MS);
      expect(stores[0].faults.count('heartbeat')).to.equal(beats);
    });

    it('have what one leaves behind when it closes, but for what cannot be resumed', async () => {
      const tills = await start();
      const handle = await ask(tills[0]);
      await soon(modules[0]!.close());
      expect(await rejection(handle.completed)).to.include({ name: 'ShutdownError' });
      expect(await statusOf(1, handle)).to.equal('pending');
      await soon(approve(modules[1]!, handle.decisionId));
      await time.tickAsync(5 * SWEEP_MS);
      expect(runs).to.deep.equal([{ on: 1, amount: 5 }]);
    });

    it('cancel at close what waits in its process', async () => {
      const tills = await start({}, { approval: 'wait' });
      const waiting = rejection(tills[0].refund(5));
      await time.tickAsync(60);
      await soon(modules[0]!.close());
      expect(await waiting).to.include({ name: 'ShutdownError' });
      const [task] = await soon(modules[1]!.tasks.listTasks());
      expect(task?.status).to.equal('cancelled');
    });

    it('end what is over, whoever’s it was, and withdraw nothing that others wait for', async () => {
      const tills = await start({}, { approvalTimeoutMs: 2 * LEASE_MS });
      const handle = await ask(tills[0]);
      stores[0].die();
      await time.tickAsync(3 * LEASE_MS);
      expect(await statusOf(1, handle)).to.equal('timeout');
      expect((await soon(Promise.resolve(modules[1]!.approvals.get(handle.decisionId))))?.status).to.equal('expired');
    });

    it('end what a person refuses while its home is dead', async () => {
      const tills = await start();
      const handle = await ask(tills[0]);
      stores[0].die();
      await time.tickAsync(LEASE_MS + 2 * SWEEP_MS);
      await soon(modules[1]!.approvals.deny(handle.decisionId, { by: 'bob', reason: 'no' }));
      await time.tickAsync(100);
      expect((await soon(modules[1]!.tasks.getTask(handle.taskId))) as Task).to.deep.include({ status: 'denied', deniedBy: 'bob' });
    });

    it('ask a service that has to be polled about what its home can no longer ask', async () => {
      const decisions = new StandInDecisions().always({ effect: 'approval_needed' });
      const tills = await start({ decisions });
      const handle = await ask(tills[0]);
      stores[0].die();
      await time.tickAsync(LEASE_MS + 70_000);
      expect(await statusOf(1, handle)).to.equal('pending');
      decisions.state = 'approved';
      await time.tickAsync(140_000);
      expect(runs).to.deep.equal([{ on: 1, amount: 5 }]);
    });

    it('lose no approval to an answer that is lost, of any call to the store, and run nothing twice', async () => {
      const tills = await start();
      const operations = [
        'transition',
        'claim',
        'settle',
        'get',
        'countAttempt',
        'approvals.get',
        'approvals.replace',
        'due',
        'sweep',
        'heartbeat',
      ];
      let amount = 0;
      await diagnosed(async () => {
        for (const operation of operations) {
          for (const when of ['before', 'after'] as const) {
            for (const nth of [1, 2, 3]) {
              const handle = await ask(tills[0], (amount += 1));
              stores[0].faults.fail(operation, { nth, when });
              await soon(approve(modules[1]!, handle.decisionId));
              await time.tickAsync(30 * SWEEP_MS);
              stores[0].faults.clear();
              await time.tickAsync(90 * SWEEP_MS);
              const what = `${operation} ${when} ${nth}`;
              expect(
                runs.filter((r) => r.amount === amount),
                what,
              ).to.have.length(1);
              expect(await statusOf(1, handle), what).to.equal('completed');
              expect(modules[0]!.scheduler.queueSize, what).to.equal(0);
            }
          }
        }
      });
    }).timeout(30_000);
  });
}

describe('A stored task whose approval another process has just seen', () => {
  it('is left to it', async () => {
    const task = { taskId: 't', decisionId: 'd', status: 'pending', expiresAtMs: Infinity, origin: { resumable: true } } as Task;
    let asked = 0;
    const host = {
      scheduler: { heldCall: () => undefined },
      registry: { clock: { now: () => 0 }, transition: () => Promise.resolve(undefined) },
      decisions: { status: () => ((asked += 1), Promise.resolve({ decisionId: 'd', state: 'approved' })) },
    };
    expect(await recoverTask(task, host as never, new AbortController().signal)).to.deep.equal({ kind: 'asked' });
    expect(asked).to.equal(1);
  });
});
