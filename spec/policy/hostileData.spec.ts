import { expect } from 'chai';
import { takeSnapshot } from '../../lib/model/snapshot/takeSnapshot.js';
import type { Params } from '../../lib/model/Params.js';
import type { CedarPolicyEngine } from '../../lib/policy/engine/CedarPolicyEngine.js';
import { countedSuite } from '../support/assurance.js';
import { callOf, engineOf, PERMIT_ALL } from '../support/policyCalls.js';
import { quickestMs } from '../support/pace.js';

const MS = 10;

/** The quickest of some decisions, on a machine that is quiet: what it takes, without what else is done there. */
function quickest(engine: CedarPolicyEngine, params: Params): { ms: number; effect: string } {
  let effect = '';
  const ms = quickestMs(MS, () => ({ effect } = engine.evaluate(callOf(params))), MS / 4);
  return { ms, effect };
}

const forbids = (n: number, condition: (i: number) => string): string =>
  PERMIT_ALL +
  Array.from({ length: n }, (_, i) => `@id("f${i}") forbid (principal, action, resource) when { ${condition(i)} };\n`).join('');

const nest = (depth: number, inner: unknown, wrap: (value: unknown) => unknown): unknown => {
  let value = inner;
  for (let i = 0; i < depth; i++) value = wrap(value);
  return value;
};
const list = <T>(length: number, make: (i: number) => T): T[] => Array.from({ length }, (_, i) => make(i));
const A = 'a'.repeat(260_000);
const equal = 'context.input.x == context.input.y';

const CASES: [string, string, Record<string, unknown>][] = [
  ['stars over one letter', forbids(1, () => `context.input.x like "${'*a'.repeat(100)}*b"`), { x: 'a'.repeat(4_000) }],
  ['stars over the longest text', forbids(1, () => `context.input.x like "${'*a'.repeat(1_000)}*b"`), { x: A }],
  ['letters that nearly match', forbids(20, () => 'context.input.x like "*aaaaab*"'), { x: A }],
  ['a long text between stars', forbids(1, () => `context.input.x like "*b${'a'.repeat(5_000)}*"`), { x: `${`b${'a'.repeat(4_999)}c`.repeat(12)}${'a'.repeat(200_000)}` }], // prettier-ignore
  ['texts beyond Latin', forbids(20, () => 'context.input.x like "*\\u{101}\\u{101}\\u{102}*"'), { x: '\u0101'.repeat(130_000) }],
  ['long sets that are equal', forbids(5, () => `!(${equal})`), { x: list(4_900, (i) => i), y: list(4_900, (i) => 4_899 - i) }],
  ['sets of sets', forbids(3, () => `!(${equal})`), { x: list(2_400, (i) => [i]), y: list(2_400, (i) => [2_399 - i]) }],
  ['sets of records', forbids(3, () => `!(${equal})`), { x: list(2_400, (a) => ({ a })), y: list(2_400, (i) => ({ a: 2_399 - i })) }],
  ['wide records', forbids(3, () => `!(${equal})`), { x: Object.fromEntries(list(4_900, (i) => [`k${i}`, i])), y: Object.fromEntries(list(4_900, (i) => [`k${4_899 - i}`, 4_899 - i])) }], // prettier-ignore
  ['deep sets with a long text', forbids(3, () => `!(${equal})`), { x: nest(30, ['x'.repeat(120_000)], (v) => [v]), y: nest(30, ['x'.repeat(120_000)], (v) => [v]) }], // prettier-ignore
  ['deep records', forbids(50, () => `!(${equal})`), { x: nest(30, 1, (a) => ({ a })), y: nest(30, 1, (a) => ({ a })) }],
  ['one set asked often', forbids(400, (i) => `context.input.x.contains("${i}")`), { x: list(9_900, (i) => `s${i}`) }],
  ['long texts asked often', forbids(400, (i) => `context.input.x.contains("${'y'.repeat(1_000)}${i}")`), { x: list(200, (i) => `${'y'.repeat(1_000)}z${i}`) }], // prettier-ignore
  ['texts that are no functions’ arguments', forbids(40, (i) => `${['decimal', 'duration', 'datetime', 'ip'][i % 4] as string}(context.input.x) == 1`), { x: '0'.repeat(260_000) }], // prettier-ignore
  ['digits', forbids(4, () => 'duration(context.input.x) == duration("1ms")'), { x: `${'1'.repeat(250_000)}ms` }],
  ['decimals that are hard to read', forbids(1, () => 'context.input.x.isEmpty()'), { x: list(9_900, (i) => 300_000_000_000.25 + i) }],
  ['keys with lone surrogates', forbids(1, () => 'context.input.x == 1'), { x: Object.fromEntries(list(9_900, (i) => [`${i}\ud800`, i])) }], // prettier-ignore
  ['a thousand errors', forbids(1_000, (i) => `context.input.missing${i} == 1`), {}],
];

describe('Hostile data', () => {
  let slowest = 0;
  countedSuite('hostile data: each decision in 10 ms, or a deny', () => ({
    cases: CASES.length,
    beside: { 'slowest, ms': slowest.toFixed(1) },
  }));
  for (const [what, text, params] of CASES)
    it(`is decided in ${MS} ms: ${what}`, () => {
      const engine = engineOf(text);
      expect(engine.uncompiledPolicies).to.deep.equal([]);
      // what a guard lets through is bounded
      const { ms, effect } = quickest(engine, takeSnapshot(params).value as Params);
      slowest = Math.max(slowest, ms);
      expect(ms, effect).to.be.below(MS);
    });

  it('is denied where deciding would take longer', () => {
    const engine = engineOf(forbids(60, () => 'context.input.x like "*aaaaab*"'));
    expect(engine.evaluate(callOf({ x: A }))).to.include({ effect: 'deny', code: 'policy_error' });
    expect(engine.evaluate(callOf({ x: A.slice(0, 10_000) }))).to.include({ effect: 'allow' });
  });

  it('shares one budget between both passes of a decision', () => {
    const soft = '@id("soft") @effect("sanitize") @sanitize("set /flag \\"no\\"") forbid (principal, action, resource) when { context.input.flag == "yes" };'; // prettier-ignore
    const engine = engineOf(forbids(10, () => 'context.input.x like "*aaaaab*"') + soft);
    const x = 'a'.repeat(60_000);
    expect(engine.evaluate(callOf({ x, flag: 'no' })).effect).to.equal('allow');
    expect(engine.evaluate(callOf({ x, flag: 'yes' }))).to.include({ effect: 'deny', code: 'policy_error' });
    expect(engine.evaluate(callOf({ x: x.slice(0, 1_000), flag: 'yes' })).effect).to.equal('sanitize');
  });
});
