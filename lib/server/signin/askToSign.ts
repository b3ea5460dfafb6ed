import { RequestError } from '../front/RequestError.js';
import { LOCAL_ADMIN } from '../people/Person.js';
import type { Answer, CallerInput } from '../route/Route.js';
import { askPasskey, signedInOf } from './askPasskey.js';
import type { SignedAct } from './askPasskey.js';

/**
 * Has an admin sign an act with a passkey. Who has none must have signed in just now, as for making one: a cookie may be stolen.
 *
 * @returns the page that asks for it; `undefined` once it is signed
 * @throws RequestError 403 `not_fresh`
 */
export async function askToSign(input: CallerInput, act: SignedAct): Promise<Answer | undefined> {
  const { passkeys, sessions } = input.tenant.identity;
  const { personId, sessionId } = signedInOf(input);
  const hasPasskey = (await passkeys.list(personId)).length > 0;
  if (!hasPasskey && personId !== LOCAL_ADMIN && !(await sessions.isFresh(sessionId)))
    throw new RequestError(
      403,
      'not_fresh',
      'This takes your passkey. Add one on the page Me; or sign out, sign in again, and do it within five minutes.',
    );
  return askPasskey(input, act);
}
