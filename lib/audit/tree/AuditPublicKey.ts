import { createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { HASH_BYTES, rawSha256 } from './leafHash.js';

/** How C2SP signed notes call ed25519. */
const ED25519 = 0x01;
const KEY_ID_BYTES = 4;

/** An ed25519 public key that verifies the checkpoints of audit logs. */
export class AuditPublicKey {
  readonly #bytes: Buffer;
  readonly #key: KeyObject;

  private constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') }, format: 'jwk' });
  }

  /**
   * Reads a key.
   *
   * @param text its 32 bytes in base64url, as records of a log name it; the verifier key of a signed note, `name+id+key`; or PEM
   * @param where what names it, for the error
   * @throws ConfigError where it cannot be read
   */
  static read(text: string, where = 'publicKey'): AuditPublicKey {
    const trimmed = text.trim();
    const bytes = trimmed.startsWith('-----') ? ofPem(trimmed) : trimmed.includes('+') ? ofVerifierKey(trimmed) : ofBytes(trimmed);
    if (bytes !== undefined) return new AuditPublicKey(bytes);
    throw new ConfigError([
      {
        where,
        message:
          'The public key of an audit log cannot be read. Give the 32 bytes of an ed25519 key in base64url, as in the file key.pub of a log, the verifier key of a signed note (name+id+key), or PEM.',
      },
    ]);
  }

  /** Of a private key. */
  static of(privateKey: KeyObject): AuditPublicKey {
    const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
    return new AuditPublicKey(Buffer.from(x as string, 'base64url'));
  }

  /** The id of the key under a name, as signatures of notes have it: the first 4 bytes of SHA-256(name ‖ LF ‖ 0x01 ‖ key). */
  keyId(name: string): Buffer {
    return rawSha256(Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ED25519), this.#bytes])).subarray(0, KEY_ID_BYTES);
  }

  /** The key under a name, as other programs for signed notes take it: `name+id+key`. */
  verifierKey(name: string): string {
    return `${name}+${this.keyId(name).toString('hex')}+${Buffer.concat([Buffer.of(ED25519), this.#bytes]).toString('base64')}`;
  }

  /** Whether the key signed this text. */
  verifies(text: string, signature: Uint8Array): boolean {
    return verify(null, Buffer.from(text), this.#key, signature);
  }

  /** Its 32 bytes, base64url. */
  toString(): string {
    return this.#bytes.toString('base64url');
  }
}

function ofBytes(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.length === HASH_BYTES && bytes.toString('base64url') === text ? bytes : undefined;
}

function ofVerifierKey(text: string): Buffer | undefined {
  const [, name = '', id = '', base64 = ''] = /^([^+\s]+)\+([\da-f]{8})\+([\w+/]+=*)$/.exec(text) ?? [];
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length !== 1 + HASH_BYTES || bytes[0] !== ED25519 || bytes.toString('base64') !== base64) return undefined;
  const key = ofBytes(bytes.subarray(1).toString('base64url'));
  const isOfName =
    rawSha256(Buffer.concat([Buffer.from(`${name}\n`), bytes]))
      .subarray(0, KEY_ID_BYTES)
      .toString('hex') === id;
  return isOfName ? key : undefined;
}

function ofPem(pem: string): Buffer | undefined {
  // a private key in its place would be one that is shown around
  if (pem.includes('PRIVATE')) return undefined;
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? Buffer.from(key.export({ format: 'jwk' }).x as string, 'base64url') : undefined;
  } catch {
    return undefined;
  }
}
