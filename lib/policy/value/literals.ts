import { toLong } from './longs.js';
import { IpValue, QuantityValue } from './Value.js';

const DECIMAL = /^(-?)([0-9]+)\.([0-9]{1,4})$/;

/** Before the point, of the largest decimal. BigInt would take longer than linear time for very long texts. */
const DECIMAL_DIGITS = 15;

/** Cedar's `decimal(text)`: undefined where Cedar refuses the text. */
function parseDecimal(text: string): QuantityValue | undefined {
  const parts = DECIMAL.exec(text);
  if (parts === null) return undefined;
  const [, sign, digits = '', fraction = ''] = parts;
  const whole = digits.replace(/^0+(?=.)/, '');
  if (whole.length > DECIMAL_DIGITS) return undefined;
  const amount = toLong(BigInt(`${sign}${whole}${fraction.padEnd(4, '0')}`));
  return amount === undefined ? undefined : new QuantityValue('decimal', amount);
}

/** An amount of ten-thousandths as Cedar writes decimals, with four decimals. */
export function decimalText(amount: number | bigint): string {
  const digits = String(amount < 0 ? -amount : amount).padStart(5, '0');
  return `${amount < 0 ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}`;
}

const DATETIME =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))?(?:Z|([+-])([0-9]{2})([0-9]{2})))?$/;
const DURATION = /^(-?)(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?$/;
/** Of each unit in {@link DURATION}, in milliseconds. */
const UNITS = [86_400_000n, 3_600_000n, 60_000n, 1_000n, 1n];
/** Of the largest Long. BigInt would take longer than linear time for very long texts. */
const DURATION_DIGITS = 19;

/** Cedar's `datetime(text)`: undefined where Cedar refuses the text. */
function parseDatetime(text: string): QuantityValue | undefined {
  const parts = DATETIME.exec(text);
  if (parts === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0] = parts
    .slice(1, 8)
    .map((part: string | undefined) => Number(part ?? 0));
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const offsetHours = Number(parts[9] ?? 0);
  const offsetMinutes = Number(parts[10] ?? 0);
  if (offsetHours > 23 || offsetMinutes > 59) return undefined;
  const date = new Date(0);
  // not Date.UTC, which reads years below 100 as 19xx
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const offset = (offsetHours * 60 + offsetMinutes) * (parts[8] === '-' ? -60_000 : 60_000);
  return new QuantityValue('datetime', date.getTime() + ((hour * 60 + minute) * 60 + second) * 1_000 + ms - offset);
}

/** Cedar's `duration(text)`: undefined where Cedar refuses the text. */
function parseDuration(text: string): QuantityValue | undefined {
  const parts = DURATION.exec(text);
  if (parts === null || text === '' || text === '-') return undefined;
  const amounts = parts.slice(2).map((part: string | undefined) => (part ?? '0').replace(/^0+(?=.)/, ''));
  if (amounts.some((amount) => amount.length > DURATION_DIGITS)) return undefined;
  // Cedar checks for an overflow after each unit; all have one sign, so the end tells whether there was one
  const sum = amounts.reduce((ms, amount, i) => ms + BigInt(amount) * (UNITS[i] as bigint), 0n);
  const total = toLong(parts[1] === '-' ? -sum : sum);
  return total === undefined ? undefined : new QuantityValue('duration', total);
}

/** The longest that Cedar reads: a whole IPv6 address with its prefix. */
const MAX_IP_LENGTH = 43;
const OCTET = /^(?:0|[1-9][0-9]{0,2})$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;
const PREFIX = /^(?:0|[1-9][0-9]{0,2})$/;

/** Cedar's `ip(text)`: undefined where Cedar refuses the text. IPv4 inside IPv6 (`::ffff:1.2.3.4`) is refused. */
function parseIp(text: string): IpValue | undefined {
  if (text.length > MAX_IP_LENGTH) return undefined;
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
  // without '::' there are eight groups; '::' replaces at least one
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

/** What reads the text of each extension function that makes a value. */
export const LITERALS: {
  readonly decimal: (text: string) => QuantityValue | undefined;
  readonly datetime: (text: string) => QuantityValue | undefined;
  readonly duration: (text: string) => QuantityValue | undefined;
  readonly ip: (text: string) => IpValue | undefined;
} = { decimal: parseDecimal, datetime: parseDatetime, duration: parseDuration, ip: parseIp };
