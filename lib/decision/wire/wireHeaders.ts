import type { SecretString } from '../../common/SecretString.js';

/** The capability of a client that checks `effective_digest` and understands `removed`. */
export const EFFECTIVE_DIGEST = 'effective-digest';

/** Headers of a request for a decision; the answer echoes the nonce and the digest. */
export const NONCE_HEADER = 'X-AEGIS-NONCE';
export const DIGEST_HEADER = 'X-AEGIS-PARAMS-DIGEST';
/** What the guard knows of the call: a service keeps it with the approval, and compares it when the approval is used. */
export const BINDING_HEADER = 'X-AEGIS-BINDING';
export const CAPABILITIES_HEADER = 'X-AEGIS-CAPABILITIES';
export const IDEMPOTENCY_HEADER = 'Idempotency-Key';

/** The wire headers that every request of a client carries. */
export function writeWireHeaders(apiKey: SecretString, userAgent: string): Readonly<Record<string, string>> {
  return {
    Accept: 'application/json',
    'Content-Type': 'application/json',
    'User-Agent': userAgent,
    'X-API-KEY': apiKey.reveal(),
    'X-DECISION-SOURCE': 'typescript_client',
  };
}

/** Whether text can be the value of a header as it is: 1 to 512 characters of printable ASCII without spaces. */
export function isHeaderValue(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,512}$/.test(value);
}
