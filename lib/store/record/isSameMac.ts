import { timingSafeEqual } from 'node:crypto';

/** Compares two signatures in constant time. */
export function isSameMac(given: unknown, expected: string): boolean {
  const [one, two] = [Buffer.from(typeof given === 'string' ? given : ''), Buffer.from(expected)];
  return one.length === two.length && timingSafeEqual(one, two);
}
