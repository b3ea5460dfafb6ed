import { html } from '../page/html.js';
import { pageAnswer } from '../page/layout.js';
import { RequestError } from '../front/RequestError.js';
import { LOCAL_ADMIN } from '../people/Person.js';
import type { Person } from '../people/Person.js';
import type { Answer, CallerInput, PersonRoute, Route } from '../route/Route.js';
import { askPasskey, SIGNED_FIELDS, signedInOf } from './askPasskey.js';
import type { Doorway } from './Doorway.js';
import { faultOf } from './fault.js';
import { passkeyForm, passkeyResponse, PASSKEY_LENGTH } from './passkeyForm.js';
import type { Fault } from './fault.js';
import { setupPage } from './linkRoutes.js';
import { mePage } from './mePage.js';

const NAME_LENGTH = 128;
const PAGE = { scope: 'person', page: true } as const;

/** The page Me, and what is done there: passkeys, sessions and personal tokens of the person who is signed in. */
export function meRoutes(doorway: Doorway): readonly Route[] {
  const post = (
    path: string,
    name: string,
    summary: string,
    form: Readonly<Record<string, number>>,
    handle: PersonRoute['handle'],
  ): Route => ({
    ...PAGE,
    method: 'POST',
    path,
    name,
    summary,
    form,
    answers: { 200: 'text/html', 303: undefined },
    errors: ['passkey_refused', 'invalid_person', 'not_fresh'],
    handle,
  });
  return [
    {
      ...PAGE,
      method: 'GET',
      path: '/me',
      name: 'mePage',
      summary: 'The page of the person who is signed in.',
      answers: { 200: 'text/html' },
      handle: (input: CallerInput) => shown(input),
    },
    post('/me/setup', 'signUp', 'Makes the setup link anew, for the admin of development mode.', {}, async (input) => {
      const { identity, id } = input.tenant;
      const link = signedInOf(input).personId === LOCAL_ADMIN ? await identity.setup.begin(LOCAL_ADMIN) : undefined;
      if (link === undefined) throw new RequestError(409, 'not_development', 'You are known here already. Add a passkey on the page Me.');
      return setupPage(doorway, input, link.text.reveal(), doorway.hasSeveral ? id : undefined);
    }),
    post('/me/passkeys', 'addPasskey', 'Adds a passkey.', { name: NAME_LENGTH, ...SIGNED_FIELDS }, async (input) =>
      beside(input, 'name', async () => {
        await checkFresh(input);
        const [name, ask] = [input.form?.['name'] ?? '', await askPasskey(input, { action: '/me/passkeys', title: 'Add a passkey' })];
        return ask ?? makePasskey(input, name);
      }),
    ),
    post(
      '/me/passkeys/made',
      'passkeyMade',
      'Keeps the passkey that was made.',
      { name: NAME_LENGTH, passkey: PASSKEY_LENGTH },
      async (input) =>
        beside(input, 'name', async () => {
          const { form = {}, site, tenant } = input;
          const { passkeys } = tenant.identity;
          await checkFresh(input);
          const given = { origin: site.origin, response: passkeyResponse(form['passkey']), name: form['name'] ?? '' };
          await passkeys.add(await personOf(input), signedInOf(input).sessionId, given);
          return toMe(input);
        }),
    ),
    post('/me/passkeys/:id/remove', 'removePasskey', 'Removes a passkey, and what it started.', SIGNED_FIELDS, async (input) => {
      const id = input.params['id'] as string;
      const action = `/me/passkeys/${encodeURIComponent(id)}/remove`;
      const ask = await askPasskey(input, { action, title: 'Remove the passkey', target: id });
      if (ask !== undefined) return ask;
      const { personId } = signedInOf(input);
      await input.tenant.identity.passkeys.remove(personId, id, personId);
      return toMe(input);
    }),
    post('/me/sessions/:id/end', 'endSession', 'Ends another session.', {}, async (input) => {
      const { personId } = signedInOf(input);
      await input.tenant.identity.sessions.end(personId, input.params['id'] as string, personId);
      return toMe(input);
    }),
    post('/me/tokens', 'makeToken', 'Makes a personal token.', { tokenName: NAME_LENGTH, ...SIGNED_FIELDS }, async (input) =>
      beside(input, 'tokenName', async () => {
        const { id: personId } = await personOf(input);
        const ask = await askPasskey(input, { action: '/me/tokens', title: 'Make a token' });
        if (ask !== undefined) return ask;
        const { sessions, tokens } = input.tenant.identity;
        const session = (await sessions.list(personId)).find(({ id }) => id === signedInOf(input).sessionId);
        const { text } = await tokens.create({ personId, passkeyId: session?.passkeyId }, input.form?.['tokenName'] ?? '');
        return shown(input, { newToken: text.reveal() });
      }),
    ),
    post('/me/tokens/:id/end', 'endToken', 'Ends a personal token.', {}, async (input) => {
      const { personId } = signedInOf(input);
      await input.tenant.identity.tokens.end(personId, input.params['id'] as string, personId);
      return toMe(input);
    }),
  ];
}

