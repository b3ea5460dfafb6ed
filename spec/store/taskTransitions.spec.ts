import { expect } from 'chai';
import type { ApprovedTask, ExecutingTask, PendingTask, Task, TaskStatus, UnknownTask } from '../../lib/model/Task.js';
import { TASK_STATUSES } from '../../lib/model/Task.js';
import {
  claimed,
  insertionOver,
  lapsed,
  patchTask,
  polled,
  released,
  renewed,
  restored,
  settled,
  taskCounts,
  transitionedTask,
} from '../../lib/store/taskTransitions.js';
import { BOUND_FIELDS } from '../../lib/store/TaskStore.js';
import { pendingTask } from '../support/tasks.js';
import { originOf } from './taskStoreLeases.js';

const ERROR = { name: 'Error', message: 'as recorded' };
const NOW = 1_000;
const base: PendingTask = Object.freeze(pendingTask({ createdAtMs: 0, updatedAtMs: 0, expiresAtMs: 5_000 }));
const approved = Object.freeze(transitionedTask(base, ['pending'], { to: 'approved', approvedBy: 'ann' }, 1)) as ApprovedTask;
const { digest, taskId } = base;
const executing = claimed(approved, { taskId, token: 't', digest, nowMs: 2, leaseMs: 100 }, 'me') as ExecutingTask;
const unknown = lapsed(executing, NOW, 1) as UnknownTask;
const inEvery = (status: TaskStatus): Task => ({ ...executing, status }) as Task;

