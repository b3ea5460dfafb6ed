import { expect } from 'chai';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import sinon from 'sinon';
import * as v from 'valibot';
import {
  ApprovalPendingError,
  ApprovalTimeoutError,
  CapacityError,
  DecisionUnavailableError,
  ForbiddenError,
  guard,
  guardCall,
  isPending,
  SanitizeError,
} from '../../../lib/index.js';
import { MemoryTaskStore } from '../../../lib/store/memory/MemoryTaskStore.js';
import type { AegisModule, PendingApproval } from '../../../lib/index.js';
import { moduleAsking, rejection, StandInDecisions } from '../../support/standInDecisions.js';

describe('A guarded call that needs approval', () => {
  let clock: sinon.SinonFakeTimers;
  let service: StandInDecisions;
  let module: AegisModule;
  let body: sinon.SinonSpy;
  let session: object | null;

  beforeEach(() => {
    clock = sinon.useFakeTimers();
    service = new StandInDecisions().always({ effect: 'approval_needed', reason: 'large' });
    module = moduleAsking(service);
    body = sinon.spy();
    session = null;
  });
  afterEach(async () => {
    clock.restore();
    await module.close();
  });

  type Refund = (this: unknown, amount: unknown, note?: unknown) => Promise<unknown>;
  function guarded(options: object = {}): Refund {
    const run = async (amount: unknown, note?: unknown): Promise<unknown> => {
      body(amount, note);
      return amount;
    };
    return (guard as unknown as (fn: unknown, options: object) => Refund)(run, {
      toolName: 'refund',
      params: ['amount', 'note'],
      module,
      session: () => session,
      ...options,
    });
  }
  const pendingOf = async (promise: Promise<unknown>): Promise<PendingApproval> => (await promise) as PendingApproval;
  /** Long enough for the next poll. */
  const poll = (): Promise<number> => clock.tickAsync(10_000);

  describe('in mode defer', () => {
    it('returns a handle at once, and runs once when it is approved', async () => {
      const pending = await pendingOf(guarded()(5, 'n'));
      expect(isPending(pending)).to.equal(true);
      expect(pending).to.include({ status: 'pending', agentId: 'agent', toolName: 'refund' });
      await poll();
      expect(body.called).to.equal(false);
      service.state = 'approved';
      await poll();
      expect(await pending.completed).to.equal(5);
      expect(body.args).to.deep.equal([[5, 'n']]);
      expect(pending.status).to.equal('completed');
      await clock.tickAsync(86_400_000);
      expect(body.callCount).to.equal(1);
    });

    it('never runs when a person says no', async () => {
      const pending = await pendingOf(guarded()(5));
      service.state = 'denied';
      await poll();
      expect(await rejection(pending.completed))
        .to.be.instanceOf(ForbiddenError)
        .and.have.property('code', 'approval_denied');
      expect(body.called).to.equal(false);
    });

    it('ends at its deadline: the shorter of what the guard and the service say', async () => {
      for (const [options, expiresAtMs] of [
        [{ approvalTimeoutMs: 5_000 }, undefined],
        [{}, Date.now() + 5_000],
        [{ approvalTimeoutMs: 5_000 }, 1e15],
      ] as const) {
        service.always({ effect: 'approval_needed', expiresAtMs });
        const pending = await pendingOf(guarded(options)(5));
        await clock.tickAsync(6_000);
        expect(await rejection(pending.completed)).to.be.instanceOf(ApprovalTimeoutError);
        service.state = 'approved';
        await poll();
        service.state = 'pending';
      }
      expect(body.called).to.equal(false);
    });

    it('ends no process when nobody handles a refusal', async () => {
      const pending = await pendingOf(guarded()(5));
      void pending.completed;
      service.state = 'denied';
      await poll();
      expect(pending.status).to.equal('denied');
    });
  });

  describe('in mode wait', () => {
    it('resolves when it has run', async () => {
      const running = guarded({ approval: 'wait' })(5);
      service.state = 'approved';
      await poll();
      expect(await running).to.equal(5);
      expect(body.callCount).to.equal(1);
    });

    it('rejects when a person says no', async () => {
      const running = rejection(guarded({ approval: 'wait' })(5));
      service.state = 'denied';
      await poll();
      expect(await running).to.be.instanceOf(ForbiddenError);
      expect(body.called).to.equal(false);
    });
  });

  describe('in mode throw', () => {
    it('throws the handle, and never runs by itself', async () => {
      const error = (await rejection(guarded({ approval: 'throw' })(5))) as ApprovalPendingError;
      expect(error).to.be.instanceOf(ApprovalPendingError);
      expect(error.message).to.equal("Tool 'refund' execution pending approval: large");
      service.state = 'approved';
      await clock.tickAsync(60_000);
      expect(body.called).to.equal(false);
    });

    it('is redeemed once, by an equal call', async () => {
      const refund = guarded({ approval: 'throw' });
      await rejection(refund(5, { a: 1, b: 2 }));
      service.state = 'approved';
      expect(await rejection(refund(6, { a: 1, b: 2 }))).to.be.instanceOf(ApprovalPendingError);
      service.state = 'approved';
      expect(await refund(5, { b: 2, a: 1 })).to.equal(5);
      expect(body.callCount).to.equal(1);
      service.state = 'pending';
      expect(await rejection(refund(5, { a: 1, b: 2 }))).to.be.instanceOf(ApprovalPendingError);
      expect(body.callCount).to.equal(1);
    });

    it('is redeemed once by two equal calls at the same time', async () => {
      const refund = guarded({ approval: 'throw' });
      await rejection(refund(5));
      service.state = 'approved';
      const both = await Promise.allSettled([refund(5), refund(5)]);
      expect(body.callCount).to.equal(1);
      expect(both[0]?.status).to.equal('fulfilled');
    });

    it('tells an equal call that a person said no', async () => {
      const refund = guarded({ approval: 'throw' });
      await rejection(refund(5));
      service.state = 'denied';
      expect(await rejection(refund(5)))
        .to.be.instanceOf(ForbiddenError)
        .and.have.property('code', 'approval_denied');
      expect(body.called).to.equal(false);
    });

    it('grants nothing to a call in another session', async () => {
      const refund = guarded({ approval: 'throw' });
      session = { user_id: 'ann' };
      await rejection(refund(5));
      service.state = 'approved';
      session = { user_id: 'bob' };
      expect(await rejection(refund(5))).to.be.instanceOf(ApprovalPendingError);
      expect(body.called).to.equal(false);
    });
  });

  describe('is joined', () => {
    it('by an equal call while it is pending: one wish asks once, and runs once', async () => {
      const refund = guarded({ approval: 'wait' });
      const all = [refund(5, { a: 1, b: 2 }), refund(5, { b: 2, a: 1 }), refund(5, { a: 1, b: 2 })];
      await clock.tickAsync(0);
      expect(service.requests).to.have.length(1);
      service.state = 'approved';
      await poll();
      expect(await Promise.all(all)).to.deep.equal([5, 5, 5]);
      expect(body.callCount).to.equal(1);
    });

    it('and gives the same handle in mode defer', async () => {
      const refund = guarded();
      expect(await refund(5)).to.equal(await refund(5));
    });

    it('no more once it has ended', async () => {
      const refund = guarded();
      const first = await pendingOf(refund(5));
      await first.cancel();
      expect(await refund(5)).to.not.equal(first);
      expect(service.requests).to.have.length(2);
    });

    const others: readonly (readonly [string, (refund: Refund) => Promise<unknown>])[] = [
      ['with other arguments', (refund) => refund(6)],
      ['with one argument more', (refund) => refund(5, 'n')],
      ['on another object', (refund) => refund.call({}, 5)],
      ['through another guard', () => guarded()(5)],
      [
        'in another session',
        (refund) => {
          session = { user_id: 'bob' };
          return refund(5);
        },
      ],
    ];
    for (const [name, call] of others)
      it(`not by a call ${name}`, async () => {
        const refund = guarded();
        const first = await refund(5);
        expect(await call(refund)).to.not.equal(first);
        expect(service.requests).to.have.length(2);
      });

    it('not by a call of another agent', async () => {
      let agentId = 'a';
      const refund = guarded({ agentId: () => agentId });
      const first = await refund(5);
      agentId = 'b';
      expect(await refund(5)).to.not.equal(first);
    });

    it('not where an argument is opaque: it cannot be compared', async () => {
      const refund = guarded({ opaque: ['note'] });
      expect(await refund(5, new Map())).to.not.equal(await refund(5, new Map()));
    });

    it('not through guardCall without a guard', async () => {
      const call = { agentId: 'a', toolName: 't', params: {} };
      const [one, two] = [await guardCall(module, call, body), await guardCall(module, call, body)];
      expect(one.kind === 'pending' && two.kind === 'pending' && one.pending !== two.pending).to.equal(true);
      expect(two.kind === 'pending' && two.deduplicated).to.equal(false);
    });
  });

  describe('with a sanitize', () => {
    it('shows approvers, and runs, exactly what the sanitize made of it', async () => {
      service.always({ effect: 'approval_needed', params: { amount: 1, note: '[masked]' } });
      const pending = await pendingOf(guarded()(5, 'CANARY'));
      const task = await module.tasks.getTask(pending.taskId);
      expect(task?.params).to.deep.equal({ amount: 1, note: '[masked]' });
      expect(task?.params).to.be.frozen;
      expect(task?.digest).to.not.equal(task?.originalDigest);
      service.state = 'approved';
      await poll();
      await pending.completed;
      expect(body.args).to.deep.equal([[1, '[masked]']]);
    });

    it('is refused before anybody is asked where the sanitize does not fit, and the approval is withdrawn', async () => {
      service.always({ effect: 'approval_needed', decisionId: 'd-bad', params: { amount: 1, note: 'x', admin: true } });
      for (const approval of ['defer', 'wait', 'throw']) {
        expect(await rejection(guarded({ approval })(5, 'n'))).to.be.instanceOf(SanitizeError);
      }
      expect(service.withdrawn).to.deep.equal(['d-bad', 'd-bad', 'd-bad']);
      expect((await module.tasks.getStats()).total).to.equal(0);
    });

    it('passes the schema again', async () => {
      const schema = v.object({ amount: v.pipe(v.number(), v.maxValue(10)), note: v.optional(v.string()) });
      service.always({ effect: 'approval_needed', params: { amount: 11 } });
      expect(await rejection(guarded({ schema })(5))).to.be.instanceOf(SanitizeError);
    });
  });

  it('runs what was approved, whoever changes its arguments in between', async () => {
    const note = { to: ['ann'] };
    const pending = await pendingOf(guarded({ session: undefined })(5, note));
    note.to.push('mallory');
    await poll();
    note.to[0] = 'mallory';
    service.state = 'approved';
    await poll();
    await pending.completed;
    expect(body.args).to.deep.equal([[5, { to: ['ann'] }]]);
  });

  it('does not run, and says so, where the service changed what was approved', async () => {
    const events: { code?: string }[] = [];
    const listen = (event: unknown): void => void events.push(event as object);
    subscribe('aegis:diagnostics', listen);
    try {
      const pending = await pendingOf(guarded()(5, new Date(5)));
      (service.last.params['note'] as Date).setTime(99);
      service.state = 'approved';
      await poll();
      expect(await rejection(pending.completed))
        .to.be.instanceOf(ForbiddenError)
        .and.have.property('code', 'approved_params_changed');
      expect(body.called).to.equal(false);
      expect(events.map((e) => e.code)).to.deep.equal(['approved_params_tampered']);
    } finally {
      unsubscribe('aegis:diagnostics', listen);
    }
  });

  it('records what it is about', async () => {
    session = { user_id: 'ann' };
    const pending = await pendingOf(guarded({ key: 'k', groups: ['write'] })(5, 'n'));
    const task = await module.tasks.getTask(pending.taskId);
    expect(task).to.deep.include({
      status: 'pending',
      agentId: 'agent',
      toolName: 'refund',
      guardKey: 'k',
      params: { amount: 5, note: 'n' },
      session: { user_id: 'ann' },
      reason: 'large',
      mode: 'defer',
      attemptCount: 0,
      history: [],
      metadata: {},
    });
    expect(task?.digest).to.equal(task?.originalDigest).and.equal(service.last.paramsDigest);
    expect(task?.sessionDigest).to.equal(service.last.sessionDigest);
    expect(task?.expiresAtMs).to.equal(Date.now() + 86_400_000);
  });

  describe('is checked again just before it runs', () => {
    it('and never runs in another session', async () => {
      session = { user_id: 'ann' };
      const pending = await pendingOf(guarded()(5));
      session = { user_id: 'bob' };
      service.state = 'approved';
      await poll();
      expect(await rejection(pending.completed))
        .to.be.instanceOf(ForbiddenError)
        .and.have.property('code', 'caller_changed');
      expect(body.called).to.equal(false);
    });

    it('and never runs for another agent', async () => {
      let agentId = 'a';
      const pending = await pendingOf(guarded({ agentId: () => agentId })(5));
      agentId = 'b';
      service.state = 'approved';
      await poll();
      expect(await rejection(pending.completed)).to.have.property('code', 'caller_changed');
      expect(body.called).to.equal(false);
    });

    it('and never runs for another agent, where that is all that is computed', async () => {
      let agentId = 'a';
      const pending = await pendingOf(guarded({ agentId: () => agentId, session: undefined })(5));
      agentId = 'b';
      service.state = 'approved';
      await poll();
      expect(await rejection(pending.completed)).to.have.property('code', 'caller_changed');
      expect(body.called).to.equal(false);
    });

    for (const name of ['agentId', 'session'])
      it(`and never runs where ${name} cannot be computed any more`, async () => {
        let broken = false;
        const callback = (): unknown => {
          if (broken) throw new Error('gone');
          return name === 'agentId' ? 'a' : {};
        };
        const pending = await pendingOf(guarded({ [name]: callback })(5));
        broken = true;
        service.state = 'approved';
        await poll();
        expect(await rejection(pending.completed)).to.have.property('code', 'caller_changed');
        expect(body.called).to.equal(false);
      });

    it('and runs in the session of the scope it was called in, wherever the timer stands', async () => {
      const scoped = moduleAsking(service, { sessions: 'async-local' });
      const refund = guarded({ module: scoped, agentId: () => 'a', session: undefined });
      const pending = await scoped.withSession({ user_id: 'ann' }, () => pendingOf(refund(5)));
      await scoped.withSession({ user_id: 'bob' }, async () => {
        service.state = 'approved';
        await poll();
      });
      expect(await pending.completed).to.equal(5);
      expect(service.last.session).to.deep.equal({ user_id: 'ann' });
    });
  });

  describe('tells onSettled, once, ', () => {
    let settled: sinon.SinonSpy;
    beforeEach(() => (settled = sinon.spy()));

    it('the result', async () => {
      const pending = await pendingOf(guarded({ onSettled: settled })(5));
      service.state = 'approved';
      await poll();
      await pending.completed;
      expect(settled.args).to.deep.equal([[5, undefined]]);
    });

    const ends: readonly (readonly [string, (pending: PendingApproval) => unknown, string])[] = [
      ['a refusal', () => (service.state = 'denied'), 'ForbiddenError'],
      ['its expiry at the service', () => (service.state = 'expired'), 'ApprovalTimeoutError'],
      ['a status nobody can believe', () => (service.state = 'invalid'), 'DecisionUnavailableError'],
      ['its cancellation', (pending) => pending.cancel(), 'ApprovalCancelledError'],
      ['its deadline', () => clock.tickAsync(86_400_000), 'ApprovalTimeoutError'],
      ['the end of its module', () => module.close(), 'ShutdownError'],
    ];
    for (const [name, end, error] of ends)
      it(name, async () => {
        const pending = await pendingOf(guarded({ onSettled: settled })(5));
        await end(pending);
        await poll();
        expect(settled.callCount).to.equal(1);
        expect(settled.firstCall.args[0]).to.equal(undefined);
        expect(settled.firstCall.args[1]).to.have.property('name', error);
        expect(body.called).to.equal(false);
      });

    it("the method's own error", async () => {
      const mine = new RangeError('mine');
      const call = (guard as any)(() => Promise.reject(mine), {
        toolName: 't',
        module,
        onSettled: settled,
      }) as () => Promise<PendingApproval>;
      const pending = await call();
      service.state = 'approved';
      await poll();
      expect(await rejection(pending.completed)).to.equal(mine);
      expect(settled.args).to.deep.equal([[undefined, mine]]);
    });

    it('and what it throws changes nothing', async () => {
      const events: { where?: string }[] = [];
      const listen = (event: unknown): void => void events.push(event as object);
      subscribe('aegis:diagnostics', listen);
      try {
        for (const fail of [
          () => {
            throw new Error('x');
          },
          () => Promise.reject(new Error('x')),
        ]) {
          // prettier-ignore
          service.state = 'pending';
          const pending = await pendingOf(guarded({ onSettled: fail })(5));
          service.state = 'approved';
          await poll();
          expect(await pending.completed).to.equal(5);
        }
        expect(events.map((e) => e.where)).to.deep.equal(['onSettled', 'onSettled']);
      } finally {
        unsubscribe('aegis:diagnostics', listen);
      }
    });
  });

  it('that was replayed is refused, reported, and the other call keeps its approval', async () => {
    service.always({ effect: 'approval_needed', decisionId: 'd1' });
    const events: { code?: string }[] = [];
    const listen = (event: unknown): void => void events.push(event as object);
    subscribe('aegis:diagnostics', listen);
    try {
      const first = await pendingOf(guarded()(5));
      const error = await rejection(guarded()(6));
      expect(error).to.be.instanceOf(DecisionUnavailableError).and.have.property('reason', 'replayed_decision');
      expect(events.map((e) => e.code)).to.deep.equal(['replayed_decision']);
      expect(service.withdrawn).to.deep.equal([]);
      service.state = 'approved';
      await poll();
      expect(await first.completed).to.equal(5);
      expect(body.args).to.deep.equal([[5, undefined]]);
    } finally {
      unsubscribe('aegis:diagnostics', listen);
    }
  });

  it('beyond the cap of pending ones is refused, and the approval is withdrawn', async () => {
    const small = moduleAsking(service, { tasks: { maxPending: 1 } });
    await guarded({ module: small })(5);
    expect(await rejection(guarded({ module: small })(6)))
      .to.be.instanceOf(CapacityError)
      .and.have.property('limit', 1);
    expect(service.withdrawn).to.have.length(1);
    await small.close();
  });

  it('is refused, and withdrawn, where its task cannot be recorded', async () => {
    const store = new MemoryTaskStore();
    store.insert = () => {
      throw new Error('disk full');
    };
    const broken = moduleAsking(service, { store });
    const error = await rejection(guarded({ module: broken })(5));
    expect(error).to.be.instanceOf(DecisionUnavailableError);
    expect(service.withdrawn).to.have.length(1);
    await broken.close();
  });

  it('is withdrawn, too, where a service that keeps the tasks is not there', async () => {
    const store = new MemoryTaskStore();
    store.insert = () => {
      throw new DecisionUnavailableError('service_threw', 'The store is not there.');
    };
    const broken = moduleAsking(service, { store });
    expect(await rejection(guarded({ module: broken })(5))).to.have.property('reason', 'service_threw');
    expect(service.withdrawn).to.have.length(1);
    await broken.close();
  });

  it('does not mind a service that cannot withdraw', async () => {
    service.withdraw = () => {
      throw new Error('no');
    };
    service.always({ effect: 'approval_needed', params: { x: 1 } });
    expect(await rejection(guarded()(5))).to.be.instanceOf(SanitizeError);
  });
});
