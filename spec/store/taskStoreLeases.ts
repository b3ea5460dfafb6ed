import { expect } from 'chai';
import { nextId } from '../../lib/common/nextId.js';
import type { ExecutingTask, PendingTask, TaskOrigin } from '../../lib/model/Task.js';
import type { SweptTasks, TaskStore } from '../../lib/store/TaskStore.js';
import { ERROR, inStatus, LATER, NOW } from './taskInStatus.js';

/** Where a task of that handle came from: resumable, and to be run once. */
export function originOf(ownerId: string, more: Partial<TaskOrigin> = {}): TaskOrigin {
  return { ownerId, resumable: true, originalParams: {}, target: '', argumentCount: 0, signature: 's', idempotent: false, ...more };
}

/** What a store does about executions that hold, are released, or are lost. A lease of 0 ms has lapsed at once, by any clock. */
export function keepsLeases(of: () => TaskStore): void {
  const executing = async (leaseMs: number, more: Partial<PendingTask> = {}): Promise<ExecutingTask> =>
    (await inStatus(of(), 'executing', more, leaseMs)) as ExecutingTask;
  const sweep = async (maxRuns = 3, limit = 100): Promise<SweptTasks> => of().sweep({ nowMs: Date.now(), maxRuns, limit });

  describe('release', () => {
    it('gives an execution back that has not begun, for the token that holds it, once', async () => {
      const task = await executing(36_000_000);
      expect(task).to.include({ runs: 1, executorId: of().ownerId });
      expect(await of().release(task.taskId, 'another', LATER)).to.equal(undefined);
      expect(await of().release('another', task.claimToken, LATER)).to.equal(undefined);
      expect(await of().get(task.taskId)).to.deep.equal(task);
      const back = await of().release(task.taskId, task.claimToken, LATER);
      expect(back).to.include({ status: 'approved', runs: 0, version: task.version + 1, approvedBy: 'ann' });
      expect(back).to.not.have.any.keys('claimToken', 'startedAtMs', 'executorId', 'leaseUntilMs');
      expect(await of().release(task.taskId, task.claimToken, LATER)).to.equal(undefined);
      expect(await of().get(task.taskId)).to.deep.equal(back);
    });

    it('is not to be had for what has ended', async () => {
      const task = await executing(36_000_000);
      const ended = await of().settle(task.taskId, task.claimToken, { to: 'unknown', error: ERROR }, LATER);
      expect(await of().release(task.taskId, task.claimToken, LATER)).to.equal(undefined);
      expect(await of().get(task.taskId)).to.deep.equal(ended);
    });
  });

  describe('heartbeat', () => {
    it('keeps a handle alive for as long as it says', async () => {
      await of().heartbeat(60_000, Date.now());
      expect(await of().isLive(of().ownerId, Date.now())).to.equal(true);
      expect(await of().isLive('another', Date.now())).to.equal(false);
      await of().heartbeat(0, Date.now());
      expect(await of().isLive(of().ownerId, Date.now())).to.equal(false);
    });

    it('tells a time that never goes back', async () => {
      const first = await of().heartbeat(1_000, Date.now());
      expect(first).to.be.greaterThan(NOW - 36_000_000);
      expect(await of().heartbeat(1_000, Date.now() - 3_600_000)).to.be.least(first);
    });

    it('renews what it executes, without a change of version', async () => {
      const task = await executing(0);
      await of().heartbeat(60_000, Date.now());
      const now = (await of().get(task.taskId)) as ExecutingTask;
      expect(now.leaseUntilMs).to.be.greaterThan(task.leaseUntilMs);
      expect(now).to.deep.equal({ ...task, leaseUntilMs: now.leaseUntilMs });
      expect(await sweep()).to.deep.equal({ unknown: [], reclaimed: [] });
    });
  });

  describe('sweep', () => {
    it('leaves alone what holds its lease, and what does not execute', async () => {
      const kept = [await executing(36_000_000)];
      for (const status of ['pending', 'approved', 'completed', 'unknown'] as const)
        kept.push((await inStatus(of(), status)) as ExecutingTask);
      expect(await sweep()).to.deep.equal({ unknown: [], reclaimed: [] });
      for (const task of kept) expect(await of().get(task.taskId)).to.deep.equal(task);
    });

    it('makes an execution unknown whose lease has lapsed, once', async () => {
      const task = await executing(0);
      const { unknown, reclaimed } = await sweep();
      expect(reclaimed).to.deep.equal([]);
      expect(unknown).to.have.length(1);
      expect(unknown[0]).to.include({ taskId: task.taskId, status: 'unknown', version: task.version + 1, executorId: of().ownerId });
      expect(unknown[0]).to.have.nested.property('error.code', 'outcome_unknown');
      expect(unknown[0]).to.not.have.property('leaseUntilMs');
      expect(await of().get(task.taskId)).to.deep.equal(unknown[0]);
      expect(await sweep()).to.deep.equal({ unknown: [], reclaimed: [] });
      expect(await of().settle(task.taskId, task.claimToken, { to: 'completed', result: 1 }, LATER)).to.include({ status: 'completed' });
    });

    it('approves an idempotent one again until it has begun too often', async () => {
      const task = await executing(0, { origin: originOf(of().ownerId, { idempotent: true }) });
      const { taskId, digest } = task;
      const first = await sweep(2);
      expect(first.unknown).to.deep.equal([]);
      expect(first.reclaimed).to.have.length(1);
      expect(first.reclaimed[0]).to.include({ status: 'approved', runs: 1 });
      expect(first.reclaimed[0]).to.not.have.any.keys('claimToken', 'executorId', 'leaseUntilMs', 'startedAtMs');
      expect(await of().settle(taskId, task.claimToken, { to: 'completed', result: 1 }, LATER)).to.equal(undefined);
      expect(await of().claim({ taskId, token: nextId('token'), digest, nowMs: NOW, leaseMs: 0 })).to.include({ runs: 2 });
      expect((await sweep(2)).unknown.map((t) => [t.taskId, t.runs])).to.deep.equal([[taskId, 2]]);
    });

    it('ends so many at a time', async () => {
      for (let i = 0; i < 5; i++) await executing(0);
      const sizes: number[] = [];
      for (let i = 0; i < 3; i++) sizes.push((await sweep(3, 2)).unknown.length);
      expect(sizes).to.deep.equal([2, 2, 1]);
    });
  });
}
