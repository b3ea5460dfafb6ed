import { expect } from 'chai';
import { cedarGeneration } from '../../../lib/policy/wasm/CedarWasm.js';
import { MAX_POLICY_COST, policyCost } from '../../../lib/policy/parse/policyCost.js';
import { scanCedar } from '../../../lib/policy/parse/tokens.js';
import { callOf, wasmEngineOf, problemsOf } from '../../support/policyCalls.js';

const policy = (condition: string): string => `@id("a") permit (principal, action, resource) when { ${condition} };`;
const kinds: Record<string, (n: number) => string> = {
  parentheses: (n) => policy(`${'('.repeat(n)}true${')'.repeat(n)}`),
  sets: (n) => policy(`${'['.repeat(n)}1${']'.repeat(n)} == 1`),
  records: (n) => policy(`${'{a:'.repeat(n)}1${'}'.repeat(n)} == 1`),
  or: (n) => policy(`false${' || false'.repeat(n)}`),
  and: (n) => policy(`true${' && true'.repeat(n)}`),
  plus: (n) => policy(`1${' + 1'.repeat(n)} == 1`),
  minus: (n) => policy(`1${' - 1'.repeat(n)} == 1`),
  times: (n) => policy(`1${' * 1'.repeat(n)} == 1`),
  not: (n) => policy(`${'!('.repeat(n)}true${')'.repeat(n)}`),
  attributes: (n) => policy(`context${'.a'.repeat(n)} == 1`),
  indexes: (n) => policy(`context${'["a"]'.repeat(n)} == 1`),
  has: (n) => policy(`context has a${'.a'.repeat(n)}`),
  else: (n) => policy(`${'if false || false then false else '.repeat(n)}true`),
  if: (n) => policy(`${'if '.repeat(n)}true${' then true else false'.repeat(n)}`),
  calls: (n) => policy(`[1]${'.contains(1)'.repeat(n)}`),
  arguments: (n) => policy(`${'[1].contains('.repeat(n)}1${')'.repeat(n)}`),
  whens: (n) => `@id("a") permit (principal, action, resource) ${'when { true }'.repeat(n)};`,
};

describe('policyCost', () => {
  for (const [name, make] of Object.entries(kinds)) {
    it(`refuses ${name} before they trap, and lets through what cannot`, () => {
      const before = cedarGeneration();
      let n = 1;
      while (n < 600 && policyCost(scanCedar(make(n + 1))) <= MAX_POLICY_COST) n++;
      expect(n).to.be.at.least(10);
      // the worst that passes: parsed, preparsed and evaluated
      wasmEngineOf(make(n)).evaluate(callOf());
      expect(problemsOf(make(5_000 / make(1).length + 600))).to.have.length(1);
      expect(cedarGeneration()).to.equal(before);
    });
  }

  it('lets a long list and many terms through', () => {
    const texts = Array.from({ length: 300 }, (_, i) => `"user${i}"`).join(', ');
    const terms = Array.from({ length: 100 }, (_, i) => `context.input.a.b like "*${i}"`).join(' || ');
    expect(problemsOf(policy(`[${texts}].contains(context.input.a)`))).to.deep.equal([]);
    expect(problemsOf(policy(terms))).to.deep.equal([]);
  });

  it('counts no brackets in texts and comments', () => {
    expect(problemsOf(policy(`context.input.a == "${'('.repeat(500)}" // ${'('.repeat(500)}\n`))).to.deep.equal([]);
  });

  it('counts a bracket that nothing closes as if it were closed', () => {
    for (const [open, closed] of [
      ['(1', '(1)'],
      ['((1 + 1', '((1 + 1))'],
      ['[{a: 1 + 1}, (2', '[{a: 1 + 1}, (2)]'],
    ] as const)
      // prettier-ignore
      expect(policyCost(scanCedar(open)), open).to.equal(policyCost(scanCedar(closed)));
  });

  it('bounds text that closes nothing', () => {
    expect(policyCost(scanCedar('((('.repeat(1_000)))).to.equal(Infinity);
    expect(policyCost(scanCedar(')))'.repeat(1_000)))).to.equal(0);
  });
});
