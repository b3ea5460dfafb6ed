import { expect } from 'chai';
import { approvalPayload, isApprovalPayload } from '../../../lib/adapter/tool/approvalPayload.js';
import type { PendingApproval } from '../../../lib/index.js';

describe('The payload of an approval', () => {
  const pending = { toolName: 'refund', taskId: 'task-1', decisionId: 'decision-1', message: 'waits' } as PendingApproval;

  it('names the tool as policies know it, or as the framework does, and the approval', () => {
    const ids = { aegis: 'approval', taskId: 'task-1', decisionId: 'decision-1' };
    expect(approvalPayload(pending)).to.deep.equal({ ...ids, tool: 'refund' });
    expect(approvalPayload(pending, 'shop.refund')).to.deep.equal({ ...ids, tool: 'shop.refund' });
  });

  it('is recognized when it comes back, and nothing else is', () => {
    expect(isApprovalPayload(JSON.parse(JSON.stringify(approvalPayload(pending))))).to.equal(true);
    for (const other of [undefined, null, 'approval', {}, { aegis: 'pending' }]) expect(isApprovalPayload(other)).to.equal(false);
  });
});
