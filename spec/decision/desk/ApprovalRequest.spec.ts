import { expect } from 'chai';
import { countSince, standingRefusal } from '../../../lib/decision/desk/ApprovalRequest.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { openingOf, recordOf } from '../../support/approvalRecords.js';

describe('What a person refused', () => {
  const NOW = 1_000_000;
  const refusedAt = (atMs: number, reason?: string): ApprovalRecord =>
    recordOf({ status: 'denied', verdicts: [{ approve: false, by: 'bob', reason, atMs, policies: ['limit'] }] });

  it('stands for an equal call by its latest refusal, after the given moment only', () => {
    const denied = [refusedAt(NOW, 'no'), refusedAt(NOW + 1, 'still no')];
    expect(standingRefusal(denied, openingOf(), NOW)).to.equal('still no');
    expect(standingRefusal(denied, openingOf(), NOW + 1)).to.equal(undefined);
    expect(standingRefusal([refusedAt(NOW)], openingOf(), NOW - 1)).to.equal('a person refused this call');
  });

  it('is counted from the given moment on', () => {
    const denied = [refusedAt(NOW - 1), refusedAt(NOW), refusedAt(NOW + 1)];
    expect(countSince(denied, NOW)).to.equal(2);
  });

  it('is no refusal where a store knows of nobody who said so: a person is asked', () => {
    const denied = [recordOf({ status: 'denied', verdicts: [] })];
    expect(standingRefusal(denied, openingOf(), NOW)).to.equal(undefined);
    expect(countSince(denied, NOW)).to.equal(0);
  });
});
