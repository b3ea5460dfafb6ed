import { createHash, createPublicKey, verify } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';
import type { VerdictProof } from '../../../store/ApprovalStore.js';

/** What a passkey signed. */
export interface SignedChallenge {
  /** Base64url. */
  readonly challenge: string;
  readonly origin: string;
}

const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
/** Hash of the relying party, flags, counter. */
const LEAST_BYTES = 37;
const FLAGS_AT = 32;

/**
 * Verifies the signature of a passkey (WebAuthn, 7.2), with Node alone: verifying a log takes nothing of what made it.
 *
 * @param publicKey COSE, base64url
 * @returns what was signed; `undefined` where the signature is not good, or the authenticator did not verify a person
 */
export function passkeyProof(proof: Omit<VerdictProof, 'nonce'>, publicKey: string): SignedChallenge | undefined {
  const key = readCoseKey(Buffer.from(publicKey, 'base64url'));
  const client = Buffer.from(proof.clientDataJSON, 'base64url');
  const authenticator = Buffer.from(proof.authenticatorData, 'base64url');
  const signed = clientDataOf(client);
  if (key === undefined || signed === undefined || authenticator.length < LEAST_BYTES) return undefined;
  const flags = authenticator[FLAGS_AT] as number;
  if ((flags & USER_PRESENT) === 0 || (flags & USER_VERIFIED) === 0) return undefined;
  if (!authenticator.subarray(0, FLAGS_AT).equals(sha256(signed.party))) return undefined;
  const data = Buffer.concat([authenticator, sha256(client)]);
  const good = verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', data, key, Buffer.from(proof.signature, 'base64url'));
  return good ? { challenge: signed.challenge, origin: signed.origin } : undefined;
}

function clientDataOf(bytes: Buffer): (SignedChallenge & { readonly party: string }) | undefined {
  try {
    const { type, challenge, origin, crossOrigin } = JSON.parse(bytes.toString()) as Readonly<Record<string, unknown>>;
    if (type !== 'webauthn.get' || typeof challenge !== 'string' || typeof origin !== 'string') return undefined;
    if (crossOrigin !== undefined && crossOrigin !== false) return undefined;
    return { challenge, origin, party: new URL(origin).hostname };
  } catch {
    return undefined;
  }
}

/** Reads a COSE key of one of the kinds that are registered: ES256, EdDSA, RS256. */
function readCoseKey(bytes: Buffer): KeyObject | undefined {
  const map = readCbor(bytes);
  if (map === undefined) return undefined;
  const jwk = jwkOf(map);
  try {
    return jwk && createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined;
  }
}

const [KTY, ALG] = [1, 3];

function jwkOf(map: ReadonlyMap<number, number | Buffer>): JsonWebKey | undefined {
  const bytes = (label: number): string | undefined => {
    const value = map.get(label);
    return typeof value === 'object' ? value.toString('base64url') : undefined;
  };
  const kind = `${String(map.get(KTY))} ${String(map.get(ALG))}`;
  const [first, second, third] = [bytes(-1), bytes(-2), bytes(-3)];
  if (kind === '2 -7' && map.get(-1) === 1 && second !== undefined && third !== undefined)
    return { kty: 'EC', crv: 'P-256', x: second, y: third };
  if (kind === '1 -8' && map.get(-1) === 6 && second !== undefined) return { kty: 'OKP', crv: 'Ed25519', x: second };
  if (kind === '3 -257' && first !== undefined && second !== undefined) return { kty: 'RSA', n: first, e: second };
  return undefined;
}

const [UNSIGNED, NEGATIVE, BYTES, MAP] = [0, 1, 2, 5];

/** Reads a CBOR map (RFC 8949) of small numbers and bytes, which is all that these keys are. */
function readCbor(bytes: Buffer): ReadonlyMap<number, number | Buffer> | undefined {
  let at = 0;
  const head = (): readonly [major: number, value: number] | undefined => {
    const first = bytes[at++];
    if (first === undefined) return undefined;
    const size = [0, 1, 2][Math.max(0, (first & 31) - 23)];
    if (size === undefined || at + size > bytes.length) return undefined;
    const value = size === 0 ? first & 31 : bytes.readUIntBE(at, size);
    at += size;
    return [first >> 5, value];
  };
  const item = (): number | Buffer | undefined => {
    const [major, value = 0] = head() ?? [];
    if (major === UNSIGNED) return value;
    if (major === NEGATIVE) return -1 - value;
    if (major !== BYTES || at + value > bytes.length) return undefined;
    at += value;
    return bytes.subarray(at - value, at);
  };
  const [major, count = 0] = head() ?? [];
  if (major !== MAP) return undefined;
  const map = new Map<number, number | Buffer>();
  for (let i = 0; i < count; i++) {
    const [label, value] = [item(), item()];
    if (typeof label !== 'number' || value === undefined) return undefined;
    map.set(label, value);
  }
  return at === bytes.length ? map : undefined;
}

function sha256(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
