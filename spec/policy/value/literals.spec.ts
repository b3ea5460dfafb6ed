import { bothTell } from '../compile/bothOutcomes.js';
import { expect } from 'chai';
import { decimalText } from '../../../lib/policy/value/literals.js';

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

const refusedDecimals = (...texts: string[]): void =>
  bothTell(texts.map((text) => [`decimal("${text}") == decimal("${text}")`, 'error'] as const));

describe('parseDecimal', () => {
  describe('takes one to four digits after the point', () => {
    bothTell([
      ['decimal("1.5") == decimal("1.5000")', 'true'],
      ['decimal("-0.0001").lessThan(decimal("0.0"))', 'true'],
      ['decimal("-0.0") == decimal("0.0")', 'true'],
      ['decimal("00000000000000000001.0") == decimal("1.0")', 'true'],
      ['decimal("922337203685477.5807").greaterThan(decimal("922337203685477.5806"))', 'true'],
    ]);
  });

  describe('refuses other texts, and what has no room in 64 bits', () => {
    refusedDecimals('', '1', '1.', '.5', '1.00000', '+1.0', '1e3', ' 1.0', '1,0');
    refusedDecimals('922337203685477.5808', '1000000000000000.0', '-1000000000000000.0');
  });
});

describe('decimalText', () => {
  for (const [amount, text] of [
    [0, '0.0000'],
    [1, '0.0001'],
    [-1, '-0.0001'],
    [-15_000, '-1.5000'],
    [2n ** 63n - 1n, '922337203685477.5807'],
    [-(2n ** 63n), '-922337203685477.5808'],
  ] as const)
    it(`writes ${text}`, () => expect(decimalText(amount)).to.equal(text));
});

const refusedIps = (...texts: string[]): void => bothTell(texts.map((text) => [`ip("${text}") == ip("1.2.3.4")`, 'error'] as const));
const takenIps = (...texts: string[]): void => bothTell(texts.map((text) => [`ip("${text}") == ip("${text}")`, 'true'] as const));

describe('parseIp', () => {
  describe('takes', () => {
    takenIps('0.0.0.0', '255.255.255.255/0', '::', '::1', '1::', '1:2:3:4:5:6:7:8', 'ABCD::ef/128', '1:2:3:4:5:6:7::');
    takenIps('abcd:abcd:abcd:abcd:abcd:abcd:abcd:abcd/128');
  });

  describe('refuses an IPv4 address', () => {
    refusedIps('', '1.2.3', '1.2.3.4.5', '1.2.3.256', '1.2.3.04', '1.2.3.', '1.2.3.a', '+1.2.3.4', ' 1.2.3.4');
  });

  describe('refuses an IPv6 address', () => {
    refusedIps(':', '1::2::3', ':::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7::8', '1:2:3:4:5:6:7:', '::g', '::12345');
    refusedIps('0abcd:abcd:abcd:abcd:abcd:abcd:abcd:abcd/128', '::1%eth0');
  });

  describe('refuses a prefix', () => {
    refusedIps('1.2.3.4/33', '::1/129', '1.2.3.4/', '1.2.3.4/01', '1.2.3.4/-1', '1.2.3.4/8/8');
  });

  describe('tells one version from the other', () => {
    bothTell([
      ['ip("::1").isIpv6()', 'true'],
      ['ip("::1").isIpv4()', 'false'],
      ['ip("0.0.0.1") == ip("::1")', 'false'],
      ['ip("::1").isInRange(ip("0.0.0.0/0"))', 'false'],
      ['ip("127.0.0.1").isInRange(ip("::/0"))', 'false'],
    ]);
  });

  describe('tells what a range holds, so that a rule for a network holds for all of it', () => {
    bothTell([
      ['ip("10.255.255.255").isInRange(ip("10.0.0.0/8"))', 'true'],
      ['ip("11.0.0.0").isInRange(ip("10.0.0.0/8"))', 'false'],
      ['ip("10.0.0.0/7").isInRange(ip("10.0.0.0/8"))', 'false'],
      ['ip("10.9.8.7/8").isInRange(ip("10.0.0.0/8"))', 'true'],
      ['ip("2001:db8::1").isInRange(ip("2001:db8::/32"))', 'true'],
      ['ip("2001:db9::1").isInRange(ip("2001:db8::/32"))', 'false'],
    ]);
  });

  describe('tells loopback and multicast', () => {
    bothTell([
      ['ip("127.255.0.1").isLoopback()', 'true'],
      ['ip("128.0.0.1").isLoopback()', 'false'],
      ['ip("::1").isLoopback()', 'true'],
      ['ip("::2").isLoopback()', 'false'],
      ['ip("224.0.0.1").isMulticast()', 'true'],
      ['ip("223.255.255.255").isMulticast()', 'false'],
      ['ip("ff02::1").isMulticast()', 'true'],
      ['ip("fe80::1").isMulticast()', 'false'],
    ]);
  });
});