describe('The changes of a task that every store makes', () => {
  describe('insertionOver', () => {
    it('finds the same task, or one bound to something else', () => {
      expect(insertionOver(approved, { ...base, taskId: 'other' })).to.deep.equal({ outcome: 'exists', task: approved });
      for (const field of BOUND_FIELDS)
        expect(insertionOver(approved, { ...base, [field]: 'else' })).to.deep.equal({ outcome: 'conflict', task: approved });
    });
  });

  describe('transitionedTask', () => {
    it('goes one version on, at that time, and keeps the rest', () => {
      expect(approved).to.deep.equal({ ...base, status: 'approved', approvedBy: 'ann', version: 2, updatedAtMs: 1 });
      expect(Object.isFrozen(approved)).to.equal(true);
    });

    it('is none from another status, along no edge, or in the place of a claim or a settle', () => {
      expect(transitionedTask(base, ['approved'], { to: 'denied', error: ERROR }, 1)).to.equal(undefined);
      expect(transitionedTask(approved, TASK_STATUSES, { to: 'approved' }, 1)).to.equal(undefined);
      expect(transitionedTask(approved, TASK_STATUSES, { to: 'executing' } as never, 1)).to.equal(undefined);
      expect(transitionedTask(executing, TASK_STATUSES, { to: 'failed', error: ERROR }, 1)).to.equal(undefined);
    });

    it('keeps the earlier approval when a person is asked again, and forgets who gave it', () => {
      const again = { to: 'pending', decisionId: 'new', params: {}, digest: 'd', reason: undefined, expiresAtMs: 9 } as const;
      const next = transitionedTask(approved, ['approved'], again, 3);
      expect(next).to.deep.include({ status: 'pending', decisionId: 'new', history: [base.decisionId], digest: 'd', version: 3 });
      expect(next).to.not.have.property('approvedBy');
      expect(next).to.have.property('reason', undefined);
    });

    it('leaves no error on what a person calls completed', () => {
      expect(transitionedTask(unknown, ['unknown'], { to: 'completed', result: 1 }, 4)).to.include({ status: 'completed', result: 1 });
      expect(transitionedTask(unknown, ['unknown'], { to: 'completed', result: 1 }, 4)).to.not.have.property('error');
    });
  });

  describe('claimed', () => {
    const claim = { taskId, token: 't', digest, nowMs: 2, leaseMs: 100 };

    it('has its token, its holder, its lease and one run more', () => {
      expect(executing).to.deep.equal({
        ...approved,
        status: 'executing',
        claimToken: 't',
        executorId: 'me',
        leaseUntilMs: 102,
        startedAtMs: 2,
        runs: 1,
        version: 3,
        updatedAtMs: 2,
      });
    });

    it('takes the lease from the store’s clock, and the end of the approval from the later of the two', () => {
      expect(claimed(approved, claim, 'me', 50)).to.include({ leaseUntilMs: 150, startedAtMs: 2 });
      expect(claimed(approved, { ...claim, nowMs: 4_999 }, 'me', 10)).to.include({ leaseUntilMs: 110 });
      for (const [nowMs, storeNowMs] of [
        [5_000, 10],
        [10, 5_000],
      ] as const)
        expect(claimed(approved, { ...claim, nowMs }, 'me', storeNowMs)).to.equal(undefined);
    });

    it('is none of another digest, of another status, or of no task', () => {
      expect(claimed(approved, { ...claim, digest: '' }, 'me')).to.equal(undefined);
      expect(claimed(undefined, claim, 'me')).to.equal(undefined);
      for (const status of TASK_STATUSES.filter((s) => s !== 'approved')) expect(claimed(inEvery(status), claim, 'me')).to.equal(undefined);
    });
  });

  describe('released', () => {
    it('is approved as it was, but for its version and its time', () => {
      expect(released(executing, 't', 7)).to.deep.equal({ ...approved, version: 4, updatedAtMs: 7 });
    });

    it('is none for another token, another status or no task', () => {
      expect(released(executing, 'other', 7)).to.equal(undefined);
      expect(released(undefined, 't', 7)).to.equal(undefined);
      for (const status of TASK_STATUSES.filter((s) => s !== 'executing')) expect(released(inEvery(status), 't', 7)).to.equal(undefined);
    });
  });

  describe('settled', () => {
    it('ends an execution, or one that was lost sight of, without what belonged to it', () => {
      for (const task of [executing, unknown]) {
        const next = settled(task, 't', { to: 'completed', result: [1] }, 8);
        expect(next).to.deep.include({ status: 'completed', result: [1], version: task.version + 1, updatedAtMs: 8 });
        expect(next).to.not.have.any.keys('error', 'leaseUntilMs');
        expect(settled(task, 't', { to: 'failed', error: ERROR }, 8)).to.deep.include({ status: 'failed', error: ERROR });
      }
      expect(settled(executing, 't', { to: 'unknown', error: ERROR }, 8)).to.include({ status: 'unknown', claimToken: 't' });
    });

    it('is none for another token, for no task, or for what is neither', () => {
      expect(settled(executing, 'other', { to: 'completed', result: 1 }, 8)).to.equal(undefined);
      expect(settled(undefined, 't', { to: 'completed', result: 1 }, 8)).to.equal(undefined);
      expect(settled(unknown, 't', { to: 'unknown', error: ERROR }, 8)).to.equal(undefined);
      for (const status of TASK_STATUSES.filter((s) => s !== 'executing' && s !== 'unknown'))
        expect(settled(inEvery(status), 't', { to: 'failed', error: ERROR }, 8)).to.equal(undefined);
    });
  });

  describe('lapsed', () => {
    it('is unknown, with the token and the holder it had', () => {
      expect(unknown).to.include({ status: 'unknown', claimToken: 't', executorId: 'me', version: 4, updatedAtMs: NOW });
      expect(unknown.error).to.include({ name: 'OutcomeUnknownError', code: 'outcome_unknown' });
      expect(unknown).to.not.have.property('leaseUntilMs');
    });

    it('is approved again where it may run again, until it has begun too often', () => {
      const idempotent: Task = { ...executing, origin: originOf('h', { idempotent: true }) };
      const again = lapsed(idempotent, NOW, 2);
      expect(again).to.include({ status: 'approved', runs: 1, version: 4 });
      expect(again).to.not.have.any.keys('claimToken', 'executorId', 'leaseUntilMs', 'startedAtMs');
      expect(lapsed(idempotent, NOW, 1)).to.include({ status: 'unknown' });
      expect(lapsed({ ...executing, origin: originOf('h') }, NOW, 9)).to.include({ status: 'unknown' });
    });

    it('is none while the lease holds, nor for what does not execute', () => {
      expect(lapsed(executing, 101, 1)).to.equal(undefined);
      expect(lapsed(executing, 102, 1)).to.include({ status: 'unknown' });
      expect(lapsed(undefined, NOW, 1)).to.equal(undefined);
      for (const status of TASK_STATUSES.filter((s) => s !== 'executing')) expect(lapsed(inEvery(status), NOW, 1)).to.equal(undefined);
    });
  });

  describe('restored', () => {
    it('is unknown, at that time, and keeps who approved it', () => {
      const next = restored(approved, 9);
      expect(next).to.deep.include({ ...approved, status: 'unknown', version: 3, updatedAtMs: 9 });
      expect(next).to.have.nested.property('error.code', 'outcome_unknown');
    });

    it('has the fields of one whose lease lapsed: only the lease is gone', () => {
      const next = restored(executing, NOW);
      expect(Object.keys(next).sort()).to.deep.equal(Object.keys(unknown).sort());
      expect(next).to.include({ approvedBy: 'ann', claimToken: 't', executorId: 'me', startedAtMs: 2, runs: 1 });
      expect(next).to.not.have.property('leaseUntilMs');
    });

    it('is not approved again where it is idempotent: how often it ran is not known', () => {
      expect(restored({ ...executing, origin: originOf('h', { idempotent: true }) }, NOW)).to.include({ status: 'unknown' });
    });

    it('accepts the late outcome of the execution that it had', () => {
      expect(settled(restored(executing, NOW), 't', { to: 'completed', result: 1 }, 9)).to.include({ status: 'completed', result: 1 });
      expect(settled(restored(approved, NOW), 't', { to: 'completed', result: 1 }, 9)).to.equal(undefined);
    });
  });

  it('taskCounts has every status, found or not', () => {
    expect(Object.keys(taskCounts())).to.deep.equal(TASK_STATUSES);
    expect(taskCounts([['denied', 3]])).to.deep.include({ pending: 0, denied: 3 });
  });

  it('renewed has another lease, and the version and the time it had', () => {
    expect(renewed(executing, 'me', 900)).to.deep.equal({ ...executing, leaseUntilMs: 900 });
    expect(renewed(executing, 'another', 900)).to.equal(undefined);
    for (const status of TASK_STATUSES.filter((s) => s !== 'executing')) expect(renewed(inEvery(status), 'me', 900)).to.equal(undefined);
  });

  it('polled has one poll more, and the version and the time it had', () => {
    expect(polled(executing)).to.deep.equal({ ...executing, attemptCount: 1 });
  });
});

