import { IpValue } from './Value.js';

/** The longest that Cedar reads: a whole IPv6 address with its prefix. */
const MAX_LENGTH = 43;
const OCTET = /^(?:0|[1-9][0-9]{0,2})$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;
const PREFIX = /^(?:0|[1-9][0-9]{0,2})$/;

/** Cedar's `ip(text)`: undefined where Cedar refuses the text. IPv4 inside IPv6 (`::ffff:1.2.3.4`) is refused. */
export function parseIp(text: string): IpValue | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const slash = text.indexOf('/');
  const host = slash === -1 ? text : text.slice(0, slash);
  const version = host.includes(':') ? 6 : 4;
  const address = version === 4 ? parseV4(host) : parseV6(host);
  if (address === undefined) return undefined;
  const longest = version === 4 ? 32 : 128;
  if (slash === -1) return new IpValue(version, address, longest);
  const prefix = text.slice(slash + 1);
  if (!PREFIX.test(prefix) || Number(prefix) > longest) return undefined;
  return new IpValue(version, address, Number(prefix));
}

function parseV4(host: string): bigint | undefined {
  const octets = host.split('.');
  if (octets.length !== 4 || !octets.every((octet) => OCTET.test(octet) && Number(octet) < 256)) return undefined;
  return octets.reduce((address, octet) => (address << 8n) | BigInt(octet), 0n);
}

function parseV6(host: string): bigint | undefined {
  const halves = host.split('::');
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  if (halves.length > 2 || head === undefined) return undefined;
  // without '::' there are eight groups; '::' stands for at least one
  const given = head.length + (tail?.length ?? 0);
  if (tail === undefined ? given !== 8 : given > 7) return undefined;
  const groups = [...head, ...Array.from({ length: 8 - given }, () => '0'), ...(tail ?? [])];
  if (!groups.every((group) => GROUP.test(group))) return undefined;
  return groups.reduce((address, group) => (address << 16n) | BigInt(`0x${group}`), 0n);
}

/** First and last address of a range. */
function bounds({ version, address, prefix }: IpValue): [bigint, bigint] {
  const rest = BigInt((version === 4 ? 32 : 128) - prefix);
  const first = (address >> rest) << rest;
  return [first, first | ((1n << rest) - 1n)];
}

/** Whether all addresses of one range are in the other; ranges of different versions share none. */
export function isInRange(inner: IpValue, outer: IpValue): boolean {
  if (inner.version !== outer.version) return false;
  const [first, last] = bounds(inner);
  const [outerFirst, outerLast] = bounds(outer);
  return outerFirst <= first && last <= outerLast;
}

const LOOPBACK = [new IpValue(4, 127n << 24n, 8), new IpValue(6, 1n, 128)] as const;
const MULTICAST = [new IpValue(4, 224n << 24n, 4), new IpValue(6, 0xffn << 120n, 8)] as const;

export function isLoopback(ip: IpValue): boolean {
  return isInRange(ip, LOOPBACK[ip.version === 4 ? 0 : 1]);
}

export function isMulticast(ip: IpValue): boolean {
  return isInRange(ip, MULTICAST[ip.version === 4 ? 0 : 1]);
}
