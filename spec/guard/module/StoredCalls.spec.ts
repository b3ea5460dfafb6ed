import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import * as v from 'valibot';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { AegisAgent } from '../../../lib/guard/AegisAgent.js';
import { AegisGuard } from '../../../lib/guard/AegisGuard.js';
import type { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { AegisOptions } from '../../../lib/guard/module/AegisOptions.js';
import { currentCall } from '../../../lib/guard/call/callContext.js';
import { guard } from '../../../lib/guard/guard.js';
import { bindingOf } from '../../../lib/guard/method/GuardBinding.js';
import type { GuardInfo } from '../../../lib/guard/method/guardMetadata.js';
import { getGuard } from '../../../lib/guard/method/guardMetadata.js';
import type { PendingApproval } from '../../../lib/model/PendingApproval.js';
import type { Task } from '../../../lib/model/Task.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { approve, callElsewhere, durableModule, LEASE_MS, SWEEP_MS } from '../../support/durableModules.js';
import { loadUnderLegacyEmit } from '../../support/legacyEmit.js';
import { rejection } from '../../support/rejection.js';
import { SharedMemoryStore } from '../../support/SharedMemoryStore.js';

let keys = 0;

/** What a method was entered with, and in what call. */
interface Run {
  readonly self: unknown;
  readonly args: readonly unknown[];
  readonly taskId: string | undefined;
}

/** The call of a process that has ended, approved there or here. */
interface Left {
  readonly taskId: string;
  readonly decisionId: string;
}

for (const later of [false, true]) {
  describe(`A stored call, after a restart, on a ${later ? 'slow' : 'prompt'} store`, () => {
    let time: SinonFakeTimers;
    let first: SharedMemoryStore;
    let before: AegisModule;
    let after: AegisModule | undefined;
    let runs: Run[];
    let module: AegisModule;

    beforeEach(() => {
      time = useFakeTimers({ now: Date.UTC(2026, 0, 1) });
      first = new SharedMemoryStore({ later });
      module = before = durableModule(first);
      after = undefined;
      runs = [];
    });
    afterEach(async () => {
      await Promise.all([soon(before.close()), after && soon(after.close())]);
      time.restore();
    });

    /** Time goes on until it is settled. */
    async function soon<T>(promise: Promise<T>): Promise<T | void> {
      const done = promise.catch(() => {});
      await time.tickAsync(100);
      return done;
    }

    /** The next life of the program; the one before is not closed. */
    function restart(options: AegisOptions = {}): AegisModule {
      first.die();
      module = after = durableModule(first.another(), options);
      return after;
    }

    const lapse = (): Promise<number> => time.tickAsync(LEASE_MS + 2 * SWEEP_MS);

    const note = (self: unknown, ...args: unknown[]): void => void runs.push({ self, args, taskId: currentCall()?.taskId });

    function defineTill(options: object = {}) {
      const key = `till-${(keys += 1)}`;
      class Till {
        @AegisGuard({ toolName: 'refund', key, module: () => module, params: ['amount', 'note'], ...options } as never)
        async refund(amount: number, note_: string = 'by default'): Promise<string> {
          note(this, amount, note_);
          return `refunded ${amount}`;
        }
      }
      return { Till, info: getGuard(Till, 'refund') as GuardInfo };
    }

    async function leave(info: GuardInfo, params: object = { amount: 5, note: 'n' }, more: object = {}): Promise<Left> {
      const outcome = await callElsewhere(before, info, params as Record<string, unknown>, more);
      const { taskId, decisionId } = outcome.schedule();
      return { taskId, decisionId };
    }

    const taskOf = async ({ taskId }: Left, of: AegisModule = module): Promise<Task | undefined> => of.tasks.getTask(taskId);
    const statusOf = async (left: Left): Promise<string | undefined> => (await taskOf(left))?.status;

    describe('runs once', () => {
      it('when it is approved at the desk of the new process, and its result is recorded', async () => {
        const { Till, info } = defineTill();
        const left = await leave(info);
        restart();
        const till = new Till();
        await lapse();
        expect([runs.length, await statusOf(left)]).to.deep.equal([0, 'pending']);
        await approve(module, left.decisionId);
        await time.tickAsync(10);
        expect(runs).to.deep.equal([{ self: till, args: [5, 'n'], taskId: left.taskId }]);
        expect(await taskOf(left)).to.include({ status: 'completed', result: 'refunded 5', runs: 1 });
        await lapse();
        expect(runs).to.have.length(1);
      });

      it('when it was approved before its process ended', async () => {
        const { Till, info } = defineTill();
        const left = await leave(info);
        first.faults.fail('claim', { times: 99 });
        await approve(before, left.decisionId);
        await time.tickAsync(10);
        restart();
        expect(new Till()).to.be.instanceOf(Till);
        await lapse();
        expect([runs.length, await statusOf(left)]).to.deep.equal([1, 'completed']);
      });

      it('when its approval was used up before its process ended, and nothing had begun', async () => {
        const { Till, info } = defineTill();
        const left = await leave(info);
        first.faults.fail('claim', { times: 99 });
        await approve(before, left.decisionId);
        await time.tickAsync(10);
        expect((await before.approvals.get(left.decisionId))?.consumed?.token).to.equal(left.taskId);
        restart();
        expect(new Till()).to.be.instanceOf(Till);
        await lapse();
        expect(runs).to.have.length(1);
      });

      it('when the verdict came while no process was there', async () => {
        const { Till, info } = defineTill();
        const left = await leave(info);
        const inbox = durableModule(first.another());
        first.die();
        await soon(approve(inbox, left.decisionId));
        await soon(inbox.close());
        restart();
        expect(new Till()).to.be.instanceOf(Till);
        await lapse();
        expect([runs.length, await statusOf(left)]).to.deep.equal([1, 'completed']);
      });

      it('on the instance that is constructed later', async () => {
        const { Till, info } = defineTill();
        const left = await leave(info);
        restart();
        const waiting: unknown[] = [];
        module.tasks.on('waiting-for-worker', ({ task, reason }) => waiting.push([task.taskId, reason]));
        await lapse();
        await approve(module, left.decisionId);
        await time.tickAsync(200_000);
        expect([runs.length, await statusOf(left)]).to.deep.equal([0, 'approved']);
        // told once, however often it is looked for
        expect(waiting).to.deep.equal([[left.taskId, 'no-instance']]);
        const till = new Till();
        await time.tickAsync(120_000);
        expect(runs.map((r) => r.self)).to.deep.equal([till]);
      });

      it('on the instance that is registered', async () => {
        const { Till, info } = defineTill();
        const left = await leave(info);
        const till = new Till();
        restart();
        await lapse();
        await approve(module, left.decisionId);
        module.register(till);
        await time.tickAsync(100);
        expect(runs.map((r) => r.self)).to.deep.equal([till]);
      });

      it('with the defaults that the caller left to it, and no argument more', async () => {
        const { Till, info } = defineTill();
        const left = await leave(info, { amount: 5 });
        restart();
        expect(new Till()).to.be.instanceOf(Till);
        await lapse();
        await approve(module, left.decisionId);
        await time.tickAsync(10);
        expect(runs[0]?.args).to.deep.equal([5, 'by default']);
      });

      it('when the queue of its store hands it out, by the key of its guard', async () => {
        const { Till, info } = defineTill();
        const left = await leave(info);
        first.faults.fail('claim', { times: 99 });
        await approve(before, left.decisionId);
        await time.tickAsync(10);
        first.die();
        const store = first.another();
        const served = new Map<string, (taskId: string) => unknown>();
        // what the sweep would find, the queue hands out
        Object.assign(store.tasks, {
          due: () => [],
          serve: (key: string, run: (taskId: string) => unknown) => (served.set(key, run), () => {}),
        });
        module = after = durableModule(store);
        expect(new Till()).to.be.instanceOf(Till);
        await lapse();
        expect(runs).to.deep.equal([]);
        void served.get(info.key)?.(left.taskId);
        await time.tickAsync(100);
        expect([served.has(info.key), runs.length]).to.deep.equal([true, 1]);
      });

      it('and tells onSettled of its end', async () => {
        const ends: unknown[] = [];
        const { Till, info } = defineTill({ onSettled: (result: unknown, error: unknown) => ends.push([result, error]) });
        const left = await leave(info);
        restart();
        expect(new Till()).to.be.instanceOf(Till);
        await lapse();
        await approve(module, left.decisionId);
        await time.tickAsync(10);
        expect(ends).to.deep.equal([['refunded 5', undefined]]);
      });

      it('and is joined by an equal call meanwhile', async () => {
        const { Till, info } = defineTill();
        const left = await leave(info);
        restart();
        const till = new Till();
        await lapse();
        const handle = (await soon(till.refund(5, 'n'))) as unknown as PendingApproval<string>;
        expect(handle.taskId).to.equal(left.taskId);
        expect((await module.approvals.list()).map((r) => r.decisionId)).to.deep.equal([left.decisionId]);
        await approve(module, left.decisionId);
        await time.tickAsync(10);
        expect([await handle.completed, runs.length]).to.deep.equal(['refunded 5', 1]);
      });
    });

    describe('with `resolve`', () => {
      for (const [how, given] of [
        ['at once', (self: object) => self],
        ['later', async (self: object) => new Promise<object>((resolve) => setTimeout(() => resolve(self), 50))],
      ] as const) {
        it(`runs on what it hands over ${how}, of several instances`, async () => {
          const { Till, info } = defineTill();
          const left = await leave(info);
          const tills = [new Till(), new Till()];
          const asked: unknown[] = [];
          restart({ resolve: (target, task) => (asked.push([target, task.taskId]), given(tills[1] as object)) });
          await lapse();
          await approve(module, left.decisionId);
          await time.tickAsync(100);
          expect(asked[0]).to.deep.equal([Till, left.taskId]);
          expect(runs.map((r) => r.self)).to.deep.equal([tills[1]]);
        });
      }

      for (const [how, resolve] of [
        ['nothing', () => undefined],
        ['null', () => null as unknown as undefined],
        [
          'an error',
          () => {
            throw new Error('no container');
          },
        ],
        ['an error, later', async () => Promise.reject(new Error('no container'))],
        ['an object of another class', () => ({ refund: async () => 'not guarded' })],
        ['no object', () => 'till' as never],
      ] as const) {
        it(`waits where it gives ${how}`, async () => {
          const { Till, info } = defineTill();
          const left = await leave(info);
          restart({ resolve });
          expect(new Till()).to.be.instanceOf(Till);
          const reasons: string[] = [];
          module.tasks.on('waiting-for-worker', ({ reason }) => reasons.push(reason));
          await lapse();
          await diagnosed(async () => {
            await approve(module, left.decisionId);
            await time.tickAsync(100);
          });
          expect([runs.length, await statusOf(left), reasons]).to.deep.equal([0, 'approved', ['no-instance']]);
        });
      }

      it('keeps nothing else waiting where it never answers', async () => {
        const { Till, info } = defineTill();
        const left = await leave(info);
        const other = await leave(info, { amount: 6, note: 'n' });
        const tills: object[] = [];
        restart({ resolve: (_, { taskId }) => (taskId === left.taskId ? new Promise(() => {}) : tills[0]) });
        tills.push(new Till());
        await lapse();
        for (const { decisionId } of [left, other]) await approve(module, decisionId);
        await time.tickAsync(60_000);
        expect(runs.map(({ args }) => args[0])).to.deep.equal([6]);
        expect(await statusOf(left)).to.equal('approved');
      });

      it('is asked for a class that was registered and never constructed', async () => {
        const { Till, info } = defineTill();
        const left = await leave(info);
        restart({ resolve: (target) => new (target as unknown as new () => object)() });
        module.register(Till);
        await lapse();
        await approve(module, left.decisionId);
        await time.tickAsync(100);
        expect(runs).to.have.length(1);
        expect(runs[0]?.self).to.be.instanceOf(Till);
      });

      it('is not asked for a static method or a function', async () => {
        const key = `fn-${(keys += 1)}`;
        class Bank {
          @AegisGuard({ toolName: 'close', key: `${key}-static`, module: () => module, params: ['id'] })
          static async close(id: string): Promise<void | PendingApproval<void>> {
            note(this, id);
          }
        }
        const pay = guard(async (id: string) => note(undefined, id), {
          toolName: 'pay',
          key: `${key}-bare`,
          module: () => module,
          params: ['id'],
        });
        const left = [
          await leave(getGuard(Bank, 'close') as GuardInfo, { id: 'a' }, { target: class Bank {} }),
          await leave(getGuard(pay) as GuardInfo, { id: 'b' }, { target: undefined }),
        ];
        restart({ resolve: () => ({ not: 'a class' }) });
        await lapse();
        for (const { decisionId } of left) await approve(module, decisionId);
        await time.tickAsync(100);
        expect(runs.map(({ self, args }) => [self, ...args])).to.deep.equal([
          [Bank, 'a'],
          [undefined, 'b'],
        ]);
      });
    });

    describe('waits', () => {
      it('where there are several instances and no `resolve`', async () => {
        const { Till, info } = defineTill();
        const left = await leave(info);
        restart();
        const tills = [new Till(), new Till()];
        const reasons: string[] = [];
        module.tasks.on('waiting-for-worker', ({ reason }) => reasons.push(reason));
        await lapse();
        await approve(module, left.decisionId);
        await time.tickAsync(100);
        expect([tills.length, runs.length, await statusOf(left), reasons]).to.deep.equal([2, 0, 'approved', ['several-instances']]);
      });

      it('where this process has no guard of its key, and where it has two', async () => {
        const { info } = defineTill();
        const [none, two] = [await leave({ ...info, key: 'nobody’s' }, { amount: 1 }, { signature: 's' }), await leave(info)];
        for (let i = 0; i < 2; i++) {
          class Twin {
            @AegisGuard({ toolName: 'refund', key: info.key, module: () => module, params: ['amount', 'note'] })
            async refund(amount: number, _note: string): Promise<void | PendingApproval<void>> {
              note(this, amount);
            }
          }
          expect(new Twin()).to.be.instanceOf(Twin);
        }
        restart();
        const reasons: unknown[] = [];
        module.tasks.on('waiting-for-worker', ({ task, reason }) => reasons.push([task.taskId, reason]));
        await lapse();
        for (const { decisionId } of [none, two]) await approve(module, decisionId);
        await time.tickAsync(100);
        expect(reasons).to.have.deep.members([
          [none.taskId, 'no-guard'],
          [two.taskId, 'several-guards'],
        ]);
        expect([runs.length, await statusOf(none), await statusOf(two)]).to.deep.equal([0, 'approved', 'approved']);
      });

      it('where its guard is of another module of this process', async () => {
        const { Till, info } = defineTill({ module: () => before });
        const left = await leave(info);
        restart();
        expect(new Till()).to.be.instanceOf(Till);
        const reasons: string[] = [];
        module.tasks.on('waiting-for-worker', ({ reason }) => reasons.push(reason));
        await lapse();
        await approve(module, left.decisionId);
        await time.tickAsync(100);
        expect([runs.length, reasons]).to.deep.equal([0, ['no-guard']]);
      });
    });

    describe('is denied, and never runs,', () => {
      async function refusedAfter(left: Left, code: string): Promise<Task & { error: { message: string } }> {
        await lapse();
        await approve(module, left.decisionId);
        await time.tickAsync(100);
        const task = (await taskOf(left)) as Task & { error: { message: string } };
        expect([runs.length, task.status]).to.deep.equal([0, 'denied']);
        expect(task.error).to.include({ code });
        return task;
      }

      it('where its guard names other parameters by now', async () => {
        const { Till, info } = defineTill();
        const left = await leave(info, { amount: 5 }, { signature: 'that of an earlier version' });
        restart();
        expect(new Till()).to.be.instanceOf(Till);
        await refusedAfter(left, 'guard_changed');
      });

      it('where its guard has another tool name by now', async () => {
        const { Till, info } = defineTill();
        const left = await leave({ ...info, toolName: 'pay' }, undefined, { signature: bindingOf(info)?.spec.signature });
        restart();
        expect(new Till()).to.be.instanceOf(Till);
        await refusedAfter(left, 'guard_changed');
      });

      it('where its guard takes an argument by now that no store can keep', async () => {
        const { Till, info } = defineTill({ opaque: ['note'] });
        const left = await leave({ ...info, opaque: [] }, { amount: 5 }, { signature: bindingOf(info)?.spec.signature });
        restart();
        expect(new Till()).to.be.instanceOf(Till);
        await refusedAfter(left, 'opaque_not_durable');
      });

      it('where it would run for another agent', async () => {
        const { Till, info } = defineTill({ agentId: () => 'somebody' });
        const left = await leave(info);
        restart();
        expect(new Till()).to.be.instanceOf(Till);
        await refusedAfter(left, 'caller_changed');
      });

      it('where it would run in another session', async () => {
        const { Till, info } = defineTill({ session: { user_id: 'eve' } });
        const left = await leave(info, undefined, { session: { user_id: 'ann' } });
        restart();
        expect(new Till()).to.be.instanceOf(Till);
        await refusedAfter(left, 'caller_changed');
      });

      it('where agent or session cannot be established', async () => {
        const { Till, info } = defineTill({
          agentId: () => {
            throw new Error('no identity provider');
          },
        });
        const left = await leave(info);
        restart();
        expect(new Till()).to.be.instanceOf(Till);
        await diagnosed(() => refusedAfter(left, 'caller_changed'));
      });

      for (const [what, security, change] of [
        [
          'params',
          'approval_binding_mismatch',
          ({ origin }: Task) => ({ origin: { ...origin, originalParams: { amount: 5_000, note: 'n' } } }),
        ],
        ['session', 'approval_binding_mismatch', () => ({ session: { user_id: 'eve' } })],
        ['digest of its params', 'stored_call_tampered', () => ({ originalDigest: canonicalDigest({ amount: 5_000 }) })],
        ['digest of its session', 'stored_call_tampered', () => ({ sessionDigest: canonicalDigest({ user_id: 'eve' }) })],
      ] as const) {
        it(`where somebody has changed its ${what} in the store, which is reported`, async () => {
          const { Till, info } = defineTill();
          const left = await leave(info);
          first.tamper(left.taskId, change((await taskOf(left, before)) as Task));
          restart();
          expect(new Till()).to.be.instanceOf(Till);
          const seen = await diagnosed(() => refusedAfter(left, 'approved_params_changed'));
          expect(securityCodes(seen)).to.deep.equal([security]);
        });
      }

      it('where its params and their digests were all changed: nobody approved those', async () => {
        const { Till, info } = defineTill();
        const left = await leave(info);
        const [other] = [{ amount: 5_000, note: 'n' }];
        const { digest } = (await taskOf(await leave(info, other), before)) as Task;
        const { origin } = (await taskOf(left, before)) as Task;
        restart();
        expect(new Till()).to.be.instanceOf(Till);
        first.tamper(left.taskId, { params: other, digest, originalDigest: digest, origin: { ...origin, originalParams: other } });
        const seen = await diagnosed(() => refusedAfter(left, 'approved_params_changed'));
        expect(securityCodes(seen)).to.deep.equal(['approval_digest_mismatch']);
      });

      for (const [what, change] of [
        ['session, with its digest', () => ({ session: { user_id: 'ceo' }, sessionDigest: canonicalDigest({ user_id: 'ceo' }) })],
        ['mode', () => ({ mode: 'throw' })],
        ['guard', () => ({ guardKey: 'another' })],
        ['tool', () => ({ toolName: 'pay' })],
        ['agent', () => ({ agentId: 'another' })],
        ['number of arguments', ({ origin }: Task) => ({ origin: { ...origin, argumentCount: 1 } })],
        ['class', ({ origin }: Task) => ({ origin: { ...origin, target: 'Other' } })],
        ['signature', ({ origin }: Task) => ({ origin: { ...origin, signature: 'of others' } })],
        ['word on running again', ({ origin }: Task) => ({ origin: { ...origin, idempotent: true } })],
      ] as const) {
        for (const policies of ['asks', 'allows'] as const) {
          it(`where somebody has changed its ${what}, and a fresh decision ${policies}`, async () => {
            const { Till, info } = defineTill();
            const left = await leave(info);
            first.faults.fail('claim', { times: 99 });
            await approve(before, left.decisionId);
            await time.tickAsync(10);
            first.tamper(left.taskId, change((await taskOf(left, before)) as Task));
            const allow = { policies: { text: '@id("all") permit (principal, action, resource);' } };
            const seen = await diagnosed(async () => {
              restart(policies === 'asks' ? {} : allow);
              expect(new Till()).to.be.instanceOf(Till);
              await lapse();
            });
            expect([runs.length, await statusOf(left)]).to.deep.equal([0, 'denied']);
            expect(securityCodes(seen)).to.deep.equal(['approval_binding_mismatch']);
          });
        }
      }

      it('a second time, where its stored task was put back to the approved one', async () => {
        const { Till, info } = defineTill();
        const left = await leave(info);
        first.faults.fail('claim', { times: 99 });
        await approve(before, left.decisionId);
        await time.tickAsync(10);
        const approved = (await taskOf(left, before)) as Task;
        restart();
        expect(new Till()).to.be.instanceOf(Till);
        await lapse();
        expect([runs.length, await statusOf(left)]).to.deep.equal([1, 'completed']);
        first.tamper(left.taskId, { ...approved, result: undefined });
        const seen = await diagnosed(async () => {
          restart();
          await lapse();
        });
        expect([runs.length, await statusOf(left)]).to.deep.equal([1, 'unknown']);
        expect(securityCodes(seen)).to.deep.equal(['approval_already_begun']);
      });
    });

    describe('of every kind of guard', () => {
      it('runs: #private methods, rest parameters, a sole object, @AegisAgent, schemas', async () => {
        const key = `kind-${(keys += 1)}`;
        const common = { module: () => module };
        @AegisAgent('kinds')
        class Kinds {
          @AegisGuard({ ...common, toolName: 'rest', key: `${key}-rest`, params: ['first', '...others'] })
          async rest(first_: string, ...others: string[]): Promise<void | PendingApproval<void>> {
            note(this, 'rest', first_, ...others);
          }

          @AegisGuard({ ...common, toolName: 'sole', key: `${key}-sole` })
          async sole(params: { at: Date; big: bigint }): Promise<void | PendingApproval<void>> {
            note(this, 'sole', params);
          }

          @AegisGuard({
            ...common,
            toolName: 'typed',
            key: `${key}-typed`,
            params: ['text'],
            schema: v.object({ text: v.pipe(v.string(), v.trim()) }),
          })
          async typed(text: string): Promise<void | PendingApproval<void>> {
            note(this, 'typed', text);
          }

          @AegisGuard({ ...common, toolName: 'hidden', key: `${key}-hidden`, params: ['x'] })
          async #hidden(x: number): Promise<void | PendingApproval<void>> {
            note(this, 'hidden', x);
          }

          callHidden(x: number): Promise<unknown> {
            return this.#hidden(x);
          }
        }
        // one object, in both lives: what it is called on in the first is the sole instance of the second
        const kinds = new Kinds();
        const sole = { at: new Date(5), big: 12n };
        const handles = (await Promise.all([
          soon(kinds.rest('a', 'b', 'c')),
          soon(kinds.sole(sole)),
          soon(kinds.typed('  t ')),
          soon(kinds.callHidden(7)),
        ])) as PendingApproval[];
        restart();
        await lapse();
        for (const { decisionId } of handles) await approve(module, decisionId);
        await time.tickAsync(100);
        expect(runs.map((r) => r.args)).to.have.deep.members([
          ['rest', 'a', 'b', 'c'],
          ['sole', sole],
          ['typed', 't'],
          ['hidden', 7],
        ]);
        expect(runs.map((r) => r.taskId)).to.have.members(handles.map((h) => h.taskId));
        expect(runs.every((r) => r.self === kinds)).to.equal(true);
      });

      it('runs in the session of withSession(), in async-local mode, and nested guards find it', async () => {
        await soon(before.close());
        module = before = durableModule((first = new SharedMemoryStore({ later })), { sessions: 'async-local' });
        const { Till, info } = defineTill({ agentId: () => 'bot' });
        const till = new Till();
        const handle = (await soon(before.withSession({ user_id: 'ann' }, () => till.refund(5)))) as unknown as PendingApproval;
        expect(handle.taskId).to.be.a('string');
        restart({ sessions: 'async-local' });
        await lapse();
        expect(await taskOf(handle)).to.deep.include({ session: { user_id: 'ann' }, guardKey: info.key });
        await approve(module, handle.decisionId);
        await time.tickAsync(100);
        expect(runs.map((r) => r.args)).to.deep.equal([[5, 'by default']]);
      });
    });
  });
}

