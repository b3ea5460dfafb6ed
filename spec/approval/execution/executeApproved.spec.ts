import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import type { Decision } from '../../../lib/model/Decision.js';
import { SanitizeError } from '../../../lib/model/errors/CallErrors.js';
import type { ExecutingTask, Task } from '../../../lib/model/Task.js';
import { MemoryTaskStore } from '../../../lib/store/memory/MemoryTaskStore.js';
import type { TaskClaim } from '../../../lib/store/TaskStore.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { rejection } from '../../support/rejection.js';
import { schedulerSetup } from '../../support/schedulerSetup.js';
import type { SchedulerSetup, SchedulerSetupOptions, Watched } from '../../support/schedulerSetup.js';
import type { ScriptedDecisionsOptions } from '../../support/scriptedDecisions.js';

const HOUR = 3_600_000;

describe('executeApproved: from approved to run', () => {
  let time: SinonFakeTimers;
  let start: number;
  beforeEach(() => {
    time = useFakeTimers({ now: Date.UTC(2026, 0, 1) });
    start = Date.now();
  });
  afterEach(() => time.restore());

  it('decides afresh on the original call, uses the approval up, claims, and only then runs', async () => {
    const seen: unknown[] = [];
    const { setup, call } = await approved({
      reevaluate: (request, decisionId) => (seen.push([request.params, decisionId]), { effect: 'allow', decisionId: 'dec-fresh' }),
      consume: (use) => (seen.push(use), true),
    });
    expect(await call.handle.completed).to.equal('done');
    const { decisionId, digest, taskId } = call.task;
    expect(seen[0]).to.deep.equal([{ amount: 1 }, decisionId]);
    expect(seen[1]).to.deep.include({ decisionId, digest });
    // the use is the task's, however often it has to begin; the claim is of this one execution
    expect(seen[1]).to.include({ token: taskId });
    expect(((await setup.store.get(taskId)) as ExecutingTask).claimToken)
      .to.be.a('string')
      .and.not.equal(taskId);
    expect(setup.service.asked.slice(-3)).to.deep.equal([`status ${decisionId}`, `reevaluate ${decisionId}`, `consume ${decisionId}`]);
    expect(call.path).to.deep.equal(['pending', 'approved', 'executing', 'completed']);
  });

  it('is in the store as executing when the body is entered', async () => {
    let status: string | undefined;
    const { call } = await approved({}, {}, async ({ setup, call }) => (status = (await setup.store.get(call.task.taskId))?.status));
    await call.handle.completed;
    expect(status).to.equal('executing');
  });

  it('gives the method its own copy of the approved params', async () => {
    // a finished task has no params
    let recorded: unknown;
    const { call } = await approved({}, { params: { list: [1] } }, async ({ setup, call }) => {
      (call.runs[0] as { list: number[] }).list.push(2);
      recorded = (await setup.registry.getTask(call.task.taskId))?.params;
    });
    await call.handle.completed;
    expect(recorded).to.deep.equal({ list: [1] });
  });

  it('ends as failed with the method’s own error, in every kind of throw', async () => {
    const error = new RangeError('from the method');
    for (const thrown of [error, 'a text', undefined, null]) {
      for (const later of [false, true]) {
        const { setup, call } = await approved({}, {}, () => {
          if (later) return Promise.reject(thrown as Error);
          throw thrown;
        });
        const caught = await call.handle.completed.then(
          () => 'resolved',
          (e: unknown) => e,
        );
        expect(caught).to.equal(thrown);
        expect(call.path).to.deep.equal(['pending', 'approved', 'executing', 'failed']);
        expect(call.settled).to.deep.equal([[undefined, thrown]]);
        const { error: recorded } = (await setup.registry.getTask(call.task.taskId)) as Task & { error: object };
        if (thrown === error) expect(recorded).to.deep.equal({ name: 'RangeError', message: 'from the method' });
      }
    }
  });

  describe('is refused', () => {
    it('when its time is over by then', async () => {
      const { call } = await approved({ reevaluate: async (_, decisionId) => (time.tick(HOUR), { effect: 'allow', decisionId }) });
      await refused(call, { name: 'ApprovalTimeoutError' }, 'timeout');
    });

    it('when its time was over before anything was asked', async () => {
      const { setup, call } = await approved({
        status: (decisionId) => {
          // as when the machine was asleep while the question was under way
          time.setSystemTime(start + 2 * HOUR);
          return { decisionId, state: 'approved' };
        },
        reevaluate: (_, decisionId) => ({ effect: 'allow', decisionId }),
        consume: () => true,
      });
      await refused(call, { name: 'ApprovalTimeoutError' }, 'timeout');
      expect([setup.service.count('reevaluate'), setup.service.count('consume')]).to.deep.equal([0, 0]);
    });

    it('when a fresh decision denies, with its reason', async () => {
      const { setup, call } = await approved({
        reevaluate: () => ({ effect: 'deny', decisionId: 'd', reason: 'frozen today' }),
        consume: () => true,
      });
      const error = await refused(call, { name: 'ForbiddenError', code: 'denied_at_run' });
      expect(error.message).to.contain('frozen today');
      expect(error['decision']).to.include({ effect: 'deny', reason: 'frozen today' });
      expect(setup.service.count('consume')).to.equal(0);
    });

    it('when a fresh decision denies without a reason', async () => {
      const { call } = await approved({ reevaluate: () => ({ effect: 'deny', decisionId: 'd' }) });
      const error = await refused(call, { name: 'ForbiddenError', code: 'denied_at_run' });
      expect(error.message).to.contain('policy denies it now.');
    });

    it('when a fresh decision would run it with what nobody can compare', async () => {
      const params = { amount: Number.NaN };
      const { call } = await approved({ reevaluate: () => ({ effect: 'sanitize', decisionId: 'd', params }) });
      await refused(call, { name: 'ForbiddenError', code: 'approved_params_changed' });
    });

    it('when a fresh decision has an effect that nobody knows', async () => {
      const { call } = await approved({ reevaluate: () => ({ effect: 'ALLOW', decisionId: 'd' }) as unknown as Decision });
      await refused(call, { code: 'denied_at_run' });
    });

    for (const [what, decision] of Object.entries<Decision>({
      'other params': { effect: 'sanitize', decisionId: 'd', params: { amount: 2 } },
      'a param more': { effect: 'sanitize', decisionId: 'd', params: { amount: 1, extra: null } },
      'a param of another kind': { effect: 'sanitize', decisionId: 'd', params: { amount: '1' } },
      'no params': { effect: 'sanitize', decisionId: 'd', params: {} },
    })) {
      it(`when a fresh decision would run it with ${what}`, async () => {
        const { setup, call } = await approved({ reevaluate: () => decision, consume: () => true });
        await refused(call, { name: 'ForbiddenError', code: 'approved_params_changed' });
        expect(setup.service.count('consume')).to.equal(0);
      });
    }

    it('when a fresh decision lets it run unsanitized, and sanitized was approved', async () => {
      const { call } = await approved(
        { reevaluate: (_, decisionId) => ({ effect: 'allow', decisionId }) },
        { params: { amount: 1 }, originalDigest: canonicalDigest({ amount: 5_000 }) },
      );
      await refused(call, { code: 'approved_params_changed' });
    });

    for (const answer of [false, undefined, null, 'yes', 1, {}] as unknown[]) {
      for (const later of [false, true]) {
        it(`when consume answers ${JSON.stringify(answer)}${later ? ' later' : ''}`, async () => {
          const consume = (): boolean => (later ? Promise.resolve(answer) : answer) as boolean;
          const { call } = await approved({ consume });
          await refused(call, { name: 'ForbiddenError', code: 'approval_not_usable' });
        });
      }
    }

    it('when whom it runs for is another by then, or cannot be told', async () => {
      for (const recheck of [
        () => 'the session is another.',
        () => {
          throw new Error('no object');
        },
      ]) {
        const { call } = await approved({}, {}, undefined, { recheck });
        await refused(call, { name: 'ForbiddenError', code: 'caller_changed' });
      }
    });

    it('when it was cancelled while anything was awaited, and then nothing more is asked', async () => {
      for (const step of ['reevaluate', 'consume'] as const) {
        const cancel = async (): Promise<void> => void (await current().handle.cancel());
        const { setup, call } = await approved({
          reevaluate: async (_, decisionId) => {
            if (step === 'reevaluate') await cancel();
            return { effect: 'allow', decisionId };
          },
          consume: async () => {
            if (step === 'consume') await cancel();
            return true;
          },
        });
        await refused(call, { name: 'ApprovalCancelledError' }, 'cancelled');
        expect(setup.service.count('consume')).to.equal(step === 'consume' ? 1 : 0);
      }
    });

    it('when somebody else has claimed it: it does not wait for that one', async () => {
      const { setup, call } = await approved({
        consume: () => {
          const { taskId, digest } = current().task;
          return setup0().store.claim({ taskId, digest, token: 'thief', nowMs: Date.now(), leaseMs: 60_000 }) !== undefined;
        },
      });
      const error = await rejection(call.handle.completed);
      expect(error).to.include({ name: 'ForbiddenError', code: 'claim_lost' });
      expect([call.runs.length, call.settled.length, setup.scheduler.queueSize]).to.deep.equal([0, 1, 0]);
    });

    for (const field of ['digest', 'params'] as const) {
      for (const moment of ['before it was approved', 'between approval and claim', 'with the claim'] as const) {
        it(`when its ${field} changed in the store ${moment}`, async () => {
          const store = new TamperedStore();
          const tamper = (): void => {
            store.tamper = field === 'digest' ? { digest: canonicalDigest({ amount: 1e6 }) } : { params: { amount: 1e6 } };
          };
          const options = { store, polling: { initialDelayMs: 5_000 } };
          const status = (decisionId: string) => {
            if (moment === 'before it was approved') tamper();
            return { decisionId, state: 'approved' as const };
          };
          const consume = (): boolean => {
            if (moment !== 'with the claim') tamper();
            else store.onClaim = tamper;
            return true;
          };
          const seen = await diagnosed(async () => {
            const { call } = await approved({ status, consume }, {}, undefined, {}, options);
            const error = await rejection(call.handle.completed);
            expect(['approved_params_changed', 'claim_lost']).to.include(error.code);
            expect([call.runs.length, call.settled.length]).to.deep.equal([0, 1]);
            expect(['denied', 'failed']).to.include(call.path.at(-1));
          });
          if (field === 'params') expect(securityCodes(seen)).to.deep.equal(['approved_params_tampered']);
        });
      }
    }

    it('when what was approved and what is bound differ in any bit: no run', async () => {
      const digest = canonicalDigest({ amount: 1 });
      for (let at = 0; at < 64; at += 1) {
        const flipped = digest.slice(0, at) + (digest[at] === '0' ? '1' : '0') + digest.slice(at + 1);
        const { call } = await approved({}, { digest: flipped });
        await refused(call, { code: 'approved_params_changed' });
      }
    });
  });

  describe('asks again', () => {
    it('under a new id, with a new end, and runs once that is approved', async () => {
      let fresh = 0;
      const { setup, call } = await approved({
        reevaluate: (_, decisionId) => {
          fresh += 1;
          return fresh === 1
            ? needed('dec-second', { reason: 'a new policy', expiresAtMs: start + 50_000 })
            : { effect: 'allow', decisionId };
        },
        consume: () => true,
        status: (decisionId, n) => ({ decisionId, state: decisionId === 'dec-second' && n === 0 ? 'pending' : 'approved' }),
      });
      const again = await setup.registry.getTask(call.task.taskId);
      expect(again).to.include({ status: 'pending', decisionId: 'dec-second', reason: 'a new policy', expiresAtMs: start + 50_000 });
      expect(again?.history).to.deep.equal([call.task.decisionId]);
      expect(call.handle.decisionId).to.equal('dec-second');
      await time.tickAsync(10_000);
      expect(await call.handle.completed).to.equal('done');
      expect(call.path).to.deep.equal(['pending', 'approved', 'pending', 'approved', 'executing', 'completed']);
      expect(setup.service.asked.filter((a) => a.startsWith('consume'))).to.deep.equal(['consume dec-second']);
      expect([call.runs.length, call.settled.length]).to.deep.equal([1, 1]);
    });

    it('for other params, which are admitted as the first ones were, shown and run', async () => {
      let fresh = 0;
      const { setup, call } = await approved(
        {
          reevaluate: (_, decisionId) => {
            fresh += 1;
            if (fresh === 1) return needed('dec-second', { params: { amount: 0.5 } });
            return { effect: 'sanitize', decisionId, params: { amount: 0.5 } };
          },
        },
        {},
        undefined,
        { admit: async (params) => ({ ...params }) },
      );
      const again = await setup.registry.getTask(call.task.taskId);
      expect(again).to.deep.include({ digest: canonicalDigest({ amount: 0.5 }) });
      await time.tickAsync(10_000);
      await call.handle.completed;
      expect(call.runs).to.deep.equal([{ amount: 0.5 }]);
    });

    it('with polls that start anew', async () => {
      let fresh = 0;
      const { setup, call } = await approved(
        {
          reevaluate: () => needed(`dec-${(fresh += 1)}`),
          status: (decisionId, n) => ({ decisionId, state: n === 1 ? 'approved' : 'pending' }),
        },
        {},
        undefined,
        {},
        { polling: { maxAttempts: 3 } },
      );
      await time.tickAsync(60_000);
      // two polls each: three would time it out
      expect(fresh).to.be.greaterThan(5);
      expect(call.handle.status).to.equal('pending');
      expect(setup.service.count('expire')).to.equal(0);
    });

    it('never for longer than the guard lets an approval wait', async () => {
      for (const expiresAtMs of [undefined, 1e15, start + 10 * HOUR]) {
        const { setup, call } = await approved(
          { reevaluate: () => needed('dec-second', { expiresAtMs }), status: approveOnly('dec-second', false) },
          {},
          undefined,
          {},
          { polling: { initialDelayMs: 4_000 } },
        );
        expect((await setup.registry.getTask(call.task.taskId))?.expiresAtMs).to.equal(setup.service.askedAt.at(-1)! + HOUR);
        expect(setup.service.asked.at(-1)).to.contain('reevaluate');
        await setup.scheduler.shutdown();
      }
    });

    it('and an answer about the old approval that is still under way counts for nothing', async () => {
      let answerOld: () => void = () => {};
      const { setup, call } = await approved(
        {
          pushes: true,
          status: (decisionId) =>
            decisionId === 'dec-second'
              ? { decisionId, state: 'pending' }
              : new Promise((resolve) => (answerOld = () => resolve({ decisionId, state: 'approved' }))),
          reevaluate: () => needed('dec-second'),
        },
        {},
        undefined,
        {},
        { polling: { enabled: true } },
      );
      setup.service.push(call.task.decisionId, 'approved');
      await time.tickAsync(10);
      expect(call.handle.decisionId).to.equal('dec-second');
      answerOld();
      await time.tickAsync(10);
      expect(call.handle.status).to.equal('pending');
      setup.service.push(call.task.decisionId, 'denied');
      await time.tickAsync(10);
      expect(call.handle.status).to.equal('pending');
      setup.service.push('dec-second', 'denied');
      await time.tickAsync(10);
      expect(call.handle.status).to.equal('denied');
    });

    it('but not about params that the guard does not admit', async () => {
      const { call } = await approved({ reevaluate: () => needed('dec-second', { params: { evil: 1 } }) }, {}, undefined, {
        admit: () => {
          throw new SanitizeError('/evil', 'unknown parameter evil');
        },
      });
      const error = await refused(call, { name: 'ForbiddenError', code: 'approved_params_changed' });
      expect(error.message).to.contain('unknown parameter evil');
    });

    it('but not under an approval that is known already: that is refused and reported', async () => {
      for (const which of ['its own', 'an earlier one', 'another call’s'] as const) {
        let fresh = 0;
        const seen = await diagnosed(async () => {
          const { call } = await approved(
            {
              reevaluate: (_, decisionId) => {
                fresh += 1;
                if (which === 'its own') return needed(decisionId);
                if (which === 'an earlier one') return needed(fresh === 1 ? 'dec-2' : current().task.decisionId);
                return needed('dec-taken');
              },
            },
            {},
            undefined,
            {},
            {},
            async (setup) => {
              if (which === 'another call’s') await setup.hold({ decisionId: 'dec-taken', expiresAtMs: start + HOUR });
            },
          );
          await time.tickAsync(20_000);
          await refused(call, { name: 'ForbiddenError', code: 'replayed_decision' });
        });
        expect(securityCodes(seen), which).to.deep.equal(['replayed_decision']);
      }
    });

    it('of a call that is held, and runs it only when it is redeemed again', async () => {
      let fresh = 0;
      const setup = schedulerSetup({
        service: {
          status: (decisionId) => ({ decisionId, state: 'approved' }),
          reevaluate: (_, decisionId) => ((fresh += 1) === 1 ? needed('dec-second') : { effect: 'allow', decisionId }),
        },
      });
      const call = await setup.hold({ expiresAtMs: start + HOUR });
      await setup.scheduler.redeem(call.entry, call.entry.call.run);
      await time.tickAsync(60_000);
      expect([call.path, call.entry.phase]).to.deep.equal([['pending', 'approved', 'pending'], 'waiting']);
      await setup.scheduler.redeem(call.entry, call.entry.call.run);
      expect(call.path.at(-1)).to.equal('completed');
    });
  });

  describe('tries again', () => {
    it('when a fresh decision throws, rejects or cannot be believed, until there is one', async () => {
      const answers: (() => unknown)[] = [
        () => {
          throw new Error('down');
        },
        async () => Promise.reject(new Error('down')),
        () => undefined,
        () => 'allow',
        () => ({ effect: 'allow' }),
        () => ({ effect: 'allow', decisionId: 'd', agentId: 'other' }),
        () => ({ effect: 'allow', decisionId: 'd', params: { amount: 1e6 } }),
        () => ({ effect: 'allow', decisionId: 'd' }),
      ];
      let fresh = 0;
      const { setup, call } = await approved({ reevaluate: () => answers[fresh++]!() as Decision, consume: () => true });
      await time.tickAsync(60_000);
      expect(await call.handle.completed).to.equal('done');
      expect([fresh, call.runs.length, setup.service.count('consume'), setup.service.count('status')]).to.deep.equal([8, 1, 1, 1]);
    });

    it('when the use of the approval could not be recorded, with the same token, until it is', async () => {
      const answers: (() => unknown)[] = [
        () => {
          throw new Error('down');
        },
        async () => Promise.reject(new Error('down')),
        () => true,
      ];
      const tokens: string[] = [];
      const { call } = await approved({ consume: ({ token }) => (tokens.push(token), answers[tokens.length - 1]!() as boolean) });
      await time.tickAsync(60_000);
      expect(await call.handle.completed).to.equal('done');
      expect([tokens, call.runs.length]).to.deep.equal([Array(3).fill(call.task.taskId), 1]);
    });

    it('to record its use until the approval ends, and never runs then', async () => {
      const consume = async (): Promise<boolean> => Promise.reject(new Error('down'));
      const { call } = await approved({ consume }, { expiresAtMs: start + 9_000 });
      await time.tickAsync(9_000);
      await refused(call, { name: 'ApprovalTimeoutError' }, 'timeout');
    });

    it('however many polls there were: they do not end what was approved', async () => {
      let fresh = 0;
      const { call } = await approved(
        {
          reevaluate: (_, decisionId) => {
            if ((fresh += 1) < 4) throw new Error('down');
            return { effect: 'allow', decisionId };
          },
        },
        {},
        undefined,
        {},
        { polling: { maxAttempts: 1 } },
      );
      await time.tickAsync(60_000);
      expect([await call.handle.completed, fresh]).to.deep.equal(['done', 4]);
    });

    it('and ends at the very end of the approval, also between two tries', async () => {
      const { call } = await approved(
        {
          reevaluate: () => {
            throw new Error('down');
          },
        },
        { expiresAtMs: start + 9_000 },
        undefined,
        {},
        { polling: { initialDelayMs: 5_000, maxDelayMs: 5_000 } },
      );
      await time.tickAsync(3_999);
      expect(call.handle.status).to.equal('approved');
      await time.tickAsync(1);
      await refused(call, { name: 'ApprovalTimeoutError' }, 'timeout');
    });

    it('no longer than the approval lasts', async () => {
      const { call } = await approved({
        reevaluate: () => {
          throw new Error('down');
        },
      });
      await time.tickAsync(HOUR);
      await refused(call, { name: 'ApprovalTimeoutError' }, 'timeout');
    });
  });

  let at: { setup: SchedulerSetup; call: Watched };
  const current = (): Watched => at.call;
  const setup0 = (): SchedulerSetup => at.setup;

  /** A call that was just reported approved, unless the service says otherwise. */
  async function approved(
    service: ScriptedDecisionsOptions,
    task: Parameters<SchedulerSetup['submit']>[0] = {},
    run: ((of: typeof at) => unknown) | undefined = undefined,
    call: Parameters<SchedulerSetup['submit']>[1] = {},
    options: SchedulerSetupOptions = {},
    before: (setup: SchedulerSetup) => Promise<void> = async () => {},
  ): Promise<typeof at> {
    const setup = schedulerSetup({ service: { status: approveOnly(), ...service }, ...options });
    await before(setup);
    const more = run === undefined ? {} : { run: (): unknown => run(at) ?? 'done' };
    const watched = await setup.submit({ expiresAtMs: Date.now() + HOUR, ...task }, { ...more, ...call });
    at = { setup, call: watched };
    await time.tickAsync(5_000);
    return at;
  }

  async function refused(call: Watched, expected: object, end = 'denied'): Promise<Awaited<ReturnType<typeof rejection>>> {
    const error = await rejection(call.handle.completed);
    expect(error).to.include(expected);
    expect(call.runs).to.have.length(0);
    expect(call.path.at(-1)).to.equal(end);
    expect(call.settled).to.deep.equal([[undefined, error]]);
    return error;
  }

  function approveOnly(id?: string, approve = true) {
    return (decisionId: string) => ({
      decisionId,
      state: id !== undefined && decisionId === id && !approve ? ('pending' as const) : ('approved' as const),
    });
  }

  function needed(decisionId: string, more: Partial<Extract<Decision, { effect: 'approval_needed' }>> = {}): Decision {
    return { effect: 'approval_needed', decisionId, reason: 'again', ...more };
  }
});

/** A store whose rows somebody with access to it changes behind its back. */
class TamperedStore extends MemoryTaskStore {
  tamper: Partial<Task> = {};
  onClaim: (() => void) | undefined;

  override transition(...args: Parameters<MemoryTaskStore['transition']>): Task | undefined {
    const task = super.transition(...args);
    return task && ({ ...task, ...this.tamper } as Task);
  }

  override claim(claim: TaskClaim): ExecutingTask | undefined {
    this.onClaim?.();
    // the row's digest is compared by the store itself
    if (this.tamper.digest !== undefined && this.tamper.digest !== claim.digest) return undefined;
    const task = super.claim(claim);
    return task && ({ ...task, ...this.tamper, status: 'executing' } as ExecutingTask);
  }
}
