import * as v from 'valibot';
import { RequestError } from '../../front/RequestError.js';

interface CredentialJson<R> {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly response: R;
}

/** A credential that was made, as JSON. */
export type MadeJson = CredentialJson<{
  readonly clientDataJSON: string;
  readonly attestationObject: string;
  readonly transports?: readonly string[] | undefined;
}>;

/** A signature, as JSON. */
export type UsedJson = CredentialJson<{
  readonly clientDataJSON: string;
  readonly authenticatorData: string;
  readonly signature: string;
  readonly userHandle?: string | null | undefined;
}>;

/** How long a browser waits for the person, in milliseconds. */
export const PASSKEY_TIMEOUT_MS: number = 300_000;

/** Bytes in base64url, in the one way in which they can be written. */
const bytes = (most: number): v.GenericSchema<unknown, string> =>
  v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(most),
    v.check((text) => Buffer.from(text, 'base64url').toString('base64url') === text),
  );

/** Reads one. */
export const MADE: v.GenericSchema<unknown, MadeJson> = v.object({
  id: bytes(1_400),
  rawId: bytes(1_400),
  type: v.literal('public-key'),
  response: v.object({
    clientDataJSON: bytes(8_000),
    attestationObject: bytes(64_000),
    transports: v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(32))), v.maxLength(16))),
  }),
});

/** Reads one. */
export const USED: v.GenericSchema<unknown, UsedJson> = v.object({
  id: bytes(1_400),
  rawId: bytes(1_400),
  type: v.literal('public-key'),
  response: v.object({
    clientDataJSON: bytes(8_000),
    authenticatorData: bytes(8_000),
    signature: bytes(8_000),
    userHandle: v.nullish(v.pipe(v.string(), v.maxLength(128))),
  }),
});

/** The challenge and the credential that a response names, before anything of it is believed. */
export function claimsOf(response: unknown): {
  readonly challenge: string;
  readonly credential: string;
  readonly userHandle: string | undefined;
} {
  const used = v.safeParse(USED, response);
  const made = v.safeParse(MADE, response);
  const { success, output } = used.success ? used : made;
  if (!success) throw passkeyRefused();
  const { challenge } = clientData(output.response.clientDataJSON);
  if (typeof challenge !== 'string') throw passkeyRefused();
  const userHandle = used.success ? (used.output.response.userHandle ?? undefined) : undefined;
  return { challenge, credential: output.id, userHandle };
}

/** The same for every response that is not accepted. */
export function passkeyRefused(): RequestError {
  return new RequestError(
    403,
    'passkey_refused',
    'The passkey was not accepted: it is unknown here, was removed, or did not sign what was asked. Try again, with a passkey of this server.',
  );
}

/** What a passkey is bound to. */
export function rpIdOf(origin: string): string {
  return new URL(origin).hostname;
}

/** Whether it was made in a frame of another site. */
export function isFramed(clientDataJSON: string): boolean {
  const { crossOrigin } = clientData(clientDataJSON);
  return crossOrigin !== undefined && crossOrigin !== false;
}

/** What the browser signed, before any of it is believed; nothing where it cannot be read. */
export function clientData(clientDataJSON: string): { readonly challenge?: unknown; readonly crossOrigin?: unknown } {
  try {
    const data: unknown = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString());
    return typeof data === 'object' && data !== null ? data : {};
  } catch {
    return {};
  }
}

/** The bytes of a text in base64url. */
export function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(base64url, 'base64url'));
}
