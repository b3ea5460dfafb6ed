import { QuantityValue } from './Value.js';
import { toLong } from './longs.js';

const DATETIME =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))?(?:Z|([+-])([0-9]{2})([0-9]{2})))?$/;
const DURATION = /^(-?)(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?$/;
/** Of each unit in {@link DURATION}, in milliseconds. */
const UNITS = [86_400_000n, 3_600_000n, 60_000n, 1_000n, 1n];
/** Of the largest Long. BigInt would take longer than linear time for very long texts. */
const DIGITS = 19;

/** Cedar's `datetime(text)`: undefined where Cedar refuses the text. */
export function parseDatetime(text: string): QuantityValue | undefined {
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
export function parseDuration(text: string): QuantityValue | undefined {
  const parts = DURATION.exec(text);
  if (parts === null || text === '' || text === '-') return undefined;
  const amounts = parts.slice(2).map((part: string | undefined) => (part ?? '0').replace(/^0+(?=.)/, ''));
  if (amounts.some((amount) => amount.length > DIGITS)) return undefined;
  // Cedar checks for an overflow after each unit; all have one sign, so the end tells whether there was one
  const sum = amounts.reduce((ms, amount, i) => ms + BigInt(amount) * (UNITS[i] as bigint), 0n);
  const total = toLong(parts[1] === '-' ? -sum : sum);
  return total === undefined ? undefined : new QuantityValue('duration', total);
}
