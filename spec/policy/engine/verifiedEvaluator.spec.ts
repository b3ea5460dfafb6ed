import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect } from 'chai';
import sinon from 'sinon';
import { silentLogger } from '../../../lib/common/Logger.js';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { useCedar } from '../../../lib/policy/wasm/CedarWasm.js';
import { EMPTY_RECORD } from '../../../lib/policy/value/Value.js';
import type { Evaluation } from '../../../lib/policy/Evaluator.js';
import type { Policy } from '../../../lib/policy/Policy.js';
import { StepBudget } from '../../../lib/policy/value/StepBudget.js';
import { EvaluationMismatch, verifiedEvaluator } from '../../../lib/policy/engine/verifiedEvaluator.js';
import { callOf, engineOf, PERMIT_ALL, policiesOf } from '../../support/policyCalls.js';
import { CALLER } from '../compile/bothOutcomes.js';

const LIE = { type: 'success', response: { decision: 'deny', diagnostics: { reason: [], errors: [] } }, warnings: [] };

describe('verify', () => {
  const told: unknown[] = [];
  const listen = (message: unknown): void => void told.push(message);
  beforeEach(() => {
    told.length = 0;
    subscribe('aegis:diagnostics', listen);
  });
  afterEach(() => {
    unsubscribe('aegis:diagnostics', listen);
    sinon.restore();
  });

  it('evaluates every n-th decision by cedar-wasm too', () => {
    const engine = engineOf(PERMIT_ALL, { verify: 3 });
    const asked = useCedar((cedar) => sinon.spy(cedar, 'statefulIsAuthorized'));
    const counts = Array.from({ length: 9 }, () => (engine.evaluate(callOf()), asked.callCount));
    expect(counts).to.deep.equal([0, 0, 1, 1, 1, 2, 2, 2, 3]);
    expect(told).to.deep.equal([]);
    engine.release();
  });

  it('does not by default', () => {
    const engine = engineOf(PERMIT_ALL);
    const asked = useCedar((cedar) => sinon.spy(cedar, 'statefulIsAuthorized'));
    for (let i = 0; i < 100; i++) engine.evaluate(callOf());
    expect(asked.callCount).to.equal(0);
  });

  it('denies and reports a difference, and has cedar-wasm decide for that tool from then on', () => {
    const errors: unknown[] = [];
    const logger = { ...silentLogger, error: (fields: object) => void errors.push(fields) };
    const other = '@id("o") permit (principal, action == Aegis::Action::"other", resource);';
    const engine = engineOf(PERMIT_ALL + other, { verify: 2, logger });
    expect(engine.evaluate(callOf()).effect).to.equal('allow');
    useCedar((cedar) => sinon.stub(cedar, 'statefulIsAuthorized').returns(LIE as never));
    expect(engine.evaluate(callOf())).to.include({ effect: 'deny', code: 'policy_error' });
    expect(told).to.have.length(1);
    expect(told[0]).to.deep.include({ kind: 'security', code: 'compiled_policy_mismatch', subject: { agentId: 'bot', toolName: 'tool' } });
    expect(errors).to.have.length(1);
    expect(errors[0]).to.include({ code: 'compiled_policy_mismatch', toolName: 'tool' });
    // whatever it says, in every decision
    for (let i = 0; i < 4; i++) expect(engine.evaluate(callOf())).to.include({ effect: 'deny', code: 'no_permit' });
    for (const agentId of ['bot', 'someone']) expect(engine.evaluate(callOf({}, { agentId }))).to.include({ code: 'no_permit' });
    expect(engine.evaluate(callOf({}, { toolName: 'other' })).effect).to.equal('allow');
    sinon.restore();
    expect(engine.evaluate(callOf()).effect).to.equal('allow');
    expect([told.length, errors.length]).to.deep.equal([1, 1]);
    engine.release();
  });

  it('sees a difference of errors alone', () => {
    const engine = engineOf(`${PERMIT_ALL}@id("f") forbid (principal, action, resource) when { context.input.zz == 1 };`, { verify: 1 });
    expect(engine.evaluate(callOf())).to.include({ code: 'policy_error', detail: 'f: `context.input.zz`: there is no attribute zz' });
    expect(told).to.deep.equal([]);
    useCedar((cedar) => {
      const real = cedar.statefulIsAuthorized;
      sinon.stub(cedar, 'statefulIsAuthorized').callsFake((call) => {
        const answer = real(call);
        return answer.type === 'success'
          ? { ...answer, response: { ...answer.response, diagnostics: { ...answer.response.diagnostics, errors: [] } } }
          : answer;
      });
    });
    expect(engine.evaluate(callOf())).to.include({ effect: 'deny', code: 'policy_error' });
    expect(told).to.have.length(1);
    engine.release();
  });

  it('denies where cedar-wasm fails, which is no difference', () => {
    const engine = engineOf(PERMIT_ALL, { verify: 1 });
    useCedar((cedar) => sinon.stub(cedar, 'statefulIsAuthorized').returns({ type: 'failure', errors: [], warnings: [] }));
    expect(engine.evaluate(callOf())).to.include({ effect: 'deny', code: 'policy_error' });
    sinon.restore();
    expect(engine.evaluate(callOf()).effect).to.equal('allow');
    expect(told).to.deep.equal([]);
    engine.release();
  });

  it('covers the permits that are asked for an approval', () => {
    const ask = '@id("ask") @effect("approval_needed") forbid (principal, action, resource);';
    const engine = engineOf(PERMIT_ALL + ask, { verify: 1 });
    const asked = useCedar((cedar) => sinon.spy(cedar, 'statefulIsAuthorized'));
    expect(engine.evaluate(callOf()).effect).to.equal('approval_needed');
    expect(asked.callCount).to.equal(2);
    engine.release();
  });

  it('takes whole numbers only', () => {
    for (const verify of [-1, 0.5, Number.NaN]) expect(() => engineOf(PERMIT_ALL, { verify })).to.throw(ConfigError, 'verify');
  });
});

