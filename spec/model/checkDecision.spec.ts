import { expect } from 'chai';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { checkDecision, checkStatus } from '../../lib/model/checkDecision.js';
import type { DecisionRequest } from '../../lib/model/Decision.js';
import { DecisionUnavailableError } from '../../lib/model/errors/ServiceErrors.js';
import { UNBELIEVABLE } from '../support/unbelievableAnswers.js';

const request = { agentId: 'agent', toolName: 'tool' } as DecisionRequest;

describe('checkDecision', () => {
  for (const [name, answer, reason] of UNBELIEVABLE)
    it(`does not believe ${name}`, () => {
      try {
        checkDecision(answer, request);
      } catch (error) {
        expect(error).to.be.instanceOf(DecisionUnavailableError).and.have.property('reason', reason);
        expect(String(error)).to.not.include('CANARY');
        return;
      }
      throw new Error('it was believed');
    });

  for (const effect of ['ALLOW', 'allow ', 'allowed', '', 'constructor', undefined, null, true, 1, ['allow'], { toString: () => 'allow' }])
    it(`takes the effect ${JSON.stringify(effect)} for a deny`, () => {
      expect(checkDecision({ effect, decisionId: 'd' }, request)).to.include({ effect: 'deny', decisionId: 'd' });
    });

  for (const effect of ['allow', 'deny', 'sanitize', 'approval_needed'])
    it(`believes ${effect}, with or without an echo`, () => {
      const params = effect === 'sanitize' ? { params: {} } : {};
      expect(checkDecision({ effect, decisionId: 'd', ...params }, request)).to.include({ effect, decisionId: 'd' });
      const echoed = { effect, decisionId: 'd', agentId: 'agent', toolName: 'tool', ...params };
      expect(checkDecision(echoed, request)).to.include({ agentId: 'agent', toolName: 'tool' });
      expect(checkDecision({ ...echoed, agentId: null, toolName: null }, request)).to.include({ effect });
    });

  it('keeps the code of a deny that it knows', () => {
    expect(checkDecision({ effect: 'deny', decisionId: 'd', code: 'limit_cost' }, request)).to.include({ code: 'limit_cost' });
    for (const code of ['approval_denied', 'toString', '', null, 5, ['halted']])
      expect(checkDecision({ effect: 'deny', decisionId: 'd', code }, request)).not.to.have.property('code');
    expect(checkDecision({ effect: 'allow', decisionId: 'd', code: 'halted' }, request)).not.to.have.property('code');
  });

  it('keeps the fields it knows, and drops those that are not what they should be', () => {
    const good = {
      decisionId: 'd',
      effect: 'deny',
      reason: 'why',
      requestId: 'r',
      tenantId: 't',
      violations: [{ type: 'a', message: 'b' }],
      policySetHash: 'h',
      policyEvaluations: [1],
      latencyMs: 3,
    };
    expect(checkDecision(good, request)).to.deep.include(good);
    const bad = { ...good, reason: { toString: () => 'x' }, violations: 'x', latencyMs: '3', requestId: 5, admin: true };
    const read = checkDecision(bad, request);
    expect(read).to.include({ reason: undefined, violations: undefined, latencyMs: undefined, requestId: undefined });
    expect(read).to.not.have.property('admin');
  });

  it('gives back a copy: what the service does to its answer later changes nothing', () => {
    const answer = { effect: 'deny', decisionId: 'd', reason: 'no' };
    const read = checkDecision(answer, request);
    Object.assign(answer, { effect: 'allow', decisionId: 'e' });
    expect(read).to.include({ effect: 'deny', decisionId: 'd' });
  });

  it('keeps the end of an approval that it checked, whatever a second reading would say', () => {
    let readings = 0;
    const answer = {
      decisionId: 'd',
      effect: 'approval_needed',
      get expiresAtMs() {
        readings += 1;
        return readings === 1 ? 5 : undefined;
      },
    };
    expect(checkDecision(answer, request)).to.include({ expiresAtMs: 5 });
    expect(readings).to.equal(1);
  });

  it('reports an answer for another call as a security event', () => {
    const events: unknown[] = [];
    const listen = (event: unknown): void => void events.push(event);
    subscribe('aegis:diagnostics', listen);
    try {
      expect(() => checkDecision({ effect: 'allow', decisionId: 'd', agentId: 'other' }, request)).to.throw(DecisionUnavailableError);
    } finally {
      unsubscribe('aegis:diagnostics', listen);
    }
    expect(events).to.have.length(1);
    expect(events[0]).to.deep.include({ kind: 'security', code: 'decision_echo_mismatch', actor: { kind: 'service' } });
    expect(events[0]).to.have.deep.property('subject').that.deep.includes({ agentId: 'agent', decisionId: 'd' });
  });
});

describe('Where an approval stands', () => {
  it('is copied: state, reason and person', () => {
    const answer = { decisionId: 'd', state: 'denied', reason: 'no', by: 'ann', more: 1 };
    expect(checkStatus(answer)).to.deep.equal({ decisionId: 'd', state: 'denied', reason: 'no', by: 'ann' });
  });

  it('is read once, so that a second reading cannot say more', () => {
    const readings: string[] = [];
    const answer = {
      decisionId: 'd',
      get state() {
        readings.push('state');
        return readings.length === 1 ? 'pending' : 'approved';
      },
    };
    expect(checkStatus(answer)?.state).to.equal('pending');
    expect(readings).to.have.length(1);
  });

  for (const state of ['APPROVED', 'approve', '', undefined, null, ['approved'], Object('approved'), 'toString'])
    it(`is invalid where the state is ${String(state) || 'empty'} (${typeof state})`, () => {
      expect(checkStatus({ decisionId: 'd', state })?.state).to.equal('invalid');
    });

  it('is nothing without a decisionId that can be read', () => {
    const throwing = Object.defineProperty({ state: 'approved' }, 'decisionId', {
      get() {
        throw new RangeError('no');
      },
    });
    for (const answer of [undefined, null, 'approved', 1, {}, { decisionId: 5, state: 'approved' }, throwing])
      expect(checkStatus(answer)).to.equal(undefined);
  });

  for (const [what, given, params, digest] of [
    ['both', { params: { amount: 1 }, digest: 'd' }, { amount: 1 }, 'd'],
    ['no digest', { params: { amount: 1 } }, { amount: 1 }, ''],
    ['a digest of another type', { params: { amount: 1 }, digest: 7 }, { amount: 1 }, ''],
    ['no params', { digest: 'd' }, {}, 'd'],
    ['params that are a list', { params: [1], digest: 'd' }, {}, 'd'],
  ] as const)
    it(`has edited params that no digest fits unless both are there: ${what}`, () =>
      expect(checkStatus({ decisionId: 'd', state: 'approved', ...given })).to.deep.include({ params, digest }));

  it('has no edited params where none are given', () => {
    expect(checkStatus({ decisionId: 'd', state: 'approved', params: null, digest: null })).not.to.have.any.keys('params', 'digest');
  });

  it('takes words of another type for none', () => {
    expect(checkStatus({ decisionId: 'd', state: 'denied', reason: 5, by: {} })).to.include({ reason: undefined, by: undefined });
  });
});
