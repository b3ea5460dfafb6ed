import { expect } from 'chai';
import { ApprovalScheduler } from '../../lib/approval/ApprovalScheduler.js';
import { AegisModule, guard, guardCall, isPending, ShutdownError } from '../../lib/index.js';
import type { ConfigureOptions, Guarded, PendingApproval } from '../../lib/index.js';
import { rejection } from '../support/rejection.js';
import { counterpart } from './worlds.js';
import type { Rules } from './worlds.js';

const ASK: Rules = { drop: 'approval_needed' };
const CALL = { agentId: 'agent', toolName: 'drop', params: { table: 'users', cascade: true } };

/** A call that waits for a person, and that nothing runs yet. */
async function held(
  run: (params: Readonly<Record<string, unknown>>) => unknown = () => 'dropped',
  more: object = {},
): Promise<PendingApproval> {
  const outcome = await guardCall(AegisModule.current, { ...CALL, ...more }, run);
  if (outcome.kind !== 'pending') throw new Error('it did not wait');
  return outcome.pending;
}

describe('The executor of the Python SDK', () => {
  counterpart('ApprovalExecutor.start', 'starts by itself, and may be told to', ASK, async (world) => {
    const started: string[] = [];
    class Own extends ApprovalScheduler {
      override start(): void {
        started.push('start');
        super.start();
      }
    }
    const aegis = world.configure({ scheduler: (parts) => new Own({ ...parts, polling: { ...parts.polling, initialDelayMs: 100 } }) });
    aegis.scheduler.start();
    const pending = await held();
    aegis.scheduler.submit(pending);
    expect(started).to.deep.equal(['start', 'start']);
    await world.decide(pending.decisionId, true);
    expect(await pending.completed).to.equal('dropped');
  });

  counterpart('ApprovalExecutor.shutdown', 'ends what waits, and waits for what runs', ASK, async (world) => {
    const aegis = world.configure();
    let finish = (_result: string): void => undefined;
    let begun = (): void => undefined;
    const running = new Promise<void>((resolve) => (begun = resolve));
    const executing = aegis.scheduler.submit(
      await held(() => {
        begun();
        return new Promise<string>((resolve) => (finish = resolve));
      }),
    );
    await world.decide(executing.decisionId, true);
    await running;
    const waiting = aegis.scheduler.submit(await held(undefined, { params: { table: 'other' } }));
    const down = aegis.scheduler.shutdown({ graceMs: 5_000 });
    expect(await rejection(waiting.completed)).to.be.instanceOf(ShutdownError);
    finish('dropped');
    expect(await executing.completed).to.equal('dropped');
    await down;
    expect(aegis.scheduler.queueSize).to.equal(0);
  });

  counterpart('ApprovalExecutor.submit_for_approval', 'runs a call that was left pending, once', ASK, async (world) => {
    const aegis = world.configure();
    let runs = 0;
    const pending = await held(() => (runs += 1));
    await world.decide(pending.decisionId, true);
    // approved, and still not run: no one submitted it
    expect([runs, pending.status]).to.deep.equal([0, 'pending']);
    expect(aegis.scheduler.submit(pending)).to.equal(pending);
    aegis.scheduler.submit(pending);
    expect(await pending.completed).to.equal(1);
    const refused = aegis.scheduler.submit(await held(() => (runs += 1), { params: { table: 'other' } }));
    await world.decide(refused.decisionId, false);
    expect(await rejection(refused.completed)).to.have.property('name', 'ForbiddenError');
    expect(runs).to.equal(1);
  });

  counterpart('ApprovalExecutor.get_queue_size', 'counts what has not ended', ASK, async (world) => {
    const { scheduler } = world.configure();
    expect(scheduler.queueSize).to.equal(0);
    const pending = [await held(), await held(undefined, { params: {} })];
    expect(scheduler.queueSize).to.equal(2);
    for (const one of pending) await one.cancel();
    expect(scheduler.queueSize).to.equal(0);
  });

  counterpart('ApprovalExecutor.get_pending_tasks', 'lists what has not ended', ASK, async (world) => {
    const { scheduler } = world.configure();
    const [one, two] = [await held(), await held(undefined, { params: {} })];
    expect(scheduler.pendingTasks().map(({ taskId, status }) => [taskId, status])).to.deep.equal([
      [one.taskId, 'pending'],
      [two.taskId, 'pending'],
    ]);
    await one.cancel();
    expect(scheduler.pendingTasks().map(({ taskId }) => taskId)).to.deep.equal([two.taskId]);
    await two.cancel();
  });
});