describe('A stored call of a class under experimentalDecorators', () => {
  it('runs on the instance that is registered, and a static method on its class', async function () {
    this.timeout(60_000);
    const { module: loaded, remove } = await loadUnderLegacyEmit('guard/fixtures/LegacyTill.ts');
    const time = useFakeTimers({ now: Date.UTC(2026, 0, 1) });
    try {
      type LegacyTill = { refund(amount: number): Promise<unknown> };
      const { here, LegacyTill, runs } = loaded as {
        here: { module: AegisModule };
        LegacyTill: { new (): LegacyTill; shut(id: string): Promise<unknown> };
        runs: unknown[][];
      };
      const first = new SharedMemoryStore();
      const before = (here.module = durableModule(first));
      const infos = [getGuard(LegacyTill, 'refund'), getGuard(LegacyTill, 'shut')] as GuardInfo[];
      const left = [
        (await callElsewhere(before, infos[0]!, { amount: 5 }, { target: new (class LegacyTill {})() })).schedule(),
        (await callElsewhere(before, infos[1]!, { id: 'a' }, { target: class LegacyTill {} })).schedule(),
      ];
      first.die();
      const after = (here.module = durableModule(first.another()));
      after.register(LegacyTill);
      const till = new LegacyTill();
      await time.tickAsync(LEASE_MS + 2 * SWEEP_MS);
      for (const { decisionId } of left) await approve(after, decisionId);
      await time.tickAsync(100);
      expect(runs).to.deep.equal([[LegacyTill, 'a']]);
      after.register(till);
      await time.tickAsync(100);
      expect(runs).to.deep.equal([
        [LegacyTill, 'a'],
        [till, 5],
      ]);
      await after.close();
    } finally {
      time.restore();
      remove();
    }
  });
});

