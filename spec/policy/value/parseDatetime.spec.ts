import { bothTell } from '../compile/bothOutcomes.js';

const refused = (type: 'datetime' | 'duration', ...texts: string[]): void =>
  bothTell(texts.map((text) => [`${type}("${text}") == ${type}("${text}")`, 'error'] as const));
const at = (text: string, ms: string): [string, 'true'] => [
  `datetime("${text}") == datetime("1970-01-01").offset(duration("${ms}"))`,
  'true',
];

describe('parseDatetime', () => {
  describe('takes dates, times and offsets', () => {
    bothTell([
      at('1970-01-02', '1d'),
      at('1970-01-01T23:59:59Z', '86399s'),
      at('1970-01-01T00:00:00.007Z', '7ms'),
      at('1970-01-01T00:00:00+0130', '-90m'),
      at('1970-01-01T00:00:00-2359', '1439m'),
      at('1970-01-01T12:00:00.500+0000', '12h500ms'),
      at('2024-02-29', '19782d'),
      at('0000-01-01', '-719528d'),
    ]);
  });

  describe('refuses what is no point in time', () => {
    refused('datetime', '', '1970', '1970-1-1', '1970-01-01T00:00:00', '1970-01-01T00:00Z', '1970-01-01T00:00:00.1Z', ' 1970-01-01');
    refused('datetime', '2023-02-29', '1970-13-01', '1970-00-01', '1970-01-00', '1970-04-31');
    refused('datetime', '1970-01-01T24:00:00Z', '1970-01-01T00:60:00Z', '1970-01-01T00:00:60Z');
    refused('datetime', '1970-01-01T00:00:00+2400', '1970-01-01T00:00:00+0060', '1970-01-01T00:00:00+01:30');
  });
});

describe('parseDuration', () => {
  describe('takes units from the largest to the smallest', () => {
    bothTell([
      ['duration("1d2h3m4s5ms").toMilliseconds() == 93784005', 'true'],
      ['duration("-1m30s").toMilliseconds() == -90000', 'true'],
      ['duration("00000000000000000000001ms").toMilliseconds() == 1', 'true'],
      ['duration("9223372036854775807ms").toMilliseconds() == 9223372036854775807', 'true'],
    ]);
  });

  describe('refuses other texts, and what has no room in 64 bits', () => {
    refused('duration', '', '-', '1', 'ms', '1s1m', '1.5s', '+1s', '--1s', '1 s');
    refused('duration', '9223372036854775808ms', '106751991168d', '-9223372036854775809ms', '99999999999999999999ms');
  });
});
