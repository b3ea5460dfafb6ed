import { expect } from 'chai';
import { compiledEvaluator } from '../../../lib/policy/compile/compiledEvaluator.js';
import { EMPTY_RECORD } from '../../../lib/policy/value/Value.js';
import type { Policy } from '../../../lib/policy/Policy.js';
import { preparsedSets } from '../../../lib/policy/wasm/PreparsedSets.js';
import { readRecord } from '../../../lib/policy/value/readValue.js';
import { StepBudget } from '../../../lib/policy/value/StepBudget.js';
import { wasmEvaluator } from '../../../lib/policy/wasm/wasmEvaluator.js';
import { callOf, engineOf, PERMIT_ALL } from '../../support/policyCalls.js';
import { policyOf } from '../fuzz/cases.js';
import { CALLER, evaluate, INPUT, outcome } from './bothOutcomes.js';

const ROWS: Record<string, [string, string][]> = {
  'has with a path': [
    ['context.input has o.n', 'true'],
    ['context.input has o.n.x', 'false'],
    ['context.input has o.zz.x', 'false'],
    ['context.input has a.x', 'error'],
    ['context.input has o.n.x.y.z', 'false'],
    ['principal has team.name', 'true'],
    ['principal has team.name.x', 'error'],
    ['resource has anything.at.all', 'false'],
    ['(1) has a', 'error'],
  ],
  'attributes of own keys only': [
    ['context.input has constructor', 'false'],
    ['context.input has toString', 'false'],
    ['context.input has __proto__', 'false'],
    ['context.input["hasOwnProperty"] == 1', 'error'],
    ['{"constructor": 1}.constructor == 1', 'true'],
    ['{"__proto__": 1}["__proto__"] == 1', 'true'],
    ['{"__proto__": 1} == {}', 'false'],
  ],
  'entities by type and id': [
    ['principal == Aegis::Agent::Admin::"x"', 'false'],
    ['principal in Aegis::Agent::Admin::"x"', 'false'],
    ['principal == Aegis::Agent::"Admin::x"', 'true'],
    ['[principal].contains(Aegis::Agent::Admin::"x")', 'false'],
    ['{a: principal} == {a: Aegis::Agent::Admin::"x"}', 'false'],
    ['principal in [Aegis::Role::"zz", Aegis::Role::"r"]', 'true'],
    ['principal in [Aegis::Role::"r", 1]', 'error'],
    ['Aegis::Role::"r" in principal', 'false'],
    ['Aegis::Role::"r".x == 1', 'error'],
  ],
  'short circuits and Booleans': [
    ['true || context.input.zz', 'true'],
    ['false && context.input.zz', 'false'],
    ['context.input.zz == 1 || true', 'error'],
    ['(true && 1) == 1', 'error'],
    ['(if true then 1 else context.input.zz) == 1', 'true'],
    ['if 1 then true else true', 'error'],
    ['context.input.a', 'error'],
  ],
  'Longs of 64 bits': [
    ['9223372036854775807 + 1 == 0', 'error'],
    ['9223372036854775807 - 1 == 9223372036854775806', 'true'],
    ['9007199254740993 == 9007199254740992 + 1', 'true'],
    ['9007199254740991 + 2 == 9007199254740993', 'true'],
    ['3037000500 * 3037000500 > 0', 'error'],
    ['3037000499 * 3037000499 == 9223372030926249001', 'true'],
    ['-(-9223372036854775808) == 0', 'error'],
    ['1 < 2.5', 'refused'],
  ],
  'decimals of 64 bits': [
    ['decimal("-922337203685477.5808").lessThan(decimal("922337203685477.5807"))', 'true'],
    ['decimal("922337203685477.5808") == decimal("1.0")', 'error'],
    ['decimal("-922337203685477.5809") == decimal("1.0")', 'error'],
    ['decimal("-0.5").lessThan(decimal("0.0"))', 'true'],
    ['decimal("1.5") < decimal("2.0")', 'error'],
    ['context.input.price == decimal("1.5000")', 'true'],
  ],
  'datetimes, durations and addresses': [
    ['context.input.at == datetime("1970-01-01")', 'true'],
    ['datetime("1969-12-31T23:00:00Z").toTime() == duration("23h")', 'true'],
    ['duration("-1500ms").toSeconds() == -1', 'true'],
    ['datetime("1970-01-01") < duration("1ms")', 'error'],
    ['datetime("2023-02-29") < datetime("2024-01-01")', 'error'],
    ['datetime("1970-01-01").offset(duration("-9223372036854775808ms")).toDate() == datetime("1970-01-01")', 'error'],
    ['ip("10.1.2.3").isInRange(ip("10.0.0.0/8"))', 'true'],
    ['ip("1.2.3.4") == ip("1.2.3.4/32")', 'true'],
    ['ip("127.0.0.1/4").isLoopback()', 'false'],
    ['ip("::ffff:1.2.3.4").isIpv6()', 'error'],
  ],
  'like by characters': [
    ['context.input.text like "a\\**"', 'true'],
    ['context.input.text like "*\\u{1f600}"', 'true'],
    ['context.input.text like "a*b"', 'false'],
    ['context.input.text like "*b*b*"', 'false'],
    ['context.input.a like "*"', 'error'],
  ],
  'sets whatever their order and depth': [
    ['[1, [2, 3], {a: [1]}, 1] == [{a: [1, 1]}, [3, 2], 1]', 'true'],
    ['[[1, 2]] == [["1", 2]]', 'false'],
    ['["s1:a"].contains("a")', 'false'],
    ['[[]].contains([])', 'true'],
    ['[1] == 1', 'false'],
    ['context.input.tags.containsAny(["y", 1])', 'true'],
    ['context.input.tags.containsAll([])', 'true'],
    ['context.input.tags.contains(1)', 'false'],
    ['context.input.a.contains(1)', 'error'],
    ['[].isEmpty()', 'true'],
  ],
  'tags, which no entity has': [
    ['principal.hasTag("a")', 'false'],
    ['principal.getTag("a") == 1', 'error'],
    ['principal.hasTag(1)', 'error'],
  ],
};

