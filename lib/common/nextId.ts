import { randomBytes } from 'node:crypto';

/**
 * Identifies this process: 96 random bits. Ids are `bootId-counter`, because a UUID for each of 100,000 pending approvals costs more memory and
 * time than the approvals themselves.
 */
export const bootId: string = randomBytes(12).toString('base64url');

let counter = 0;

/** Makes an id that is unique across calls and processes. */
export function nextId(prefix: string): string {
  counter += 1;
  // the Buffer round trip makes a flat one-byte string instead of a rope that keeps its parts alive
  return Buffer.from(`${prefix}_${bootId}-${counter.toString(36)}`, 'latin1').toString('latin1');
}
