import { createHash, randomBytes } from 'node:crypto';
import { SecretString } from '../../common/SecretString.js';

const SHAPE = /^[\w-]{43}$/;

/** A secret of 256 random bits, for a session, a link or a token. So many bits need no slow hash. */
export function secretLink(): SecretString {
  return new SecretString(randomBytes(32).toString('base64url'));
}

/** What is kept of a secret: its SHA-256. `undefined` for a text that cannot be one. */
export function hashOfSecret(text: string): string | undefined {
  return SHAPE.test(text) ? createHash('sha256').update(text).digest('base64url') : undefined;
}
