import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { deskStatus, watchDesk } from '../../../lib/decision/embedded/watchDesk.js';
import type { DecisionStatus } from '../../../lib/model/Decision.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { openingOf, recordOf } from '../../support/approvalRecords.js';

describe('deskStatus', () => {
  const said = { approve: true, by: 'bob', reason: 'fine', atMs: 1, policies: ['limit'] };

  it('tells where an approval stands, who said so and why', () => {
    const status = (more: Parameters<typeof recordOf>[0]): object => deskStatus('dec', recordOf(more));
    expect(status({ status: 'pending', verdicts: [said] })).to.deep.equal({ decisionId: 'dec', state: 'pending' });
    expect(status({ status: 'approved', verdicts: [said] })).to.deep.equal({
      decisionId: 'dec',
      state: 'approved',
      by: 'bob',
      reason: 'fine',
    });
    expect(status({ status: 'denied', verdicts: [{ ...said, approve: false }] })).to.include({
      state: 'denied',
      by: 'bob',
      reason: 'fine',
    });
  });

  it('does not tell the caller what a person wrote on a page or at a command line: it is for the record', () => {
    for (const assurance of ['session', 'code', 'passkey', 'step-up', 'host'] as const)
      for (const status of ['approved', 'denied'] as const) {
        const told = deskStatus('dec', recordOf({ status, verdicts: [{ ...said, approve: status === 'approved', assurance }] }));
        expect(told).to.include({ state: status, by: 'bob' });
        expect(JSON.stringify(told)).to.not.contain('fine');
      }
  });

  it('never passes off an end as a person’s no', () => {
    expect(deskStatus('dec', recordOf({ status: 'expired', verdicts: [said] }))).to.deep.equal({ decisionId: 'dec', state: 'expired' });
    expect(deskStatus('dec', recordOf({ status: 'withdrawn', verdicts: [said] }))).to.not.have.property('by');
  });

  it('believes in no approval that the desk does not know', () => {
    expect(deskStatus('dec', undefined)).to.include({ decisionId: 'dec', state: 'invalid' });
  });
});

describe('watchDesk', () => {
  it('misses nothing between the call and the first read, nor between two reads', async () => {
    const { desk, decided, signal } = setup();
    const statuses = watchDesk(desk, signal);
    const expected = [await decided(), await decided()];
    const reader = statuses[Symbol.asyncIterator]();
    const seen = [(await reader.next()).value, (await reader.next()).value];
    expected.push(await decided(), await decided());
    seen.push((await reader.next()).value);
    expected.push(await decided());
    seen.push((await reader.next()).value, (await reader.next()).value);
    expect(seen.map((s: DecisionStatus) => s.decisionId)).to.deep.equal(expected);
    // nothing comes twice
    const next = reader.next();
    const last = await decided();
    expect((await next).value).to.include({ decisionId: last });
  });

  it('wakes a reader that waits', async () => {
    const { desk, decided, signal } = setup();
    const reader = watchDesk(desk, signal)[Symbol.asyncIterator]();
    const next = reader.next();
    await new Promise((resolve) => setImmediate(resolve));
    const id = await decided();
    expect((await next).value).to.include({ decisionId: id, state: 'approved', by: 'bob' });
  });

  it('keeps nothing of 1,000 approvals that were withdrawn before anything was read: who withdraws has ended the call', async () => {
    const { desk, opened, decided, signal } = setup();
    const reader = watchDesk(desk, signal)[Symbol.asyncIterator]();
    for (let i = 0; i < 1_000; i++) await desk.end((await opened()).decisionId, 'withdrawn');
    const { decisionId: late } = await opened();
    await desk.end(late, 'expired');
    const last = await decided();
    const seen = [(await reader.next()).value, (await reader.next()).value];
    expect(seen.map((s: DecisionStatus) => [s.decisionId, s.state])).to.deep.equal([
      [late, 'expired'],
      [last, 'approved'],
    ]);
  });

  it('ends with its signal, waiting or not, and leaves no listener on the desk or the signal', async () => {
    for (const moment of ['before', 'unread', 'waiting', 'between'] as const) {
      const { desk, decided, controller, signal } = setup();
      if (moment === 'before') controller.abort();
      const reader = watchDesk(desk, signal)[Symbol.asyncIterator]();
      if (moment === 'between') {
        const next = reader.next();
        await decided();
        expect((await next).done).to.equal(false);
      }
      const waiting = moment === 'waiting' ? reader.next() : undefined;
      controller.abort();
      expect((await (waiting ?? reader.next())).done, moment).to.equal(true);
      expect(desk.listenerCount('settled'), moment).to.equal(0);
    }
  });

  it('stops listening when its reader leaves', async () => {
    const { desk, decided, signal } = setup();
    const statuses = watchDesk(desk, signal);
    await decided();
    for await (const status of statuses) {
      expect(status.state).to.equal('approved');
      break;
    }
    expect(desk.listenerCount('settled')).to.equal(0);
    expect(getEventListeners(signal, 'abort')).to.have.length(0);
  });

  it('keeps several watchers apart, 200 times over, without a leak', async () => {
    const { desk, decided } = setup();
    for (let i = 0; i < 200; i++) {
      const controllers = [new AbortController(), new AbortController()];
      const readers = controllers.map((c) => watchDesk(desk, c.signal)[Symbol.asyncIterator]());
      const id = await decided();
      for (const reader of readers) expect((await reader.next()).value).to.include({ decisionId: id });
      for (const controller of controllers) controller.abort();
    }
    expect(desk.listenerCount('settled')).to.equal(0);
  });

  function setup() {
    const desk = new ApprovalDesk(new MemoryApprovalStore());
    const controller = new AbortController();
    const opened = async (): Promise<ApprovalRecord> => {
      const outcome = await desk.open(openingOf());
      if (outcome.kind !== 'opened') throw new Error('refused');
      return outcome.record;
    };
    const decided = async (): Promise<string> => {
      const { decisionId, digest } = await opened();
      await desk.approve(decisionId, { by: 'bob', digest });
      return decisionId;
    };
    return { desk, opened, decided, controller, signal: controller.signal };
  }
});
