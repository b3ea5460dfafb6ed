import { expect } from 'chai';
import { canonicalDigest } from '../../lib/common/data/canonical.js';
import { bindingBase, bindingBaseOf, digestOfSession } from '../../lib/model/bindingBase.js';
import type { CallBinding } from '../../lib/model/bindingBase.js';
import { originOf, pendingTask } from '../support/tasks.js';

describe('The binding of a call', () => {
  const binding: CallBinding = {
    agentId: 'bot',
    toolName: 'refund',
    guardKey: 'refund',
    mode: 'defer',
    idempotent: false,
    resumable: true,
    originalDigest: canonicalDigest({ amount: 1 }),
    sessionDigest: digestOfSession(null),
    argumentCount: 1,
    target: '',
    signature: 's',
  };
  const task = pendingTask({ origin: originOf('owner') });

  it('is another one wherever a fact of the call is another', () => {
    const others: readonly Partial<CallBinding>[] = [
      { agentId: 'Bot' },
      { toolName: 'pay' },
      { guardKey: 'pay' },
      { mode: 'throw' },
      { idempotent: true },
      { resumable: false },
      { originalDigest: canonicalDigest({ amount: 2 }) },
      { sessionDigest: digestOfSession({}) },
      { argumentCount: 0 },
      { target: 'Till' },
      { signature: 't' },
    ];
    expect(others).to.have.length(Object.keys(binding).length);
    const digests = [binding, ...others.map((other) => ({ ...binding, ...other }))].map(bindingBase);
    expect(new Set(digests).size).to.equal(digests.length);
  });

  it('of a stored task is computed from its content, whatever digests it names', () => {
    expect(bindingBaseOf(task)).to.equal(bindingBase(binding));
    expect(bindingBaseOf({ ...task, originalDigest: 'x', sessionDigest: 'x', digest: 'x' })).to.equal(bindingBase(binding));
  });

  it('is none for a task that no guard made, and for content without a digest', () => {
    expect(bindingBaseOf(pendingTask({ origin: undefined }))).to.equal('');
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    expect(bindingBaseOf({ ...task, session: circular as never })).to.equal('');
  });
});
