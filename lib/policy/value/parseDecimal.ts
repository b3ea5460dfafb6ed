import { QuantityValue } from './Value.js';
import { toLong } from './longs.js';

const DECIMAL = /^(-?)([0-9]+)\.([0-9]{1,4})$/;

/** Before the point, of the largest decimal. BigInt would take longer than linear time for very long texts. */
const DIGITS = 15;

/** Cedar's `decimal(text)`: undefined where Cedar refuses the text. */
export function parseDecimal(text: string): QuantityValue | undefined {
  const parts = DECIMAL.exec(text);
  if (parts === null) return undefined;
  const [, sign, digits = '', fraction = ''] = parts;
  const whole = digits.replace(/^0+(?=.)/, '');
  if (whole.length > DIGITS) return undefined;
  const amount = toLong(BigInt(`${sign}${whole}${fraction.padEnd(4, '0')}`));
  return amount === undefined ? undefined : new QuantityValue('decimal', amount);
}

/** An amount of ten-thousandths as Cedar writes decimals, with four decimals. */
export function decimalText(amount: number | bigint): string {
  const digits = String(amount < 0 ? -amount : amount).padStart(5, '0');
  return `${amount < 0 ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}`;
}
