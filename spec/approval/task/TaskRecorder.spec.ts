import { expect } from 'chai';
import { TaskRecorder } from '../../../lib/approval/task/TaskRecorder.js';
import type { Task } from '../../../lib/model/Task.js';
import { MemoryTaskStore } from '../../../lib/store/memory/MemoryTaskStore.js';
import { rejection } from '../../support/rejection.js';
import { SharedMemoryStore } from '../../support/SharedMemoryStore.js';
import { pendingTask } from '../../support/tasks.js';

const ERROR = { name: 'Error', message: 'm' };

describe('TaskRecorder, of a store that others change too', () => {
  function setup(maxPending?: number) {
    const store = new SharedMemoryStore();
    const tasks = new TaskRecorder(store.tasks, { maxPending });
    const told: string[] = [];
    tasks.on('transition', ({ task, from }) => told.push(`${from} → ${task.status} ${task.version}`));
    const other = store.another();
    const heard = (task: Task, from: Task['status'] | undefined): Promise<void> =>
      tasks.onChange({ kind: 'task', taskId: task.taskId, version: task.version, status: task.status, from });
    return { store, tasks, told, other, heard };
  }

  it('tells each change of another process once, however often it is heard of', async () => {
    const { tasks, told, other, heard } = setup();
    const task = pendingTask();
    await other.tasks.insert(task);
    await heard(task, undefined);
    await heard(task, undefined);
    const approved = (await other.tasks.transition(task.taskId, ['pending'], { to: 'approved' }, Date.now())) as Task;
    await Promise.all([heard(approved, 'pending'), heard(approved, 'pending')]);
    await heard(task, undefined);
    expect(told).to.deep.equal(['undefined → pending 1', 'pending → approved 2']);
    expect(tasks.durable).to.equal(true);
  });

  it('tells nothing of a task that is gone by then', async () => {
    const { told, heard } = setup();
    await heard(pendingTask(), undefined);
    expect(told).to.deep.equal([]);
  });

  it('tells nothing older after something newer: an answer that comes late changes nothing', async () => {
    const { store, tasks, told, other, heard } = setup();
    const task = pendingTask();
    await tasks.record(task);
    const transition = store.tasks.transition.bind(store.tasks);
    store.tasks.transition = async (...args) => {
      const mine = await transition(...args);
      const next = (await other.tasks.transition(task.taskId, ['approved'], { to: 'cancelled', error: ERROR }, Date.now())) as Task;
      await heard(next, 'approved');
      return mine;
    };
    await tasks.transition(task.taskId, ['pending'], { to: 'approved' });
    expect(told).to.deep.equal(['undefined → pending 1', 'approved → cancelled 3']);
    // and what was told stays told
    await heard((await store.tasks.get(task.taskId)) as Task, 'approved');
    expect(told).to.have.length(2);
  });

  it('counts the open ones of all processes', async () => {
    const { tasks, other, heard } = setup(2);
    const [one, two] = [pendingTask(), pendingTask()];
    await other.tasks.insert(one);
    await tasks.countOpen();
    await other.tasks.insert(two);
    await heard(two, undefined);
    expect(await rejection(Promise.resolve().then(() => tasks.record(pendingTask())))).to.include({ name: 'CapacityError' });
    const ended = (await other.tasks.transition(one.taskId, ['pending'], { to: 'cancelled', error: ERROR }, Date.now())) as Task;
    await heard(ended, 'pending');
    expect(await tasks.record(pendingTask())).to.include({ outcome: 'created' });
  });

  it('counts none that could not be recorded', async () => {
    const { store, tasks } = setup(1);
    store.faults.fail('insert');
    expect(await rejection(Promise.resolve().then(() => tasks.record(pendingTask())))).to.be.instanceOf(Error);
    expect(await tasks.record(pendingTask())).to.include({ outcome: 'created' });
  });

  it('gives a claim back, and tells of it', async () => {
    const { tasks, told } = setup();
    const task = pendingTask();
    const { taskId, digest } = task;
    await tasks.record(task);
    await tasks.transition(taskId, ['pending'], { to: 'approved' });
    await tasks.claim({ taskId, digest, token: 't', nowMs: Date.now(), leaseMs: 1 });
    expect(await tasks.release(taskId, 'another')).to.equal(undefined);
    expect(await tasks.release(taskId, 't')).to.include({ status: 'approved' });
    expect(told.slice(2)).to.deep.equal(['approved → executing 3', 'executing → approved 4']);
  });

  it('keeps no outcome for later where nothing outlives the process', async () => {
    const store = new MemoryTaskStore();
    const tasks = new TaskRecorder(store);
    const task = pendingTask();
    const { taskId, digest } = task;
    await tasks.record(task);
    await tasks.transition(taskId, ['pending'], { to: 'approved' });
    await tasks.claim({ taskId, digest, token: 't', nowMs: Date.now(), leaseMs: 1 });
    tasks.settleLater(taskId, 't', { to: 'completed', result: 1 });
    await tasks.flushPendingWrites();
    expect(store.get(taskId)?.status).to.equal('executing');
  });
});
