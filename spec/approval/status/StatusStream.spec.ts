import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { StatusStream } from '../../../lib/approval/status/StatusStream.js';
import type { DecisionService } from '../../../lib/decision/DecisionService.js';
import type { DecisionStatus } from '../../../lib/model/Decision.js';
import { diagnosed } from '../../support/diagnosed.js';
import { schedulerSetup } from '../../support/schedulerSetup.js';
import type { SchedulerSetup } from '../../support/schedulerSetup.js';

const HOUR = 3_600_000;

/** What a service may give that ends while it is begun, and what each says of it. */
const DEAD: Readonly<Record<string, () => unknown>> = {
  'throws when it is called': () => {
    throw new Error('not today');
  },
  'gives nothing': () => undefined,
  'gives something that cannot be read': () => ({}),
  'gives something whose iterator throws': () => ({
    [Symbol.asyncIterator]: () => {
      throw new Error('not today');
    },
  }),
  'gives something whose first step throws': () => ({
    [Symbol.asyncIterator]: () => ({
      next: () => {
        throw new Error('not today');
      },
    }),
  }),
};

describe('StatusStream', () => {
  let time: SinonFakeTimers;
  beforeEach(() => (time = useFakeTimers({ now: Date.UTC(2026, 0, 1) })));
  afterEach(() => time.restore());

  const serviceWith = (watch: unknown): DecisionService => ({ watch }) as unknown as DecisionService;

  for (const [what, watch] of Object.entries(DEAD)) {
    it(`says that nothing is pushed where watch() ${what}`, () => {
      const ends: unknown[] = [];
      const stream = new StatusStream(serviceWith(watch), { onStatus: () => {}, onEnd: (error) => ends.push(error), random: Math.random });
      const { signal } = new AbortController();
      expect(stream.start(signal)).to.equal(false);
      expect(stream.start(signal)).to.equal(false);
      expect(ends).to.have.length(2);
    });

    it(`leaves approvals to polling where watch() ${what}`, async () => {
      let state: DecisionStatus['state'] = 'pending';
      const setup = schedulerSetup({ service: { pushes: true, status: (decisionId) => ({ decisionId, state }) } });
      Object.assign(setup.service, { watch });
      await diagnosed(async () => {
        const { handle } = await setup.submit({ expiresAtMs: Date.now() + 24 * HOUR });
        await time.tickAsync(10_000);
        state = 'approved';
        await time.tickAsync(120_000);
        expect(handle.status).to.equal('completed');
        await setup.scheduler.shutdown();
      });
    });
  }

  it('is of use to calls that waited before the service began to push', async () => {
    const setup = schedulerSetup({ service: { pushes: true } });
    const { watch } = setup.service;
    const later = schedulerSetup();
    const early = await later.submit({ expiresAtMs: Date.now() + HOUR });
    Object.assign(later.service, { watch });
    const { handle, task } = await later.submit({ expiresAtMs: Date.now() + HOUR });
    await time.tickAsync(1);
    for (const { decisionId } of [early.task, task]) setup.service.push(decisionId, 'approved');
    await time.tickAsync(1);
    expect([early.handle.status, handle.status]).to.deep.equal(['completed', 'completed']);
    await later.scheduler.shutdown();
  });

  it('says that statuses are pushed while they are, and not from their end on', async () => {
    let end: () => void = () => {};
    let watched = 0;
    const stream = new StatusStream(
      serviceWith(async function* () {
        watched += 1;
        yield { decisionId: 'another', state: 'pending' };
        await new Promise<void>((resolve) => (end = resolve));
      }),
      { onStatus: () => {}, onEnd: () => {}, random: Math.random },
    );
    const { signal } = new AbortController();
    expect([stream.start(signal), stream.start(signal), watched]).to.deep.equal([true, true, 1]);
    await time.tickAsync(0);
    end();
    await time.tickAsync(0);
    expect([stream.start(signal), watched]).to.deep.equal([true, 2]);
  });

  describe('of a service that offered events with its approvals', () => {
    const offered = { offers: ['events'] } as const;
    const pushing = (): SchedulerSetup => schedulerSetup({ service: { pushes: true }, polling: { enabled: false }, random: () => 0.5 });
    const inAnHour = (): { readonly expiresAtMs: number } => ({ expiresAtMs: Date.now() + HOUR });

    it('is read again after it ended, later each time that it gave nothing, and runs what is approved then', async () => {
      const setup = pushing();
      const { handle, task, runs } = await setup.submit({ ...inAnHour(), ...offered });
      for (const [restart, delayMs] of [1_000, 2_000, 4_000].entries()) {
        await time.tickAsync(1);
        setup.service.endPush();
        await time.tickAsync(delayMs - 1);
        expect(setup.service.count('watch')).to.equal(restart + 1);
        await time.tickAsync(1);
        expect(setup.service.count('watch')).to.equal(restart + 2);
      }
      setup.service.push(task.decisionId, 'approved');
      expect(await handle.completed).to.equal('done');
      expect(runs).to.have.length(1);
      setup.service.endPush();
      await time.tickAsync(HOUR);
      expect([setup.service.count('watch'), time.countTimers()]).to.deep.equal([4, 0]);
    });

    it('is not read again once everything shuts down', async () => {
      const setup = pushing();
      await setup.submit({ ...inAnHour(), ...offered });
      await time.tickAsync(1);
      setup.service.endPush();
      await time.tickAsync(1);
      await setup.scheduler.shutdown();
      await time.tickAsync(HOUR);
      expect([setup.service.count('watch'), time.countTimers()]).to.deep.equal([1, 0]);
    });

    it('has everything asked about where it says that something was missed, but not what no events were offered for', async () => {
      const setup = pushing();
      const { handle, task } = await setup.submit({ ...inAnHour(), ...offered });
      const other = await setup.submit({ ...inAnHour(), offers: [] });
      await time.tickAsync(1);
      const before = setup.service.asked.length;
      setup.service.script = (decisionId) => ({ decisionId, state: 'approved' });
      setup.service.pushAnswer('resync');
      expect(await handle.completed).to.equal('done');
      await time.tickAsync(60_000);
      const asked = setup.service.asked.slice(before).filter((what) => what.startsWith('status'));
      expect([asked, other.handle.status]).to.deep.equal([[`status ${task.decisionId}`], 'pending']);
      await setup.scheduler.shutdown();
    });
  });
});
