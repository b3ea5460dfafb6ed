import { expect } from 'chai';
import { PERMIT_ALL } from '../../support/policyCalls.js';
import { ASK, decide, DENY, expectDeny, ids, MASK, policy, setEnv } from '../../support/policyEffects.js';

describe('decideEffect', () => {
  it('allows what a permit matches and nothing forbids', () => {
    const outcome = decide(PERMIT_ALL + ASK + DENY + MASK, { env: 'staging' });
    expect(outcome.effect).to.equal('allow');
    expect(ids(outcome.policies)).to.deep.equal(['permit-all']);
  });

  it('denies by default, in a constant sentence', () => {
    expect(decide(DENY, {})).to.deep.include({ effect: 'deny', code: 'no_permit', reason: 'No policy permits this call.', policies: [] });
  });

  it('denies by a plain forbid, in the words of its @reason', () => {
    const outcome = decide(PERMIT_ALL + DENY, { env: 'forbidden' });
    expect(outcome).to.deep.include({ effect: 'deny', code: 'forbidden', reason: 'never' });
    expect(ids(outcome.policies)).to.deep.equal(['no']);
    expect(decide(`${PERMIT_ALL}@id("bare") forbid (principal, action, resource);`, {})).to.include({
      reason: 'A policy forbids this call.',
    });
  });

  it('sanitizes', () => {
    const params = { to: 'a@b.co', body: 'ask bob@example.com' };
    const outcome = decide(PERMIT_ALL + MASK, params);
    expect(outcome).to.deep.include({ effect: 'sanitize', params: { to: 'a@b.co', body: 'ask [email]' }, message: 'addresses are masked' });
    expect(ids(outcome.policies)).to.deep.equal(['mask', 'permit-all']);
    expect(params.body).to.equal('ask bob@example.com');
  });

  it('asks for approval, with no params where nothing was changed', () => {
    const outcome = decide(PERMIT_ALL + ASK, { env: 'production' });
    if (outcome.effect !== 'approval_needed') throw new Error(outcome.effect);
    expect(outcome).to.include({ reason: 'ask a person' }).and.not.have.property('params');
    expect(ids(outcome.approvals)).to.deep.equal(['ask']);
    expect(ids(outcome.policies)).to.deep.equal(['ask', 'permit-all']);
  });

  it('asks for approval of the sanitized params', () => {
    const outcome = decide(PERMIT_ALL + ASK + MASK, { env: 'production', body: 'a@b' });
    expect(outcome).to.deep.include({
      effect: 'approval_needed',
      params: { env: 'production', body: '[email]' },
      message: 'addresses are masked',
    });
  });

  it('lets a plain forbid win over approval and sanitize', () => {
    const text =
      PERMIT_ALL + MASK + policy('@id("ask") @effect("approval_needed")', 'true') + policy('@id("no")', 'context.input has body');
    expectDeny(decide(text, { body: 'a@b' }), 'forbidden');
  });

  it('never grants by approval alone: a permit is needed', () => {
    expectDeny(decide(ASK, { env: 'production' }), 'no_permit');
    expectDeny(decide(MASK, { body: 'a@b' }), 'no_permit');
  });

  it('denies on any error, even where a permit matched and the erring policy could not have', () => {
    for (const broken of [
      policy('@id("e")', 'context.input.missing == 1'),
      policy('@id("e") @effect("approval_needed")', 'context.input.missing > 1'),
    ])
      expectDeny(decide(PERMIT_ALL + broken, {}), 'policy_error');
    expect(decide(`${PERMIT_ALL}@id("e") permit (principal, action, resource) when { context.input.missing };`, {})).to.include({
      code: 'policy_error',
    });
    expect(decide(PERMIT_ALL + policy('@id("e")', 'context.input.n + 1 > 0'), { n: Number.MAX_SAFE_INTEGER }).effect).to.equal('deny');
  });

  it('tells the caller nothing of an error, and the log which policy it was', () => {
    const outcome = decide(PERMIT_ALL + policy('@id("e")', 'context.input.secret_name == 1'), {});
    expect(outcome).to.include({ reason: 'The policies could not be evaluated for this call.' });
    expect(outcome).to.have.property('detail').that.contains('e: ').and.contains('secret_name');
    expect(ids(outcome.policies)).to.deep.equal(['e']);
  });

  it('tells the caller nothing of an error by the reason of the policy, either', () => {
    const outcome = decide(PERMIT_ALL + policy('@id("e") @reason("it says why")', 'context.input.missing == 1'), {});
    expect(outcome).to.include({ code: 'policy_error', reason: 'The policies could not be evaluated for this call.' });
  });

  it('denies where two policies set one place to two values', () => {
    const other = policy('@id("other") @effect("sanitize") @sanitize("set /env \\"b\\"")', 'context.input.env == "old"');
    expectDeny(decide(PERMIT_ALL + setEnv('a') + other, { env: 'old' }), 'sanitize_failed');
    expect(decide(PERMIT_ALL + setEnv('b') + other, { env: 'old' })).to.deep.include({ effect: 'sanitize', params: { env: 'b' } });
  });

  it('denies where an operation does not fit', () => {
    const text =
      PERMIT_ALL + policy('@id("s") @effect("sanitize") @sanitize("mask_email /body")', 'context.input has go && context.input.go');
    for (const params of [{ go: true }, { go: true, body: 5 }]) expectDeny(decide(text, params), 'sanitize_failed');
  });

  it('removes a param only where the call lets it', () => {
    const text = PERMIT_ALL + policy('@id("s") @effect("sanitize") @sanitize("remove /ssn")', 'context.input has ssn');
    expectDeny(decide(text, { ssn: 1 }), 'sanitize_failed');
    expect(decide(text, { ssn: 1 }, { removable: ['ssn'] })).to.deep.include({ effect: 'sanitize', params: {} });
  });

  it('gives each approval policy with its approvers, timeout and hash', () => {
    const ask = (id: string, extra: string): string => policy(`@id("${id}") @effect("approval_needed") ${extra}`, 'true');
    const outcome = decide(
      PERMIT_ALL + ask('b', '@approvers("x")') + ask('a', '@approvers("y, z") @approval_timeout_s("5") @self_approval("true")'),
      {},
    );
    if (outcome.effect !== 'approval_needed') throw new Error(outcome.effect);
    expect(
      outcome.approvals.map(({ id, approvers, approvalTimeoutMs, selfApproval }) => [id, approvers, approvalTimeoutMs, selfApproval]),
    ).to.deep.equal([
      ['a', ['y', 'z'], 5_000, true],
      ['b', ['x'], undefined, undefined],
    ]);
    expect(outcome.approvals[0]?.hash).to.match(/^[0-9a-f]{64}$/);
    expect(outcome.reason).to.equal('A person has to approve this call.');
  });
});
