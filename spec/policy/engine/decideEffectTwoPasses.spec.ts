import { expect } from 'chai';
import { PERMIT_ALL } from '../../support/policyCalls.js';
import { ASK, decide, DENY, expectDeny, ids, MASK, policy, setEnv } from '../../support/policyEffects.js';

describe('decideEffect in two passes', () => {
  describe('after a sanitize asks all policies again', () => {
    it('so that setting env to production does not escape the approval on production', () => {
      const outcome = decide(PERMIT_ALL + ASK + setEnv('production'), { env: 'old' });
      expect(outcome).to.deep.include({ effect: 'approval_needed', params: { env: 'production' } });
      if (outcome.effect === 'approval_needed') expect(ids(outcome.approvals)).to.deep.equal(['ask']);
    });

    it('and keeps the approvals of the first pass, ordered by id', () => {
      const before = policy('@id("zz") @effect("approval_needed")', 'context.input.env == "old"');
      const outcome = decide(PERMIT_ALL + before + ASK + setEnv('production'), { env: 'old' });
      if (outcome.effect !== 'approval_needed') throw new Error(outcome.effect);
      expect(ids(outcome.approvals)).to.deep.equal(['ask', 'zz']);
      const changedAway = decide(PERMIT_ALL + before + setEnv('new'), { env: 'old' });
      expect(changedAway).to.deep.include({ effect: 'approval_needed', params: { env: 'new' } });
    });

    it('and gives the reasons of both passes, ordered by id', () => {
      const before = policy('@id("zz") @effect("approval_needed") @reason("first")', 'context.input.env == "old"');
      expect(decide(PERMIT_ALL + before + ASK + setEnv('production'), { env: 'old' })).to.include({ reason: 'ask a person; first' });
    });

    it('and denies where the second pass takes too long, which is no fault of the operations', () => {
      const slow = Array.from({ length: 60 }, (_, i) =>
        policy(`@id("s${i}")`, 'context.input.env == "new" && context.input.x like "*aab*"'),
      );
      const text = PERMIT_ALL + setEnv('new') + slow.join('');
      expectDeny(decide(text, { env: 'old', x: 'a'.repeat(20_000) }), 'policy_error');
      expect(decide(text, { env: 'old', x: 'a'.repeat(1_000) }).effect).to.equal('sanitize');
    });

    it('and denies by a plain forbid on the changed params', () => {
      expect(decide(PERMIT_ALL + DENY + setEnv('forbidden'), { env: 'old' })).to.include({
        effect: 'deny',
        code: 'forbidden',
        reason: 'never',
      });
    });

    it('and denies by an error on the changed params', () => {
      const text = PERMIT_ALL + setEnv('new') + policy('@id("e")', 'context.input.env == "new" && context.input.missing == 1');
      expectDeny(decide(text, { env: 'old' }), 'policy_error');
    });

    it('and denies where a sanitize still matches', () => {
      const text = PERMIT_ALL + policy('@id("s") @effect("sanitize") @sanitize("mask_email /body")', 'context.input has body');
      expectDeny(decide(text, { body: 'a@b' }), 'sanitize_failed');
      expectDeny(decide(PERMIT_ALL + MASK, { body: 'what is @ this' }), 'sanitize_failed');
    });

    it('and denies where another sanitize begins to match', () => {
      const text = PERMIT_ALL + setEnv('new') + policy('@id("s") @effect("sanitize") @sanitize("set /x 1")', 'context.input.env == "new"');
      expectDeny(decide(text, { env: 'old' }), 'sanitize_failed');
    });

    it('and denies where nothing permits the changed params', () => {
      const permit = '@id("p") permit (principal, action, resource) when { context.input.env == "old" };';
      expectDeny(decide(permit + setEnv('new'), { env: 'old' }), 'no_permit');
      const ask = policy('@id("ask") @effect("approval_needed")', 'true');
      expectDeny(decide(permit + setEnv('new') + ask, { env: 'old' }), 'no_permit');
    });
  });

  describe('wants a permit on the call as it came', () => {
    const permit = '@id("p") permit (principal, action, resource) when { context.input.env == "new" };';

    it('so that a sanitize makes nothing permitted', () => {
      expectDeny(decide(permit + setEnv('new'), { env: 'old' }), 'no_permit');
    });

    it('unless the sanitize policy says @may_permit', () => {
      expect(decide(permit + setEnv('new', '@may_permit("true")'), { env: 'old' })).to.deep.include({
        effect: 'sanitize',
        params: { env: 'new' },
      });
      expect(decide(permit + setEnv('new', '@may_permit("false")'), { env: 'old' })).to.include({ effect: 'deny' });
    });

    it('and counts only the operations of those that say so', () => {
      const granted = permit + MASK + setEnv('new', '@may_permit("true")');
      expect(decide(granted, { env: 'old', body: 'a@b' })).to.deep.include({ effect: 'sanitize', params: { env: 'new', body: '[email]' } });
      const masked =
        '@id("p") permit (principal, action, resource) when { context.input.env == "new" && !(context.input.body like "*@*") };';
      expect(decide(masked + MASK + setEnv('new', '@may_permit("true")'), { env: 'old', body: 'a@b' })).to.include({ code: 'no_permit' });
    });
  });
});
