import { expect } from 'chai';
import type { Awaitable } from '../../lib/common/awaitable.js';
import type { ExecutingTask, PendingTask, Task, TaskStatus } from '../../lib/model/Task.js';
import { isFinished, isLegalEdge, TASK_STATUSES } from '../../lib/model/Task.js';
import type { TaskChange, TaskStore, TaskSummary } from '../../lib/store/TaskStore.js';
import { BOUND_FIELDS } from '../../lib/store/TaskStore.js';
import { pendingTask } from '../support/tasks.js';
import { ERROR, inStatus, LATER, NOW } from './taskInStatus.js';
import { keepsLeases } from './taskStoreLeases.js';
import { findsTasks } from './taskStoreFinding.js';
import { outlivesItsProcess, sharesWithOthers } from './taskStoreHandles.js';
import type { OtherHandles } from './taskStoreHandles.js';
import { changeAll, notFrozen } from '../support/changes.js';
import { eachOf } from '../support/eachOf.js';

/**
 * The contract of task stores. `make` gives an empty store, open; what it opened is closed by the store's own `close`. A store that others can open
 * as well, or that outlives its process, gives `options` and is held to more.
 */
export function behavesLikeTaskStore(name: string, make: () => Awaitable<TaskStore>, options: OtherHandles = {}): void {
  describe(`${name}, as a TaskStore`, () => {
    let store: TaskStore;
    beforeEach(async () => (store = await make()));
    afterEach(() => store.close?.());

    describe('insert', () => {
      it('gives back every field as it was recorded', async () => {
        const task = pendingTask({
          params: { text: 'ü\u0000"', at: new Date(5), big: 12n ** 30n, list: [1, null, { a: false }] },
          session: { user_id: 'ann' },
          metadata: { ticket: 'T-1', nested: { a: [1] } },
          reason: undefined,
          retryOf: 'task-0',
        });
        expect((await store.insert(task)).outcome).to.equal('created');
        expect(await store.get(task.taskId)).to.deep.equal(task);
        expect(await store.get('another')).to.equal(undefined);
      });

      it('hands out deep-frozen copies: nothing that is done to them, or to what was given, changes a task (A7)', async () => {
        const nested = { list: [{ a: 1 }], at: new Date(5) };
        const task = pendingTask({ params: { nested }, metadata: { nested }, session: { user_id: 'ann', roles: ['x'] } });
        const { task: inserted } = await store.insert(task);
        const { taskId, decisionId, digest } = inserted;
        const reads: (() => Awaitable<Task | undefined>)[] = [
          () => store.get(taskId),
          () => store.ofDecision(decisionId),
          async () => (await store.list({}))[0],
          () => store.findOpen({ ...inserted, mode: 'defer' }),
        ];
        const check = async (changed: Task | undefined): Promise<void> => {
          const now = await store.get(taskId);
          expect(now).to.deep.equal(changed);
          expect(notFrozen(changed)).to.deep.equal([]);
          expect(changeAll(changed)).to.be.greaterThan(10);
          expect(await store.get(taskId)).to.deep.equal(now);
        };
        await check(inserted);
        for (const read of reads) await check(await read());
        changeAll(task);
        await check(await store.transition(taskId, ['pending'], { to: 'approved', approvedBy: 'ann' }, LATER));
        const claim = { taskId, token: 't', digest, nowMs: NOW, leaseMs: 1_000 };
        await check(await store.claim(claim));
        await check(await store.release(taskId, 't', NOW));
        await check(await store.claim({ ...claim, token: 't2' }));
        const result = { rows: [{ id: 1 }], at: new Date(7) };
        const settled = await store.settle(taskId, 't2', { to: 'completed', result }, NOW);
        result.rows[0]!.id = 2;
        result.at.setTime(1);
        await check(settled);
        expect(await store.get(taskId)).to.have.deep.property('result', { rows: [{ id: 1 }], at: new Date(7) });
        await store.insert(pendingTask({ taskId: 'failed' }));
        const error = { ...ERROR };
        await store.transition('failed', ['pending'], { to: 'failed', error }, NOW);
        error.message = 'changed';
        expect(await store.get('failed')).to.have.nested.property('error.message', ERROR.message);
      });

      it('is idempotent on taskId and on decisionId', async () => {
        const task = pendingTask();
        await store.insert(task);
        expect(await store.insert({ ...task })).to.deep.equal({ outcome: 'exists', task });
        expect(await store.insert({ ...task, taskId: 'another' })).to.deep.equal({ outcome: 'exists', task });
        expect((await store.counts()).pending).to.equal(1);
        expect(await store.get('another')).to.equal(undefined);
      });

      for (const field of BOUND_FIELDS) {
        it(`answers conflict where ${field} differs, and changes nothing`, async () => {
          const task = pendingTask();
          await store.insert(task);
          const other = { ...task, [field]: 'something else' };
          expect(await store.insert(other)).to.deep.equal({ outcome: 'conflict', task });
          if (field !== 'decisionId') expect((await store.insert({ ...other, taskId: 'another' })).outcome).to.equal('conflict');
          expect(await store.get(task.taskId)).to.deep.equal(task);
        });
      }

      it('lets one of many at once make the task', async () => {
        const task = pendingTask();
        const outcomes = await Promise.all(Array.from({ length: 64 }, async () => (await store.insert({ ...task })).outcome));
        expect(outcomes.filter((o) => o === 'created')).to.have.length(1);
        expect(outcomes.filter((o) => o === 'exists')).to.have.length(63);
      });
    });

    describe('list', () => {
      it('filters by status, agent and tool, oldest first, up to the limit', async () => {
        const made: PendingTask[] = [];
        for (let i = 0; i < 12; i++) {
          const task = pendingTask({ agentId: `a${i % 2}`, toolName: `t${i % 3}`, createdAtMs: NOW + i });
          made.push(task);
          await store.insert(task);
        }
        await store.transition(made[4]!.taskId, ['pending'], { to: 'approved' }, LATER);
        const ids = async (query: Parameters<TaskStore['list']>[0]): Promise<number[]> =>
          (await store.list(query)).map((t) => made.findIndex((m) => m.taskId === t.taskId));
        expect(await ids({})).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        expect(await ids({ agentId: 'a1' })).to.deep.equal([1, 3, 5, 7, 9, 11]);
        expect(await ids({ agentId: 'a0', toolName: 't1' })).to.deep.equal([4, 10]);
        expect(await ids({ agentId: 'a0', toolName: 't1', status: 'pending' })).to.deep.equal([10]);
        expect(await ids({ status: ['approved', 'denied'] })).to.deep.equal([4]);
        expect(await ids({ status: [] })).to.deep.equal([]);
        expect(await ids({ limit: 3 })).to.deep.equal([0, 1, 2]);
        expect(await ids({ agentId: 'nobody' })).to.deep.equal([]);
      });

      it('lists summaries page by page, without params and results, and with a part of what else is large (B2)', async () => {
        const session = { user_id: 'ann', note: 'x'.repeat(10_000), roles: ['a'], n: 5 };
        const made: PendingTask[] = [];
        for (let i = 0; i < 7; i++) {
          made.push(
            pendingTask({ agentId: `a${i % 2}`, params: { text: 'x'.repeat(10_000) }, session: i === 3 ? session : { user_id: 'bob' } }),
          );
          await store.insert(made[i]!);
        }
        await store.transition(made[5]!.taskId, ['pending'], { to: 'denied', error: ERROR, deniedBy: 'bob' }, LATER);
        const seen: TaskSummary[] = [];
        for (let after: string | undefined; ; after = seen.at(-1)?.cursor) {
          const page = await store.listSummaries({ agentId: 'a1', after, limit: 2 });
          seen.push(...page);
          if (page.length < 2) break;
        }
        expect(seen.map(({ taskId }) => made.findIndex((m) => m.taskId === taskId))).to.deep.equal([1, 3, 5]);
        const { params: _, origin: __, attemptCount: ___, ...rest } = made[1]!;
        expect(seen[0]).to.deep.equal({ ...rest, cursor: seen[0]?.cursor });
        expect(seen[1]).to.deep.include({ session: { user_id: 'ann', n: 5 } });
        expect(seen[2]).to.deep.include({ status: 'denied', error: ERROR, deniedBy: 'bob', updatedAtMs: LATER });
        expect(JSON.stringify(seen).length).to.be.below(6_000);
        expect(notFrozen(seen[2])).to.deep.equal([]);
        expect((await store.listSummaries({ status: ['denied'] })).map(({ taskId }) => taskId)).to.deep.equal([made[5]!.taskId]);
        expect(await store.listSummaries({ status: 'denied', after: seen[2]!.cursor })).to.deep.equal([]);
        expect((await store.list({ after: seen[1]!.cursor })).map(({ taskId }) => taskId)).to.deep.equal(
          made.slice(4).map((m) => m.taskId),
        );
        for (const after of ['', 'x', 'x:y', '-1x', '9'.repeat(30)]) expect(await store.listSummaries({ after }), after).to.deep.equal([]);
        // a page may begin after a task that is gone
        await store.delete(made[5]!.taskId, ['denied']);
        const after = await store.listSummaries({ after: seen[2]!.cursor });
        expect(after.map(({ taskId }) => taskId)).to.include(made[6]!.taskId);
      });

      it('gives 1,000 at the most unless asked for more', async () => {
        await eachOf(1_001, async () => store.insert(pendingTask()));
        expect(await store.list({})).to.have.length(1_000);
        expect(await store.list({ limit: 2_000 })).to.have.length(1_001);
      });
    });

    describe('transition', () => {
      const changes: Readonly<Record<TaskStatus, unknown>> = {
        pending: {
          to: 'pending',
          decisionId: 'dec-new',
          params: { amount: 2 },
          digest: 'digest-new',
          reason: 'again',
          expiresAtMs: NOW + 36_000_000,
        },
        approved: { to: 'approved', approvedBy: 'ann' },
        executing: { to: 'executing', claimToken: 'forged' },
        completed: { to: 'completed', result: { ok: true } },
        failed: { to: 'failed', error: ERROR },
        unknown: { to: 'unknown', error: ERROR },
        denied: { to: 'denied', error: ERROR, deniedBy: 'bob' },
        timeout: { to: 'timeout', error: ERROR },
        cancelled: { to: 'cancelled', error: ERROR },
      };
      for (const from of TASK_STATUSES) {
        for (const to of TASK_STATUSES) {
          // a claim and the end of one are no transitions: they need a token
          const own = to === 'executing' || to === 'unknown' || from === 'executing';
          const legal = isLegalEdge(from, to) && !own;
          it(`${legal ? 'goes' : 'does not go'} from ${from} to ${to}`, async () => {
            const task = await inStatus(store, from);
            const next = await store.transition(task.taskId, TASK_STATUSES, changes[to] as TaskChange, LATER);
            expect(next?.status).to.equal(legal ? to : undefined);
            const now = await store.get(task.taskId);
            if (!legal) return expect(now).to.deep.equal(task);
            const { to: _, ...patch } = changes[to] as TaskChange;
            expect(now).to.deep.equal(next);
            expect(now).to.deep.include({ ...patch, status: to, updatedAtMs: LATER, version: task.version + 1 });
          });
        }
      }

      it('changes nothing where the status is none of those named, or there is no such task', async () => {
        const task = await inStatus(store, 'approved');
        expect(await store.transition(task.taskId, ['pending'], { to: 'cancelled', error: ERROR }, LATER)).to.equal(undefined);
        expect(await store.transition(task.taskId, [], { to: 'cancelled', error: ERROR }, LATER)).to.equal(undefined);
        expect(await store.transition('another', ['pending'], { to: 'cancelled', error: ERROR }, LATER)).to.equal(undefined);
        expect(await store.get(task.taskId)).to.deep.equal(task);
      });

      it('completes a pending task where it is a manual one, and no other', async () => {
        const completed = { to: 'completed', result: { rows: 7 } } as const;
        const [manual, call] = [pendingTask({ mode: 'manual', origin: undefined, digest: '' }), pendingTask()];
        for (const task of [manual, call]) await store.insert(task);
        expect(await store.transition(call.taskId, ['pending'], completed, NOW)).to.equal(undefined);
        expect(await store.get(call.taskId)).to.include({ status: 'pending' });
        expect(await store.transition(manual.taskId, ['pending'], completed, NOW)).to.deep.include({
          status: 'completed',
          result: { rows: 7 },
        });
        expect(await store.get(manual.taskId)).to.deep.include({ status: 'completed', result: { rows: 7 }, runs: 0 });
      });

      it('lets one of many at once win', async () => {
        const task = await inStatus(store, 'pending');
        const to = ['approved', 'denied', 'timeout', 'cancelled', 'failed'] as const;
        const won = await Promise.all(
          Array.from({ length: 65 }, (_, i) => store.transition(task.taskId, ['pending'], changes[to[i % 5]!] as TaskChange, LATER)),
        );
        const winner = won.filter((t) => t !== undefined);
        expect(winner).to.have.length(1);
        expect(await store.get(task.taskId)).to.deep.equal(winner[0]);
      });

      it('keeps the old decisionId when a person is asked again, and takes no approval twice', async () => {
        const task = await inStatus(store, 'approved');
        const again = changes.pending as Extract<TaskChange, { to: 'pending' }>;
        const next = await store.transition(task.taskId, ['approved'], again, LATER);
        expect(next).to.deep.include({ decisionId: 'dec-new', history: [task.decisionId], params: { amount: 2 }, digest: 'digest-new' });
        expect(next).to.not.have.property('approvedBy');
        // the earlier one and the new one both stay taken
        for (const decisionId of [task.decisionId, 'dec-new'])
          expect((await store.insert(pendingTask({ decisionId }))).outcome).to.equal('conflict');
        await store.transition(task.taskId, ['pending'], { to: 'approved' }, LATER);
        const other = await inStatus(store, 'approved');
        for (const decisionId of [task.decisionId, 'dec-new', other.decisionId])
          expect(await store.transition(other.taskId, ['approved'], { ...again, decisionId }, LATER)).to.equal(undefined);
        expect(await store.get(other.taskId)).to.deep.equal(other);
      });

      it('drops the claim of what goes back to approved, so that its old holder can end nothing', async () => {
        const task = (await inStatus(store, 'executing')) as ExecutingTask;
        const back = await store.release(task.taskId, task.claimToken, LATER);
        expect(back).to.not.have.any.keys('claimToken', 'startedAtMs', 'executorId', 'leaseUntilMs');
        expect(await store.settle(task.taskId, task.claimToken, { to: 'completed', result: 1 }, LATER)).to.equal(undefined);
        expect(
          await store.claim({ taskId: task.taskId, token: 'second', digest: task.digest, nowMs: NOW, leaseMs: 36_000_000 }),
        ).to.include({
          claimToken: 'second',
        });
        expect(await store.settle(task.taskId, task.claimToken, { to: 'completed', result: 1 }, LATER)).to.equal(undefined);
      });

      it('leaves no error on an unknown task that a person calls completed', async () => {
        const task = await inStatus(store, 'unknown');
        const done = await store.transition(task.taskId, ['unknown'], { to: 'completed', result: 7 }, LATER);
        expect(done).to.include({ status: 'completed', result: 7 });
        expect(done).to.not.have.property('error');
      });
    });

    describe('claim', () => {
      it('takes an approved task, with its token', async () => {
        const task = await inStatus(store, 'approved');
        const claimed = await store.claim({ taskId: task.taskId, token: 't', digest: task.digest, nowMs: LATER, leaseMs: 36_000_000 });
        expect(claimed).to.include({ status: 'executing', claimToken: 't', startedAtMs: LATER, version: task.version + 1 });
        expect(await store.get(task.taskId)).to.deep.equal(claimed);
      });

      it('lets one of 64 at once have it', async () => {
        const { taskId, digest } = await inStatus(store, 'approved');
        const claims = await Promise.all(
          Array.from({ length: 64 }, (_, i) => store.claim({ taskId, token: `t${i}`, digest, nowMs: NOW, leaseMs: 36_000_000 })),
        );
        const won = claims.filter((c) => c !== undefined);
        expect(won).to.have.length(1);
        expect(await store.get(taskId)).to.deep.equal(won[0]);
      });

      for (const status of TASK_STATUSES.filter((s) => s !== 'approved')) {
        it(`refuses one that is ${status}`, async () => {
          const task = await inStatus(store, status);
          expect(await store.claim({ taskId: task.taskId, token: 't', digest: task.digest, nowMs: NOW, leaseMs: 36_000_000 })).to.equal(
            undefined,
          );
          expect(await store.get(task.taskId)).to.deep.equal(task);
        });
      }

      it('refuses another digest, and one whose time is over', async () => {
        const task = await inStatus(store, 'approved');
        const { taskId, digest, expiresAtMs } = task;
        expect(await store.claim({ taskId, token: 't', digest: `${digest} `, nowMs: NOW, leaseMs: 36_000_000 })).to.equal(undefined);
        expect(await store.claim({ taskId, token: 't', digest: '', nowMs: NOW, leaseMs: 36_000_000 })).to.equal(undefined);
        expect(await store.claim({ taskId, token: 't', digest, nowMs: expiresAtMs, leaseMs: 36_000_000 })).to.equal(undefined);
        expect(await store.claim({ taskId: 'another', token: 't', digest, nowMs: NOW, leaseMs: 36_000_000 })).to.equal(undefined);
        expect(await store.get(taskId)).to.deep.equal(task);
        expect(await store.claim({ taskId, token: 't', digest, nowMs: expiresAtMs - 1, leaseMs: 36_000_000 })).to.not.equal(undefined);
      });

      it('races a cancel, and one of the two wins', async () => {
        for (let i = 0; i < 20; i++) {
          const { taskId, digest } = await inStatus(store, 'approved');
          const claim = (): unknown => store.claim({ taskId, token: 't', digest, nowMs: NOW, leaseMs: 36_000_000 });
          const cancel = (): unknown => store.transition(taskId, ['pending', 'approved'], { to: 'cancelled', error: ERROR }, NOW);
          const both = await Promise.all(i % 2 === 0 ? [claim(), cancel()] : [cancel(), claim()]);
          expect(both.filter((x) => x !== undefined)).to.have.length(1);
        }
      });
    });

    describe('settle', () => {
      for (const to of ['completed', 'failed', 'unknown'] as const) {
        it(`ends an execution as ${to}, once, for the token that holds it`, async () => {
          const task = (await inStatus(store, 'executing')) as ExecutingTask;
          const outcome = to === 'completed' ? { to, result: [1] } : { to, error: ERROR };
          expect(await store.settle(task.taskId, 'another', outcome, LATER)).to.equal(undefined);
          expect(await store.settle('another', task.claimToken, outcome, LATER)).to.equal(undefined);
          expect(await store.get(task.taskId)).to.deep.equal(task);
          const { to: _, ...patch } = outcome;
          const ended = await store.settle(task.taskId, task.claimToken, outcome, LATER);
          expect(ended).to.deep.include({ ...patch, status: to, version: task.version + 1, updatedAtMs: LATER });
          expect(await store.settle(task.taskId, task.claimToken, outcome, LATER)).to.equal(undefined);
          expect(await store.get(task.taskId)).to.deep.equal(ended);
        });
      }

      it('is accepted late, on unknown', async () => {
        const task = (await inStatus(store, 'unknown')) as Task & { claimToken: string };
        expect(await store.settle(task.taskId, 'another', { to: 'completed', result: 1 }, LATER)).to.equal(undefined);
        const late = await store.settle(task.taskId, task.claimToken, { to: 'completed', result: 1 }, LATER);
        expect(late).to.include({ status: 'completed', result: 1 });
        expect(late).to.not.have.property('error');
      });

      it('is never accepted over a person’s word', async () => {
        for (const word of [{ to: 'completed', result: 'seen by hand' } as const, { to: 'failed', error: ERROR } as const]) {
          const task = (await inStatus(store, 'unknown')) as Task & { claimToken: string };
          const said = await store.transition(task.taskId, ['unknown'], word, LATER);
          for (const to of [
            { to: 'completed', result: 1 },
            { to: 'failed', error: ERROR },
            { to: 'unknown', error: ERROR },
          ] as const)
            expect(await store.settle(task.taskId, task.claimToken, to, LATER)).to.equal(undefined);
          expect(await store.get(task.taskId)).to.deep.equal(said);
        }
      });

      it('never ends what was not claimed', async () => {
        for (const status of ['pending', 'approved'] as const) {
          const { taskId } = await inStatus(store, status);
          for (const token of ['t', '', undefined as unknown as string])
            expect(await store.settle(taskId, token, { to: 'failed', error: ERROR }, LATER)).to.equal(undefined);
        }
      });
    });

    it('counts attempts without changing the version', async () => {
      const { taskId, version } = await inStatus(store, 'pending');
      for (const attemptCount of [1, 2]) expect(await store.countAttempt(taskId)).to.include({ taskId, attemptCount, version });
      expect(await store.get(taskId)).to.include({ attemptCount: 2, version, status: 'pending' });
      expect(await store.countAttempt('another')).to.equal(undefined);
    });

    it('deletes a task in one of the statuses named, and frees its ids', async () => {
      const task = await inStatus(store, 'approved');
      await store.transition(task.taskId, ['approved'], { ...again('dec-2') }, LATER);
      expect(await store.delete(task.taskId, ['approved'])).to.equal(false);
      expect(await store.delete(task.taskId, ['cancelled', 'pending'])).to.equal(true);
      expect(await store.delete(task.taskId, ['pending'])).to.equal(false);
      expect(await store.get(task.taskId)).to.equal(undefined);
      const other = await inStatus(store, 'approved');
      expect(await store.transition(other.taskId, ['approved'], again(task.decisionId), LATER)).to.include({ status: 'pending' });
      expect((await store.insert(pendingTask({ decisionId: 'dec-2' }))).outcome).to.equal('created');
    });

    describe('prune', () => {
      it('deletes what finished before a time, in every finished status, and nothing that is not finished', async () => {
        const kept: string[] = [];
        for (const status of TASK_STATUSES) {
          const { taskId } = await inStatus(store, status);
          if (!isFinished(status)) kept.push(taskId);
        }
        expect(await store.prune({ keep: Infinity, finishedBeforeMs: NOW })).to.equal(0);
        expect(await store.prune({ keep: Infinity, finishedBeforeMs: NOW + 1 })).to.equal(TASK_STATUSES.length - kept.length);
        expect((await store.list({})).map((t) => t.taskId)).to.deep.equal(kept);
        expect(kept).to.have.length(4);
      });

      it('deletes the oldest finished ones beyond the number kept', async () => {
        const ids: string[] = [];
        for (let i = 0; i < 5; i++) {
          const task = pendingTask();
          ids.push(task.taskId);
          await store.insert(task);
        }
        // the order in which they finish, not the one in which they were made
        for (const [at, i] of [3, 0, 4, 1].entries())
          await store.transition(ids[i]!, ['pending'], { to: 'cancelled', error: ERROR }, NOW + at);
        expect(await store.prune({ keep: 2, finishedBeforeMs: 0 })).to.equal(2);
        expect((await store.list({})).map((t) => ids.indexOf(t.taskId))).to.deep.equal([1, 2, 4]);
        expect(await store.prune({ keep: 0, finishedBeforeMs: 0 })).to.equal(2);
      });
    });

    it('counts its tasks by status', async () => {
      const zero = Object.fromEntries(TASK_STATUSES.map((s) => [s, 0]));
      expect(await store.counts()).to.deep.equal(zero);
      for (const status of TASK_STATUSES) await inStatus(store, status);
      await inStatus(store, 'denied');
      expect(await store.counts()).to.deep.equal({ ...Object.fromEntries(TASK_STATUSES.map((s) => [s, 1])), denied: 2 });
      await store.prune({ keep: 0, finishedBeforeMs: 0 });
      expect(await store.counts()).to.deep.equal({ ...zero, pending: 1, approved: 1, executing: 1, unknown: 1 });
    });

    findsTasks(() => store);
    keepsLeases(() => store);
  });
  if (options.another !== undefined) sharesWithOthers(name, make, options.another);
  if (options.reopen !== undefined) outlivesItsProcess(name, make, options.reopen);
}

function again(decisionId: string): TaskChange {
  return { to: 'pending', decisionId, params: {}, digest: 'd', reason: undefined, expiresAtMs: NOW + 36_000_000 };
}
