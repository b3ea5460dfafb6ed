import { expect } from 'chai';
import { guardCall, isPending, guard, TaskStateError } from '../../lib/index.js';
import type { AegisModule, Guarded, PendingApproval, Task, TaskStatus } from '../../lib/index.js';
import { TASK_STATUSES } from '../../lib/model/Task.js';
import { rejection } from '../support/rejection.js';
import { counterpart } from './worlds.js';
import type { Rules } from './worlds.js';

const ASK: Rules = { drop: 'approval_needed', wipe: 'approval_needed' };
const NEW = { agentId: 'agent', toolName: 'import', decisionId: 'decision-1' };

async function pendingCall(aegis: AegisModule, more: object = {}): Promise<PendingApproval> {
  const call = { agentId: 'agent', toolName: 'drop', params: { table: 'users' }, ...more };
  const outcome = await guardCall(aegis, call, ({ table }) => {
    if (table === 'bad') throw new RangeError('out of range');
    return `dropped ${String(table)}`;
  });
  if (outcome.kind !== 'pending') throw new Error('it did not wait');
  return outcome.pending;
}

describe('The task manager of the Python SDK', () => {
  counterpart('TaskManager.create_task', 'makes a task for what the program itself does', {}, async (world) => {
    const { tasks } = world.configure();
    const task = await tasks.createTask({ ...NEW, taskId: 'mine', metadata: { file: 'a.csv' } });
    expect(task).to.deep.include({ ...NEW, taskId: 'mine', status: 'pending', metadata: { file: 'a.csv' } });
    expect((await tasks.createTask({ ...NEW, decisionId: 'decision-2' })).taskId).to.be.a('string');
    expect(await rejection(tasks.createTask({ ...NEW, taskId: 'another' }))).to.be.instanceOf(TaskStateError);
  });

  counterpart('TaskManager.update_status', 'ends such a task in any way; never lets a guarded call in', ASK, async (world) => {
    const aegis = world.configure();
    const { tasks } = aegis;
    const ends = ['completed', 'failed', 'denied', 'timeout', 'cancelled'] as const satisfies readonly TaskStatus[];
    for (const [i, status] of ends.entries()) {
      const { taskId } = await tasks.createTask({ ...NEW, decisionId: `decision-${i}` });
      const ended = await tasks.updateStatus(taskId, status, { result: { rows: 7 }, reason: 'because' });
      expect(ended).to.include({ status });
      if (status === 'completed') expect(ended).to.deep.include({ result: { rows: 7 } });
      else expect(ended).to.have.nested.property('error.message', 'because');
    }
    const pending = await pendingCall(aegis);
    for (const status of ['approved', 'executing', 'completed', 'unknown', 'pending'] as const)
      expect(await rejection(tasks.updateStatus(pending.taskId, status)), status).to.be.instanceOf(TaskStateError);
    expect(await tasks.updateStatus(pending.taskId, 'cancelled', { reason: 'postponed' })).to.include({ status: 'cancelled' });
    expect(await rejection(pending.completed)).to.have.property('name', 'ApprovalCancelledError');
  });

  counterpart('TaskManager.get_task', 'reads one task, or none', ASK, async (world) => {
    const aegis = world.configure();
    const pending = await pendingCall(aegis);
    expect(await aegis.tasks.getTask(pending.taskId)).to.include({ taskId: pending.taskId, toolName: 'drop' });
    expect(await aegis.tasks.getTask('another')).to.equal(undefined);
    await pending.cancel();
  });

  counterpart('TaskManager.list_tasks', 'filters by status, agent and tool', ASK, async (world) => {
    const aegis = world.configure();
    const [one, two, three] = [
      await pendingCall(aegis),
      await pendingCall(aegis, { agentId: 'other' }),
      await pendingCall(aegis, { toolName: 'wipe' }),
    ];
    await one.cancel();
    const ids = async (query: Parameters<typeof aegis.tasks.listTasks>[0]): Promise<readonly string[]> =>
      (await aegis.tasks.listTasks(query)).map(({ taskId }) => taskId);
    expect(await ids({})).to.deep.equal([one.taskId, two.taskId, three.taskId]);
    expect(await ids({ status: 'pending' })).to.deep.equal([two.taskId, three.taskId]);
    expect(await ids({ agentId: 'other' })).to.deep.equal([two.taskId]);
    expect(await ids({ toolName: 'wipe', status: ['pending', 'approved'] })).to.deep.equal([three.taskId]);
    expect(await ids({ toolName: 'wipe', agentId: 'other' })).to.deep.equal([]);
    await aegis.tasks.clearAll();
  });

  counterpart('TaskManager.delete_task', 'deletes one; a pending one is cancelled first', ASK, async (world) => {
    const aegis = world.configure();
    const pending = await pendingCall(aegis);
    expect(await aegis.tasks.deleteTask(pending.taskId)).to.equal(true);
    expect(await aegis.tasks.deleteTask(pending.taskId)).to.equal(false);
    expect(await rejection(pending.completed)).to.have.property('name', 'ApprovalCancelledError');
  });

  counterpart('TaskManager.clear_completed', 'deletes what has finished, all of it or what is old enough', ASK, async (world) => {
    const aegis = world.configure();
    const [done, waits] = [await pendingCall(aegis), await pendingCall(aegis, { toolName: 'wipe' })];
    await done.cancel();
    expect(await aegis.tasks.clearCompleted({ maxAgeSeconds: 3_600 })).to.equal(0);
    expect(await aegis.tasks.clearCompleted({ maxAgeMs: 3_600_000 })).to.equal(0);
    expect(await aegis.tasks.clearCompleted()).to.equal(1);
    expect((await aegis.tasks.listTasks()).map(({ taskId }) => taskId)).to.deep.equal([waits.taskId]);
    await waits.cancel();
  });

  counterpart('TaskManager.get_stats', 'counts by status and in all', ASK, async (world) => {
    const aegis = world.configure();
    const [done, waits] = [await pendingCall(aegis), await pendingCall(aegis, { toolName: 'wipe' })];
    await done.cancel();
    const stats = await aegis.tasks.getStats();
    expect(stats).to.include({ total: 2, pending: 1, cancelled: 1, completed: 0 });
    expect(Object.keys(stats).sort()).to.deep.equal([...TASK_STATUSES, 'total'].sort());
    await waits.cancel();
  });
});

