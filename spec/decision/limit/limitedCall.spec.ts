import { expect } from 'chai';
import { isOwn, journaledLimit, limitedCall } from '../../../lib/decision/limit/limitedCall.js';
import type { LimitDimension, LimitTerms } from '../../../lib/model/terms/LimitTerms.js';
import type { AppliedLimit } from '../../../lib/policy/PolicyEngine.js';
import { requestOf } from '../../support/callRequests.js';

const HOUR = 3_600_000;
const limitOf = (terms: Partial<LimitTerms> = {}, observed?: boolean): AppliedLimit => ({
  policy: { id: 'cap', hash: 'hash of cap', effect: 'limit' },
  terms: { limit: 25_000, windowMs: HOUR, kind: 'fixed', by: ['agent'], over: 'deny', ...terms },
  observed,
});

describe('What limits count of a call', () => {
  it('are the params that would run, where they differ from those that came', () => {
    const session = { user_id: 'ann' };
    const request = requestOf({ params: { amount: 5 }, session });
    const call = { agentId: 'bot', toolName: 'refund', params: { amount: 5 }, session, sessionTrusted: true };
    expect(limitedCall(request)).to.deep.equal(call);
    expect(limitedCall(request, { amount: 1 })).to.deep.equal({ ...call, params: { amount: 1 } });
  });

  it('is the session of a remote caller only where its word for it is believed', () => {
    for (const sessionTrusted of [true, false]) {
      const remote = { consumes: true, appliesChanges: true, sessionTrusted };
      expect(limitedCall(requestOf({ remote })).sessionTrusted).to.equal(sessionTrusted);
    }
  });
});

describe('What a journal learns of a limit', () => {
  const name = { id: 'cap', hash: 'hash of cap' };

  it('is how many whole calls fit, in which kind of window, where the log says by itself which calls those are', () => {
    expect(journaledLimit(limitOf())).to.deep.equal({ ...name, by: ['agent'], calls: 2, windowMs: HOUR });
    const sliding = { ...name, by: ['tenant', 'tool'], calls: 2, windowMs: HOUR, isSliding: true };
    expect(journaledLimit(limitOf({ kind: 'sliding', by: ['tenant', 'tool'] }))).to.deep.equal(sliding);
  });

  it('is its name alone where a param or the session says how much or whose, or it is only watched', () => {
    const bys: readonly (readonly LimitDimension[])[] = [['session'], ['agent', 'session/user_id'], ['session/team']];
    for (const by of bys) expect(journaledLimit(limitOf({ by })), String(by)).to.deep.equal(name);
    expect(journaledLimit(limitOf({ cost: '/amount' }))).to.deep.equal(name);
    expect(journaledLimit(limitOf({ kind: 'sliding' }, true))).to.deep.equal(name);
  });
});

describe('A limit that counts the asker alone', () => {
  it('counts by its agent or its user, whatever else it counts by', () => {
    for (const by of [['agent'], ['tool', 'agent'], ['session/user_id'], ['tenant', 'session/user_id']] as const)
      expect(isOwn(limitOf({ by })), String(by)).to.equal(true);
    for (const by of [[], ['tenant'], ['tool'], ['session'], ['session/team'], ['tenant', 'tool']] as const)
      expect(isOwn(limitOf({ by })), String(by)).to.equal(false);
  });
});
