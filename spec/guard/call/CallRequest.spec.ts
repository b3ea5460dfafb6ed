import { expect } from 'chai';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { CallRequest } from '../../../lib/guard/call/CallRequest.js';

describe('The request of a call', () => {
  it('has the digest of what was decided on, also where that is read for the first time after the method got its copy', () => {
    const request = new CallRequest({ amount: 5 } as never, { agentId: 'a', toolName: 'pay' } as never, { approvalTimeoutMs: 1 });
    expect(request.params).to.deep.equal({ amount: 5 });
    const own = CallRequest.release(request) as unknown as { amount: number };
    own.amount = 6;
    expect(request.paramsDigest).to.equal(canonicalDigest({ amount: 5 }));
  });
});
