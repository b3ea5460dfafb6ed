import { expect } from 'chai';
import { CedarPolicyEngine } from '../../../lib/policy/engine/CedarPolicyEngine.js';
import { compiledEvaluator } from '../../../lib/policy/compile/compiledEvaluator.js';
import { ObservingEvaluator } from '../../../lib/policy/engine/ObservingEvaluator.js';
import type { MakeEvaluator } from '../../../lib/policy/Evaluator.js';
import type { PolicyOutcome } from '../../../lib/policy/PolicyEngine.js';
import { wasmEvaluator } from '../../../lib/policy/wasm/wasmEvaluator.js';
import { callOf, engineOf, PERMIT_ALL, policiesOf } from '../../support/policyCalls.js';
import { ASK, DENY, ids, MASK, policy, setEnv } from '../../support/policyEffects.js';

const END = Date.now() + 86_400_000;
const UNTIL = `@observe("true") @observe_until("${new Date(END).toISOString()}")`;
const watched = (id: string, condition: string, annotations = UNTIL): string =>
  policy(`@id("${id}") @effect("approval_needed") @approvers("leads") ${annotations}`, condition);
const BIG = watched('big', 'context.input has n && context.input.n > 10');
const ERRS = watched('errs', 'context.input.missing == 1');

const observedBy = (outcome: PolicyOutcome): string[] =>
  'observed' in outcome && outcome.observed !== undefined ? ids(outcome.observed) : [];

const EVALUATORS: Readonly<Record<string, MakeEvaluator>> = { compiled: compiledEvaluator, 'cedar-wasm': wasmEvaluator };

for (const [name, evaluator] of Object.entries(EVALUATORS))
  describe(`A watched policy (${name})`, () => {
    const decide = (text: string, params: Record<string, unknown>, nowMs = 0): PolicyOutcome => {
      const engine = CedarPolicyEngine.load({ sources: [{ file: 'a.cedar', text }] }, evaluator);
      try {
        return engine.evaluate(callOf(params, { nowMs }));
      } finally {
        engine.release();
      }
    };

    it('asks no one, and is named beside the decision that holds without it', () => {
      const outcome = decide(PERMIT_ALL + BIG, { n: 11 });
      expect(outcome).to.include({ effect: 'allow' });
      expect(ids(outcome.policies)).to.deep.equal(['permit-all']);
      expect(observedBy(outcome)).to.deep.equal(['big']);
      expect('observed' in outcome && outcome.observed?.[0]).to.include({ id: 'big', effect: 'approval_needed' }).and.to.have.property('hash').with.length(64); // prettier-ignore
    });

    it('leaves no word where it does not match', () => {
      expect(decide(PERMIT_ALL + BIG, { n: 1 })).to.not.have.property('observed');
    });

    it('permits nothing', () => {
      expect(decide(BIG, { n: 11 }))
        .to.include({ effect: 'deny', code: 'no_permit' })
        .and.not.have.property('observed');
    });

    it('suspends itself alone: another approval, a sanitize and a plain forbid stay as they are', () => {
      const asked = decide(PERMIT_ALL + BIG + ASK, { n: 11, env: 'production' });
      expect(asked).to.include({ effect: 'approval_needed', reason: 'ask a person' });
      expect(asked.effect === 'approval_needed' && ids(asked.approvals)).to.deep.equal(['ask']);
      expect(observedBy(asked)).to.deep.equal(['big']);

      const masked = decide(PERMIT_ALL + BIG + MASK, { n: 11, body: 'a@example.com' });
      expect(masked).to.deep.include({ effect: 'sanitize', params: { n: 11, body: '[email]' } });
      expect(observedBy(masked)).to.deep.equal(['big']);

      expect(decide(PERMIT_ALL + BIG + DENY, { n: 11, env: 'forbidden' })).to.include({ effect: 'deny', code: 'forbidden', reason: 'never' }).and.not.have.property('observed'); // prettier-ignore
    });

    it('is named where it matches the changed call only, or the call as it came only', () => {
      const after = watched('after', 'context.input has env && context.input.env == "staging"');
      const before = watched('before', 'context.input has env && context.input.env == "old"');
      const outcome = decide(PERMIT_ALL + after + before + setEnv('staging'), { env: 'old' });
      expect(outcome).to.deep.include({ effect: 'sanitize', params: { env: 'staging' } });
      expect(observedBy(outcome)).to.deep.equal(['after', 'before']);
    });

    it('denies where it cannot be evaluated, as every policy does', () => {
      expect(decide(PERMIT_ALL + ERRS, {})).to.include({ effect: 'deny', code: 'policy_error' });
      expect(decide(PERMIT_ALL + ERRS + BIG, { n: 11 })).to.include({ effect: 'deny', code: 'policy_error' });
      expect(decide(PERMIT_ALL + BIG, { n: 'eleven' })).to.include({ effect: 'deny', code: 'policy_error' });
    });

    it('asks from its end on, and at a time that is not one', () => {
      for (const nowMs of [END, END + 1, Infinity]) {
        // cedar-wasm and the engine refuse a time that is no time by themselves
        const effect = nowMs === Infinity ? 'deny' : 'approval_needed';
        expect(decide(PERMIT_ALL + BIG, { n: 11 }, nowMs), String(nowMs))
          .to.include({ effect })
          .and.not.have.property('observed');
      }
      expect(decide(PERMIT_ALL + BIG, { n: 11 }, END - 1)).to.include({ effect: 'allow' });
    });

    it('asks where @observe is "false", whatever its end', () => {
      for (const annotations of ['@observe("false")', UNTIL.replace('"true"', '"false"')])
        expect(decide(PERMIT_ALL + watched('big', 'context.input.n > 10', annotations), { n: 11 })).to.include({
          effect: 'approval_needed',
        });
    });
  });

describe('ObservingEvaluator', () => {
  it('counts a time that is not a number as after the end', () => {
    const [big] = policiesOf(BIG);
    if (big === undefined) throw new Error('the policy does not load');
    const evaluation = { decision: 'deny', reasons: [big], errors: [], permits: [] } as const;
    const observing = new ObservingEvaluator({ evaluate: () => evaluation, evaluatePermits: () => evaluation }, NaN);
    expect(observing.evaluate({})).to.equal(evaluation);
    expect(observing.observed.size).to.equal(0);
  });

  it('is verified against cedar-wasm as the rest', () => {
    const engine = engineOf(PERMIT_ALL + BIG, { verify: 1 });
    for (const n of [1, 11]) expect(engine.evaluate(callOf({ n }))).to.include({ effect: 'allow' });
    engine.release();
  });
});
