import * as crypto from 'node:crypto';
import type { Commitment } from './AuditRecord.js';

const SALT_BYTES = 16;
const DIGEST_BYTES = 32;

/** For each field its buffer: the text before the salt stays as it is, the rest is written anew for each commitment. */
const buffers = new Map<string, { readonly bytes: Buffer; readonly saltAt: number }>();

/** @internal How a runtime with that `crypto.hash` makes a SHA-256 of bytes or text, as base64url. */
export function sha256UrlBy(hash: typeof crypto.hash | undefined): (data: Buffer | string) => string {
  return hash === undefined
    ? (data) => crypto.createHash('sha256').update(data).digest('base64url')
    : (data) => hash('sha256', data, 'base64url');
}

/** SHA-256 of bytes or text, as base64url. */
export const sha256Url: (data: Buffer | string) => string = sha256UrlBy(crypto.hash);

/**
 * Commits to a value: base64url of SHA-256("aegis/commitment/v1\n" ‖ field ‖ "\n" ‖ salt ‖ digest).
 *
 * @param field the field of the record, so that equal values in two fields do not show as equal
 * @param salt of the decision: base64url of 16 random bytes
 * @param digest SHA-256 of the value's canonical text, as 64 hex digits
 * @throws TypeError for a salt or digest of another length
 */
export function commitmentOf(field: string, salt: string, digest: string): Commitment {
  let buffer = buffers.get(field);
  if (buffer === undefined) {
    const prefix = Buffer.from(`aegis/commitment/v1\n${field}\n`, 'utf8');
    buffer = { bytes: Buffer.concat([prefix, Buffer.alloc(SALT_BYTES + DIGEST_BYTES)]), saltAt: prefix.length };
    buffers.set(field, buffer);
  }
  const { bytes, saltAt } = buffer;
  const isSalt = salt.length === 22 && bytes.write(salt, saltAt, SALT_BYTES, 'base64url') === SALT_BYTES;
  const isDigest = digest.length === 64 && bytes.write(digest, saltAt + SALT_BYTES, DIGEST_BYTES, 'hex') === DIGEST_BYTES;
  if (!isSalt || !isDigest) throw new TypeError('a salt is base64url of 16 bytes, and a digest 64 hex digits');
  return sha256Url(bytes);
}
