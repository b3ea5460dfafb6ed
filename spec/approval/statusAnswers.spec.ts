import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { ApprovalTimeoutError } from '../../lib/model/errors/RefusalErrors.js';
import { rejection } from '../support/rejection.js';
import { schedulerSetup } from '../support/schedulerSetup.js';

describe('Where an approval stands, as a service of this process says it,', () => {
  let time: SinonFakeTimers;
  beforeEach(() => (time = useFakeTimers({ now: Date.UTC(2026, 0, 1) })));
  afterEach(() => time.restore());

  it('is asked again after an answer that throws when it is looked at', async () => {
    let asked = 0;
    const { submit } = schedulerSetup({
      service: {
        status: (decisionId) => {
          asked += 1;
          if (asked > 1) return { decisionId, state: 'approved' };
          return Object.defineProperty({} as never, 'then', {
            get() {
              throw new RangeError('no');
            },
          });
        },
      },
    });
    const { handle, runs } = await submit({ expiresAtMs: Date.now() + 60_000 });
    await time.tickAsync(10_000);
    expect([asked, runs.length, handle.status]).to.deep.equal([2, 1, 'completed']);
  });

  for (const [code, reason, why] of [
    ['halted', 'everything is halted.', 'halted: everything is halted.'],
    ['halted', undefined, 'halted: it is halted.'],
    ['other', undefined, 'approval_denied'],
  ] as const)
    it(`is a halt where it says so, and nothing else is: ${code}, ${reason ?? 'without a reason'}`, async () => {
      const { submit } = schedulerSetup({
        service: { status: (decisionId) => ({ decisionId, state: 'denied', code: code as 'halted', reason }) },
      });
      const { handle, runs } = await submit({ expiresAtMs: Date.now() + 60_000 });
      const refused = rejection(handle.completed);
      await time.tickAsync(10_000);
      const error = (await refused) as Error & { readonly code?: string };
      const [said, words = ''] = why.split(': ');
      expect(error).to.include({ name: 'ForbiddenError', code: said });
      expect(error.message).to.contain(words);
      expect([runs.length, handle.status]).to.deep.equal([0, code === 'halted' ? 'cancelled' : 'denied']);
    });

  for (const pushes of [false, true])
    it(`is what its first reading says where it is ${pushes ? 'pushed' : 'polled'}`, async () => {
      let readings = 0;
      const answer = (decisionId: string) => ({
        decisionId,
        get state() {
          readings += 1;
          return readings === 1 ? ('denied' as const) : ('approved' as const);
        },
      });
      const { submit, service } = schedulerSetup({
        service: { pushes, status: (decisionId) => (pushes ? { decisionId, state: 'pending' } : answer(decisionId)) },
      });
      const { handle, task, runs } = await submit({ expiresAtMs: Date.now() + 60_000 });
      const ended = rejection(handle.completed);
      await time.tickAsync(100);
      if (pushes) service.pushAnswer(answer(task.decisionId));
      await time.tickAsync(10_000);
      expect([readings, runs.length, handle.status, (await ended).name]).to.deep.equal([1, 0, 'denied', 'ForbiddenError']);
    });

  it('is no concern of anybody where it is pushed about nothing', async () => {
    const { submit, service } = schedulerSetup({ service: { pushes: true } });
    const { handle } = await submit({ expiresAtMs: Date.now() + 60_000 });
    await time.tickAsync(100);
    for (const answer of [
      undefined,
      null,
      'approved',
      {},
      { decisionId: 'another', state: 'approved' },
      { decisionId: 'another', state: 'pending' },
    ])
      service.pushAnswer(answer);
    await time.tickAsync(100);
    expect(handle.status).to.equal('pending');
    const ended = rejection(handle.completed);
    await handle.cancel();
    expect((await ended).name).to.equal('ApprovalCancelledError');
  });

  it('is told to the module where it is final and no call waits for it here', async () => {
    const { scheduler, submit, service } = schedulerSetup({ service: { pushes: true } });
    const told: string[] = [];
    scheduler.onUnheld = ({ decisionId }) => told.push(decisionId);
    const { handle, task } = await submit({ expiresAtMs: Date.now() + 60_000 });
    await time.tickAsync(100);
    service.push('another', 'pending');
    service.push('another', 'approved');
    service.push(task.decisionId, 'approved');
    await time.tickAsync(100);
    expect([told, handle.status]).to.deep.equal([['another'], 'completed']);
  });

  it('does not keep it open a poll delay longer when a poll failed while its time ran out', async () => {
    const { submit } = schedulerSetup({
      service: {
        status: () => {
          // the process was held, or slept, past the deadline: its timer has not fired yet
          time.setSystemTime(Date.now() + 1_000);
          throw new Error('no answer');
        },
      },
    });
    const { handle, runs } = await submit({ expiresAtMs: Date.now() + 2_500 });
    const ended = rejection(handle.completed);
    await time.tickAsync(2_000);
    await time.tickAsync(1);
    expect(handle.status).to.equal('timeout');
    expect(await ended).to.be.instanceOf(ApprovalTimeoutError);
    expect(runs).to.deep.equal([]);
  });
});