describe('The approval task of the Python SDK', () => {
  counterpart('ApprovalTask.task_id', 'is on the handle, and finds the task', ASK, async (world) => {
    const { tasks } = world.configure();
    const pending = await held();
    expect((await tasks.getTask(pending.taskId))?.decisionId).to.equal(pending.decisionId);
    await pending.cancel();
  });

  counterpart('ApprovalTask.decision_id', 'is on the handle, and is what the service calls the approval', ASK, async (world) => {
    const aegis = world.configure();
    const pending = await held();
    expect(await aegis.decisionStatus(pending.decisionId)).to.include({ state: 'pending' });
    await pending.cancel();
  });

  counterpart('ApprovalTask.func', 'is entered with the arguments, once, when it is approved', ASK, async (world) => {
    const { scheduler } = world.configure();
    const seen: unknown[] = [];
    const pending = scheduler.submit(await held((params) => seen.push(params)));
    expect(seen).to.deep.equal([]);
    await world.decide(pending.decisionId, true);
    await pending.completed;
    expect(seen).to.deep.equal([CALL.params]);
  });

  counterpart('ApprovalTask.args', 'are params of the task by name: a copy', ASK, async (world) => {
    const { tasks } = world.configure();
    const drop = guard(async (table: string, filter: { ids: number[] }): Promise<Guarded<string>> => `${table} ${filter.ids.join()}`, {
      agentId: 'agent',
      toolName: 'drop',
      params: ['table', 'filter'],
    });
    const filter = { ids: [1, 2] };
    const pending = await drop('users', filter);
    filter.ids.push(3);
    if (!isPending(pending)) throw new Error('it did not wait');
    expect((await tasks.getTask(pending.taskId))?.params).to.deep.equal({ table: 'users', filter: { ids: [1, 2] } });
    await world.decide(pending.decisionId, true);
    expect(await pending.completed).to.equal('users 1,2');
  });

  counterpart('ApprovalTask.kwargs', 'are the keys of the one object parameter', ASK, async (world) => {
    const { tasks } = world.configure();
    const drop = guard(async (call: { table: string; cascade: boolean }): Promise<Guarded<string>> => call.table, {
      agentId: 'agent',
      toolName: 'drop',
    });
    const pending = await drop({ cascade: true, table: 'users' });
    if (!isPending(pending)) throw new Error('it did not wait');
    expect((await tasks.getTask(pending.taskId))?.params).to.deep.equal({ table: 'users', cascade: true });
    await pending.cancel();
  });

  counterpart('ApprovalTask.callback', 'is onSettled of the call', ASK, async (world) => {
    const { scheduler } = world.configure();
    const settled: unknown[] = [];
    const pending = scheduler.submit(
      await held(undefined, { onSettled: (result: unknown, error: unknown) => settled.push([result, error]) }),
    );
    await world.decide(pending.decisionId, true);
    await pending.completed;
    expect(settled).to.deep.equal([['dropped', undefined]]);
  });

  counterpart('ApprovalTask.agent_id', 'is on the handle', ASK, async (world) => {
    world.configure();
    const pending = await held();
    expect(pending.agentId).to.equal('agent');
    await pending.cancel();
  });

  counterpart('ApprovalTask.tool_name', 'is on the handle', ASK, async (world) => {
    world.configure();
    const pending = await held();
    expect(pending.toolName).to.equal('drop');
    await pending.cancel();
  });

  counterpart('ApprovalTask.attempt_count', 'counts the polls; where the desk pushes there are none', ASK, async (world) => {
    const { scheduler, tasks } = world.configure();
    const pending = await held();
    const attempts = async (): Promise<number> => (await tasks.getTask(pending.taskId))?.attemptCount ?? -1;
    expect(await attempts()).to.equal(0);
    scheduler.submit(pending);
    if (world.plane !== undefined) while ((await attempts()) < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    await world.decide(pending.decisionId, true);
    await pending.completed;
    if (world.plane === undefined) expect(await attempts()).to.equal(0);
    else expect(await attempts()).to.be.at.least(2);
  });
});

describe('The global functions of the Python SDK', () => {
  counterpart('globals.get_global_executor', 'is the scheduler of the configured module', {}, async (world) => {
    const aegis = world.configure();
    expect(AegisModule.current.scheduler).to.equal(aegis.scheduler);
  });

  counterpart('globals.set_global_executor', 'is an option, or another module in its place', ASK, async (world) => {
    const submitted: string[] = [];
    class Own extends ApprovalScheduler {
      override submit<T>(pending: PendingApproval<T>): PendingApproval<T> {
        submitted.push(pending.toolName);
        return super.submit(pending);
      }
    }
    const scheduler: NonNullable<ConfigureOptions['scheduler']> = (parts) =>
      new Own({ ...parts, maxConcurrentPolls: 8, polling: { ...parts.polling, initialDelayMs: 100 } });
    const before = world.configure();
    const after = world.configure({ scheduler, replace: true });
    expect(AegisModule.current.scheduler).to.equal(after.scheduler).and.be.instanceOf(Own).and.not.equal(before.scheduler);
    const drop = guard(async (): Promise<Guarded<string>> => 'dropped', { agentId: 'agent', toolName: 'drop' });
    const pending = await drop();
    if (!isPending(pending)) throw new Error('it did not wait');
    await world.decide(pending.decisionId, true);
    expect(await pending.completed).to.equal('dropped');
    expect(submitted).to.deep.equal(['drop']);
  });

  counterpart('globals.shutdown_global_executor', 'closes the configured module', ASK, async (world) => {
    const { scheduler } = world.configure();
    const pending = scheduler.submit(await held());
    await AegisModule.close();
    expect(await rejection(pending.completed)).to.be.instanceOf(ShutdownError);
    expect(() => AegisModule.current).to.throw('not configured');
  });

  counterpart('globals.get_global_task_manager', 'is the registry of the configured module', {}, async (world) => {
    const aegis = world.configure();
    expect(AegisModule.current.tasks).to.equal(aegis.tasks);
  });

  counterpart('globals.reset_global_task_manager', 'cancels and forgets all tasks', ASK, async (world) => {
    const { tasks } = world.configure();
    const [one, two] = [await held(), await held(undefined, { params: {} })];
    await one.cancel();
    expect(await tasks.clearAll()).to.equal(2);
    expect((await tasks.getStats()).total).to.equal(0);
    expect(await rejection(two.completed)).to.have.property('name', 'ApprovalCancelledError');
  });
});
