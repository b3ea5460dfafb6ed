import { expect } from 'chai';
import { patchTask } from '../../lib/store/patchTask.js';
import { pendingTask } from '../support/tasks.js';

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
