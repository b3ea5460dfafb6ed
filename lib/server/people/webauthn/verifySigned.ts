import { generateAuthenticationOptions, verifyAuthenticationResponse } from '@simplewebauthn/server';
import * as v from 'valibot';
import { isStrictSignature } from './strictSignature.js';
import { bytesOf, isFramed, PASSKEY_TIMEOUT_MS, passkeyRefused, rpIdOf, USED } from './clientData.js';
import type { Credential, CredentialHint, Signed } from './Credential.js';

/** What a browser needs to sign: `PublicKeyCredential.parseRequestOptionsFromJSON()` reads it. Without `allow` the person chooses. */
export async function requestOptions(origin: string, challenge: string, allow?: readonly CredentialHint[]): Promise<object> {
  return generateAuthenticationOptions({
    rpID: rpIdOf(origin),
    challenge: bytesOf(challenge),
    timeout: PASSKEY_TIMEOUT_MS,
    userVerification: 'required',
    ...(allow && { allowCredentials: allow.map(({ id, transports }) => ({ id, transports: [...transports] })) }),
  });
}

/**
 * Verifies that a credential signed this challenge at this origin, with a person whom the authenticator verified.
 *
 * @returns what the authenticator counts now
 * @throws RequestError 403 `passkey_refused`
 */
export async function verifySigned({ response, challenge, origin }: Signed, credential: Credential): Promise<number> {
  const { success, output } = v.safeParse(USED, response);
  if (!success || isFramed(output.response.clientDataJSON) || output.id !== credential.id) throw passkeyRefused();
  const { clientDataJSON, authenticatorData, signature } = output.response;
  if (!isStrictSignature(bytesOf(signature), bytesOf(credential.publicKey))) throw passkeyRefused();
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: { ...output, response: { clientDataJSON, authenticatorData, signature }, clientExtensionResults: {} },
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: rpIdOf(origin),
      credential: { ...credential, publicKey: bytesOf(credential.publicKey) },
      requireUserVerification: true,
    });
    if (!verified) throw passkeyRefused();
    return authenticationInfo.newCounter;
  } catch {
    throw passkeyRefused();
  }
}
