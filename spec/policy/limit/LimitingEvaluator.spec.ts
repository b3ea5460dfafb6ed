import { expect } from 'chai';
import { compiledEvaluator } from '../../../lib/policy/compile/compiledEvaluator.js';
import { CedarPolicyEngine } from '../../../lib/policy/engine/CedarPolicyEngine.js';
import type { MakeEvaluator } from '../../../lib/policy/Evaluator.js';
import type { AppliedLimit, PolicyOutcome } from '../../../lib/policy/PolicyEngine.js';
import { wasmEvaluator } from '../../../lib/policy/wasm/wasmEvaluator.js';
import { callOf, engineOf, PERMIT_ALL } from '../../support/policyCalls.js';
import { ASK, DENY, ids, MASK, policy, setEnv } from '../../support/policyEffects.js';

const UNTIL = Date.now() + 86_400_000;
const limit = (id: string, condition: string, annotations = ''): string =>
  policy(`@id("${id}") @effect("limit") @limit("5/1h") ${annotations}`, condition);
const ANY = limit('any', 'true');
const BIG = limit('big', 'context.input has n && context.input.n > 10');
const IN_TEST = limit('in-test', 'context.input has env && context.input.env == "test"');

const limitsOf = (outcome: PolicyOutcome): readonly AppliedLimit[] => ('limits' in outcome ? (outcome.limits ?? []) : []);
const limitIds = (outcome: PolicyOutcome): string[] => limitsOf(outcome).map((one) => one.policy.id);

const EVALUATORS: Readonly<Record<string, MakeEvaluator>> = { compiled: compiledEvaluator, 'cedar-wasm': wasmEvaluator };

for (const [name, evaluator] of Object.entries(EVALUATORS))
  describe(`A limit (${name})`, () => {
    const decide = (text: string, params: Record<string, unknown>, nowMs = 0): PolicyOutcome => {
      const engine = CedarPolicyEngine.load({ sources: [{ file: 'a.cedar', text }] }, evaluator);
      try {
        return engine.evaluate(callOf(params, { nowMs }));
      } finally {
        engine.release();
      }
    };

    it('stops no call by itself, and is named where it matches', () => {
      const outcome = decide(PERMIT_ALL + ANY + BIG, { n: 11 });
      expect(outcome).to.include({ effect: 'allow' });
      expect(ids(outcome.policies)).to.deep.equal(['permit-all']);
      expect(limitIds(outcome)).to.deep.equal(['any', 'big']);
      expect(limitsOf(outcome)[0]?.terms).to.include({ limit: 50_000, windowMs: 3_600_000 });
      expect(limitsOf(outcome)[0]?.policy).to.have.property('hash').with.length(64);
      expect(limitIds(decide(PERMIT_ALL + ANY + BIG, { n: 10 }))).to.deep.equal(['any']);
      expect(decide(PERMIT_ALL + BIG, { n: 1 })).not.to.have.property('limits');
    });

    it('permits nothing', () => expect(decide(ANY, {})).to.include({ effect: 'deny', code: 'no_permit' }).and.not.have.property('limits'));

    it('leaves a plain forbid, an approval and a sanitize as they are', () => {
      expect(decide(PERMIT_ALL + ANY + DENY, { env: 'forbidden' })).to.include({ effect: 'deny', code: 'forbidden', reason: 'never' });
      const asked = decide(PERMIT_ALL + ANY + ASK, { env: 'production' });
      expect(asked.effect === 'approval_needed' && ids(asked.approvals)).to.deep.equal(['ask']);
      expect(limitIds(asked)).to.deep.equal(['any']);
      const masked = decide(PERMIT_ALL + ANY + MASK, { body: 'a@example.com' });
      expect(masked).to.deep.include({ effect: 'sanitize', params: { body: '[email]' } });
      expect(limitIds(masked)).to.deep.equal(['any']);
    });

    it('that matches on the params that would run counts, not one that matched them as they came', () => {
      expect(limitIds(decide(PERMIT_ALL + IN_TEST + setEnv('test'), { env: 'old' }))).to.deep.equal(['in-test']);
      expect(limitIds(decide(PERMIT_ALL + limit('of-old', 'context.input has env && context.input.env == "old"') + setEnv('test'), { env: 'old' }))).to.deep.equal([]); // prettier-ignore
    });

    it('that cannot be evaluated denies', () =>
      expect(decide(PERMIT_ALL + limit('errs', 'context.input.missing == 1'), {})).to.include({ effect: 'deny', code: 'policy_error' }));

    it('that is watched is named so until its end, beside a watched approval', () => {
      const watched = `@observe("true") @observe_until("${new Date(UNTIL).toISOString()}")`;
      const approval = policy(`@id("later") @effect("approval_needed") ${watched}`, 'true');
      const text = PERMIT_ALL + limit('any', 'true', watched) + approval + BIG;
      const before = decide(text, { n: 11 }, UNTIL - 1);
      expect(before).to.include({ effect: 'allow' });
      expect(limitsOf(before).map((one) => [one.policy.id, one.observed])).to.deep.equal([['any', true], ['big', undefined]]); // prettier-ignore
      expect('observed' in before && before.observed && ids(before.observed)).to.deep.equal(['later']);
      const after = decide(text, { n: 11 }, UNTIL);
      expect(after).to.include({ effect: 'approval_needed' });
      expect(limitsOf(after).map((one) => one.observed)).to.deep.equal([undefined, undefined]);
    });
  });

describe('An engine', () => {
  it('says whether it has limits', () => {
    expect(engineOf(PERMIT_ALL + ANY).hasLimits).to.equal(true);
    expect(engineOf(PERMIT_ALL + ASK).hasLimits).to.equal(false);
  });
});
