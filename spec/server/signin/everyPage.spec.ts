import { expect } from 'chai';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../../lib/server/createDataPlane.js';
import { ROLES } from '../../../lib/server/people/Person.js';
import type { Route } from '../../../lib/server/route/Route.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { counted } from '../../support/assurance.js';
import { PageClient } from '../../support/PageClient.js';
import type { SeenPage } from '../../support/PageClient.js';
import { routeTable } from '../../support/servePlane.js';
import { SoftAuthenticator } from '../../support/SoftAuthenticator.js';
import { POLICIES } from '../tenantSetup.js';

const table = routeTable();
/** But for signing out, after which no one would be left to try the others. */
const ofPeople = table.filter(({ scope, name }) => (scope === 'person' || scope === 'verdict') && name !== 'signout');
const pages = table.filter(({ page }) => page === true);
/** Streams of events go on. */
const ends = ({ path }: Route): boolean => !path.endsWith('/events');
const placed = (path: string, id = 'unknown'): string => path.replaceAll(/:\w+/g, encodeURIComponent(id));
/** What an approver may ask for as well as an admin: a pause. It lacks its reason, so that nothing is paused. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>> = { haltOnPage: { agent: 'no one', minutes: '60' } };
const KINDS = [
  'person',
  'passkey',
  'session',
  'setup',
  'invitation',
  'token',
  'challenge',
  'key',
  'grant',
  'halt',
  'outbox',
  'seen',
  'admin-departures',
  'policy-act',
];

describe('Every page and every role', () => {
  let plane: DataPlane;
  let origin: string;
  const store = new MemoryStateStore();
  /** A browser of each role, of someone with none, of someone who is not confirmed, and of no one. */
  const clients = new Map<string, PageClient>();
  let token: string;
  let key: string;
  let decisionId: string;

  before(async () => {
    plane = createDataPlane({ policies: { text: POLICIES }, store });
    const { port } = await plane.listen({ port: 0 });
    origin = `http://localhost:${port}`;
    key = (await plane.createKey({ name: 'agent', scopes: ['decide'] })).key.reveal();
    const call = { agent_id: 'bot', tool: { name: 'refund', params: { amount: 1 } }, session: null };
    const asked = await fetch(`${origin}/v1/decision`, {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      body: JSON.stringify(call),
    });
    decisionId = ((await asked.json()) as { decision_id: string }).decision_id;
    const admin = new PageClient(origin, new SoftAuthenticator(origin));
    const secret = (await plane.createSetupLink())?.url.hash.slice(1) as string;
    await admin.open('/bootstrap');
    await admin.submit('/bootstrap', { secret, name: 'Root' });
    await admin.submit('/bootstrap');
    for (const role of [...ROLES, 'none', 'unconfirmed']) {
      await admin.open('/people');
      await admin.submit('/people/invitations', {
        name: role,
        role_viewer: '',
        ...(role in { none: 1, unconfirmed: 1 } ? {} : { [`role_${role}`]: 'on' }),
      });
      await admin.submit('/people/invitations');
      const link = /#([\w-]{43})</.exec(admin.page.text)?.[1] as string;
      const client = new PageClient(origin, new SoftAuthenticator(origin));
      await client.open('/invite');
      await client.submit('/invite', { secret: link, name: role });
      await client.submit('/invite');
      clients.set(role, client);
      if (role === 'unconfirmed') continue;
      await admin.open('/people');
      const confirm = admin.forms().find(({ action }) => action.endsWith('/confirm'))?.action as string;
      await admin.submit(confirm);
      await admin.submit(confirm);
    }
    clients.set('no one', new PageClient(origin));
    await admin.open('/me');
    await admin.submit('/me/tokens', { tokenName: 'script' });
    await admin.submit('/me/tokens');
    token = /aegp_[\w-]{43}/.exec(admin.page.text)?.[0] as string;
    expect(token).to.be.a('string');
  });
  after(async () => plane.close({ idleMs: 0 }));

  const rowsOf = async (): Promise<string> => {
    const { records, approvals } = store.forTenant('default', { forOthers: true });
    const rows = await Promise.all(KINDS.map((kind) => records.list({ kind, limit: Infinity })));
    return JSON.stringify([rows, await approvals.get(decisionId)]);
  };

  it('lets in whom the table says, and no one else', async () => {
    let tried = 0;
    for (const route of ofPeople.filter(ends)) {
      const path = placed(route.path);
      for (const [role, client] of clients) {
        const page = await sentBy(client, route, path);
        const isIn = page.path.startsWith('/signin') === false && page.status !== 401 && page.status !== 403;
        const roles = route.scope === 'person' ? route.roles : undefined;
        const may = role !== 'no one' && (roles === undefined || (roles as readonly string[]).includes(role));
        tried += 1;
        if (route.scope === 'verdict') {
          // whoever it is, there is nothing at this id
          expect(page.status, `${role}: ${route.name}`).to.be.oneOf([400, 401, 403, 404]);
          continue;
        }
        expect(isIn, `${role}: ${route.method} ${path} is ${page.status} ${page.path}`).to.equal(may);
      }
      // keys, and tokens where something changes
      for (const headers of [
        { 'x-api-key': key },
        { 'x-api-key': 'wrong' },
        ...(route.method === 'GET' ? [] : [{ authorization: `Bearer ${token}` }]),
      ]) {
        const { status } = await fetch(`${origin}${path}`, { method: route.method, headers, redirect: 'manual' });
        tried += 1;
        // with a token a program may read and deny: what it asks here names nothing, and is no form of a session
        const isJson = route.form === undefined || route.request !== undefined;
        const wanted = isJson && !('x-api-key' in headers && route.scope === 'person') ? [400, 401, 403, 404, 415, 429] : [401, 403, 429];
        expect(status, `${Object.keys(headers).join()}: ${route.method} ${path}`).to.be.oneOf(wanted);
      }
    }
    expect(tried).to.be.greaterThan(100);
    counted({ what: 'requests of every role, and of keys and tokens, to every route for people', cases: tried, wrong: 0 });
  });

  it('changes nothing for a GET or a HEAD, whoever asks', async () => {
    const before = await rowsOf();
    let asked = 0;
    for (const { path, query, method } of table.filter((route) => route.method === 'GET' && ends(route)))
      for (const [role, client] of clients)
        for (const search of ['', ...Object.keys(query ?? {}).map((name) => `?${name}=all`)]) {
          const where = `${placed(path, decisionId)}${search}`;
          const { status } = await client.open(where);
          expect(status, `${role}: ${where}`).to.be.lessThan(500);
          const cookie = [...client.cookies].map((pair) => pair.join('=')).join('; ');
          await fetch(`${origin}${where}`, { method: method === 'GET' ? 'HEAD' : method, headers: { cookie }, redirect: 'manual' });
          asked += 2;
        }
    expect(await rowsOf()).to.equal(before);
    counted({ what: 'GET and HEAD requests as every role, and not a row changed', cases: asked, wrong: 0 });
  });

  for (const { method, path, form, name } of pages)
    it(`${method} ${path} has the headers of a page, whatever it answers`, async () => {
      const answers = [
        await fetch(`${origin}${placed(path)}`, { method, redirect: 'manual' }),
        await fetch(`${origin}${placed(path)}?unknown=1`, { method, redirect: 'manual', headers: { cookie: cookieOf('admin') } }),
        await fetch(`${origin}${placed(path)}`, { method, redirect: 'manual', headers: { cookie: cookieOf('admin') } }),
      ];
      for (const { headers, status } of answers) {
        const policy = headers.get('content-security-policy') ?? '';
        for (const part of [
          "default-src 'none'",
          "script-src 'nonce-",
          "form-action 'self'",
          "frame-ancestors 'none'",
          "trusted-types 'none'",
        ])
          expect(policy, `${name} ${status}`).to.include(part);
        expect(headers.get('x-frame-options')).to.equal('DENY');
        expect(headers.get('referrer-policy')).to.equal('no-referrer');
        expect(headers.get('cache-control')).to.equal('no-store');
        expect(status).to.be.lessThan(500);
      }
      if (form !== undefined) expect(answers[2]?.status, 'a form without its token').to.equal(403);
    });

  const cookieOf = (role: string): string => [...(clients.get(role) as PageClient).cookies].map((pair) => pair.join('=')).join('; ');
  const sentBy = async (client: PageClient, { method, form, request, name }: Route, path: string): Promise<SeenPage> => {
    if (method === 'GET') return client.open(path);
    await client.open('/me');
    const csrf = client.forms()[0]?.fields['csrf'] ?? '';
    if (form !== undefined) return client.post(path, { csrf, ...FIELDS[name] });
    const cookie = [...client.cookies].map((pair) => pair.join('=')).join('; ');
    const answer = await fetch(`${origin}${path}`, {
      method,
      headers: { cookie, 'sec-fetch-site': 'same-origin', ...(request !== undefined && { 'content-type': 'application/json' }) },
      ...(request !== undefined && { body: '{}' }),
      redirect: 'manual',
    });
    return { status: answer.status, path, headers: answer.headers, text: await answer.text() };
  };
});