describe('verifiedEvaluator', () => {
  const [a, b, c] = policiesOf(['a', 'b', 'c'].map((id) => `@id("${id}") permit (principal, action, resource);`).join(' ')) as [
    Policy,
    Policy,
    Policy,
  ];
  const allowed = (...reasons: Policy[]): Evaluation => ({ decision: 'allow', reasons, errors: [] });
  const erring = (...policies: Policy[]): Evaluation => ({
    decision: 'deny',
    reasons: [],
    errors: policies.map((policy) => ({ policy, message: policy.id })),
  });

  /** What becomes of the answer of one evaluator, where another gives the truth. */
  function verified(answer: Evaluation, truth: Evaluation): Evaluation {
    const saying = (evaluation: Evaluation) => () => ({
      forCaller: () => ({ evaluate: () => evaluation, evaluatePermits: () => evaluation }),
    });
    const evaluator = verifiedEvaluator(saying(answer), saying(truth), { due: true })([]);
    try {
      return evaluator.forCaller(CALLER).evaluate(EMPTY_RECORD, new StepBudget());
    } finally {
      evaluator.release?.();
    }
  }

  it('takes the same policies in another order for the same answer', () => {
    expect(verified(allowed(a, b), allowed(b, a)).reasons).to.deep.equal([a, b]);
    expect(verified(erring(a, b), erring(b, a)).errors).to.have.length(2);
  });

  for (const [name, answer, truth] of [
    ['another decision', allowed(a), { ...allowed(a), decision: 'deny' }],
    ['another policy for a reason', allowed(a), allowed(b)],
    ['another policy that errs', erring(a), erring(b)],
    ['one reason more', allowed(a, b), allowed(a, b, c)],
    ['one error less', erring(a, b), erring(a)],
  ] as const)
    it(`sees ${name}`, () => {
      expect(() => verified(answer, truth as Evaluation)).to.throw(EvaluationMismatch);
    });
});