async function shown(input: CallerInput, more: { readonly newToken?: string; readonly fault?: Fault } = {}): Promise<Answer> {
  const { site, tenant } = input;
  const { people, passkeys, sessions, tokens } = tenant.identity;
  const signedIn = signedInOf(input);
  const { personId: id } = signedIn;
  const view = mePage({
    site,
    signedIn,
    person: await people.get(id),
    passkeys: await passkeys.list(id),
    sessions: await sessions.list(id),
    tokens: await tokens.list(id),
    ...more,
  });
  return pageAnswer(view, { title: 'Me', site, signedIn, place: 'me', status: more.fault?.status });
}

async function makePasskey(input: CallerInput, name: string): Promise<Answer> {
  const { site, tenant, caller } = input;
  const { sessionId, formToken: csrf } = signedInOf(input);
  const options = await tenant.identity.passkeys.addOptions(await personOf(input), sessionId, site.origin);
  const made = passkeyForm({
    site,
    action: '/me/passkeys/made',
    how: 'create',
    options,
    fields: { name, csrf },
    button: 'Make the passkey',
  });
  const view = html`<div class="door"><h1>Another passkey</h1><p>${name}</p>${made}</div>`;
  return pageAnswer(view, { title: 'Another passkey', site, signedIn: caller.signedIn });
}

/**
 * Lets a person who has no passkey to sign with make one only right after signing in: a cookie may be stolen, and what it made would approve anything.
 *
 * @throws RequestError 403 `not_fresh`
 */
async function checkFresh(input: CallerInput): Promise<void> {
  const { passkeys, sessions } = input.tenant.identity;
  const { personId, sessionId } = signedInOf(input);
  if ((await passkeys.list(personId)).length > 0 || (await sessions.isFresh(sessionId))) return;
  throw new RequestError(
    403,
    'not_fresh',
    'Your first passkey takes a fresh sign-in. Sign out, sign in again, and make it within five minutes.',
  );
}

/** @throws RequestError 409 `sign_up_first` for the admin of development mode, who is no one in particular */
async function personOf(input: CallerInput): Promise<Person> {
  const person = await input.tenant.identity.people.get(signedInOf(input).personId);
  if (person !== undefined) return person;
  throw new RequestError(409, 'sign_up_first', 'Sign up with a passkey first, on this page.');
}

/** Says what is wrong beside the field, on the page that the form was on. */
async function beside(input: CallerInput, field: string, act: () => Promise<Answer>): Promise<Answer> {
  try {
    return await act();
  } catch (error) {
    const fault = faultOf(error);
    return shown(input, { fault: fault.field === undefined ? fault : { ...fault, field } });
  }
}

function toMe({ site }: CallerInput): Answer {
  return { status: 303, headers: { location: `${site.base}/me` } };
}
