import { bothTell } from './bothOutcomes.js';

describe('Compiled sets and records', () => {
  describe('err where one of their parts does', () => {
    bothTell([
      ['[1, context.input.zz].contains(1)', 'error'],
      ['{a: context.input.zz} == {}', 'error'],
      ['{a: context.input.a} == {a: 1}', 'true'],
      ['[context.input.a, context.input.text].contains("a*b😀")', 'true'],
    ]);
  });

  describe('err where a set is needed', () => {
    bothTell([
      ['context.input.tags.containsAny("x")', 'error'],
      ['context.input.tags.containsAll(1)', 'error'],
      ['context.input.tags.containsAny(context.input.zz)', 'error'],
      ['context.input.text.containsAll(["x"])', 'error'],
      ['context.input.text.isEmpty()', 'error'],
      ['context.input.tags.isEmpty()', 'false'],
    ]);
  });

  describe('know addresses apart', () => {
    bothTell([
      ['[ip("10.0.0.1"), ip("10.0.0.0/8")].contains(ip("10.0.0.1/32"))', 'true'],
      ['[ip("10.0.0.1")].contains(ip("10.0.0.1/31"))', 'false'],
      ['[ip("::1")].contains(ip("0.0.0.1"))', 'false'],
      ['[ip("::1"), 1] == [1, ip("0:0:0:0:0:0:0:1")]', 'true'],
    ]);
  });
});
