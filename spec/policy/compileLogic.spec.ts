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
