import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import type { Task } from '../../lib/model/Task.js';
import { isFinished, isLegalEdge } from '../../lib/model/Task.js';
import { MemoryTaskStore } from '../../lib/store/memory/MemoryTaskStore.js';
import type { TaskStore } from '../../lib/store/TaskStore.js';
import { countedSuite } from '../support/assurance.js';
import { schedulerSetup } from '../support/schedulerSetup.js';
import type { SchedulerSetup, Watched } from '../support/schedulerSetup.js';
import { SlowTaskStore } from '../support/SlowTaskStore.js';

/** Something that happens to one pending call, at a moment of its own. */
type Happening = (to: Scene) => void;

interface Scene {
  readonly setup: SchedulerSetup;
  readonly call: Watched;
  /** Whether the service has ever said approved. */
  approved: boolean;
}

const happenings: Readonly<Record<string, Happening>> = {
  approve(scene) {
    scene.approved = true;
    scene.setup.service.push(scene.call.handle.decisionId, 'approved', { by: 'bob' });
  },
  deny: ({ setup, call }) => setup.service.push(call.handle.decisionId, 'denied', { by: 'eve' }),
  expire: ({ setup, call }) => void setup.scheduler.timeout(call.entry, 'its time was over'),
  cancel: ({ call }) => void call.handle.cancel(),
  redeem: ({ setup, call }) => void setup.scheduler.redeem(call.entry, call.entry.call.run),
  delete: ({ setup, call }) => void setup.registry.deleteTask(call.task.taskId).catch(() => {}),
  byHand: ({ setup, call }) => void setup.registry.updateStatus(call.task.taskId, 'denied').catch(() => {}),
  shutdown: ({ setup }) => void setup.scheduler.shutdown({ graceMs: 20 }),
  invalid: ({ setup, call }) => setup.service.push(call.handle.decisionId, 'invalid'),
};

describe('Approve, deny, expire, cancel, redeem, shut down in every order (R5)', () => {
  let time: SinonFakeTimers;
  let played = 0;
  countedSuite('every order of up to 6 events on one task, over 2 stores and 3 paces: the laws of approvals hold', () => ({
    cases: played,
  }));
  beforeEach(() => (time = useFakeTimers({ now: Date.UTC(2026, 0, 1) })));
  afterEach(() => time.restore());

  // between two events the scheduler gets so far: nothing, some promises, or everything that is not waiting for a clock
  const pauses: Readonly<Record<string, () => Promise<void>>> = {
    'at the same moment': async () => {},
    'with a tick between': async () => void (await Promise.resolve()),
    'with a millisecond between': async () => void (await time.tickAsync(1)),
  };
  const stores: Readonly<Record<string, () => TaskStore>> = {
    'a memory store': () => new MemoryTaskStore(),
    'a store that answers later': () => new SlowTaskStore(),
  };
  for (const [store, makeStore] of Object.entries(stores)) {
    for (const [pause, wait] of Object.entries(pauses)) {
      it(`keeps the laws over ${store}, ${pause}`, async () => {
        let orders = 0;
        for (const order of ordersOf(['approve', 'deny', 'expire', 'cancel', 'redeem', 'shutdown'])) {
          orders += 1;
          await play(order, makeStore(), wait);
        }
        expect(orders).to.equal(1_956);
        for (const order of ordersOf(['approve', 'delete', 'byHand', 'invalid', 'cancel'])) await play(order, makeStore(), wait);
      }).timeout(120_000);
    }
  }

  async function play(order: readonly string[], store: TaskStore, wait: () => Promise<void>): Promise<void> {
    const name = order.join(' > ');
    played += 1;
    const setup = schedulerSetup({
      store,
      // every step of the way to the run takes a while, so that events fall between
      service: {
        pushes: true,
        status: async (decisionId) => {
          await new Promise((resolve) => setTimeout(resolve, 2));
          return { decisionId, state: scene.approved ? 'approved' : 'pending' };
        },
        reevaluate: async (_, decisionId) => {
          await new Promise((resolve) => setTimeout(resolve, 2));
          return { effect: 'allow', decisionId };
        },
        consume: async () => {
          await new Promise((resolve) => setTimeout(resolve, 2));
          return scene.approved;
        },
      },
    });
    let approvedAtRun: boolean | undefined;
    const call = await setup.submit(
      { expiresAtMs: Date.now() + 5_000 },
      {
        run: async () => {
          approvedAtRun = scene.approved;
          await new Promise((resolve) => setTimeout(resolve, 3));
          return 'done';
        },
      },
    );
    const scene: Scene = { setup, call, approved: false };
    const ends: string[] = [];
    call.handle.completed.then(
      () => ends.push('resolved'),
      (error: Error) => ends.push(error.name),
    );
    await time.tickAsync(1);
    for (const event of order) {
      happenings[event]!(scene);
      await wait();
    }
    await time.tickAsync(6_000);
    await setup.scheduler.shutdown();

    // at most one run, and none that nobody approved
    expect(call.runs.length, name).to.be.at.most(1);
    if (call.runs.length === 1) expect(approvedAtRun, name).to.equal(true);
    // `completed` and onSettled: exactly once, and of one mind
    expect(ends, name).to.have.length(1);
    expect(call.settled, name).to.have.length(1);
    expect(ends[0], name).to.equal(call.settled[0]![1] === undefined ? 'resolved' : (call.settled[0]![1] as Error).name);
    // one end of the task, legal edges only, and the caller was told that end
    const path = setup.changes.filter(({ task }) => task.taskId === call.task.taskId);
    for (const { from, task } of path.slice(1)) expect(isLegalEdge(from ?? task.status, task.status), name).to.equal(true);
    expect(
      path.filter(({ task }) => isFinished(task.status)),
      name,
    ).to.have.length(1);
    const last = path.find(({ task }) => isFinished(task.status) || task.status === 'unknown')?.task as Task;
    expect(ends[0], `${name}: ${last.status}`).to.be.oneOf(toldAs(last));
    if (call.runs.length === 0)
      expect(['completed', 'failed', 'unknown'], name).to.not.include(
        last.status === 'failed' && order.includes('invalid') ? '' : last.status,
      );
    else expect(path.at(-1)?.task.status, name).to.equal('completed');
    expect(setup.service.count('consume'), name).to.be.at.most(1);
    expect(setup.scheduler.queueSize, name).to.equal(0);
    expect(time.countTimers(), name).to.equal(0);
  }

  function toldAs({ status }: Task): string[] {
    if (status === 'completed') return ['resolved'];
    if (status === 'denied') return ['ForbiddenError'];
    if (status === 'timeout') return ['ApprovalTimeoutError'];
    if (status === 'unknown') return ['OutcomeUnknownError'];
    if (status === 'failed') return ['DecisionUnavailableError'];
    return ['ApprovalCancelledError', 'ShutdownError'];
  }
});

/** Every order of every choice of the events. */
function* ordersOf(events: readonly string[]): Generator<string[]> {
  for (const first of events) {
    yield [first];
    for (const rest of ordersOf(events.filter((e) => e !== first))) yield [first, ...rest];
  }
}
