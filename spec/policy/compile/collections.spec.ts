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
      ['context.input.tags.contains(context.input.zz)', 'error'],
      ['context.input.zz.contains(1)', 'error'],
      ['context.input.tags.isEmpty()', 'false'],
    ]);
  });

  describe('are equal where each has all of the other', () => {
    bothTell([
      ['[1] == [1, 2]', 'false'],
      ['[1, 2] == [1]', 'false'],
      ['[1, 2, 2] == [2, 1]', 'true'],
      ['[[1]] == [[1], [2]]', 'false'],
      ['[[1], [2]] == [[1]]', 'false'],
      ['[1, [1]] == [1, [2]]', 'false'],
      ['context.input.tags == ["x"]', 'false'],
      ['context.input.tags == ["y", "x"]', 'true'],
      ['{a: 1, b: 2} == {b: 2, a: 1}', 'true'],
      ['{a: 1, b: 2} == {a: 1, c: 2}', 'false'],
      ['{a: 1, b: 2} == {a: 1, b: 3}', 'false'],
    ]);
  });

  describe('know entities and quantities apart', () => {
    bothTell([
      ['principal == Aegis::Role::"Admin::x"', 'false'],
      ['principal == Aegis::Agent::"y"', 'false'],
      ['principal == 1', 'false'],
      ['principal == context.input.price', 'false'],
      ['context.input.price == decimal("1.6")', 'false'],
      ['context.input.price == principal', 'false'],
      ['duration("1ms") == datetime("1970-01-01T00:00:00.001Z")', 'false'],
      ['duration("1ms") == duration("2ms")', 'false'],
      ['ip("10.0.0.1") == ip("10.0.0.2")', 'false'],
      ['ip("10.0.0.0/8") == ip("10.0.0.0/9")', 'false'],
      ['ip("0.0.0.1/32") == ip("::1/32")', 'false'],
      ['ip("10.0.0.1") == principal', 'false'],
      ['ip("10.0.0.1") == context.input.text', 'false'],
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
