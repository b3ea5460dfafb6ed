import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { SecretString } from '../../common/SecretString.js';

/** A key that was made: its id is no secret. */
export interface NewApiKey {
  readonly keyId: string;
  /** The whole key, as a client sends it. */
  readonly key: SecretString;
}

/** The parts of a key. */
export interface ApiKeyParts {
  readonly keyId: string;
  readonly secret: string;
}

const PREFIX = 'aeg_';
const TAG_LENGTH = 6;
const SHAPE = /^aeg_([0-9a-f]{22})_([\w-]{43})_([0-9a-f]{8})$/;

/**
 * Makes a key `aeg_<id>_<256 random bits>_<checksum>`. So many bits need no slow hash. The id begins with a few characters of a hash of the tenant, which
 * say where to look for it, and grant nothing.
 */
export function newApiKey(tenantId: string): NewApiKey {
  const keyId = `${tagOf(tenantId)}${randomBytes(8).toString('hex')}`;
  return { keyId, key: apiKeyOf(keyId) };
}

/** Makes another secret for the same id. */
export function apiKeyOf(keyId: string): SecretString {
  const text = `${PREFIX}${keyId}_${randomBytes(32).toString('base64url')}`;
  return new SecretString(`${text}_${checksum(text)}`);
}

/** Reads a key. A text that was cut or mistyped fails its checksum, and costs no look into a store. */
export function readApiKey(text: string): ApiKeyParts | undefined {
  const [, keyId, secret, sum] = SHAPE.exec(text) ?? [];
  if (keyId === undefined || secret === undefined || checksum(text.slice(0, -9)) !== sum) return undefined;
  return { keyId, secret };
}

/** Whether the key of that id may be one of this tenant. */
export function isTaggedFor(keyId: string, tenantId: string): boolean {
  return keyId.startsWith(tagOf(tenantId));
}

/** The tag of a text that may be a key. */
export function tagIn(text: string): string {
  return text.slice(PREFIX.length, PREFIX.length + TAG_LENGTH);
}

/** The tag of the keys of a tenant. Two tenants may have the same. */
export function tagOf(tenantId: string): string {
  return createHash('sha256').update(`aegis/key-tag/v1/${tenantId}`).digest('hex').slice(0, TAG_LENGTH);
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
