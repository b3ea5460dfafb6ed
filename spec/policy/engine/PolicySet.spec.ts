import { expect } from 'chai';
import fc from 'fast-check';
import { EMPTY_RECORD, EntityValue } from '../../../lib/policy/value/Value.js';
import { compiledEvaluator } from '../../../lib/policy/compile/compiledEvaluator.js';
import { EntityGraph } from '../../../lib/policy/value/EntityGraph.js';
import type { Evaluator } from '../../../lib/policy/Evaluator.js';
import { PolicySet, type PolicySlice } from '../../../lib/policy/engine/PolicySet.js';
import { readRecord } from '../../../lib/policy/value/readValue.js';
import { StepBudget } from '../../../lib/policy/value/StepBudget.js';
import { wasmEvaluator } from '../../../lib/policy/wasm/wasmEvaluator.js';
import { policiesOf } from '../../support/policyCalls.js';

const TOOLS = ['t0', 't1', 't2', 't3'];
const GROUPS = ['g0', 'g1', 'call_tool'];
const uid = (name: string): string => `Aegis::Action::"${name}"`;

const scopes = fc.oneof(
  fc.constant('action'),
  fc.constantFrom(...TOOLS).map((tool) => `action == ${uid(tool)}`),
  fc.constantFrom(...GROUPS).map((group) => `action in ${uid(group)}`),
  fc.subarray([...TOOLS, ...GROUPS, 'zz']).map((names) => `action in [${names.map(uid).join(', ')}]`),
);
const conditions = fc.constantFrom(
  '',
  'when { context.input.a > 1 }',
  'unless { context.input has b }',
  `when { action in ${uid('g1')} }`,
  'when { context.input.b == "x" }',
);
const policy = fc.record({ effect: fc.constantFrom('permit', 'forbid'), scope: scopes, condition: conditions });
const requests = fc.record({
  tool: fc.constantFrom(...TOOLS, 'unknown'),
  groups: fc.subarray(['g0', 'g1']),
  input: fc.record({ a: fc.oneof(fc.integer({ max: 3, min: 0 }), fc.constant('x')), b: fc.constantFrom('x', 'y') }, { requiredKeys: [] }),
});

describe('PolicySet', () => {
  it('answers from a slice exactly as from the whole', () => {
    fc.assert(
      fc.property(
        fc.array(policy, { minLength: 1, maxLength: 40 }),
        fc.array(requests, { minLength: 10, maxLength: 10 }),
        (made, asked) => {
          const text = made
            .map(({ effect, scope, condition }, i) => `@id("p${i}") ${effect} (principal, ${scope}, resource) ${condition};`)
            .join('\n');
          const set = new PolicySet(policiesOf(text), wasmEvaluator);
          const compiled = new PolicySet(policiesOf(text), compiledEvaluator);
          expect(set.policies).to.have.length(made.length);
          const [{ evaluator: whole }] = [...set.parts(made.length)] as [PolicySlice];
          for (const { tool, groups, input } of asked) {
            const truth = summary(whole, tool, groups, input);
            expect(summary(set.slice(tool, groups).evaluator, tool, groups, input)).to.deep.equal(truth);
            expect(summary(compiled.slice(tool, groups).evaluator, tool, groups, input)).to.deep.equal(truth);
          }
          whole.release?.();
          set.release();
        },
      ),
      { numRuns: 60 },
    );
  });

  it('leaves out what names another tool', () => {
    const text = Array.from({ length: 100 }, (_, i) => `@id("p${i}") permit (principal, action == ${uid(`t${i}`)}, resource);`).join('');
    const set = new PolicySet(policiesOf(text), wasmEvaluator);
    expect(set.slice('t7', []).policies.map(({ id }) => id)).to.deep.equal(['p7']);
    expect(set.slice('unknown', []).policies).to.deep.equal([]);
  });

  it('makes no slice of its own for names that no scope has', () => {
    const set = new PolicySet(policiesOf('@id("a") permit (principal, action, resource);'), wasmEvaluator);
    const slice = set.slice('t', []);
    for (let i = 0; i < 1_000; i++) expect(set.slice(`tool${i}`, [`group${i}`])).to.equal(slice);
  });

  it('keeps a bounded number of slices, and frees the others', () => {
    let made = 0;
    let released = 0;
    const text = Array.from({ length: 300 }, (_, i) => `@id("p${i}") permit (principal, action == ${uid(`t${i}`)}, resource);`).join('');
    const set = new PolicySet(policiesOf(text), () => {
      made += 1;
      const none = (): never => {
        throw new Error('not asked here');
      };
      return { forCaller: none, release: () => void (released += 1) };
    });
    for (let i = 0; i < 300; i++) set.slice(`t${i}`, []);
    expect([made, released]).to.deep.equal([300, 44]);
    expect(set.slice('t0', []).policies.map(({ id }) => id)).to.deep.equal(['p0']);
  });
});

function summary(evaluator: Evaluator, tool: string, groups: string[], input: object): unknown {
  const action = new EntityValue('Aegis::Action', tool);
  const parents = ['call_tool', ...groups].map((id) => new EntityValue('Aegis::Action', id));
  const answers = evaluator.forCaller({
    principal: new EntityValue('Aegis::Agent', 'a'),
    action,
    resource: new EntityValue('Aegis::Toolset', 'default'),
    entities: new EntityGraph([{ uid: action, attributes: EMPTY_RECORD, parents }]),
  });
  return (['evaluate', 'evaluatePermits'] as const).map((evaluate) => {
    const { decision, reasons, errors } = answers[evaluate](readRecord({ input }), new StepBudget());
    return { decision, reasons: reasons.map(({ id }) => id), errors: errors.map(({ policy: { id } }) => id).sort() };
  });
}
