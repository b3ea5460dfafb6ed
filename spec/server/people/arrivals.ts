import type { Identity } from '../../../lib/server/people/Identity.js';
import type { PasskeySignIn } from '../../../lib/server/people/Passkeys.js';
import { SoftAuthenticator } from '../../support/SoftAuthenticator.js';
import { ORIGIN } from './identitySetup.js';

/** Someone with a device of their own. */
export interface Arrived extends PasskeySignIn {
  readonly device: SoftAuthenticator;
}

/** The first person comes by the setup link. */
export async function firstPerson(
  identity: Identity,
  name = 'Ann',
  device: SoftAuthenticator = new SoftAuthenticator(ORIGIN),
): Promise<Arrived> {
  const text = (await identity.setup.reopen('host:ops')).text.reveal();
  const response = device.create(await identity.setup.options(text, name, ORIGIN));
  return { ...(await identity.setup.register(text, { name, origin: ORIGIN, response })), device };
}

/** Someone else comes by an invitation of the host's operator, and is confirmed. */
export async function invited(
  identity: Identity,
  given: {
    readonly name: string;
    readonly roles?: readonly string[];
    readonly groups?: readonly string[];
    readonly userIds?: readonly string[];
  },
  device: SoftAuthenticator = new SoftAuthenticator(ORIGIN),
  origin: string = ORIGIN,
): Promise<Arrived> {
  const { invitation, text } = await identity.invitations.create(given, 'host:ops');
  const options = await identity.invitations.options(text.reveal(), given.name, origin);
  const { passkeyId } = await identity.invitations.register(text.reveal(), {
    name: given.name,
    origin,
    response: device.create(options),
  });
  return { person: await identity.invitations.confirm(invitation.id, 'host:ops'), passkeyId, device };
}

/** A session that a person's device starts. */
export async function signedIn(
  identity: Identity,
  device: SoftAuthenticator,
): Promise<{ readonly text: string; readonly sessionId: string }> {
  const response = device.get(await identity.passkeys.signInOptions(ORIGIN));
  const { person, passkeyId } = await identity.passkeys.signIn({ origin: ORIGIN, response });
  const { text, session } = await identity.sessions.create({ personId: person.id, method: 'passkey', passkeyId });
  return { text: text.reveal(), sessionId: session.id };
}
