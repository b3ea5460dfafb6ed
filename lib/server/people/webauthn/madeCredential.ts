import { generateRegistrationOptions, verifyRegistrationResponse } from '@simplewebauthn/server';
import * as v from 'valibot';
import { bytesOf, isFramed, MADE, PASSKEY_TIMEOUT_MS, passkeyRefused, rpIdOf } from './clientData.js';
import type { CredentialHint, MadeCredential, Signed } from './Credential.js';

/** What a credential is made for. */
export interface CreationRequest {
  readonly origin: string;
  readonly challenge: string;
  readonly personId: string;
  readonly name: string;
  /** What the person has already. */
  readonly exclude: readonly CredentialHint[];
}

const TRANSPORTS: readonly string[] = ['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'];
/** EdDSA, ES256, RS256. Named here: asking the runtime for more of them makes Node warn. */
const ALGORITHMS: readonly number[] = [-8, -7, -257];

/** What a browser needs to make a credential: `PublicKeyCredential.parseCreationOptionsFromJSON()` reads it. */
export async function creationOptions({ origin, challenge, personId, name, exclude }: CreationRequest): Promise<object> {
  return generateRegistrationOptions({
    rpName: 'Aegis',
    rpID: rpIdOf(origin),
    userName: name,
    userDisplayName: name,
    userID: new Uint8Array(Buffer.from(personId)),
    challenge: bytesOf(challenge),
    timeout: PASSKEY_TIMEOUT_MS,
    attestationType: 'none',
    supportedAlgorithmIDs: [...ALGORITHMS],
    excludeCredentials: exclude.map(({ id, transports }) => ({ id, transports: [...transports] })),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
  });
}

/** Verifies a credential that was made for this challenge at this origin, by a person whom the authenticator verified. @throws RequestError 403 `passkey_refused` */
export async function madeCredential({ response, challenge, origin }: Signed): Promise<MadeCredential> {
  const { success, output } = v.safeParse(MADE, response);
  if (!success || isFramed(output.response.clientDataJSON)) throw passkeyRefused();
  try {
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response: { ...output, response: { ...output.response, transports: [] }, clientExtensionResults: {} },
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: rpIdOf(origin),
      requireUserVerification: true,
      supportedAlgorithmIDs: [...ALGORITHMS],
    });
    if (!verified || registrationInfo.credential.id !== output.id) throw passkeyRefused();
    const { credential, credentialDeviceType } = registrationInfo;
    return {
      id: credential.id,
      publicKey: Buffer.from(credential.publicKey).toString('base64url'),
      counter: credential.counter,
      transports: (output.response.transports ?? []).filter((name) => TRANSPORTS.includes(name)),
      synced: credentialDeviceType === 'multiDevice',
    };
  } catch {
    // what the library says quotes the request
    throw passkeyRefused();
  }
}
