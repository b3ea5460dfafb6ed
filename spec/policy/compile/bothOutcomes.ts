import { expect } from 'chai';
import { compiledEvaluator } from '../../../lib/policy/compile/compiledEvaluator.js';
import { compilePolicy } from '../../../lib/policy/compile/compilePolicy.js';
import { EntityValue } from '../../../lib/policy/value/Value.js';
import { EntityGraph } from '../../../lib/policy/value/EntityGraph.js';
import type { Caller, Evaluation, MakeEvaluator } from '../../../lib/policy/Evaluator.js';
import type { Policy } from '../../../lib/policy/Policy.js';
import { readRecord } from '../../../lib/policy/value/readValue.js';
import { StepBudget } from '../../../lib/policy/value/StepBudget.js';
import { wasmEvaluator } from '../../../lib/policy/wasm/wasmEvaluator.js';
import { policyOf } from '../fuzz/cases.js';

const AGENT = new EntityValue('Aegis::Agent', 'Admin::x');
/** An agent in a role, with attributes. */
export const CALLER: Caller = {
  principal: AGENT,
  action: new EntityValue('Aegis::Action', 'tool'),
  resource: new EntityValue('Aegis::Toolset', 'default'),
  entities: new EntityGraph([
    { uid: AGENT, attributes: readRecord({ level: 3, team: { name: 'x' } }), parents: [new EntityValue('Aegis::Role', 'r')] },
  ]),
};
/** What policies are asked about. */
export const INPUT = { a: 1, o: { n: { x: undefined } }, text: 'a*b😀', tags: ['x', 'y'], price: 1.5, at: new Date(0), constructor2: 1 };

/** The answer on {@link INPUT}. */
export function evaluate(make: MakeEvaluator, policies: readonly Policy[]): Evaluation {
  return make(policies)
    .forCaller(CALLER)
    .evaluate(readRecord({ input: INPUT }), new StepBudget());
}

/** `true`, `false` or `error` for a policy of some conditions, from both ways to evaluate; they have to agree. */
export function outcomeOf(conditions: string): string {
  const policy = policyWhere(conditions);
  const [compiled, wasm] = [compiledEvaluator, wasmEvaluator].map((make) => {
    const { decision, errors } = evaluate(make, [policy]);
    for (const { message } of errors) expect(message, conditions).to.be.a('string').and.not.equal('');
    return errors.length > 0 ? 'error' : decision === 'allow' ? 'true' : 'false';
  });
  expect(compiled).to.equal(wasm);
  return compiled as string;
}

/** {@link outcomeOf} one condition. */
export function outcome(condition: string): string {
  return outcomeOf(`when { ${condition} }`);
}

/** One spec for each condition; each is compiled, so that cedar-wasm is not compared with itself. */
export function bothTell(rows: readonly (readonly [condition: string, outcome: 'true' | 'false' | 'error'])[]): void {
  for (const [condition, expected] of rows)
    it(`${condition}: ${expected}`, () => {
      expect(compilePolicy(policyWhere(`when { ${condition} }`))).to.not.equal(undefined);
      expect(outcome(condition)).to.equal(expected);
    });
}

function policyWhere(conditions: string): Policy {
  const policy = policyOf('p', `permit (principal, action, resource) ${conditions};`);
  if (policy === undefined) throw new Error(conditions);
  return policy;
}