describe('The task of the Python SDK', () => {
  /** The task of one call, before a person answered and after it ended. */
  async function lifeOf(
    aegis: AegisModule,
    decide: (decisionId: string) => Promise<void>,
    table = 'users',
  ): Promise<readonly [Task, Task]> {
    const drop = guard(
      async (name: string): Promise<Guarded<string>> => {
        if (name === 'bad') throw new RangeError('out of range');
        return `dropped ${name}`;
      },
      { agentId: 'agent', toolName: 'drop', params: ['table'] },
    );
    const pending = await drop(table);
    if (!isPending(pending)) throw new Error('it did not wait');
    const before = await aegis.tasks.getTask(pending.taskId);
    await decide(pending.decisionId);
    await pending.completed.catch(() => undefined);
    const after = await aegis.tasks.getTask(pending.taskId);
    if (before === undefined || after === undefined) throw new Error('there is no task');
    return [before, after];
  }

  counterpart('TaskInfo.task_id', 'stays', ASK, async (world) => {
    const [before, after] = await lifeOf(world.configure(), (id) => world.decide(id, true));
    expect(after.taskId).to.equal(before.taskId).and.not.equal('');
  });

  counterpart('TaskInfo.status', 'is one of the nine, in lower case', ASK, async (world) => {
    const [before, after] = await lifeOf(world.configure(), (id) => world.decide(id, true));
    expect([before.status, after.status]).to.deep.equal(['pending', 'completed']);
    expect(TASK_STATUSES).to.include(after.status);
  });

  counterpart('TaskInfo.agent_id', 'is the agent of the call', ASK, async (world) => {
    const [, after] = await lifeOf(world.configure(), (id) => world.decide(id, true));
    expect(after.agentId).to.equal('agent');
  });

  counterpart('TaskInfo.tool_name', 'is the tool of the call', ASK, async (world) => {
    const [, after] = await lifeOf(world.configure(), (id) => world.decide(id, true));
    expect(after.toolName).to.equal('drop');
  });

  counterpart('TaskInfo.decision_id', 'is the approval at the service', ASK, async (world) => {
    const aegis = world.configure();
    const [, after] = await lifeOf(aegis, (id) => world.decide(id, false));
    expect(await aegis.decisionStatus(after.decisionId)).to.include({ state: 'denied' });
  });

  counterpart('TaskInfo.created_at', 'is createdAtMs, in epoch milliseconds', ASK, async (world) => {
    const start = Date.now();
    const [before, after] = await lifeOf(world.configure(), (id) => world.decide(id, true));
    expect(before.createdAtMs).to.be.within(start - 1, Date.now() + 1);
    expect(after.createdAtMs).to.equal(before.createdAtMs);
  });

  counterpart('TaskInfo.updated_at', 'is updatedAtMs, and moves', ASK, async (world) => {
    const [before, after] = await lifeOf(world.configure(), async (id) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await world.decide(id, true);
    });
    expect(before.updatedAtMs).to.equal(before.createdAtMs);
    expect(after.updatedAtMs).to.be.above(before.updatedAtMs);
  });

  counterpart('TaskInfo.attempt_count', 'counts the polls', ASK, async (world) => {
    const [before, after] = await lifeOf(world.configure(), (id) => world.decide(id, true));
    expect(before.attemptCount).to.equal(0);
    if (world.plane === undefined) expect(after.attemptCount).to.equal(0);
    else expect(after.attemptCount).to.be.at.least(1);
  });

  counterpart('TaskInfo.result', 'is what the function returned', ASK, async (world) => {
    const [, after] = await lifeOf(world.configure(), (id) => world.decide(id, true));
    expect(after).to.include({ result: 'dropped users' });
  });

  counterpart('TaskInfo.error', 'says what went wrong, in the function or before it', ASK, async (world) => {
    const aegis = world.configure();
    const [, failed] = await lifeOf(aegis, (id) => world.decide(id, true), 'bad');
    expect(failed).to.have.nested.property('error.message', 'out of range');
    const [, denied] = await lifeOf(aegis, (id) => world.decide(id, false));
    expect(denied).to.have.nested.property('error.name', 'ForbiddenError');
  });
});
