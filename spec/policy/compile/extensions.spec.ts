import { bothTell } from './bothOutcomes.js';

describe('Compiled extension functions', () => {
  describe('err on arguments of another kind', () => {
    bothTell([
      ['decimal(context.input.a) == decimal("1.0")', 'error'],
      ['datetime(context.input.tags) == context.input.at', 'error'],
      ['ip(context.input.a).isIpv4()', 'error'],
      ['context.input.text.isIpv4()', 'error'],
      ['context.input.text.isLoopback()', 'error'],
      ['ip("1.2.3.4").isInRange(context.input.text)', 'error'],
      ['context.input.text.isInRange(ip("1.2.3.4"))', 'error'],
      ['context.input.price.toDate() == context.input.at', 'error'],
      ['duration("1h").toDate() == context.input.at', 'error'],
      ['context.input.at.toMinutes() == 0', 'error'],
      ['context.input.price.lessThan(2)', 'error'],
      ['context.input.a.lessThan(decimal("2.0"))', 'error'],
      ['context.input.at.offset(context.input.at) == context.input.at', 'error'],
      ['context.input.at.durationSince(duration("1h")) == duration("1h")', 'error'],
      ['duration("1h").offset(duration("1h")) == context.input.at', 'error'],
      ['duration("1h").durationSince(context.input.at) == duration("1h")', 'error'],
      ['context.input.at.lessThan(decimal("2.0"))', 'error'],
      ['context.input.price.lessThan(duration("1h"))', 'error'],
      ['decimal("x") == decimal("1.0")', 'error'],
      ['decimal("1.0").lessThan(decimal("x"))', 'error'],
    ]);
  });

  describe('err where an argument does', () => {
    bothTell([
      ['decimal(context.input.zz) == decimal("1.0")', 'error'],
      ['context.input.zz.lessThan(decimal("2.0"))', 'error'],
      ['context.input.price.lessThan(context.input.zz)', 'error'],
    ]);
  });

  describe('take what the call says', () => {
    bothTell([
      ['context.input.price.lessThan(decimal("1.6"))', 'true'],
      ['context.input.price.greaterThanOrEqual(decimal("1.5"))', 'true'],
      ['context.input.at.offset(duration("1d")) == datetime("1970-01-02")', 'true'],
      ['datetime("1970-01-02").durationSince(context.input.at) == duration("24h")', 'true'],
      ['context.input.at.toTime() == duration("0ms")', 'true'],
    ]);
  });

  describe('order decimals, whether the call or the policy says them', () => {
    for (const price of ['context.input.price', 'decimal("1.5")'])
      bothTell(
        (
          [
            ['lessThan', ['false', 'false', 'true']],
            ['lessThanOrEqual', ['false', 'true', 'true']],
            ['greaterThan', ['true', 'false', 'false']],
            ['greaterThanOrEqual', ['true', 'true', 'false']],
          ] as const
        ).flatMap(([name, expected]) =>
          ['1.4', '1.5', '1.6'].map((than, i) => [`${price}.${name}(decimal("${than}"))`, expected[i] as 'true' | 'false'] as const),
        ),
      );
  });

  describe('tell the version of an address', () => {
    bothTell([
      ['ip("1.2.3.4").isIpv4()', 'true'],
      ['ip("1.2.3.4").isIpv6()', 'false'],
      ['ip("::1").isIpv4()', 'false'],
      ['ip("::1").isIpv6()', 'true'],
    ]);
  });

  describe('cut what is beyond 2^53, too', () => {
    const far = 'context.input.at.offset(duration("9007199254740993ms"))';
    const before = 'context.input.at.offset(duration("-9007199254740993ms"))';
    const rest = 9_007_199_254_740_993n % 86_400_000n;
    bothTell([
      [`${far}.toTime() == duration("${rest}ms")`, 'true'],
      [`${far}.toDate() == context.input.at.offset(duration("${9_007_199_254_740_993n - rest}ms"))`, 'true'],
      [`${before}.toTime() == duration("${86_400_000n - rest}ms")`, 'true'],
    ]);
  });

  describe('count whole units', () => {
    bothTell([
      ['duration("119s").toMinutes() == 1', 'true'],
      ['duration("-119s").toMinutes() == -1', 'true'],
      ['duration("1999ms").toSeconds() == 1', 'true'],
    ]);
  });

  describe('cut datetimes and durations towards the past and towards zero', () => {
    bothTell([
      ['datetime("1970-01-02T01:30:00Z").toTime() == duration("90m")', 'true'],
      ['datetime("1970-01-02T01:30:00Z").toDate() == datetime("1970-01-02")', 'true'],
      ['datetime("1969-12-31T23:00:00Z").toDate() == datetime("1969-12-31")', 'true'],
      ['datetime("1969-12-31").toTime() == duration("0ms")', 'true'],
      ['duration("-119m").toHours() == -1', 'true'],
      ['duration("47h59m").toDays() == 1', 'true'],
    ]);
  });
});
