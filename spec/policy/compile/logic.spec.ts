import { bothTell } from './bothOutcomes.js';

describe('Compiled operators', () => {
  describe('order Longs, and datetimes and durations of one kind', () => {
    bothTell([
      ['context.input.a < 2', 'true'],
      ['context.input.a < 1', 'false'],
      ['context.input.a <= 1', 'true'],
      ['context.input.a > 0', 'true'],
      ['context.input.a >= 2', 'false'],
      ['context.input.a < 9223372036854775807', 'true'],
      ['duration("1m") < duration("61s")', 'true'],
      ['context.input.at < datetime("1970-01-02")', 'true'],
      ['duration("1m") <= duration("60s")', 'true'],
      ['context.input.at > datetime("1970-01-01")', 'false'],
      ['context.input.at >= datetime("1970-01-01")', 'true'],
      ['context.input.price <= context.input.price', 'error'],
      ['context.input.text >= context.input.text', 'error'],
      ['context.input.a < context.input.text', 'error'],
      ['context.input.text < context.input.a', 'error'],
      ['context.input.zz < 1', 'error'],
    ]);
  });

  describe('order alike whatever form a Long has, and datetimes', () => {
    const operators = [
      ['<', (x: number, y: number) => x < y],
      ['<=', (x: number, y: number) => x <= y],
      ['>', (x: number, y: number) => x > y],
      ['>=', (x: number, y: number) => x >= y],
    ] as const;
    const ladders = [
      ['0', 'context.input.a', '2'],
      ['-9223372036854775807', 'context.input.a', '9223372036854775807'],
      ['9007199254740993', '9007199254740994', '9007199254740995'],
      ['datetime("1969-12-31")', 'context.input.at', 'datetime("1970-01-02")'],
    ] as const;
    for (const ladder of ladders)
      bothTell(
        operators.flatMap(([name, holds]) =>
          ladder.flatMap((left, x) => ladder.map((right, y) => [`${left} ${name} ${right}`, `${holds(x, y)}`] as const)),
        ),
      );
    bothTell(
      operators.flatMap(([name]) => [
        [`context.input.a ${name} context.input.text`, 'error'] as const,
        [`context.input.text ${name} context.input.a`, 'error'] as const,
        [`context.input.at ${name} duration("1ms")`, 'error'] as const,
      ]),
    );
  });

  describe('err on what is no Boolean, and where a side does', () => {
    bothTell([
      ['context.input.a && true', 'error'],
      ['context.input.a || true', 'error'],
      ['true && context.input.a', 'error'],
      ['false || context.input.a', 'error'],
      ['!context.input.a', 'error'],
      ['!(context.input.a == 2)', 'true'],
      ['context.input.a == 2 || context.input.a == 1', 'true'],
      ['context.input.a == 1 && context.input.a == 2', 'false'],
      ['context.input.a == context.input.zz', 'error'],
      ['context.input.a != context.input.zz', 'error'],
      ['context.input.zz != context.input.a', 'error'],
      ['context.input.a != context.input.text', 'true'],
    ]);
  });

  describe('err on what is no Long', () => {
    bothTell([
      ['-context.input.a == -1', 'true'],
      ['-context.input.text == 1', 'error'],
      ['context.input.a + context.input.text == 1', 'error'],
      ['context.input.text * 2 == 2', 'error'],
    ]);
  });

  describe('choose one branch, and leave the other alone', () => {
    bothTell([
      ['if context.input.a == 1 then true else context.input.zz', 'true'],
      ['if context.input.a == 2 then context.input.zz else true', 'true'],
      ['if context.input.a == 2 then true else false', 'false'],
      ['if context.input.zz then true else true', 'error'],
    ]);
  });
});
