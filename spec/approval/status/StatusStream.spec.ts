import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { StatusStream } from '../../../lib/approval/status/StatusStream.js';
import type { DecisionService } from '../../../lib/decision/DecisionService.js';
import type { DecisionStatus } from '../../../lib/model/Decision.js';
import { diagnosed } from '../../support/diagnosed.js';
import { schedulerSetup } from '../../support/schedulerSetup.js';

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
});
