import { randomBytes, randomFillSync } from 'node:crypto';

/**
 * Identifies this process: 96 random bits. Ids are `bootId-counter`, because a UUID for each of 100,000 pending approvals costs more memory and
 * time than the approvals themselves.
 */
export const bootId: string = randomBytes(12).toString('base64url');

let counter = 0;

const RANDOM_BYTES = 16;
/** Asking for random bytes is what costs: enough for 256 ids are asked for at once. */
const pool = Buffer.alloc(RANDOM_BYTES * 256);
let taken = pool.length;

/** Makes an id out of 128 random bits, which no one can guess and which tells nothing about other ids. For what other programs get to see. */
export function randomId(prefix: string): string {
  return Buffer.from(`${prefix}_${randomBits()}`, 'latin1').toString('latin1');
}

/** 128 random bits, as 22 characters of base64url. */
export function randomBits(): string {
  if (taken === pool.length) {
    randomFillSync(pool);
    taken = 0;
  }
  const bits = pool.toString('base64url', taken, taken + RANDOM_BYTES);
  taken += RANDOM_BYTES;
  return bits;
}

/** Makes an id that is unique across calls and processes. */
export function nextId(prefix: string): string {
  counter += 1;
  // the Buffer round trip makes a flat one-byte string instead of a rope that keeps its parts alive
  return Buffer.from(`${prefix}_${bootId}-${counter.toString(36)}`, 'latin1').toString('latin1');
}
