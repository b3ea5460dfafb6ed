import { expect } from 'chai';
import fc from 'fast-check';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { writeDecideRequest } from '../../../lib/decision/wire/decideRequest.js';
import { readDecisionAnswer } from '../../../lib/decision/wire/readDecisionAnswer.js';
import { readStatusAnswer } from '../../../lib/decision/wire/statusAnswer.js';
import type { Decision, DecisionRequest } from '../../../lib/model/Decision.js';
import { AegisError } from '../../../lib/model/AegisError.js';
import { DecisionUnavailableError } from '../../../lib/model/errors/ServiceErrors.js';
import { everythingShownOf, PARAM_CANARY, remoteRequest } from '../../support/remoteRequest.js';

const SECRET = 'answer-canary-77';

function answer(final: unknown, more: object = {}): Record<string, unknown> {
  return {
    request_id: 'r',
    agent_id: 'ops-agent',
    decision_id: 'd',
    tool: 'slack.post_message',
    final_decision: final,
    latency_ms: 3,
    ...more,
  };
}

function decided(final: unknown, request: DecisionRequest = remoteRequest(), more: object = {}): Decision | undefined {
  return readDecisionAnswer(JSON.stringify(answer(final, more))).decisionFor(request);
}

function refusal(run: () => unknown): DecisionUnavailableError {
  try {
    run();
  } catch (error) {
    expect(error).to.be.instanceOf(DecisionUnavailableError);
    return error as DecisionUnavailableError;
  }
  return expect.fail('it was believed');
}

