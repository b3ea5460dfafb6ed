import { expect } from 'chai';
import fc from 'fast-check';
import type { Evaluate } from '../../lib/policy/Evaluate.js';
import { PolicySet } from '../../lib/policy/PolicySet.js';
import { wasmEvaluate } from '../../lib/policy/wasmEvaluate.js';
import { toCedarRecord } from '../../lib/policy/toCedar.js';
import { policiesOf } from '../support/policyCalls.js';

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
          const set = new PolicySet(policiesOf(text), wasmEvaluate);
          expect(set.policies).to.have.length(made.length);
          const whole = set.whole();
          for (const { tool, groups, input } of asked) {
            const slice = set.slice(tool, groups);
            expect(summary(slice.all, tool, groups, input)).to.deep.equal(summary(whole.all, tool, groups, input));
            expect(summary(slice.permits, tool, groups, input)).to.deep.equal(summary(whole.permits, tool, groups, input));
          }
          whole.all.release?.();
          whole.permits.release?.();
          set.release();
        },
      ),
      { numRuns: 60 },
    );
  });

  it('leaves out what names another tool', () => {
    const text = Array.from({ length: 100 }, (_, i) => `@id("p${i}") permit (principal, action == ${uid(`t${i}`)}, resource);`).join('');
    const set = new PolicySet(policiesOf(text), wasmEvaluate);
    expect(set.slice('t7', []).policies.map(({ id }) => id)).to.deep.equal(['p7']);
    expect(set.slice('unknown', []).policies).to.deep.equal([]);
  });

  it('makes no slice of its own for names that no scope has', () => {
    const set = new PolicySet(policiesOf('@id("a") permit (principal, action, resource);'), wasmEvaluate);
    const slice = set.slice('t', []);
    for (let i = 0; i < 1_000; i++) expect(set.slice(`tool${i}`, [`group${i}`])).to.equal(slice);
  });

  it('keeps a bounded number of slices, and frees the others', () => {
    let made = 0;
    let released = 0;
    const text = Array.from({ length: 300 }, (_, i) => `@id("p${i}") permit (principal, action == ${uid(`t${i}`)}, resource);`).join('');
    const set = new PolicySet(policiesOf(text), () => {
      made += 1;
      return Object.assign(() => ({ decision: 'deny' as const, reasons: [], errors: [] }), { release: () => void (released += 1) });
    });
    for (let i = 0; i < 300; i++) set.slice(`t${i}`, []);
    expect([made, released]).to.deep.equal([600, 88]);
    expect(set.slice('t0', []).policies.map(({ id }) => id)).to.deep.equal(['p0']);
  });
});

function summary(evaluate: Evaluate, tool: string, groups: string[], input: object): unknown {
  const action = { type: 'Aegis::Action', id: tool };
  const { decision, reasons, errors } = evaluate({
    principal: { type: 'Aegis::Agent', id: 'a' },
    action,
    resource: { type: 'Aegis::Toolset', id: 'default' },
    context: toCedarRecord({ input }),
    entities: [{ uid: action, attrs: {}, parents: ['call_tool', ...groups].map((id) => ({ type: 'Aegis::Action', id })) }],
  });
  return { decision, reasons: reasons.map(({ id }) => id).sort(), errors: errors.map(({ policy: { id } }) => id).sort() };
}
