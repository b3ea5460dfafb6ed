import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import { RequestError } from '../front/RequestError.js';
import { pageAnswer } from '../page/layout.js';
import { LOCAL_ADMIN, ROLES } from '../people/Person.js';
import type { Person } from '../people/Person.js';
import type { Answer, CallerInput, PersonRoute, Route } from '../route/Route.js';
import { askPasskey, SIGNED_FIELDS, signedInOf } from './askPasskey.js';
import type { Doorway } from './Doorway.js';
import { faultOf } from './fault.js';
import type { Fault } from './fault.js';
import { peoplePage, personPage } from './peoplePage.js';
import type { PersonForm } from './peoplePage.js';

const LIST_LENGTH = 4_000;
const PERSON_FIELDS: Readonly<Record<string, number>> = {
  name: 128,
  groups: LIST_LENGTH,
  userIds: LIST_LENGTH,
  ...Object.fromEntries(ROLES.map((role) => [`role_${role}`, 2])),
  ...SIGNED_FIELDS,
};
const PAGE = { scope: 'person', page: true, roles: ['admin'] } as const;

/** People and invitations, for admins. */
export function peopleRoutes(doorway: Doorway): readonly Route[] {
  const get = (path: string, name: string, summary: string, handle: PersonRoute['handle']): Route => ({
    ...PAGE,
    method: 'GET',
    path,
    name,
    summary,
    answers: { 200: 'text/html' },
    handle,
  });
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
    errors: ['invalid_person', 'id_taken', 'last_admin', 'not_the_maker', 'not_confirmed', 'passkey_refused', 'sign_up_first'],
    handle,
  });
  return [
    get('/people', 'peoplePage', 'The page of people and invitations.', (input) => people(input)),
    get('/people/:id', 'personPage', 'The page of one person.', (input) => onePerson(input)),
    post('/people/invitations', 'makeInvitation', 'Makes an invitation.', PERSON_FIELDS, async (input) => {
      const typed = typedIn(input);
      try {
        if (isLocalAdmin(input)) throw new RequestError(409, 'sign_up_first', 'Sign up with a passkey before you invite others.');
        const ask = await askPasskey(input, { action: '/people/invitations', title: `Invite ${typed.name}` });
        if (ask !== undefined) return ask;
        const { invitations } = input.tenant.identity;
        const { text } = await invitations.create(typed, signedInOf(input).personId);
        const { origin, base } = input.site;
        const query = doorway.hasSeveral ? `?tenant=${encodeURIComponent(input.tenant.id)}` : '';
        return await people(input, { newLink: `${origin}${base}/invite${query}#${text.reveal()}` });
      } catch (error) {
        return people(input, { fault: faultOf(error), typed });
      }
    }),
    post('/people/invitations/:id/confirm', 'confirmInvitation', 'Confirms who came by an invitation.', SIGNED_FIELDS, async (input) =>
      done(input, 'confirm', 'Confirm who came', async (id, by) => input.tenant.identity.invitations.confirm(id, by)),
    ),
    post('/people/invitations/:id/revoke', 'revokeInvitation', 'Ends an invitation.', SIGNED_FIELDS, async (input) =>
      done(input, 'revoke', 'Revoke the invitation', async (id, by) => input.tenant.identity.invitations.revoke(id, by)),
    ),
    post('/people/:id', 'changePerson', 'Changes what a person may do.', PERSON_FIELDS, async (input) => {
      const typed = typedIn(input);
      try {
        const { id } = await personIn(input);
        const ask = await askPasskey(input, { action: `/people/${encodeURIComponent(id)}`, title: `Change ${typed.name}`, target: id });
        if (ask !== undefined) return ask;
        await input.tenant.identity.people.change(id, typed, signedInOf(input).personId);
        return toPeople(input);
      } catch (error) {
        return onePerson(input, { fault: faultOf(error), typed });
      }
    }),
    post('/people/:id/remove', 'removePerson', 'Removes a person, and ends all that they were given.', SIGNED_FIELDS, async (input) => {
      const { id, name } = await personIn(input);
      try {
        const ask = await askPasskey(input, { action: `/people/${encodeURIComponent(id)}/remove`, title: `Remove ${name}`, target: id });
        if (ask !== undefined) return ask;
        await input.tenant.identity.people.remove(id, signedInOf(input).personId);
        return toPeople(input);
      } catch (error) {
        return onePerson(input, { fault: faultOf(error) });
      }
    }),
  ];
}

async function done(input: CallerInput, act: string, title: string, doIt: (id: string, by: string) => Promise<unknown>): Promise<Answer> {
  const id = input.params['id'] as string;
  try {
    const ask = await askPasskey(input, { action: `/people/invitations/${encodeURIComponent(id)}/${act}`, title, target: id });
    if (ask !== undefined) return ask;
    await doIt(id, signedInOf(input).personId);
    return toPeople(input);
  } catch (error) {
    return people(input, { fault: faultOf(error) });
  }
}

async function people(
  input: CallerInput,
  more: { readonly newLink?: string; readonly fault?: Fault; readonly typed?: PersonForm } = {},
): Promise<Answer> {
  const { site, tenant } = input;
  const { people: all, invitations } = tenant.identity;
  const signedIn = signedInOf(input);
  const view = peoplePage({
    site,
    signedIn,
    ...(await all.list()),
    invitations: await invitations.list(),
    mayConfirm: (one) => invitations.mayConfirm(one, signedIn.personId),
    mayInvite: !isLocalAdmin(input),
    ...more,
  });
  return pageAnswer(view, { title: 'People', site, signedIn, place: 'people', status: more.fault?.status });
}

async function onePerson(input: CallerInput, more: { readonly fault?: Fault; readonly typed?: PersonForm } = {}): Promise<Answer> {
  const { site } = input;
  const signedIn = signedInOf(input);
  const person = await personIn(input);
  return pageAnswer(personPage({ site, signedIn, person, ...more }), {
    title: person.name,
    site,
    signedIn,
    place: 'people',
    status: more.fault?.status,
  });
}

async function personIn({ tenant, params }: CallerInput): Promise<Person> {
  const person = await tenant.identity.people.get(params['id'] as string);
  if (person === undefined) throw new NotFoundError('There is no such person. Go back to the list of people.');
  return person;
}

function isLocalAdmin(input: CallerInput): boolean {
  return signedInOf(input).personId === LOCAL_ADMIN;
}

function typedIn({ form = {} }: CallerInput): PersonForm {
  return {
    name: form['name'] ?? '',
    roles: ROLES.filter((role) => form[`role_${role}`] === 'on'),
    groups: itemsOf(form['groups']),
    userIds: itemsOf(form['userIds']),
  };
}

function itemsOf(text = ''): readonly string[] {
  return text.split(',').flatMap((item) => (item.trim() === '' ? [] : [item.trim()]));
}

function toPeople({ site }: CallerInput): Answer {
  return { status: 303, headers: { location: `${site.base}/people` } };
}
