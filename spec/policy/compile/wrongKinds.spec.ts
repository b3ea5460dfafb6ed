import { expect } from 'chai';
import { kindOf, sourceOf } from '../../../lib/policy/compile/wrongKinds.js';
import { EntityValue, IpValue, NULL, QuantityValue, RecordValue, SetValue } from '../../../lib/policy/value/Value.js';
import { policyOf } from '../fuzz/cases.js';

const bodyOf = (text: string): unknown => policyOf('p', `permit (principal, action, resource) when { ${text} };`)?.json.conditions[0]?.body;

describe('What is said of an expression that could not be evaluated', () => {
  for (const [value, kind] of [
    [true, 'a Boolean'],
    ['x', 'a String'],
    [1, 'a Long'],
    [2n ** 60n, 'a Long'],
    [new QuantityValue('decimal', 1), 'a decimal'],
    [new QuantityValue('datetime', 1), 'a datetime'],
    [new SetValue([]), 'a Set'],
    [new RecordValue([], []), 'a Record'],
    [new IpValue(4, 1n, 32), 'an ipaddr'],
    [new EntityValue('T', 'x'), 'an entity'],
    [NULL, 'null'],
  ] as const)
    it(`names the kind of a value: ${kind}`, () => expect(kindOf(value)).to.equal(kind));

  for (const text of [
    'context.input.cents > 100',
    'context.input.a.b == "x"',
    'context.input has a.b',
    '!context.input.a',
    '(-context.input.a) == 1',
    'context.input.tags.contains("x")',
    'context.input.tags.isEmpty()',
    '[1, "x", true].containsAll(context.input.tags)',
    'context.input.a && context.input.b',
  ])
    it(`is in the words of the policy: ${text}`, () => expect(sourceOf(bodyOf(text))).to.equal(text.replace(/^\((.*)\) ==/, '$1 ==')));

  for (const [text, shown] of [
    ['principal == User::"ann"', 'principal == an entity'],
    ['{a: 1} == {a: 1}', '{…} == {…}'],
    ['if context.input.a then 1 == 1 else 2 == 2', 'if …'],
    ['context.input.a like "x*"', 'context.input.a like …'],
    ['decimal("1.0").lessThan(context.input.a)', 'lessThan(decimal("1.0"), context.input.a)'],
    [`context.input.a == "${'x'.repeat(200)}"`, `context.input.a == "${'x'.repeat(99)}…`],
    [`context.input${'.a'.repeat(20)} == 1`, '….a.a.a.a.a.a.a.a == 1'],
  ] as const)
    it(`is shortened: ${shown}`, () => expect(sourceOf(bodyOf(text))).to.equal(shown));
});
