import { expect } from 'chai';
import { MemoryTaskStore } from '../../../lib/store/memory/MemoryTaskStore.js';
import { pendingTask } from '../../support/tasks.js';
import { behavesLikeTaskStore } from '../behavesLikeTaskStore.js';

behavesLikeTaskStore('MemoryTaskStore', () => new MemoryTaskStore());

describe('MemoryTaskStore', () => {
  it('says that its tasks end with the process', () => {
    expect(new MemoryTaskStore().durable).to.equal(false);
  });

  it('answers at once, so that a guarded call that must wait for a person costs no tick', () => {
    const store = new MemoryTaskStore();
    const task = pendingTask();
    expect(store.insert(task).outcome).to.equal('created');
    expect(store.transition(task.taskId, ['pending'], { to: 'approved' }, 1)?.status).to.equal('approved');
  });

  it('makes a new object of every change, so that what was read before stays as it was', () => {
    const store = new MemoryTaskStore();
    const task = pendingTask();
    store.insert(task);
    const before = { ...task };
    store.countAttempt(task.taskId);
    store.transition(task.taskId, ['pending'], { to: 'approved' }, 1);
    expect(task).to.deep.equal(before);
  });

  it('never has a task that is due: this process handles them all', () => {
    const store = new MemoryTaskStore();
    const task = pendingTask({ expiresAtMs: 1 });
    store.insert(task);
    store.transition(task.taskId, ['pending'], { to: 'approved' }, 1);
    const query = { nowMs: Date.now(), idleMs: 0, againMs: 0, keys: [task.guardKey], poll: true, limit: 10 };
    expect(store.due(query)).to.deep.equal([]);
    store.makeDue();
    expect(store.watch()()).to.equal(undefined);
    expect(store.due(query)).to.deep.equal([]);
  });
});