describe('readDecisionAnswer', () => {
  const params = Object.freeze({ channel: '#support', text: PARAM_CANARY });

  it('keeps all the fields of the protocol', () => {
    const final = {
      effect: 'deny',
      reason: 'no',
      sanitize: null,
      violations: [
        { type: 'parameter', field: 'text', condition: 'c', message: 'm', actual_value: { a: [1] }, limit_type: 'max' },
        { type: 't', message: 'm', field: null, condition: null, actual_value: null, limit_type: null },
      ],
      approval_id: null,
    };
    expect(decided(final, remoteRequest(), { tenant_id: 't', policy_evaluations: [{ any: 1 }] })).to.deep.equal({
      effect: 'deny',
      decisionId: 'd',
      agentId: 'ops-agent',
      toolName: 'slack.post_message',
      requestId: 'r',
      tenantId: 't',
      reason: 'no',
      violations: [
        { type: 'parameter', field: 'text', condition: 'c', message: 'm', actualValue: { a: [1] }, limitType: 'max' },
        { type: 't', message: 'm', field: undefined, condition: undefined, actualValue: null, limitType: undefined },
      ],
      policyEvaluations: [{ any: 1 }],
      latencyMs: 3,
    });
  });

  it('keeps the id of the grant that allowed a call, where it is one', () => {
    const sanitize = { params: { text: 'x' } };
    expect(decided({ effect: 'allow', grant_id: 'grant_1' })).to.include({ effect: 'allow', grantId: 'grant_1' });
    expect(decided({ effect: 'sanitize', sanitize, grant_id: 'grant_1' })).to.include({ effect: 'sanitize', grantId: 'grant_1' });
    expect(decided({ effect: 'deny', grant_id: 'grant_1' })).not.to.have.property('grantId');
    for (const none of [null, undefined]) expect(decided({ effect: 'allow', grant_id: none })).not.to.have.property('grantId');
  });

  it('keeps when to try again, of a deny, and that limits count a call which may run', () => {
    const sanitize = { params: { text: 'x' } };
    const retry_at = '2027-01-01T13:00:00.000Z';
    expect(decided({ effect: 'deny', retry_at })).to.include({ effect: 'deny', retryAtMs: Date.UTC(2027, 0, 1, 13) });
    expect(decided({ effect: 'allow', limited: true })).to.deep.include({ effect: 'allow', limits: [] });
    expect(decided({ effect: 'sanitize', sanitize, limited: true })).to.deep.include({ effect: 'sanitize', limits: [] });
    for (const none of [null, undefined, false]) expect(decided({ effect: 'allow', limited: none })).not.to.have.property('limits');
    for (const none of [null, undefined]) expect(decided({ effect: 'deny', retry_at: none })).not.to.have.property('retryAtMs');
    expect(decided({ effect: 'deny', limited: true })).not.to.have.property('limits');
    expect(decided({ effect: 'allow', retry_at })).not.to.have.property('retryAtMs');
    for (const wrong of ['soon', 5, '2027-01-01', true]) expect(() => decided({ effect: 'deny', retry_at: wrong })).to.throw('malformed');
    for (const wrong of ['yes', 1, {}]) expect(() => decided({ effect: 'allow', limited: wrong })).to.throw('malformed');
  });

  it('keeps why a call is denied: of a deny, and only what it knows', () => {
    for (const code of ['halted', 'halt_unknown', 'limit_reached', 'limit_cost', 'limit_unavailable', 'preview_failed'])
      expect(decided({ effect: 'deny', code })).to.include({ effect: 'deny', code });
    for (const code of [null, undefined, '', 'approval_denied', 'Halted', 'halted ', 'constructor'])
      expect(decided({ effect: 'deny', code }), String(code)).not.to.have.property('code');
    for (const effect of ['allow', 'later']) expect(decided({ effect, code: 'halted' })).not.to.have.property('code');
    for (const wrong of [5, true, {}, ['halted']]) expect(() => decided({ effect: 'deny', code: wrong })).to.throw('malformed');
  });

  it('takes what is optional as absent or null, and ignores fields that are not listed', () => {
    expect(decided({ effect: 'allow' })).to.include({ effect: 'allow', reason: undefined, tenantId: undefined });
    const nulls = { effect: 'allow', reason: null, sanitize: null, violations: null, approval_id: null, later: { effect: 'deny' } };
    expect(decided(nulls, remoteRequest(), { tenant_id: null, policy_evaluations: null, effect: 'deny', later: 1 })).to.include({
      effect: 'allow',
    });
  });

  for (const effect of ['ALLOW', 'allow ', 'permit', '', 'approved', 'toString', '__proto__']) {
    it(`takes the effect ${JSON.stringify(effect)} as a deny`, () => {
      const decision = decided({ effect, sanitize: { params: { text: 'x' } } });
      expect(decision).to.include({ effect: 'deny' });
      expect(decision?.reason).to.contain('an effect that this version of aegislib does not know');
    });
  }

  const malformed: readonly (readonly [string, unknown, string])[] = [
    ['null', null, 'the answer'],
    ['a list', [answer({ effect: 'allow' })], 'request_id'],
    ['a text', SECRET, 'the answer'],
    ...['request_id', 'agent_id', 'decision_id', 'tool', 'final_decision', 'latency_ms'].flatMap((key) => [
      [`no ${key}`, answer({ effect: 'allow' }, { [key]: undefined }), key] as const,
      [`null as ${key}`, answer({ effect: 'allow' }, { [key]: null }), key] as const,
      [`a list as ${key}`, answer({ effect: 'allow' }, { [key]: [SECRET] }), key] as const,
      [`true as ${key}`, answer({ effect: 'allow' }, { [key]: true }), key] as const,
    ]),
    ['a fraction as latency_ms', answer({ effect: 'allow' }, { latency_ms: 1.5 }), 'latency_ms'],
    ['text as latency_ms', answer({ effect: 'allow' }, { latency_ms: '3' }), 'latency_ms'],
    ['an empty decision_id', answer({ effect: 'allow' }, { decision_id: '' }), 'decision_id'],
    ['a decision_id that is a step up', answer({ effect: 'allow' }, { decision_id: '..' }), 'decision_id'],
    ['a decision_id with half a character', answer({ effect: 'allow' }, { decision_id: 'a\ud800' }), 'decision_id'],
    ['a decision_id that fills the memory', answer({ effect: 'allow' }, { decision_id: 'x'.repeat(513) }), 'decision_id'],
    ['a number as tenant_id', answer({ effect: 'allow' }, { tenant_id: 7 }), 'tenant_id'],
    ['an object as policy_evaluations', answer({ effect: 'allow' }, { policy_evaluations: {} }), 'policy_evaluations'],
    ['no effect', answer({}), 'final_decision.effect'],
    ['null as effect', answer({ effect: null }), 'final_decision.effect'],
    ['a list as effect', answer({ effect: ['allow'] }), 'final_decision.effect'],
    ['a number as reason', answer({ effect: 'allow', reason: 7 }), 'final_decision.reason'],
    ['text as violations', answer({ effect: 'deny', violations: SECRET }), 'final_decision.violations'],
    ['a violation without message', answer({ effect: 'deny', violations: [{ type: 't' }] }), 'final_decision.violations.0.message'],
    ['a violation without type', answer({ effect: 'deny', violations: [{ message: 't' }] }), 'final_decision.violations.0.type'],
    ['a list as sanitize', answer({ effect: 'sanitize', sanitize: [] }), 'final_decision.sanitize'],
    ['text as sanitize', answer({ effect: 'sanitize', sanitize: SECRET }), 'final_decision.sanitize'],
    ['a list as params', answer({ effect: 'sanitize', sanitize: { params: [SECRET] } }), 'final_decision.sanitize.params'],
    ['text as params', answer({ effect: 'sanitize', sanitize: { params: SECRET } }), 'final_decision.sanitize.params'],
    ['text as removed', answer({ effect: 'sanitize', sanitize: { params: {}, removed: SECRET } }), 'final_decision.sanitize.removed'],
    [
      'a number as digest',
      answer({ effect: 'sanitize', sanitize: { params: {}, effective_digest: 7 } }),
      'final_decision.sanitize.effective_digest',
    ],
    ['a number as approval_id', answer({ effect: 'approval_needed', approval_id: 7 }), 'final_decision.approval_id'],
  ];
  for (const [what, body, path] of malformed) {
    it(`refuses ${what}, naming ${path} and never what was there (trap F)`, () => {
      const error = refusal(() => readDecisionAnswer(JSON.stringify(body)));
      expect(error.reason).to.equal('malformed');
      expect(error.message).to.match(new RegExp(` ${path}[.a-z]*: expected `));
      expect(everythingShownOf(error)).to.not.contain(SECRET);
      expect(error.cause).to.equal(undefined);
    });
  }

  it('refuses a duplicate key anywhere', () => {
    const whole = JSON.stringify(answer({ effect: 'deny' }));
    for (const text of [
      whole.replace('"effect":"deny"', '"effect":"deny","effect":"allow"'),
      whole.replace('"effect":"deny"', '"effect":"deny","\\u0065ffect":"allow"'),
      whole.replace('{"request_id"', '{"decision_id":"x","request_id"'),
      JSON.stringify(answer({ effect: 'sanitize', sanitize: { params: { text: 'a' } } })).replace('"text":"a"', '"text":"a","text":"b"'),
    ]) {
      expect(refusal(() => readDecisionAnswer(text)).reason).to.equal('duplicate_key');
    }
    expect(refusal(() => readStatusAnswer('{"decision_id":"d","status":"PENDING","status":"OK","effect":"allow"}')).reason).to.equal(
      'duplicate_key',
    );
  });

  describe('sanitize', () => {
    it('lays params over those of the call, key by key', () => {
      const decision = decided({ effect: 'sanitize', sanitize: { message: 'masked', params: { text: '[masked]' } } });
      expect(decision).to.deep.include({ effect: 'sanitize', params: { channel: '#support', text: '[masked]' }, message: 'masked' });
    });

    it('replaces a nested object as a whole', () => {
      const request = remoteRequest({ params: { a: { b: 1, c: 2 }, d: 3 } });
      expect(decided({ effect: 'sanitize', sanitize: { params: { a: { b: 9 } } } }, request)).to.deep.include({
        params: { a: { b: 9 }, d: 3 },
      });
    });

    it('gives frozen params and leaves those of the call alone', () => {
      const decision = decided({ effect: 'sanitize', sanitize: { params: { text: { deep: [1] } } } }, remoteRequest({ params }));
      const given = (decision as unknown as { params: { text: { deep: number[] } } }).params;
      expect([Object.isFrozen(given), Object.isFrozen(given.text), Object.isFrozen(given.text.deep)]).to.deep.equal([true, true, true]);
      expect(params).to.deep.equal({ channel: '#support', text: PARAM_CANARY });
    });

    it('keeps Date and BigInt of params it does not name', () => {
      const request = remoteRequest({ params: { at: new Date(5), n: 7n, text: 'a' } });
      expect(decided({ effect: 'sanitize', sanitize: { params: { text: 'b' } } }, request)).to.deep.include({
        params: { at: new Date(5), n: 7n, text: 'b' },
      });
    });

    it('applies to approval_needed too, so that what is shown is what runs', () => {
      const final = {
        effect: 'approval_needed',
        reason: 'big',
        approval_id: 'a1',
        sanitize: { message: 'masked', params: { text: '[masked]' } },
      };
      const decision = decided(final);
      expect(decision).to.deep.include({ effect: 'approval_needed', approvalId: 'a1', reason: 'big', message: 'masked' });
      expect(decision).to.deep.include({ params: { channel: '#support', text: '[masked]' } });
      for (const sanitize of [undefined, null, {}, { params: null }]) {
        expect(decided({ effect: 'approval_needed', sanitize })).to.deep.include({ effect: 'approval_needed', params: undefined });
      }
    });

    it('is malformed without params', () => {
      for (const sanitize of [undefined, null, {}, { params: null }, { message: 'm' }, { removed: [] }]) {
        expect(refusal(() => decided({ effect: 'sanitize', sanitize })).message).to.contain('params is missing');
      }
    });

    it('is malformed with allow, which never changes params', () => {
      for (const sanitize of [{ params: { text: 'x' } }, { params: {} }]) {
        expect(refusal(() => decided({ effect: 'allow', sanitize })).message).to.contain('although the effect is allow');
      }
      const request = remoteRequest({ removable: ['text'] });
      expect(refusal(() => decided({ effect: 'allow', sanitize: { removed: ['text'] } }, request)).reason).to.equal('malformed');
      expect(decided({ effect: 'allow', sanitize: { message: 'm', params: null } })).to.deep.include({ effect: 'allow' });
    });

    for (const key of ['constructor', 'prototype', '__entity', '__extn', '__expr']) {
      for (const [where, made] of [
        ['at the top', { [key]: 1 }],
        ['deep down', { text: { a: [{ [key]: { polluted: true } }] } }],
      ] as const) {
        for (const effect of ['sanitize', 'approval_needed', 'allow']) {
          it(`refuses the key ${key} ${where}, never drops it (trap G, ${effect})`, () => {
            expect(refusal(() => decided({ effect, sanitize: { params: made } })).reason).to.equal('malformed');
          });
        }
      }
    }

    it('refuses the key __proto__ anywhere in an answer, also in free-form parts (trap G)', () => {
      for (const text of [
        JSON.stringify(answer({ effect: 'sanitize', sanitize: { params: { x: 1 } } })).replace('"x":1', '"__proto__":{"admin":true}'),
        JSON.stringify(answer({ effect: 'sanitize', sanitize: { params: { x: { y: 1 } } } })).replace(
          '"y":1',
          '"\\u005f_proto__":{"admin":true}',
        ),
        JSON.stringify(answer({ effect: 'allow' }, { policy_evaluations: [{ y: 1 }] })).replace('"y":1', '"__proto__":{"admin":true}'),
      ]) {
        expect(refusal(() => readDecisionAnswer(text).decisionFor(remoteRequest())).reason).to.equal('malformed');
      }
      expect(({} as { admin?: boolean }).admin).to.equal(undefined);
    });

    it('refuses numbers that are not finite, and params beyond the limits of params', () => {
      const text = JSON.stringify(answer({ effect: 'sanitize', sanitize: { params: { n: 1 } } })).replace('"n":1', '"n":1e999');
      expect(refusal(() => readDecisionAnswer(text).decisionFor(remoteRequest())).reason).to.equal('malformed');
      for (const params of [{ n: 'x'.repeat(300_000) }, { n: Array.from({ length: 10_001 }, () => 0) }]) {
        expect(refusal(() => decided({ effect: 'sanitize', sanitize: { params } })).reason).to.equal('malformed');
      }
    });
  });

  describe('removed', () => {
    const request = remoteRequest({ params: { a: 1, b: 2, c: 3 }, removable: ['b', 'c', 'x'] });

    it('leaves out what the guard lets go', () => {
      expect(decided({ effect: 'sanitize', sanitize: { params: { a: 9 }, removed: ['b'] } }, request)).to.deep.include({
        params: { a: 9, c: 3 },
      });
      expect(decided({ effect: 'sanitize', sanitize: { removed: ['b', 'c', 'x'] } }, request)).to.deep.include({ params: { a: 1 } });
      expect(decided({ effect: 'approval_needed', sanitize: { removed: ['b'] } }, request)).to.deep.include({ params: { a: 1, c: 3 } });
    });

    it('is malformed for any other param, or for one that is replaced as well', () => {
      for (const sanitize of [{ removed: ['a'] }, { removed: ['b', 'toString'] }, { params: { b: 1 }, removed: ['b'] }]) {
        expect(refusal(() => decided({ effect: 'sanitize', sanitize }, request)).reason).to.equal('malformed');
      }
    });
  });

  describe('effective_digest', () => {
    it('has to be that of the params the call would run with', () => {
      const sanitize = { params: { text: '[masked]' }, effective_digest: canonicalDigest({ text: '[masked]', channel: '#support' }) };
      expect(decided({ effect: 'sanitize', sanitize })).to.include({ effect: 'sanitize' });
      for (const effective_digest of [canonicalDigest({ text: '[masked]' }), canonicalDigest(params), '', 'x']) {
        for (const effect of ['sanitize', 'approval_needed']) {
          expect(decided({ effect, sanitize: { ...sanitize, effective_digest } })).to.equal(undefined);
        }
      }
    });

    it('is checked where nothing is replaced, too', () => {
      for (const effect of ['allow', 'approval_needed']) {
        expect(decided({ effect, sanitize: { effective_digest: canonicalDigest(params) } })).to.include({ effect });
        expect(decided({ effect, sanitize: { effective_digest: canonicalDigest({}) } })).to.equal(undefined);
      }
    });

    it('is over the wire form: what a service has of Date and BigInt', () => {
      const request = remoteRequest({ params: { at: new Date(0), n: 7n, text: 'a' } });
      const seen = (JSON.parse(writeDecideRequest(request, true).body) as { tool: { params: object } }).tool.params;
      expect(seen).to.deep.equal({ at: '1970-01-01T00:00:00.000Z', n: '7', text: 'a' });
      const sanitize = { params: { text: 'b' }, effective_digest: canonicalDigest({ ...seen, text: 'b' }) };
      expect(decided({ effect: 'sanitize', sanitize }, request)).to.deep.include({ params: { at: new Date(0), n: 7n, text: 'b' } });
    });

    it('exposes a removal that is not announced', () => {
      const sanitize = { params: { text: 'b' }, effective_digest: canonicalDigest({ text: 'b' }) };
      expect(decided({ effect: 'sanitize', sanitize })).to.equal(undefined);
    });
  });

  it('never turns a mutated deny into anything else, and throws nothing but its own errors', function () {
    this.timeout(30_000);
    const final = { effect: 'deny', reason: 'no', sanitize: { params: { text: 'x' } }, violations: [{ type: 't', message: 'm' }] };
    const whole = JSON.stringify(answer(final));
    const request = remoteRequest();
    const bit = fc.constantFrom(
      '"',
      '{',
      '}',
      ',',
      ':',
      '[',
      ']',
      '\\',
      'null',
      '0',
      '1e999',
      ' ',
      '\u0000',
      '"a":',
      '"effect":"',
      'allow',
      '\ud800',
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(whole.length), fc.nat(12), bit), { minLength: 1, maxLength: 3 }), (edits) => {
        let text = whole;
        for (const [at, cut, insert] of edits) text = text.slice(0, at) + insert + text.slice(at + cut);
        let decision: Decision | undefined;
        try {
          decision = readDecisionAnswer(text).decisionFor(request);
        } catch (error) {
          expect(AegisError.is(error), String(error)).to.equal(true);
          return;
        }
        const says = (JSON.parse(text) as { final_decision: { effect: unknown } }).final_decision.effect;
        if (decision?.effect !== 'deny') expect(decision?.effect).to.equal(says);
      }),
      { numRuns: 50_000 },
    );
  });
});
