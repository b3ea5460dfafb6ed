import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { AuditPublicKey } from './AuditPublicKey.js';

/** An ed25519 key that signs the checkpoints of an audit log. It shows itself nowhere; {@link AuditKey.toPem} is the only way out. */
export class AuditKey {
  /** What verifies it. */
  readonly publicKey: AuditPublicKey;
  readonly #key: KeyObject;

  private constructor(key: KeyObject) {
    this.#key = key;
    this.publicKey = AuditPublicKey.of(key);
  }

  /** Makes a key. */
  static generate(): AuditKey {
    return new AuditKey(generateKeyPairSync('ed25519').privateKey);
  }

  /**
   * Reads a key.
   *
   * @param text PKCS#8 in PEM, or the base64 of its DER on one line, which fits into an environment variable
   * @param where what names it, for the error
   * @throws ConfigError where it cannot be read
   */
  static read(text: string, where = 'key'): AuditKey {
    // a variable in a file of settings often has its line ends written out
    const trimmed = text.trim().replaceAll('\\n', '\n');
    try {
      const key = trimmed.startsWith('-----')
        ? createPrivateKey(trimmed)
        : createPrivateKey({ key: Buffer.from(trimmed, 'base64'), format: 'der', type: 'pkcs8' });
      if (key.asymmetricKeyType === 'ed25519') return new AuditKey(key);
    } catch {
      // the reason would quote the key
    }
    throw new ConfigError([
      {
        where,
        message:
          'The key of the audit log cannot be read. Give an ed25519 private key as PKCS#8, in PEM or as the base64 of its DER. Make one with: openssl genpkey -algorithm ed25519',
      },
    ]);
  }

  /** Signs a text. */
  sign(text: string): Buffer {
    return sign(null, Buffer.from(text), this.#key);
  }

  /** The private key, PKCS#8 in PEM: for the file that it is kept in. */
  toPem(): string {
    return this.#key.export({ format: 'pem', type: 'pkcs8' }).toString();
  }
}
