import { expect } from 'chai';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { ApprovalStore } from '../../../lib/store/ApprovalStore.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { openingOf } from '../../support/approvalRecords.js';

const idempotency = { key: 'k-1', fingerprint: 'f'.repeat(64) };
const call = { agentId: 'bot', toolName: 'refund' };

describe('A call that a person must be asked about, whatever was granted', () => {
  it('is none that no one was asked about, and whose tool no one has refused', async () => {
    const desk = new ApprovalDesk(new MemoryApprovalStore());
    expect(await desk.mustAsk(call)).to.equal(false);
    expect(await desk.mustAsk({ ...call, idempotency })).to.equal(false);
    await desk.open(openingOf());
    expect(await desk.mustAsk(call)).to.equal(false);
  });

  it('is one whose request has opened an approval before, and no other request of the agent', async () => {
    const store: ApprovalStore = new MemoryApprovalStore();
    const desk = new ApprovalDesk(store);
    const opened = await desk.open(openingOf({ idempotency }));
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    const { record } = opened;
    // as the stores of servers keep them
    store.ofIdempotencyKey = (agentId, key) =>
      agentId === record.agentId && key === record.idempotency?.key ? store.get(record.decisionId) : undefined;
    expect(await desk.mustAsk({ ...call, idempotency })).to.equal(true);
    expect(await desk.mustAsk({ ...call, idempotency: { ...idempotency, key: 'k-2' } })).to.equal(false);
    expect(await desk.mustAsk({ ...call, agentId: 'other', idempotency })).to.equal(false);
    // the same key for another call: nothing answers for it
    expect(await desk.mustAsk({ ...call, idempotency: { ...idempotency, fingerprint: 'other' } })).to.equal(true);
    expect(await desk.mustAsk(call)).to.equal(false);
  });

  it('is one of a tool that a person has refused to this agent', async () => {
    const desk = new ApprovalDesk(new MemoryApprovalStore());
    const opened = await desk.open(openingOf());
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    await desk.deny(opened.record.decisionId, { by: 'bob' });
    expect(await desk.mustAsk(call)).to.equal(true);
    expect(await desk.mustAsk({ ...call, toolName: 'read' })).to.equal(false);
    expect(await desk.mustAsk({ ...call, agentId: 'other' })).to.equal(false);
  });
});
