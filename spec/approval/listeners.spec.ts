import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import type { Task } from '../../lib/model/Task.js';
import { TASK_STATUSES } from '../../lib/model/Task.js';
import { diagnosed } from '../support/diagnosed.js';
import { schedulerSetup } from '../support/schedulerSetup.js';
import type { SchedulerSetup } from '../support/schedulerSetup.js';
import type { State } from '../support/scriptedDecisions.js';

const EVENTS = [...TASK_STATUSES, 'transition'] as const;

const faults: Readonly<Record<string, () => unknown>> = {
  throws: () => {
    throw new Error('no');
  },
  'throws no error': () => {
    throw undefined;
  },
  'throws what throws when looked at': () => {
    throw new Proxy(new Error('no'), {
      get() {
        throw new Error('worse');
      },
      getPrototypeOf() {
        throw new Error('worse');
      },
    });
  },
  rejects: async () => Promise.reject(new Error('no')),
  'gives a thenable that throws': () => ({
    then() {
      throw new Error('no');
    },
  }),
};

describe('A listener (T30)', () => {
  let time: SinonFakeTimers;
  beforeEach(() => (time = useFakeTimers({ now: Date.UTC(2026, 0, 1) })));
  afterEach(() => time.restore());

  for (const [fault, listener] of Object.entries(faults)) {
    it(`that ${fault}, on every event, onSettled and in the logger, changes nothing`, async () => {
      for (const state of ['approved', 'denied', 'expired', 'invalid', 'pending'] as const) {
        const plain = await play(state, () => {});
        const faulty = await play(
          state,
          (setup) => {
            for (const event of EVENTS) setup.registry.prependListener(event, listener);
          },
          listener,
        );
        expect(faulty).to.deep.equal(plain);
      }
    });
  }

  it('that throws is reported once for each event', async () => {
    const setup = schedulerSetup({ service: { status: (decisionId) => ({ decisionId, state: 'approved' }) } });
    for (const event of EVENTS) setup.registry.on(event, faults['throws'] as never);
    const seen = await diagnosed(async () => {
      await setup.submit();
      await time.tickAsync(2_000);
    });
    expect(seen.map((d) => d.kind === 'callback' && d.where)).to.deep.equal(
      ['pending', 'approved', 'executing', 'completed'].flatMap((e) => [`listener of '${e}'`, "listener of 'transition'"]),
    );
  });

  it('may cancel the very call it hears of, before it runs', async () => {
    for (const event of ['pending', 'approved'] as const) {
      const setup = schedulerSetup({
        service: {
          status: (decisionId) => ({ decisionId, state: 'approved' }),
          reevaluate: async (_, decisionId) => ({ effect: 'allow', decisionId }),
        },
      });
      setup.registry.on(event, (task: Task) => void setup.registry.updateStatus(task.taskId, 'cancelled'));
      const { runs, settled } = await setup.submit();
      await time.tickAsync(60_000);
      expect([runs.length, setup.changes.at(-1)?.task.status], event).to.deep.equal([0, 'cancelled']);
      if (event === 'approved') expect(settled).to.have.length(1);
    }
  });

  it('is left by none of 1,000 calls', async () => {
    const setup = schedulerSetup({ service: { pushes: true, status: (decisionId) => ({ decisionId, state: 'approved' }) } });
    const count = (): number => EVENTS.reduce((sum, e) => sum + setup.registry.listenerCount(e), 0);
    const before = count();
    for (let i = 0; i < 1_000; i++) await setup.submit();
    await time.tickAsync(100);
    expect(setup.scheduler.queueSize).to.equal(0);
    expect([count(), setup.service.count('watch')]).to.deep.equal([before, 1]);
  });

  async function play(state: State, prepare: (setup: SchedulerSetup) => void, fault?: () => unknown): Promise<unknown> {
    const logger = { debug() {}, info() {}, error() {}, warn: () => fault?.() as undefined };
    const setup = schedulerSetup({
      logger,
      service: {
        status: async (decisionId, n) => {
          if (n === 0) throw new Error('down');
          return { decisionId, state };
        },
        consume: () => true,
      },
    });
    prepare(setup);
    let settled = 0;
    const { handle, runs, path } = await setup.submit(
      {},
      {
        onSettled: () => {
          settled += 1;
          return fault?.();
        },
      },
    );
    await time.tickAsync(120_000);
    const end = await handle.completed.catch((e: Error) => `${e.name}: ${e.message}`);
    return { end, runs, path, settled, asked: setup.service.asked.map((a) => a.split(' ')[0]), queue: setup.scheduler.queueSize };
  }
});
