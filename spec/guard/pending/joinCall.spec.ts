import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { AegisGuard } from '../../../lib/guard/AegisGuard.js';
import type { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { guard } from '../../../lib/guard/guard.js';
import type { GuardInfo } from '../../../lib/guard/method/guardMetadata.js';
import { getGuard } from '../../../lib/guard/method/guardMetadata.js';
import type { PendingApproval } from '../../../lib/model/PendingApproval.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { approve, callElsewhere, durableModule, LEASE_MS, SWEEP_MS } from '../../support/durableModules.js';
import { rejection } from '../../support/rejection.js';
import { SharedMemoryStore } from '../../support/SharedMemoryStore.js';

let keys = 0;

describe('A call whose equal was stored before a restart', () => {
  let time: SinonFakeTimers;
  let first: SharedMemoryStore;
  let second: SharedMemoryStore;
  let module: AegisModule;
  let runs: unknown[];

  beforeEach(async () => {
    time = useFakeTimers({ now: Date.UTC(2026, 0, 1) });
    first = new SharedMemoryStore({ later: true });
    module = durableModule(first);
    runs = [];
    await soon(module.ready());
  });
  afterEach(() => time.restore());

  /** Time goes on until it is settled; a rejection is what it settles to. */
  async function soon<T>(promise: PromiseLike<T>): Promise<T> {
    const done = Promise.resolve(promise);
    done.catch(() => {});
    await time.tickAsync(50);
    return done;
  }

  async function restart(): Promise<void> {
    first.die();
    second = first.another();
    module = durableModule(second);
    await soon(module.ready());
  }

  type Pay = (amount: number) => Promise<unknown>;
  const payer = (options: object = {}): Pay =>
    guard(async (amount: number) => (runs.push(amount), `paid ${amount}`), {
      toolName: 'pay',
      key: `pay-${(keys += 1)}`,
      module: () => module,
      params: ['amount'],
      ...options,
    } as never) as Pay;
  const pendingOf = async (call: Promise<unknown>): Promise<PendingApproval> =>
    ((await rejection(soon(call))) as unknown as { pending: PendingApproval }).pending;
  const listed = async (status: ApprovalRecord['status']): Promise<readonly ApprovalRecord[]> =>
    soon(Promise.resolve(module.approvals.list({ status })));
  const open = async (): Promise<string[]> => (await listed('pending')).map((r) => r.decisionId);

  describe('in mode throw', () => {
    it('redeems the approval, once, and asks nobody anew', async () => {
      const pay = payer({ approval: 'throw' });
      const { taskId, decisionId } = await pendingOf(pay(5));
      await restart();
      expect(await pendingOf(pay(5))).to.include({ taskId, decisionId });
      expect(await open()).to.deep.equal([decisionId]);
      await soon(approve(module, decisionId));
      await time.tickAsync(LEASE_MS * 10);
      // never in the background
      expect(runs).to.deep.equal([]);
      expect(await soon(pay(5))).to.equal('paid 5');
      expect((await pendingOf(pay(5))).taskId).to.not.equal(taskId);
      expect(runs).to.deep.equal([5]);
    });

    it('redeems it where it was approved before the restart', async () => {
      const pay = payer({ approval: 'throw' });
      const { decisionId } = await pendingOf(pay(5));
      await soon(approve(module, decisionId));
      await restart();
      expect(await soon(pay(5))).to.equal('paid 5');
    });

    it('redeems it for one of two that come at once', async () => {
      const pay = payer({ approval: 'throw' });
      const { decisionId } = await pendingOf(pay(5));
      await soon(approve(module, decisionId));
      await restart();
      const both = await soon(Promise.allSettled([pay(5), pay(5)]));
      expect(both.map((b) => (b.status === 'fulfilled' ? b.value : (b.reason as Error).name))).to.include('paid 5');
      expect(runs).to.deep.equal([5]);
    });

    it('asks anew for other arguments, in another mode, with another signature, or when its time is over', async () => {
      const pay = payer({ approval: 'throw', approvalTimeoutMs: 60_000 });
      const { taskId } = await pendingOf(pay(5));
      await restart();
      expect((await pendingOf(pay(6))).taskId).to.not.equal(taskId);
      second.tamper(taskId, { mode: 'defer' });
      expect((await pendingOf(pay(5))).taskId).to.not.equal(taskId);
      for (const [change, why] of [
        [{ origin: { signature: 'other', resumable: true } }, 'signature'],
        [{ origin: { resumable: false } }, 'not to be resumed'],
        [{ origin: undefined }, 'made by hand'],
        [{ expiresAtMs: 0 }, 'over'],
      ] as const) {
        const [amount] = [100 + (keys += 1)];
        const left = await pendingOf(pay(amount));
        await soon(module.close());
        await restartOn(second);
        second.tamper(left.taskId, change);
        expect((await pendingOf(pay(amount))).taskId, why).to.not.equal(left.taskId);
      }
    });

    it('is refused where the store cannot be asked', async () => {
      const pay = payer({ approval: 'throw' });
      await restart();
      second.faults.fail('findOpen');
      const error = await rejection(soon(pay(5)));
      expect(error.name).to.not.equal('ApprovalPendingError');
      expect(await open()).to.deep.equal([]);
    });
  });

  describe('in mode defer', () => {
    it('joins it, and withdraws the approval that was opened for the new one', async () => {
      const pay = payer();
      const { taskId, decisionId } = (await soon(pay(5))) as PendingApproval;
      await restart();
      const joined = (await soon(pay(5))) as PendingApproval;
      expect(joined).to.include({ taskId, decisionId });
      expect(await open()).to.deep.equal([decisionId]);
      expect(await listed('withdrawn')).to.have.length(1);
      await soon(approve(module, decisionId));
      expect(await soon(joined.completed)).to.equal('paid 5');
      expect(runs).to.deep.equal([5]);
    });

    it('joins it together with another that comes at once', async () => {
      const pay = payer();
      const { taskId } = (await soon(pay(5))) as PendingApproval;
      await restart();
      const both = (await soon(Promise.all([pay(5), pay(5)]))) as PendingApproval[];
      expect(both.map((p) => p.taskId)).to.deep.equal([taskId, taskId]);
    });

    it('asks anew where it cannot be told which object it was on', async () => {
      class Till {
        @AegisGuard({ toolName: 'refund', key: `join-${(keys += 1)}`, module: () => module, params: ['amount'] })
        async refund(_amount: number): Promise<void | PendingApproval<void>> {}
      }
      const info = getGuard(Till, 'refund') as GuardInfo;
      const left = await soon(callElsewhere(module, info, { amount: 5 }));
      const tills = [new Till(), new Till()];
      await restart();
      expect(((await soon(tills[0]!.refund(5))) as PendingApproval<void>).taskId).to.not.equal(left.pending.taskId);
    });

    it('is joined by no call that no guard can be found for, nor by one that waits', async () => {
      const pay = payer();
      const { taskId } = (await soon(pay(5))) as PendingApproval;
      const info = getGuard(pay) as GuardInfo;
      await restart();
      const plain = await soon(callElsewhere(module, info, { amount: 5 }, { signature: undefined } as never));
      expect(plain.pending.taskId).to.not.equal(taskId);
      const waiting = await soon(callElsewhere(module, info, { amount: 5 }, { mode: 'wait' }));
      expect(waiting.pending.taskId).to.not.equal(taskId);
    });

    it('is refused where the store cannot be asked, and its new approval withdrawn', async () => {
      const pay = payer();
      await restart();
      second.faults.fail('findOpen');
      expect(await rejection(soon(pay(5)))).to.be.instanceOf(Error);
      expect(await open()).to.deep.equal([]);
    });
  });

  describe('in mode wait', () => {
    it('asks anew: what waited in a process that has ended is cancelled', async () => {
      const pay = payer({ approval: 'wait' });
      pay(5).catch(() => {});
      await time.tickAsync(50);
      const [task] = await soon(module.tasks.listTasks());
      expect(task?.origin).to.include({ resumable: false });
      await restart();
      await time.tickAsync(LEASE_MS + 2 * SWEEP_MS);
      expect((await soon(module.tasks.getTask(task!.taskId)))?.status).to.equal('cancelled');
      expect((await listed('withdrawn')).map((r) => r.decisionId)).to.deep.equal([task!.decisionId]);
    });
  });

  async function restartOn(store: SharedMemoryStore): Promise<void> {
    store.die();
    second = store.another();
    module = durableModule(second);
    await soon(module.ready());
  }
});
