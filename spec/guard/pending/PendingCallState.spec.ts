import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { expect } from 'chai';
import sinon from 'sinon';
import { CapacityError, currentCall, ForbiddenError, guard } from '../../../lib/index.js';
import type { Task } from '../../../lib/model/Task.js';
import type { PendingCall } from '../../../lib/approval/call/PendingCall.js';
import type { AegisModule, PendingApproval } from '../../../lib/index.js';
import { runInChild } from '../../support/runInChild.js';
import { moduleAsking, rejection, StandInDecisions } from '../../support/standInDecisions.js';

type Loose = (...args: unknown[]) => Promise<unknown>;
const looseGuard = guard as unknown as (fn: (...args: any[]) => unknown, options: object) => Loose;

describe('A call while it waits for a person', () => {
  let clock: sinon.SinonFakeTimers;
  let service: StandInDecisions;
  let module: AegisModule;
  beforeEach(() => {
    clock = sinon.useFakeTimers();
    service = new StandInDecisions().always({ effect: 'approval_needed' });
    module = moduleAsking(service);
  });
  afterEach(async () => {
    clock.restore();
    await module.close();
  });

  const poll = (): Promise<number> => clock.tickAsync(10_000);
  const approve = async (): Promise<void> => {
    service.state = 'approved';
    await poll();
  };

  interface Order {
    user: string;
    items: number[];
  }

  it('runs, once approved, with a private copy of its nested arguments', async () => {
    const got: unknown[] = [];
    const refund = looseGuard(
      async (order: Order, note: string) => {
        got.push(structuredClone(order), note);
        order.items.push(99);
        return order;
      },
      { toolName: 'refund', params: ['order', 'note'], module },
    );
    const mine: Order = { user: 'ann', items: [1, 2] };
    const pending = (await refund(mine, 'n')) as PendingApproval;
    mine.items.push(3);
    mine.user = 'eve';
    // a finished task has no params
    const [task] = await module.tasks.listTasks();
    await approve();
    const ran = await pending.completed;
    expect(got).to.deep.equal([{ user: 'ann', items: [1, 2] }, 'n']);
    expect(mine).to.deep.equal({ user: 'eve', items: [1, 2, 3] });
    // neither what was decided on nor what is recorded is what the method could change
    for (const seen of [service.last.params, task?.params]) {
      expect(seen).to.deep.equal({ order: { user: 'ann', items: [1, 2] }, note: 'n' });
      expect(seen?.['order']).to.not.equal(ran);
    }
  });

  it('is rechecked with its arguments as they were passed', async () => {
    const asked: unknown[] = [];
    const refund = looseGuard(async (order: Order) => order.items, {
      toolName: 'refund',
      params: ['order'],
      session: (_self: unknown, args: readonly [Order]) => {
        asked.push([...args]);
        return { user_id: args[0].user };
      },
      module,
    });
    const mine: Order = { user: 'ann', items: [1] };
    const list: unknown[] = [mine];
    const pending = (await refund(...list)) as PendingApproval;
    // the caller's list is not the one that the guard has
    list[0] = { user: 'eve', items: [9] };
    await approve();
    expect(await pending.completed).to.deep.equal([1]);
    expect(asked).to.deep.equal([[mine], [mine]]);
  });

  it('runs in the context of its caller, and in none where its caller had none, wherever it is approved', async () => {
    const user = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const refund = looseGuard(async (amount: number) => void seen.push([amount, user.getStore()]), {
      toolName: 'refund',
      params: ['amount'],
      module,
    });
    const pending = [await refund(1), await user.run('ann', () => refund(2)), await refund(3)] as PendingApproval[];
    await user.run('eve', approve);
    await Promise.all(pending.map(({ completed }) => completed));
    expect(seen).to.have.deep.members([
      [1, undefined],
      [2, 'ann'],
      [3, undefined],
    ]);
  });

  describe('and leaves nothing of its context to the next one', () => {
    const refundIn = (body: (amount: number) => unknown): Loose =>
      looseGuard(async (amount: number) => body(amount), { toolName: 'refund', params: ['amount'], module });
    const runBoth = async (refund: Loose): Promise<void> => {
      const pending = [await refund(1), await refund(2)] as PendingApproval[];
      await approve();
      await Promise.all(pending.map(({ completed }) => completed));
    };

    it('where its method enters a store', async () => {
      const user = new AsyncLocalStorage<string>();
      const seen: unknown[] = [];
      await runBoth(
        refundIn((amount) => {
          seen.push(user.getStore());
          user.enterWith(`customer of ${amount}`);
        }),
      );
      expect(seen).to.deep.equal([undefined, undefined]);
    });

    it('where the next one runs in the middle of its method', async () => {
      const user = new AsyncLocalStorage<string>();
      const seen: unknown[] = [];
      const held: { run(): unknown }[] = [];
      const refund = refundIn((amount) => {
        seen.push([amount, user.getStore()]);
        if (amount === 1) user.run('eve', () => held[0]?.run());
      });
      const pending = [await refund(1), await refund(2)] as PendingApproval[];
      const [first, second] = await module.tasks.listTasks();
      const entry = module.scheduler.heldCall(second as Task) as PendingCall;
      const { params } = entry.task;
      held.push({ run: () => entry.call.run(params, entry.task as never, () => undefined) });
      expect(first?.taskId).to.equal(pending[0]?.taskId);
      await approve();
      await Promise.all(pending.map(({ completed }) => completed));
      expect(seen).to.have.deep.members([
        [1, undefined],
        [2, undefined],
        [2, undefined],
      ]);
    });

    it('where a hook keeps a context for each asynchronous operation, as tracing does', async () => {
      let active: string | undefined;
      const contexts = new Map<number, string | undefined>();
      const outer: (string | undefined)[] = [];
      const hook = createHook({
        init: (id) => void contexts.set(id, active),
        before: (id) => {
          outer.push(active);
          active = contexts.get(id);
        },
        after: () => void (active = outer.pop()),
      }).enable();
      const seen: unknown[] = [];
      try {
        const refund = refundIn((amount) => void seen.push([amount, active]));
        const pending: PendingApproval[] = [];
        for (const [amount, user] of [
          [1, 'ann'],
          [2, 'eve'],
        ] as const) {
          active = user;
          const asked = refund(amount);
          active = undefined;
          pending.push((await asked) as PendingApproval);
        }
        await approve();
        await Promise.all(pending.map(({ completed }) => completed));
      } finally {
        hook.disable();
      }
      expect(seen).to.have.deep.members([
        [1, 'ann'],
        [2, 'eve'],
      ]);
    });
  });

  it('is the call that was approved, whatever its caller makes of its own objects meanwhile', async () => {
    const refund = looseGuard(async (order: Order) => order.user, {
      toolName: 'refund',
      params: ['order'],
      session: (_self: unknown, [order]: readonly [Order]) => ({ user_id: order.user }),
      module,
    });
    const mine: Order = { user: 'ann', items: [] };
    const pending = (await refund(mine)) as PendingApproval;
    mine.user = 'eve';
    await approve();
    expect(await pending.completed).to.equal('ann');
  });

  it('never runs for another session than it was approved in, though its object has another by then', async () => {
    const body = sinon.spy();
    const desk = {
      user: 'ann',
      refund: looseGuard(async () => void body(), {
        toolName: 'refund',
        session: (self: { user: string }) => ({ user_id: self.user }),
        module,
      }),
    };
    const pending = (await desk.refund()) as PendingApproval;
    desk.user = 'eve';
    await approve();
    expect(await rejection(pending.completed))
      .to.be.instanceOf(ForbiddenError)
      .and.have.property('code', 'caller_changed');
    expect(body.called).to.equal(false);
  });

  describe('and is asked about again, with other params', () => {
    let fresh: object;
    let shown: unknown;
    beforeEach(async () => {
      await module.close();
      // decided afresh, it needs another approval, unless that is the one it has
      Object.assign(service, {
        reevaluate: (_request: unknown, decisionId: string) =>
          decisionId === 'second'
            ? { effect: 'sanitize', decisionId, ...fresh }
            : { effect: 'approval_needed', decisionId: 'second', ...fresh },
      });
      module = moduleAsking(service);
    });

    async function approvedTwice(): Promise<PendingApproval> {
      const refund = looseGuard(async (amount: number) => amount, { toolName: 'refund', params: ['amount'], module });
      const pending = (await refund(50)) as PendingApproval;
      module.tasks.on(
        'transition',
        ({ task }) => (shown = task.decisionId === 'second' && task.status === 'pending' ? task.params : shown),
      );
      await approve();
      await poll();
      return pending;
    }

    it('runs with those that were shown', async () => {
      fresh = { params: { amount: 5 } };
      const pending = await approvedTwice();
      expect(shown).to.deep.equal({ amount: 5 });
      expect(await pending.completed).to.equal(5);
    });

    it('is refused where its guard does not let it have them', async () => {
      fresh = { params: { amount: 5, admin: true } };
      const error = await rejection((await approvedTwice()).completed);
      expect(error).to.be.instanceOf(ForbiddenError).and.have.property('code', 'approved_params_changed');
      expect(error.message).to.contain("a parameter 'admin' that the call does not have");
    });
  });

  it('is not entered under 32 others, and says so to whoever redeems it', async () => {
    await module.close();
    module = moduleAsking(service, { sessions: 'async-local' });
    const body = sinon.spy();
    const deep = looseGuard(async () => void body(), { toolName: 'deep', approval: 'throw', module });
    await rejection(deep());
    service.state = 'approved';
    service.answer = ({ toolName }) => ({ effect: toolName === 'deep' ? 'approval_needed' : 'allow' });
    let depth: number | undefined;
    const dig = looseGuard(
      async (n: number) => {
        depth = currentCall()?.depth;
        return n < 32 ? dig(n + 1) : deep();
      },
      { toolName: 'dig', params: ['n'], approval: 'wait', module },
    );
    const error = await rejection(dig(1));
    expect(error).to.be.instanceOf(CapacityError).and.have.property('limit', 32);
    expect([depth, body.called]).to.deep.equal([32, false]);
  });

  for (const [what, options, kept] of [
    ['keeps nothing of what its caller passed', '{}', false],
    ['keeps a copy of what its callbacks will be asked about again', '{ session: (self, [order]) => ({ user_id: order.user }) }', false],
  ] as const) {
    it(what, async () => {
      clock.restore();
      const library = new URL('../../../lib/index.js', import.meta.url).href;
      const program = `
        const { AegisModule, guard } = await import(${JSON.stringify(library)});
        const decisions = { decide: () => ({ effect: 'approval_needed', decisionId: 'd' }), status: (decisionId) => ({ decisionId, state }) };
        let state = 'pending';
        const approvalPolling = { initialDelayMs: 500 };
        const module = AegisModule.create({ decisions, agentId: 'a', approvalPolling });
        const call = guard(async (order) => order.items.length, { toolName: 't', params: ['order'], module, ...${options} });
        let order = { user: 'ann', items: [1, 2] };
        const passed = new WeakRef(order);
        const pending = await call(order);
        order = undefined;
        for (let i = 0; i < 20 && passed.deref() !== undefined; i++) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          gc();
        }
        const kept = passed.deref() !== undefined;
        state = 'approved';
        console.log(kept, await pending.completed);
        await module.close();`;
      const { code, stdout, stderr } = await runInChild(program, { nodeArgs: ['--expose-gc'] });
      expect([code, stdout, stderr]).to.deep.equal([0, `${kept} 2\n`, '']);
    });
  }
});
