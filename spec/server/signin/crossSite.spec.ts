// What another site's page can have a browser send with the cookies of someone who is signed in: nothing is changed by it, on any route.
import { expect } from 'chai';
import { SecretString } from '../../../lib/common/SecretString.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../../lib/server/createDataPlane.js';
import { Identity } from '../../../lib/server/people/Identity.js';
import { ROLES } from '../../../lib/server/people/Person.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { signedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import { counted } from '../../support/assurance.js';
import { routeTable } from '../../support/servePlane.js';
import { POLICIES } from '../tenantSetup.js';

const STATE_KEY = new SecretString('the state key of the specs of other sites');
const KINDS = ['person', 'passkey', 'session', 'invitation', 'token', 'setup', 'key', 'challenge', 'admin-departures', 'identity-news'];
const ORIGIN = 'http://localhost:4180';
const FORM = 'application/x-www-form-urlencoded';

/** How a browser marks what a page of another site sends: by `Sec-Fetch-Site`, else by `Origin`, else not at all. */
const FROM: readonly (readonly [name: string, headers: Readonly<Record<string, string>>])[] = [
  ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
  ['another site that says our origin', { 'sec-fetch-site': 'cross-site', origin: ORIGIN }],
  ['a sibling port or subdomain', { 'sec-fetch-site': 'same-site', origin: 'http://localhost:3000' }],
  ['an address that was typed', { 'sec-fetch-site': 'none' }],
  ['no known place', { 'sec-fetch-site': 'same-origin, cross-site' }],
  ['an old browser at another site', { origin: 'https://evil.example' }],
  ['an old browser at another port', { origin: 'http://localhost:3000' }],
  ['an old browser at this host without its port', { origin: 'http://localhost' }],
  ['an old browser over TLS', { origin: 'https://localhost:4180' }],
  ['a sandboxed frame', { origin: 'null' }],
  ['two origins', { origin: `${ORIGIN}, https://evil.example` }],
  ['a browser that says nothing', {}],
];
const TYPES = [FORM, 'application/json', 'text/plain', 'multipart/form-data; boundary=x', undefined];

describe('A page of another site', function () {
  this.timeout(20_000);
  let plane: DataPlane;
  let tried = 0;
  const store = new MemoryStateStore();
  const ids: Record<string, string> = {};
  let cookie: string;
  let csrf: string;

  before(async () => {
    plane = createDataPlane({ policies: { text: POLICIES }, store, stateKey: STATE_KEY });
    await plane.ready();
    const { records } = signedTenantStore(store.forTenant('default', { forOthers: true }), { stateKey: STATE_KEY, tenantId: 'default' });
    const identity = new Identity({ tenantId: 'default', records, stateKey: STATE_KEY });
    const ann = await identity.people.create({ name: 'Ann', roles: ROLES, groups: ['leads'] }, 'spec');
    const bob = await identity.people.create({ name: 'Bob', roles: ['approver'] }, 'spec');
    const { text } = await identity.sessions.create({ personId: ann.id, method: 'passkey' });
    const other = await identity.sessions.create({ personId: ann.id, method: 'passkey' });
    csrf = (await identity.sessions.find(text.reveal()))?.formToken as string;
    cookie = `aegis-local=${text.reveal()}`;
    ids['token'] = (await identity.tokens.create(other.session, 'cli')).token.id;
    ids['session'] = other.session.id;
    ids['people'] = bob.id;
    ids['invitation'] = (await identity.invitations.create({ name: 'Eve' }, ann.id)).invitation.id;
    const key = (await plane.createKey({ name: 'bot', scopes: ['decide'] })).key.reveal();
    const call = { agent_id: 'bot', tool: { name: 'refund', params: { amount: 1 } }, session: null };
    const asked = await plane.fetch(
      new Request(`${ORIGIN}/v1/decision`, {
        method: 'POST',
        headers: { host: 'localhost:4180', 'x-api-key': key, 'content-type': 'application/json' },
        body: JSON.stringify(call),
      }),
    );
    ids['approval'] = ((await asked.json()) as { decision_id: string }).decision_id;
  });
  after(async () => {
    counted({
      what: 'requests of pages of other sites, with the cookie and even the form token, that changed something',
      cases: tried,
      wrong: 0,
    });
    await plane.close({ idleMs: 0 });
  });

  const rows = async (): Promise<string> => {
    const { records, approvals } = store.forTenant('default', { forOthers: true });
    const all = await Promise.all(KINDS.map((kind) => records.list({ kind, limit: Infinity })));
    return JSON.stringify([all, await approvals.get(ids['approval'] as string)]);
  };

  for (const { method, path, form, request, scope, page, name } of routeTable())
    if (method !== 'GET' && (scope === 'person' || scope === 'verdict' || page === true))
      it(`changes nothing by ${method} ${path}`, async () => {
        const before = await rows();
        const kind = ['session', 'token', 'invitation', 'people'].find((one) => path.includes(one)) ?? 'approval';
        const at = path.replaceAll(/:\w+/g, ids[kind] as string);
        // the worst case: the page knows the form token too
        const fields = new URLSearchParams({
          ...Object.fromEntries(Object.keys(form ?? {}).map((one) => [one, one === 'verdict' ? 'deny' : 'x'])),
          csrf,
        });
        for (const [from, marks] of FROM)
          for (const type of TYPES) {
            const body = type === FORM || request === undefined ? fields.toString() : '{"verdict":"deny","digest":"x"}';
            const answer = await plane.fetch(
              new Request(`${ORIGIN}${at}`, {
                method,
                redirect: 'manual',
                headers: { host: 'localhost:4180', cookie, ...marks, ...(type !== undefined && { 'content-type': type }) },
                body: type === undefined ? new TextEncoder().encode(body) : body,
              }),
            );
            tried += 1;
            expect(answer.status, `${from}, ${type}: ${name}`).to.equal(403);
          }
        expect(await rows(), name).to.equal(before);
      });
});
