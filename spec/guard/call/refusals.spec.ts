import { expect } from 'chai';
import { forbidden } from '../../../lib/guard/call/refusals.js';
import type { DenialCode } from '../../../lib/model/terms/DenialCode.js';

describe('The error of a denied call', () => {
  const of = (code?: DenialCode) =>
    forbidden({ agentId: 'bot', toolName: 'mail' }, { effect: 'deny', decisionId: 'd', reason: 'not now', ...(code && { code }) });

  it('has the code of the decision, and that of a policy where it has none', () => {
    for (const code of ['halted', 'limit_reached', 'limit_cost', 'limit_unavailable', 'preview_failed'] as const)
      expect(of(code)).to.include({ name: 'ForbiddenError', code, agentId: 'bot', message: "Tool 'mail' is not allowed: not now" });
    expect(of()).to.include({ name: 'ForbiddenError', code: 'policy_violation' });
  });

  it('says that nothing was decided, where it is not known what is halted', () => {
    expect(of('halt_unknown')).to.include({ name: 'DecisionUnavailableError', code: 'halt_unknown', reason: 'halt_unknown' });
  });
});