describe('patchTask', () => {
  const stamp = { status: 'approved', updatedAtMs: 7, version: 2 } as const;

  it('has the fields of the task, of the change and of the stamp, of which the last one counts', () => {
    const task = pendingTask({ reason: 'large' });
    const next = patchTask(task, { to: 'approved', approvedBy: 'bob', reason: 'changed', version: 99 }, stamp);
    expect(next).to.deep.equal({ ...task, reason: 'changed', approvedBy: 'bob', status: 'approved', updatedAtMs: 7, version: 2 });
  });

  it('is a new object, and leaves the old one as it was', () => {
    const task = Object.freeze(pendingTask());
    const before = { ...task };
    expect(patchTask(task, { approvedBy: 'bob' }, stamp)).to.not.equal(task);
    expect(task).to.deep.equal(before);
  });

  it('leaves out what its next status does not have, but not what the change brings', () => {
    const task = { ...pendingTask(), approvedBy: 'bob', error: { name: 'Error', message: 'old' } };
    const error = { name: 'Error', message: 'new' };
    const next = patchTask(task, { to: 'denied', error }, { ...stamp, status: 'denied' }, ['approvedBy', 'error']);
    expect(next).to.not.have.property('approvedBy');
    expect(next).to.not.have.property('to');
    expect(next).to.have.property('error', error);
  });

  it('keeps a field that is there and undefined', () => {
    const next = patchTask(pendingTask({ reason: undefined }), { approvedBy: undefined }, stamp);
    expect(next).to.have.property('reason', undefined);
    expect(next).to.have.property('approvedBy', undefined);
  });
});
