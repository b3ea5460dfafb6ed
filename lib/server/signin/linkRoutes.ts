import type { Html } from '../page/html.js';
import { html } from '../page/html.js';
import { pageAnswer } from '../page/layout.js';
import type { Identity } from '../people/Identity.js';
import type { PasskeySignIn } from '../people/Passkeys.js';
import type { Answer, Route, RouteInput } from '../route/Route.js';
import type { Doorway } from './Doorway.js';
import { faultLine, faultOf } from './fault.js';
import { hiddenFields, PASSKEY_LENGTH, passkeyForm, passkeyResponse } from './passkeyForm.js';
import type { Fault } from './fault.js';
import { byName, TENANT_LENGTH } from './signinRoutes.js';

const SECRET_LENGTH = 64;
const NAME_LENGTH = 128;
const FIELDS = { secret: SECRET_LENGTH, name: NAME_LENGTH, passkeyName: NAME_LENGTH, tenant: TENANT_LENGTH, passkey: PASSKEY_LENGTH };
const TENANT = { tenant: 'The tenant, where the server has several.' };

/** A link that lets someone in once: what differs between the first person and those who are invited. */
interface LinkKind {
  readonly path: string;
  readonly title: string;
  readonly intro: string;
  /** What a browser needs to make the passkey. Nothing is used up. */
  options(identity: Identity, secret: string, name: string, origin: string): Promise<object>;
  register(identity: Identity, secret: string, arrival: Parameters<Identity['setup']['register']>[1]): Promise<PasskeySignIn>;
}

const SETUP: LinkKind = {
  path: '/bootstrap',
  title: 'The first person',
  intro: 'You become the first person of this server, an admin and approver. Its passkey is what you sign in and decide with.',
  options: ({ setup }, secret, name, origin) => setup.options(secret, name, origin),
  register: ({ setup }, secret, arrival) => setup.register(secret, arrival),
};
const INVITATION: LinkKind = {
  path: '/invite',
  title: 'Your invitation',
  intro: 'Make a passkey, with which you sign in and decide. Then the person who invited you confirms that it is you.',
  options: ({ invitations }, secret, name, origin) => invitations.options(secret, name, origin),
  register: ({ invitations }, secret, arrival) => invitations.register(secret, arrival),
};

/**
 * How people come by a link. Its secret is behind the `#`, or typed: it reaches the server in the body of a form only. Looking at the page uses nothing, and
 * the link is used up together with the passkey that is kept.
 */
export function linkRoutes(doorway: Doorway): readonly Route[] {
  return [SETUP, INVITATION].flatMap((kind) => routesOf(kind, doorway));
}

function routesOf(kind: LinkKind, doorway: Doorway): readonly Route[] {
  const { path } = kind;
  const isSetup = kind === SETUP;
  const name = isSetup ? 'bootstrap' : 'invite';
  return [
    {
      method: 'GET',
      path,
      name: `${name}Page`,
      summary: `The page of ${isSetup ? 'the setup link' : 'an invitation'}.`,
      scope: 'none',
      page: true,
      query: TENANT,
      answers: { 200: 'text/html', 303: undefined },
      handle: (input) => byName(input, path) ?? firstPage(kind, doorway, input, { tenant: input.query.get('tenant') ?? undefined }),
    },
    {
      method: 'POST',
      path,
      name,
      summary: `Makes a person with a passkey, by ${isSetup ? 'the setup link' : 'an invitation'}.`,
      scope: 'none',
      page: true,
      form: isSetup ? { ...FIELDS, how: 10 } : FIELDS,
      answers: { 200: 'text/html', 303: undefined },
      errors: ['link_used', 'passkey_refused', 'passkey_known', 'invalid_person', ...(isSetup ? ['not_development'] : [])],
      async handle(input) {
        const { form = {} } = input;
        try {
          return await come(kind, doorway, input);
        } catch (error) {
          return firstPage(kind, doorway, input, { ...form, fault: faultOf(error) });
        }
      },
    },
  ];
}

async function come(kind: LinkKind, doorway: Doorway, input: RouteInput): Promise<Answer> {
  const { form = {}, site, headers } = input;
  const { secret: typed = '', name = '', passkeyName, tenant, passkey, how } = form;
  const secret = typed.trim();
  const identity = doorway.identityFor(tenant);
  const client = headers.get('user-agent') ?? undefined;
  if (how === 'enter') return doorway.enter(input, await identity.setup.enter(secret, client), '/');
  if (passkey === undefined) {
    const options = await kind.options(identity, secret, name, site.origin);
    const fields = { secret, name, passkeyName: passkeyName === '' ? undefined : passkeyName, tenant };
    const made = passkeyForm({ site, action: kind.path, how: 'create', options, fields, button: 'Make the passkey' });
    const view = html`<div class="door"><h1>${kind.title}</h1><p>${name}</p>${made}</div>`;
    return pageAnswer(view, { title: kind.title, site, isDevelopment: await identity.isDevelopment() });
  }
  const arrival = { name, passkeyName, origin: site.origin, response: passkeyResponse(passkey) };
  const { person, passkeyId } = await kind.register(identity, secret, arrival);
  const session = await identity.sessions.create({ personId: person.id, method: 'passkey', passkeyId, client });
  return doorway.enter(input, session, '/me');
}

interface LinkView {
  readonly secret?: string | undefined;
  readonly name?: string | undefined;
  readonly tenant?: string | undefined;
  readonly fault?: Fault | undefined;
}

/** The page that asks for the secret of the link, and for a name. */
export async function firstPage(
  kind: Pick<LinkKind, 'path' | 'title' | 'intro'>,
  doorway: Doorway,
  { site }: Pick<RouteInput, 'site'>,
  { secret = '', name = '', tenant, fault }: LinkView,
): Promise<Answer> {
  const identity = doorway.identityFor(tenant);
  const isDevelopment = await identity.isDevelopment();
  const mayEnter = isDevelopment && kind.path === SETUP.path;
  const view = html`<div class="door">
    <h1>${kind.title}</h1>
    <p>${kind.intro}</p>
    ${faultLine(fault)}${faultLine(fault, 'passkeyName')}
    <form method="post" action="${site.base}${kind.path}" class="fields">
      ${hiddenFields({ tenant })}
      <label>The part of your link behind the # <input type="text" name="secret" value="${secret}" required maxlength="${SECRET_LENGTH}" autocomplete="off" spellcheck="false" data-from-fragment /></label>
      <label>Your name <input type="text" name="name" value="${name}" maxlength="${NAME_LENGTH}" autocomplete="name" ${nameRequired(mayEnter)} /></label>
      ${faultLine(fault, 'name')}
      <button class="approve">Go on</button>
      ${mayEnter && html`<button name="how" value="enter">Go on without a passkey, in development mode</button>`}
    </form>
  </div>`;
  return pageAnswer(view, { title: kind.title, site, status: fault?.status, isDevelopment });
}

/** Without a passkey no name is asked for. */
function nameRequired(mayEnter: boolean): Html | undefined {
  return mayEnter ? undefined : html`required`;
}

/** The page of the setup link, with the link filled in: for the admin of development mode, who signs up. */
export async function setupPage(
  doorway: Doorway,
  input: Pick<RouteInput, 'site'>,
  secret: string,
  tenant: string | undefined,
): Promise<Answer> {
  return firstPage(SETUP, doorway, input, { secret, tenant });
}
