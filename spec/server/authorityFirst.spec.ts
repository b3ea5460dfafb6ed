// Authority first: a caller that lacks the right to a route, or to what its path names, is told so whatever its body is. What is wrong with a body is for those who may send one.
import { expect } from 'chai';
import type { Scope } from '../../lib/server/access/Caller.js';
import { SCOPES } from '../../lib/server/access/KeyBody.js';
import { signHostRequest } from '../../lib/server/access/HostSignature.js';
import { hostRequestKey } from '../../lib/server/access/serverAccess.js';
import { Identity } from '../../lib/server/people/Identity.js';
import { ROLES } from '../../lib/server/people/Person.js';
import type { Role } from '../../lib/server/people/Person.js';
import type { Route } from '../../lib/server/route/Route.js';
import { SecretString } from '../../lib/common/SecretString.js';
import { MemoryStateStore } from '../../lib/store/memory/MemoryStateStore.js';
import { signedTenantStore } from '../../lib/store/signing/signedTenantStore.js';
import { counted } from '../support/assurance.js';
import { routeTable, servePlane } from '../support/servePlane.js';
import type { ServedPlane } from '../support/servePlane.js';
import { POLICIES } from './tenantSetup.js';

const STATE_KEY = new SecretString('the state key of the specs of authority');
const TENANTS = ['default', 'other'] as const;
const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';

interface Body {
  readonly what: string;
  readonly type: string;
  readonly text: string;
  readonly encoding?: string;
  /** Whether it is within the limits and of a type that the route takes: what comes before the route lets it pass. */
  readonly isReadable: boolean;
}

interface Person {
  readonly id: string;
  readonly cookie: string;
  readonly csrf: string;
  readonly token: string;
}

const LONG = 'x'.repeat(300_000);
const JSON_BODIES: readonly Body[] = [
  ...['', '{', '{"a":1}', '{"verdict":"approve","digest":"x"}'].map((text) => ({
    what: `JSON ${JSON.stringify(text)}`,
    type: JSON_TYPE,
    text,
    isReadable: true,
  })),
  { what: 'JSON of 300 kB', type: JSON_TYPE, text: `"${LONG}"`, isReadable: false },
  { what: 'text', type: 'text/plain', text: '{}', isReadable: false },
  { what: 'compressed', type: JSON_TYPE, text: '{}', encoding: 'gzip', isReadable: false },
];
const FORM_BODIES: readonly Body[] = [
  ...['', 'csrf=x'].map((text) => ({ what: `form ${text}`, type: FORM_TYPE, text, isReadable: true })),
  ...['unknown=1', `reason=${LONG}`, 'csrf=x&csrf=y'].map((text) => ({
    what: `form ${text.slice(0, 20)}`,
    type: FORM_TYPE,
    text,
    isReadable: false,
  })),
];

const changing = routeTable().filter(({ method, scope }) => method !== 'GET' && scope !== 'none');
const bodiesOf = ({ request, form }: Route): readonly Body[] => [
  ...(request === undefined && form !== undefined ? [] : JSON_BODIES),
  ...(form === undefined ? [] : FORM_BODIES),
];
/** What the id in a path is of. */
const kindOf = ({ path }: Route): string =>
  ['session', 'token', 'passkey', 'invitation', 'key', 'people'].find((kind) => path.includes(kind)) ?? 'approval';
const placed = (path: string, id: string): string => path.replaceAll(/:\w+/g, encodeURIComponent(id));

