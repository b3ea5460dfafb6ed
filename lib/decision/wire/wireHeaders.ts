import type { SecretString } from '../../common/SecretString.js';
import type { Capability } from '../../model/Capability.js';

/** The capability of a client that checks `effective_digest` and understands `removed`. */
export const EFFECTIVE_DIGEST: Capability = 'effective-digest';
/** The capability of a client that says which values travel as text, and of a server that restores them. */
export const TYPES: Capability = 'types';
/** The capability of a client that runs what a person made of an approved call, and of a server that lets people edit calls. */
export const AMEND: Capability = 'amend';
/** The capability of a client that says what the call would do, if it is asked, and of a server that asks for it. */
export const PREVIEW: Capability = 'preview';
/** The capability of a client that uses an approval up at the server, once, before its call runs. */
export const CONSUME: Capability = 'consume';

/** Headers of a request for a decision; the answer echoes the nonce and the digest. */
export const NONCE_HEADER = 'X-AEGIS-NONCE';
export const DIGEST_HEADER = 'X-AEGIS-PARAMS-DIGEST';
/** What the guard knows of the call: a service keeps it with the approval, and compares it when the approval is used. */
export const BINDING_HEADER = 'X-AEGIS-BINDING';
export const CAPABILITIES_HEADER = 'X-AEGIS-CAPABILITIES';
export const IDEMPOTENCY_HEADER = 'Idempotency-Key';
/** The key of the guard, where it is not the tool's name: base64url of a JSON text. */
export const GUARD_KEY_HEADER = 'X-AEGIS-GUARD-KEY';
/** Names of the params that a sanitize may remove: base64url of a JSON list. */
export const REMOVABLE_HEADER = 'X-AEGIS-REMOVABLE';
/** Names of the params that the request leaves out: base64url of a JSON list. */
export const OPAQUE_HEADER = 'X-AEGIS-OPAQUE';
/** The types of values that travel as text, by JSON pointer: base64url of a JSON object. */
export const TYPES_HEADER = 'X-AEGIS-TYPES';
/** How long the client waits for an approval, in whole seconds. */
export const APPROVAL_TIMEOUT_HEADER = 'X-AEGIS-APPROVAL-TIMEOUT-S';

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