describe('A task whose outcome nobody knows', () => {
  let time: SinonFakeTimers;
  beforeEach(() => (time = useFakeTimers({ now: Date.UTC(2026, 0, 1) })));
  afterEach(() => time.restore());

  async function setup({
    options = {},
    guardOptions = {},
    policies,
  }: { options?: AegisOptions; guardOptions?: object; policies?: string } = {}) {
    const first = new SharedMemoryStore();
    let module = durableModule(first, options);
    const before = module;
    const key = `unknown-${(keys += 1)}`;
    const runs: unknown[] = [];
    class Till {
      @AegisGuard({ toolName: 'refund', key, module: () => module, params: ['amount'], ...guardOptions } as never)
      async refund(amount: number): Promise<void> {
        runs.push([this, amount, currentCall()?.taskId]);
        if (module === before) await new Promise(() => {});
      }
    }
    const till = new Till();
    const { taskId, decisionId } = (await till.refund(5)) as unknown as PendingApproval;
    await approve(before, decisionId);
    await time.tickAsync(10);
    expect(runs).to.have.length(1);
    first.die();
    const after = (module = durableModule(first.another(), {
      ...options,
      ...(policies === undefined ? {} : { policies: { text: policies } }),
    }));
    await time.tickAsync(LEASE_MS + 2 * SWEEP_MS);
    const task = (await after.tasks.getTask(taskId)) as Task;
    expect(task.status).to.equal('unknown');
    return { after, before, first, taskId, till, runs, task };
  }

  it('is never run again by itself', async () => {
    const { after, runs, taskId } = await setup();
    await time.tickAsync(100_000);
    expect([runs.length, (await after.tasks.getTask(taskId))?.status]).to.deep.equal([1, 'unknown']);
    await after.close();
  });

  it('is done, or given up, by a person’s word, over which no late end goes', async () => {
    for (const [how, status] of [
      ['done', 'completed'],
      ['abandon', 'failed'],
    ] as const) {
      const { after, taskId, task } = await setup();
      const said = await after.tasks.resolveUnknown(taskId, { outcome: how, by: 'ann', reason: 'looked it up' });
      expect(said).to.deep.include({ status, resolution: { how, by: 'ann', reason: 'looked it up', atMs: Date.now() } });
      const { claimToken } = task as unknown as { claimToken: string };
      expect(await after.tasks.store.settle(taskId, claimToken, { to: 'completed', result: 'late' }, Date.now())).to.equal(undefined);
      expect(await after.tasks.getTask(taskId)).to.deep.equal(said);
      expect(await rejection(after.tasks.resolveUnknown(taskId, { outcome: how, by: 'bob' }))).to.include({ name: 'TaskStateError' });
      await after.close();
    }
  });

  it('is called again as a new task, which needs its own approval', async () => {
    const { after, runs, taskId, till } = await setup();
    expect(await after.tasks.resolveUnknown(taskId, { outcome: 'retry', by: 'ann' })).to.include({ status: 'failed' });
    const [again] = await after.tasks.listTasks({ status: 'pending' });
    expect(again).to.include({ retryOf: taskId, guardKey: (await after.tasks.getTask(taskId))?.guardKey });
    expect(runs).to.have.length(1);
    await approve(after, again!.decisionId);
    await time.tickAsync(10);
    expect(runs.slice(1)).to.deep.equal([[till, 5, again!.taskId]]);
    expect((await after.tasks.getTask(again!.taskId))?.status).to.equal('completed');
    await after.close();
  });

  it('is called again by one of two who say so at once', async () => {
    const { after, taskId } = await setup();
    const both = await Promise.allSettled(['ann', 'bob'].map((by) => after.tasks.resolveUnknown(taskId, { outcome: 'retry', by })));
    expect(both.filter((b) => b.status === 'fulfilled')).to.have.length(1);
    expect(await after.tasks.listTasks({ status: 'pending' })).to.have.length(1);
    await after.close();
  });

  it('is called at once where policy allows it by now, and its error is told', async () => {
    const { after, runs, taskId } = await setup({ policies: '@id("all") permit (principal, action, resource);' });
    await after.tasks.resolveUnknown(taskId, { outcome: 'retry', by: 'ann' });
    expect(runs).to.have.length(2);
    await after.close();
  });

  it('is not called again where policy denies it by now: it is settled, and the refusal told', async () => {
    const { after, runs, taskId } = await setup({ policies: '@id("no") forbid (principal, action, resource);' });
    expect(await rejection(after.tasks.resolveUnknown(taskId, { outcome: 'retry', by: 'ann' }))).to.include({ name: 'ForbiddenError' });
    expect([runs.length, (await after.tasks.getTask(taskId))?.status]).to.deep.equal([1, 'failed']);
    await after.close();
  });

  it('is not called again, and stays, while its holder lives, unless the person knows better', async () => {
    const { after, first, taskId } = await setup();
    const holder = first.another();
    first.tamper(taskId, { executorId: holder.ownerId });
    await holder.tasks.heartbeat(60_000, Date.now());
    const error = await rejection(after.tasks.resolveUnknown(taskId, { outcome: 'retry', by: 'ann' }));
    expect(error).to.include({ name: 'TaskStateError' });
    expect(error.message).to.contain('is alive');
    expect((await after.tasks.getTask(taskId))?.status).to.equal('unknown');
    await after.tasks.resolveUnknown(taskId, { outcome: 'retry', by: 'ann', confirmExecutorDead: true });
    expect((await after.tasks.getTask(taskId))?.status).to.equal('failed');
    await after.close();
  });

  it('is not called again, and stays, where this process cannot call it', async () => {
    const { after, first, taskId, task } = await setup();
    for (const [change, why] of [
      [{ guardKey: 'nobody’s' }, 'no guard with its key'],
      [{ toolName: 'pay' }, 'another tool name'],
    ] as const) {
      first.tamper(taskId, change);
      const error = await rejection(after.tasks.resolveUnknown(taskId, { outcome: 'retry', by: 'ann' }));
      expect(error).to.include({ name: 'TaskStateError' });
      expect(error.message).to.contain(why);
      expect((await after.tasks.getTask(taskId))?.status).to.equal('unknown');
      first.tamper(taskId, { guardKey: task.guardKey, toolName: task.toolName });
    }
    await after.close();
  });

  it('is not called again where its opaque arguments are gone', async () => {
    const first = new SharedMemoryStore();
    const aegis = durableModule(first);
    const send = guard(async (_to: string, _body: object) => {}, {
      toolName: 'send',
      key: `opaque-${(keys += 1)}`,
      module: aegis,
      params: ['to', 'body'],
      opaque: ['body'],
      approval: 'wait',
    });
    await aegis.ready();
    const waiting = send('ann', {}).catch(() => {});
    const [task] = await aegis.tasks.listTasks();
    first.tamper(task!.taskId, { status: 'unknown', claimToken: 't', executorId: 'gone', error: { name: 'E', message: 'm' } });
    const error = await rejection(aegis.tasks.resolveUnknown(task!.taskId, { outcome: 'retry', by: 'ann' }));
    expect(error.message).to.contain('opaque arguments, which no store can keep');
    await aegis.close();
    await waiting;
  });

  it('of mode `throw` is decided anew, and waits for its caller to redeem it', async () => {
    const first = new SharedMemoryStore();
    const aegis = durableModule(first);
    const runs: unknown[] = [];
    const key = `redeem-${(keys += 1)}`;
    const pay = guard(async (amount: number) => void runs.push(amount), {
      toolName: 'pay',
      key,
      module: aegis,
      params: ['amount'],
      approval: 'throw',
    });
    const error = (await rejection(pay(5))) as unknown as { pending: PendingApproval };
    first.tamper(error.pending.taskId, { status: 'unknown', claimToken: 't', executorId: 'gone', error: { name: 'E', message: 'm' } });
    await aegis.tasks.resolveUnknown(error.pending.taskId, { outcome: 'retry', by: 'ann' });
    const [again] = await aegis.tasks.listTasks({ status: 'pending' });
    expect(again).to.include({ retryOf: error.pending.taskId, mode: 'throw' });
    await approve(aegis, again!.decisionId);
    await time.tickAsync(60_000);
    expect(runs).to.deep.equal([]);
    await pay(5);
    expect(runs).to.deep.equal([5]);
    await aegis.close();
  });

  it('is refused where the schema would change the stored params', async () => {
    const schema = v.object({
      amount: v.pipe(
        v.number(),
        v.transform((n) => n * 100),
      ),
    });
    const { after, runs, taskId } = await setup({ guardOptions: { schema } });
    expect(runs.map((r) => (r as unknown[])[1])).to.deep.equal([500]);
    expect(await rejection(after.tasks.resolveUnknown(taskId, { outcome: 'retry', by: 'ann' }))).to.include({ name: 'ParamsError' });
    expect([runs.length, (await after.tasks.listTasks({ status: 'pending' })).length]).to.deep.equal([1, 0]);
    await after.close();
  });

  it('keeps its session when it is called again in async-local mode', async () => {
    const first = new SharedMemoryStore();
    const aegis = durableModule(first, { sessions: 'async-local' });
    const key = `scope-${(keys += 1)}`;
    const runs: unknown[] = [];
    const pay = guard(async (amount: number) => void runs.push(amount), {
      toolName: 'pay',
      key,
      module: aegis,
      params: ['amount'],
      agentId: () => 'bot',
    });
    const { taskId } = (await aegis.withSession({ user_id: 'ann' }, () => pay(5))) as PendingApproval<void>;
    first.tamper(taskId, { status: 'unknown', claimToken: 't', executorId: 'gone', error: { name: 'E', message: 'm' } });
    await aegis.tasks.resolveUnknown(taskId, { outcome: 'retry', by: 'ann' });
    const [again] = await aegis.tasks.listTasks({ status: 'pending' });
    expect(again).to.deep.include({ session: { user_id: 'ann' } });
    await approve(aegis, again!.decisionId);
    await time.tickAsync(10);
    expect(runs).to.deep.equal([5]);
    await aegis.close();
  });
});
