import type { Long } from './Value.js';

const LEAST = -(2n ** 63n);
const MOST = 2n ** 63n - 1n;

/** A Long in its only form; undefined if it does not fit into 64 bits, which in Cedar is an error. */
export function toLong(value: bigint): Long | undefined {
  if (value >= -9007199254740991n && value <= 9007199254740991n) return Number(value);
  return value >= LEAST && value <= MOST ? value : undefined;
}

export function isLong(value: unknown): value is Long {
  return typeof value === 'number' || typeof value === 'bigint';
}

export function addLongs(a: Long, b: Long): Long | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return toLong(BigInt(a) + BigInt(b));
}

export function subtractLongs(a: Long, b: Long): Long | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return toLong(BigInt(a) - BigInt(b));
}

export function multiplyLongs(a: Long, b: Long): Long | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    // a product that is not a safe integer may have been rounded to one, but only to one beyond the safe ones; + 0 makes -0 a plain 0
    const product = a * b;
    if (Number.isSafeInteger(product)) return product + 0;
  }
  return toLong(BigInt(a) * BigInt(b));
}

export function negateLong(a: Long): Long | undefined {
  return typeof a === 'number' ? 0 - a : toLong(-a);
}

/** Towards zero. The divisor is a small positive integer. */
export function divideLong(a: Long, divisor: number): Long {
  // not trunc(a / divisor), which may be rounded up to the next integer
  if (typeof a === 'number') return (a - (a % divisor)) / divisor;
  return toLong(a / BigInt(divisor)) as Long;
}
