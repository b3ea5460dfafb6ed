import { bothTell } from '../compile/bothOutcomes.js';

const refused = (...texts: string[]): void => bothTell(texts.map((text) => [`ip("${text}") == ip("1.2.3.4")`, 'error'] as const));
const taken = (...texts: string[]): void => bothTell(texts.map((text) => [`ip("${text}") == ip("${text}")`, 'true'] as const));

describe('parseIp', () => {
  describe('takes', () => {
    taken('0.0.0.0', '255.255.255.255/0', '::', '::1', '1::', '1:2:3:4:5:6:7:8', 'ABCD::ef/128', '1:2:3:4:5:6:7::');
    taken('abcd:abcd:abcd:abcd:abcd:abcd:abcd:abcd/128');
  });

  describe('refuses an IPv4 address', () => {
    refused('', '1.2.3', '1.2.3.4.5', '1.2.3.256', '1.2.3.04', '1.2.3.', '1.2.3.a', '+1.2.3.4', ' 1.2.3.4');
  });

  describe('refuses an IPv6 address', () => {
    refused(':', '1::2::3', ':::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7::8', '1:2:3:4:5:6:7:', '::g', '::12345');
    refused('0abcd:abcd:abcd:abcd:abcd:abcd:abcd:abcd/128', '::1%eth0');
  });

  describe('refuses a prefix', () => {
    refused('1.2.3.4/33', '::1/129', '1.2.3.4/', '1.2.3.4/01', '1.2.3.4/-1', '1.2.3.4/8/8');
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