describe('compiledEvaluator', () => {
  for (const [what, rows] of Object.entries(ROWS))
    describe(`takes ${what}`, () => {
      for (const [condition, expected] of rows) {
        if (expected === 'refused') it(`not ${condition}`, () => expect(() => outcome(condition)).to.throw());
        else it(`${condition}: ${expected}`, () => expect(outcome(condition)).to.equal(expected));
      }
    });

  it('names every policy that errs, and the others still count', () => {
    const policies = [
      policyOf('d', 'forbid (principal, action, resource) when { context.input.zz };'),
      policyOf('c', 'permit (principal, action, resource);'),
      policyOf('a', 'permit (principal, action, resource) when { context.input.zz.y == 1 };'),
      policyOf('b', 'permit (principal == Aegis::Agent::"other", action, resource) when { 1 };'),
    ] as Policy[];
    for (const make of [compiledEvaluator, wasmEvaluator]) {
      const { decision, reasons, errors } = evaluate(make, policies);
      expect([decision, reasons.map(({ id }) => id), errors.map(({ policy }) => policy.id).sort()]).to.deep.equal([
        'allow',
        ['c'],
        ['a', 'd'],
      ]);
    }
  });

  it('orders reasons by id', () => {
    const policies = ['b', 'c', 'a'].map((id) => policyOf(id, 'permit (principal, action, resource);') as Policy);
    for (const make of [compiledEvaluator, wasmEvaluator])
      expect(evaluate(make, policies).reasons.map(({ id }) => id)).to.deep.equal(['a', 'b', 'c']);
  });

  for (const count of [256, 257])
    it(`tells of ${count} permits which ones match although a forbid stops the call, for each caller`, () => {
      const permits = Array.from({ length: count }, (_, i) => `p${String(i).padStart(3, '0')}`);
      const scopeOf = (i: number): string => (i === 7 ? 'principal == Aegis::Agent::"other"' : 'principal');
      const policies = [
        policyOf('f', 'forbid (principal, action, resource);'),
        ...permits.map((id, i) =>
          policyOf(id, `permit (${scopeOf(i)}, action, resource)${i === 9 ? ' when { context.input.a == 2 }' : ''};`),
        ),
      ] as Policy[];
      const context = readRecord({ input: INPUT });
      const bound = compiledEvaluator(policies).forCaller(CALLER);
      const matching = permits.filter((_, i) => i !== 7 && i !== 9);
      for (let again = 0; again < 2; again++) {
        expect(bound.evaluate(context, new StepBudget())).to.include({ decision: 'deny' });
        const { decision, reasons, errors } = bound.evaluatePermits(context, new StepBudget());
        expect([decision, reasons.map(({ id }) => id), errors]).to.deep.equal(['allow', matching, []]);
      }
    });

  describe('leaves to cedar-wasm', () => {
    const odd: [string, (body: Record<string, unknown>) => unknown][] = [
      ['a kind it does not know', () => ({ unheardOf: [] })],
      ['a node of two kinds', (body) => ({ ...body, Value: true })],
      ['a node of no kind', () => ({})],
      ['a field more', ({ has }) => ({ has: { ...(has as object), more: 1 } })],
      ['a field less', () => ({ has: { attr: 'a' } })],
      ['an attribute that is no text', ({ has }) => ({ has: { ...(has as object), attr: [1] } })],
      ['a path without names', ({ has }) => ({ has: { ...(has as object), attr: [] } })],
      ['another variable', () => ({ has: { left: { Var: 'other' }, attr: 'a' } })],
      ['a slot', () => ({ has: { left: { Slot: '?principal' }, attr: 'a' } })],
      ['an unknown', () => ({ unknown: [{ Value: 'x' }] })],
      ['a literal that is nothing', () => ({ '==': { left: { Value: undefined }, right: { Value: 1 } } })],
      ['a set whose items are no list', () => ({ '==': { left: { Set: {} }, right: { Value: 1 } } })],
      ['a literal that is no Long', () => ({ '==': { left: { Value: 1.5 }, right: { Value: null } } })],
      ['an extension value as a literal', () => ({ '==': { left: { Value: { __extn: { fn: 'ip', arg: '::' } } }, right: { Value: 1 } } })],
      [
        'an entity with more to its name',
        () => ({ '==': { left: { Value: { __entity: { type: 'A', id: 'x', z: 1 } } }, right: { Value: 1 } } }),
      ],
      ['a pattern with something else in it', () => ({ like: { left: { Value: 'a' }, pattern: ['Any'] } })],
      ['a record that lost its prototype', () => ({ Record: Object.create({ a: { Value: 1 } }) as object })],
      ['a wrong number of arguments', () => ({ decimal: [{ Value: '1.0' }, { Value: '1.0' }] })],
    ];
    for (const [what, change] of odd)
      it(what, () => {
        const policy = policyOf('p', 'permit (principal, action, resource) when { context.input has a };') as Policy;
        const body = (policy.json.conditions[0] as { body: unknown }).body as Record<string, unknown>;
        const changed = { ...policy, json: { ...policy.json, conditions: [{ kind: 'when', body: change(body) }] } } as Policy;
        const before = preparsedSets.size;
        const evaluator = compiledEvaluator([changed]);
        const { decision } = evaluator.forCaller(CALLER).evaluate(readRecord({ input: INPUT }), new StepBudget());
        expect([decision, preparsedSets.size - before]).to.deep.equal(['allow', 1]);
        evaluator.release?.();
        expect(preparsedSets.size).to.equal(before);
      });

    for (const [what, scope] of [
      ['scope', { op: 'near' }],
      ['template', { op: '==', slot: '?principal' }],
    ] as const)
      it(`a ${what} it does not know`, () => {
        const policy = policyOf('p', 'permit (principal, action, resource);') as Policy;
        const before = preparsedSets.size;
        const evaluator = compiledEvaluator([{ ...policy, json: { ...policy.json, principal: scope } } as unknown as Policy]);
        expect(evaluator.forCaller(CALLER).evaluate(EMPTY_RECORD, new StepBudget()).decision).to.equal('allow');
        expect(preparsedSets.size).to.equal(before + 1);
        evaluator.release?.();
      });
  });

  describe('in an engine', () => {
    const odd = '@id("odd") forbid (principal, action == Aegis::Action::"odd", resource) when { 9007199254740993 == 9007199254740992 };';

    it('tells which policies are not compiled, and has cedar-wasm decide where they can matter', () => {
      const engine = engineOf(PERMIT_ALL + odd);
      expect(engine.uncompiledPolicies).to.deep.equal(['odd']);
      const before = preparsedSets.size;
      expect(engine.evaluate(callOf()).effect).to.equal('allow');
      expect(preparsedSets.size).to.equal(before);
      expect(engine.evaluate(callOf({}, { toolName: 'odd' })).effect).to.equal('allow');
      expect(preparsedSets.size).to.equal(before + 1);
      engine.release();
    });

    it('never asks cedar-wasm where all are compiled', () => {
      const engine = engineOf(`${PERMIT_ALL}@id("f") forbid (principal, action, resource) when { context.input.a == 1 };`);
      expect(engine.uncompiledPolicies).to.deep.equal([]);
      const before = preparsedSets.size;
      expect([1, 2].map((a) => engine.evaluate(callOf({ a })).effect)).to.deep.equal(['deny', 'allow']);
      expect(preparsedSets.size).to.equal(before);
    });
  });
});