describe('Authority comes before the body', function () {
  this.timeout(20_000);
  let served: ServedPlane;
  const keys = new Map<Scope, string>();
  const people = new Map<string, Person>();
  let uncovered: string;
  let approval: string;
  let foreign: Readonly<Record<string, string>>;
  let tried = 0;

  before(async () => {
    const store = new MemoryStateStore();
    served = await servePlane({
      tenants: Object.fromEntries(TENANTS.map((id) => [id, { policies: { text: POLICIES } }])),
      store,
      stateKey: STATE_KEY,
    } as never);
    for (const scope of SCOPES) keys.set(scope, await served.keyFor({ scopes: [scope] }));
    uncovered = await served.keyFor({ scopes: ['decide'], agents: ['nobody'] });
    const identityOf = (tenantId: string): Identity => {
      const { records } = signedTenantStore(store.forTenant(tenantId, { forOthers: true }), { stateKey: STATE_KEY, tenantId });
      return new Identity({ tenantId, records, stateKey: STATE_KEY });
    };
    const enter = async (identity: Identity, name: string, roles: readonly Role[]): Promise<Person> => {
      const { id } = await identity.people.create({ name, roles }, 'spec');
      const { text, session } = await identity.sessions.create({ personId: id, method: 'passkey' });
      const found = await identity.sessions.find(text.reveal());
      const { text: token } = await identity.tokens.create(session, 'cli');
      return { id, cookie: `aegis-local=${text.reveal()}`, csrf: found?.formToken ?? '', token: token.reveal() };
    };
    for (const role of ROLES) people.set(role, await enter(identityOf('default'), role, [role]));
    people.set('none', await enter(identityOf('default'), 'none', []));
    const other = identityOf('other');
    const stranger = await enter(other, 'Stranger', ['admin', 'approver']);
    const call = { agent_id: 'bot', tool: { name: 'refund', params: { a: 1 } }, session: null };
    const ask = async (key: string): Promise<string> =>
      ((await served.ask('POST', '/v1/decision', { key, body: call })).json as { decision_id: string }).decision_id;
    approval = await ask(keys.get('decide') as string);
    foreign = {
      approval: await ask(await served.keyFor({}, 'other')),
      invitation: (await other.invitations.create({ name: 'x' }, 'host:ops')).invitation.id,
      session: (await other.sessions.list(stranger.id))[0]?.id as string,
      token: (await other.tokens.list(stranger.id))[0]?.id as string,
      people: stranger.id,
      passkey: 'unknown',
      key: (await served.plane.createKey({ name: 'x', scopes: ['decide'] }, 'other')).info.id,
    };
  });
  after(async () => {
    counted({
      what: 'requests without the right, with every kind of body, that were answered by what is wrong with the body',
      cases: tried,
      wrong: 0,
    });
    await served.close();
  });

  /** What each body is answered with: one answer for all of them. */
  async function answers(
    route: Route,
    id: string,
    bodies: readonly Body[],
    headersOf: (path: string, body: Body) => Readonly<Record<string, string>>,
  ): Promise<ReadonlyMap<string, string>> {
    const said = new Map<string, string>();
    for (const body of bodies) {
      const path = placed(route.path, id);
      const { host } = new URL(served.url);
      const headers = headersOf(path, body);
      const request = new Request(`${served.url}${path}`, {
        method: route.method,
        redirect: 'manual',
        headers: {
          host,
          'content-type': body.type,
          ...(body.encoding !== undefined && { 'content-encoding': body.encoding }),
          ...headers,
        },
        ...(body.text !== '' && { body: body.text }),
      });
      // only a socket shows that the operator of the host is at this machine
      const answer = await ('x-aegis-host' in headers ? fetch(request) : served.plane.fetch(request));
      const text = await answer.text();
      const code = /"error":"(\w+)"/.exec(text)?.[1] ?? /<code[^>]*>(\w+)<\/code>/.exec(text)?.[1] ?? '';
      tried += 1;
      said.set(body.what, `${answer.status} ${code}`);
    }
    return said;
  }
  const allAre = (said: ReadonlyMap<string, string>, statuses: readonly number[], what: string): void => {
    for (const [body, answer] of said) expect(Number(answer.slice(0, 3)), `${what}, ${body}: ${answer}`).to.be.oneOf(statuses);
    // who guesses is told to slow down at some time; else all are answered alike
    if (!statuses.includes(429)) expect(new Set(said.values()).size, `${what}: ${[...said.values()].join()}`).to.be.at.most(1);
  };
  const inSession = ({ cookie }: Person) => ({ cookie, 'sec-fetch-site': 'same-origin' });

  for (const route of changing)
    describe(`${route.method} ${route.path}`, () => {
      const { scope } = route;
      const bodies = bodiesOf(route);

      it('of no one, and with a key of another scope', async () => {
        allAre(await answers(route, approval, bodies, () => ({})), [401, 429], 'no one');
        for (const [own, key] of [...keys].filter(([one]) => one !== scope).slice(0, 2)) {
          allAre(await answers(route, approval, bodies, () => ({ 'x-api-key': key })), [403], own);
        }
      });

      it('of a person without the role, and with a personal token where a session is needed', async () => {
        const roles: readonly Role[] | undefined = 'roles' in route ? route.roles : undefined;
        for (const [role, person] of [...people].filter(([one]) => one !== 'auditor')) {
          // who has any role reads
          const mayRead = (scope === 'policies:read' || scope === 'approvals:read') && role !== 'none';
          const may = mayRead || (roles === undefined ? scope === 'person' : (roles as readonly string[]).includes(role));
          if (!may) allAre(await answers(route, approval, bodies, () => inSession(person)), [403], role);
          const forms = bodies.filter(({ type }) => type === FORM_TYPE);
          const bySession = mayRead ? [] : scope === 'verdict' ? forms : bodies;
          allAre(
            await answers(route, approval, may ? bySession : bodies, () => ({ authorization: `Bearer ${person.token}` })),
            [403],
            `token of ${role}`,
          );
        }
      });

      if (!route.path.includes(':')) return;

      it('to what is not there, and what is of another tenant or agent', async () => {
        const readable = bodies.filter(({ isReadable }) => isReadable);
        const every = (path: string, { text }: Body): Readonly<Record<string, string>> => {
          const { host } = new URL(served.url);
          if (scope === 'host' || scope === 'verdict')
            return {
              'x-aegis-host': signHostRequest(
                hostRequestKey(STATE_KEY),
                { method: route.method, path, host, body: text },
                { user: 'ops', tenantId: 'default' },
                Date.now(),
              ),
            };
          return { 'x-api-key': keys.get(scope as Scope) ?? '' };
        };
        const own = readable.filter(({ type }) => type === JSON_TYPE && (route.request !== undefined || scope !== 'person'));
        const isPersons = scope === 'person' || scope === 'verdict';
        for (const id of ['unknown', foreign[kindOf(route)] as string]) {
          if (!isPersons || scope === 'verdict') {
            const sent = route.request === undefined ? readable.filter(({ text }) => text === '') : own;
            allAre(await answers(route, id, sent, every), [404], id);
          }
          if (!isPersons) continue;
          for (const role of 'roles' in route ? (route.roles ?? ROLES) : ROLES) {
            const person = people.get(role) as Person;
            const sent = route.request === undefined ? [] : readable.filter(({ type }) => type === JSON_TYPE);
            allAre(await answers(route, id, sent, () => inSession(person)), [404], `${role} ${id}`);
          }
        }
        if (scope === 'decide') {
          const sent = route.request === undefined ? readable.filter(({ text }) => text === '') : own;
          allAre(await answers(route, approval, sent, () => ({ 'x-api-key': uncovered })), [404], 'another agent');
        }
      });
    });
});
