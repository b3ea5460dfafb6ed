import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** What a page asks the browser for, as far as this browser reads it. */
interface Options {
  readonly challenge: string;
  readonly rp?: { readonly id?: string };
  readonly rpId?: string;
  readonly user?: { readonly id: string };
  readonly allowCredentials?: readonly { readonly id: string }[];
  readonly excludeCredentials?: readonly { readonly id: string }[];
}

/** How a browser or an authenticator lies. */
export interface Lies {
  readonly origin?: string;
  readonly rpId?: string;
  readonly type?: string;
  readonly challenge?: string;
  readonly crossOrigin?: boolean;
  readonly userVerified?: boolean;
  readonly userPresent?: boolean;
  readonly counter?: number;
  readonly userHandle?: string;
}

export interface MadeResponse {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly clientExtensionResults: object;
  readonly response: { readonly clientDataJSON: string; readonly attestationObject: string; readonly transports: readonly string[] };
}

export interface SignedResponse {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly clientExtensionResults: object;
  readonly response: {
    readonly clientDataJSON: string;
    readonly authenticatorData: string;
    readonly signature: string;
    readonly userHandle: string;
  };
}

interface Held {
  readonly id: string;
  readonly key: KeyObject;
  readonly userHandle: string;
  readonly rpId: string;
  counter: number;
}

/** A browser with an authenticator of its own, in software: EC P-256 keys, no attestation. No browser is needed to try what a server makes of passkeys. */
export class SoftAuthenticator {
  readonly #origin: string;
  readonly #counts: boolean;
  readonly #held: Held[] = [];

  /** @param counts whether it counts, as a security key does; synced passkeys do not */
  constructor(origin: string, { counts = true }: { readonly counts?: boolean } = {}) {
    this.#origin = origin;
    this.#counts = counts;
  }

  /** Makes a credential, as `navigator.credentials.create()` does. */
  create(given: object, lies: Lies = {}): MadeResponse {
    const options = given as Options;
    const rpId = lies.rpId ?? (options.rp?.id as string);
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const id = randomBytes(32);
    const held: Held = { id: base64url(id), key: privateKey, userHandle: options.user?.id as string, rpId, counter: 0 };
    this.#held.push(held);
    const jwk = publicKey.export({ format: 'jwk' });
    const cose = Buffer.concat([
      Buffer.from('a5010203262001215820', 'hex'),
      Buffer.from(jwk.x as string, 'base64url'),
      Buffer.from('225820', 'hex'),
      Buffer.from(jwk.y as string, 'base64url'),
    ]);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(id.length);
    const attested = Buffer.concat([Buffer.alloc(16), length, id, cose]);
    const authData = Buffer.concat([this.#authData(held, { ...lies, rpId }, 0x40), attested]);
    const size = Buffer.alloc(2);
    size.writeUInt16BE(authData.length);
    const attestation = Buffer.concat([Buffer.from('a363666d74646e6f6e656761747453746d74a068617574684461746159', 'hex'), size, authData]);
    const clientDataJSON = this.#clientData('webauthn.create', options.challenge, lies);
    return {
      id: held.id,
      rawId: held.id,
      type: 'public-key',
      clientExtensionResults: {},
      response: { clientDataJSON, attestationObject: base64url(attestation), transports: ['internal', 'hybrid', 'telepathy'] },
    };
  }

  /** Signs a challenge, as `navigator.credentials.get()` does: with the newest credential that the page allows. */
  get(given: object, lies: Lies = {}): SignedResponse {
    const options = given as Options;
    const allowed = options.allowCredentials?.map(({ id }) => id);
    const held = this.#held.findLast(({ id, rpId }) => rpId === options.rpId && (allowed === undefined || allowed.includes(id)));
    if (held === undefined) throw new Error('There is no such credential.');
    if (this.#counts) held.counter += 1;
    const authenticatorData = this.#authData(held, lies);
    const clientDataJSON = this.#clientData('webauthn.get', options.challenge, lies);
    const clientDataHash = createHash('sha256').update(Buffer.from(clientDataJSON, 'base64url')).digest();
    const signature = sign('sha256', Buffer.concat([authenticatorData, clientDataHash]), held.key);
    return {
      id: held.id,
      rawId: held.id,
      type: 'public-key',
      clientExtensionResults: {},
      response: {
        clientDataJSON,
        authenticatorData: base64url(authenticatorData),
        signature: base64url(signature),
        userHandle: lies.userHandle ?? held.userHandle,
      },
    };
  }

  #authData(held: Held, { rpId = held.rpId, userVerified = true, userPresent = true, counter = held.counter }: Lies, more = 0): Buffer {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(counter);
    // a synced passkey says that it can be and is backed up
    const flags = (userPresent ? 1 : 0) | (userVerified ? 4 : 0) | (this.#counts ? 0 : 0x18) | more;
    return Buffer.concat([createHash('sha256').update(rpId).digest(), Buffer.from([flags]), count]);
  }

  #clientData(type: string, challenge: string, lies: Lies): string {
    const { origin = this.#origin, crossOrigin = false } = lies;
    const data = { type: lies.type ?? type, challenge: lies.challenge ?? challenge, origin, crossOrigin };
    return base64url(Buffer.from(JSON.stringify(data)));
  }
}

function base64url(bytes: Buffer): string {
  return bytes.toString('base64url');
}
