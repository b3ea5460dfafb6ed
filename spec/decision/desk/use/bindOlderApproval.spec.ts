import { expect } from 'chai';
import { canonicalDigest } from '../../../../lib/common/data/canonical.js';
import { bindingDigest } from '../../../../lib/decision/desk/use/bindingDigest.js';
import { bindOlderApproval, bindUnsigned } from '../../../../lib/decision/desk/use/bindOlderApproval.js';
import { REQUIRED_SEMANTICS } from '../../../../lib/decision/desk/use/semantics.js';
import { bindingBaseOf, digestOfSession } from '../../../../lib/model/bindingBase.js';
import type { Task, TaskStatus } from '../../../../lib/model/Task.js';
import type { ApprovalRecord } from '../../../../lib/store/ApprovalStore.js';
import { recordOf } from '../../../support/approvalRecords.js';
import { originOf, pendingTask } from '../../../support/tasks.js';

const SESSION = { user_id: 'ann' };

describe('An approval of before approvals were bound', () => {
  const taskOf = (more: object = {}): Task => ({ ...pendingTask({ session: SESSION, origin: originOf('one') }), ...more }) as Task;
  const recordFor = (more: Partial<ApprovalRecord> = {}): ApprovalRecord =>
    recordOf({ sessionDigest: digestOfSession(SESSION), status: 'approved', version: 3, ...more });

  it('is bound to the call of its task, as a new version that demands what one of today does', () => {
    const [record, task] = [recordFor(), taskOf()];
    expect(bindOlderApproval(record, task)).to.deep.equal({
      ...record,
      bindingDigest: bindingDigest({ bindingBase: bindingBaseOf(task), digest: record.digest }),
      requires: REQUIRED_SEMANTICS,
      begun: undefined,
      version: 4,
    });
  });

  it('is bound to nothing where its task is another call, was made by hand, or cannot be read', () => {
    const others: readonly object[] = [
      { agentId: 'other' },
      { toolName: 'pay' },
      { guardKey: 'other' },
      { session: null },
      { session: { user_id: 'eve' } },
      { origin: originOf('one', { originalParams: { amount: 2 } }) },
      { origin: undefined },
      { origin: originOf('one', { originalParams: { at: new Date(Number.NaN) } }) },
      { session: { at: Number.NaN } },
    ];
    for (const other of others)
      for (const bind of [bindOlderApproval, bindUnsigned])
        expect(bind(recordFor(), taskOf(other)), JSON.stringify(other)).to.equal(undefined);
    // what a row says of its own digest is not believed
    const claimed = recordFor({ originalDigest: canonicalDigest({ amount: 2 }) });
    expect(bindOlderApproval(claimed, taskOf({ originalDigest: claimed.originalDigest }))).to.equal(undefined);
  });

  it('has begun where it was used and its task was claimed: by the claim that is known, or by one of its own that no other has', () => {
    const consumed = { token: 'used', atMs: 5 };
    const begun = (more: object, used: ApprovalRecord['consumed'] = consumed): ApprovalRecord['begun'] =>
      bindOlderApproval(recordFor({ consumed: used }), taskOf({ updatedAtMs: 7, taskId: 'task-1', ...more }))?.begun;
    for (const status of ['pending', 'approved'] satisfies TaskStatus[]) expect(begun({ status }), status).to.equal(undefined);
    expect(begun({ status: 'executing', claimToken: 'claim' })).to.deep.equal({ claimToken: 'claim', atMs: 7 });
    for (const status of ['completed', 'failed', 'unknown', 'denied', 'timeout', 'cancelled'] satisfies TaskStatus[])
      expect(begun({ status }), status).to.deep.equal({ claimToken: 'of task-1', atMs: 7 });
    expect(bindOlderApproval(recordFor(), taskOf({ status: 'executing', claimToken: 'claim' }))?.begun, 'never used').to.equal(undefined);
  });

  it('is left to a process that has the key, where it was signed', () => {
    const [record, task] = [recordFor(), taskOf()];
    expect(bindUnsigned(record, task)).to.deep.equal(bindOlderApproval(record, task));
    const signed = recordFor({ mac: 'signature' });
    expect(bindUnsigned(signed, task)).to.equal(undefined);
    expect(bindOlderApproval(signed, task)).to.include({ mac: 'signature', version: 4 });
  });
});
