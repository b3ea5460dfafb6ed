// Two tenants on one server: whoever signs in to one is told of nothing that is in the other one, by any page, route, search or id.
import { expect } from 'chai';
import { SecretString } from '../../../lib/common/SecretString.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../../lib/server/createDataPlane.js';
import { Identity } from '../../../lib/server/people/Identity.js';
import { ROLES } from '../../../lib/server/people/Person.js';
import type { Route } from '../../../lib/server/route/Route.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { signedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import { counted } from '../../support/assurance.js';
import { routeTable } from '../../support/servePlane.js';

const STATE_KEY = new SecretString('the state key of the specs of two tenants');
const POLICIES = `@id("all") permit (principal, action, resource);
@id("refunds") @effect("approval_needed") @severity("low") forbid (principal, action == Aegis::Action::"refund", resource);`;
const KINDS = ['person', 'passkey', 'session', 'invitation', 'token', 'setup', 'key', 'admin-departures'];
const table = routeTable().filter(({ path, scope, name }) => scope !== 'none' && !path.endsWith('/events') && name !== 'signout');

interface Side {
  readonly tenantId: string;
  /** In every text of it that anyone typed. */
  readonly canary: string;
  readonly cookie: string;
  readonly csrf: string;
  readonly token: string;
  readonly key: string;
  /** Of all that it has. */
  readonly ids: readonly string[];
  readonly secrets: readonly string[];
}

describe('Two tenants of one server', function () {
  this.timeout(20_000);
  let plane: DataPlane;
  const store = new MemoryStateStore();
  const sides: Side[] = [];
  let tried = 0;

  const sent = async (path: string, init: RequestInit): Promise<{ readonly status: number; readonly text: string }> => {
    const headers = { host: 'localhost', 'sec-fetch-site': 'same-origin', ...init.headers };
    const answer = await plane.fetch(new Request(`http://localhost${path}`, { redirect: 'manual', ...init, headers }));
    tried += 1;
    return { status: answer.status, text: await answer.text() };
  };

  async function sideOf(tenantId: string): Promise<Side> {
    const canary = `canary-${tenantId}`;
    const { records } = signedTenantStore(store.forTenant(tenantId, { forOthers: true }), { stateKey: STATE_KEY, tenantId });
    const identity = new Identity({ tenantId, records, stateKey: STATE_KEY });
    const { id } = await identity.people.create({ name: canary, roles: ROLES, groups: [canary], userIds: [`u-${canary}`] }, 'spec');
    const other = await identity.people.create({ name: `${canary} too`, roles: ['approver', 'admin'] }, 'spec');
    const { text, session } = await identity.sessions.create({ personId: id, method: 'passkey', client: canary });
    const { text: token, token: info } = await identity.tokens.create(session, canary);
    const { invitation } = await identity.invitations.create({ name: canary }, id);
    const { key, info: keyInfo } = await plane.createKey({ name: canary, scopes: ['decide'] }, tenantId);
    const call = { agent_id: canary, tool: { name: 'refund', params: { note: canary } }, session: { user_id: `u-${canary}` } };
    const asked = await sent('/v1/decision', {
      method: 'POST',
      headers: { 'x-api-key': key.reveal(), 'content-type': 'application/json' },
      body: JSON.stringify(call),
    });
    const { decision_id: decisionId } = JSON.parse(asked.text) as { decision_id: string };
    const csrf = (await identity.sessions.find(text.reveal()))?.formToken as string;
    const ids = [decisionId, id, other.id, session.id, info.id, invitation.id, keyInfo.id];
    return {
      tenantId,
      canary,
      cookie: `aegis-local=${text.reveal()}`,
      csrf,
      token: token.reveal(),
      key: key.reveal(),
      ids,
      secrets: [canary, ...ids],
    };
  }

  const rowsOf = async (tenantId: string): Promise<string> => {
    const { records, approvals } = store.forTenant(tenantId, { forOthers: true });
    const rows = await Promise.all(KINDS.map((kind) => records.list({ kind, limit: Infinity })));
    return JSON.stringify([rows, await approvals.list({ limit: 1_000 })]);
  };

  before(async () => {
    plane = createDataPlane({
      tenants: { acme: { policies: { text: POLICIES } }, zeta: { policies: { text: POLICIES } } },
      store,
      stateKey: STATE_KEY,
    });
    await plane.ready();
    for (const tenantId of ['acme', 'zeta']) sides.push(await sideOf(tenantId));
  });
  after(async () => {
    counted({
      what: 'requests of a person, token or key of one tenant about another one that said or changed anything',
      cases: tried,
      wrong: 0,
    });
    await plane.close({ idleMs: 0 });
  });

  /** Who of a tenant may ask at all. */
  const callersOf = ({ scope }: Route, { cookie, token, key }: Side): readonly Readonly<Record<string, string>>[] => {
    if (scope === 'decide') return [{ 'x-api-key': key }];
    if (scope === 'host' || scope === 'keys:admin' || scope === 'metrics:read') return [];
    return [{ cookie }, { authorization: `Bearer ${token}` }];
  };
  const pairs = (): readonly (readonly [Side, Side])[] => {
    const [one, other] = sides as [Side, Side];
    return [
      [one, other],
      [other, one],
    ];
  };

  for (const route of table.filter(({ path }) => path.includes(':')))
    it(`${route.method} ${route.path} knows nothing of an id of the other one`, async () => {
      for (const [own, foreign] of pairs()) {
        const before = await rowsOf(foreign.tenantId);
        for (const id of foreign.ids)
          for (const headers of callersOf(route, own)) {
            const path = route.path.replaceAll(/:\w+/g, encodeURIComponent(id));
            const isForm = route.form !== undefined && 'cookie' in headers;
            const fields = Object.keys(route.form ?? {}).filter(
              (name) => !['passkey', 'csrf'].includes(name) && !name.startsWith('proof_'),
            );
            const form = new URLSearchParams([
              ...fields.map((name): [string, string] => [name, name.startsWith('role_') ? 'on' : name === 'verdict' ? 'deny' : 'done']),
              ['csrf', own.csrf],
            ]);
            const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json';
            const hasBody = route.method === 'POST' && (isForm || route.request !== undefined);
            const answer = await sent(path, {
              method: route.method,
              headers: { ...headers, ...(hasBody && { 'content-type': type }) },
              ...(hasBody && { body: isForm ? form.toString() : '{}' }),
            });
            const where = `${Object.keys(headers).join()} ${path} ${answer.status}`;
            const isReader = 'cookie' in headers || route.method === 'GET' || route.scope === 'decide' || route.scope === 'verdict';
            expect(answer.status, where).to.be.oneOf(isReader ? [404] : [403, 404]);
            for (const secret of foreign.secrets.filter((one) => one !== id)) expect(answer.text, where).to.not.include(secret);
          }
        expect(await rowsOf(foreign.tenantId), route.name).to.equal(before);
      }
    });

  for (const route of table.filter(({ path }) => !path.includes(':')))
    it(`${route.method} ${route.path} lists, finds and changes nothing of the other one`, async () => {
      for (const [own, foreign] of pairs()) {
        const before = await rowsOf(foreign.tenantId);
        for (const headers of callersOf(route, own)) {
          const names = Object.keys(route.query ?? {}).filter((name) => name !== 'cursor');
          const searches = [
            '',
            ...names.flatMap((name) => [foreign.canary, foreign.ids[0] ?? ''].map((value) => `?${name}=${encodeURIComponent(value)}`)),
          ];
          for (const search of route.method === 'GET' ? searches : ['']) {
            const isForm = route.form !== undefined && 'cookie' in headers;
            const names = Object.keys(route.form ?? {}).filter((name) => name !== 'passkey');
            const form = new URLSearchParams([
              ...names.map((name): [string, string] => [
                name,
                name.startsWith('role_') ? 'on' : name === 'tool' ? 'refund' : name === 'policies' ? 'refunds' : foreign.canary,
              ]),
              ['csrf', own.csrf],
            ]);
            const json = { ids: foreign.ids, agent_id: foreign.canary, idempotency_key: foreign.canary };
            const hasBody = route.method === 'POST' && (isForm || route.request !== undefined);
            const answer = await sent(`${route.path}${search}`, {
              method: route.method,
              headers: {
                ...headers,
                ...(hasBody && { 'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json' }),
              },
              ...(hasBody && { body: isForm ? form.toString() : JSON.stringify(route.name === 'statuses' ? { ids: foreign.ids } : json) }),
            });
            const where = `${Object.keys(headers).join()} ${route.path}${search} ${answer.status}`;
            expect(answer.status, where).to.be.lessThan(500);
            // what was asked for may come back to who asked, such as the text of a search
            const asked = search === '' && route.method === 'GET' ? [] : [foreign.canary, ...foreign.ids];
            for (const secret of foreign.secrets.filter((one) => !asked.includes(one))) expect(answer.text, where).to.not.include(secret);
            if (search !== '') expect(answer.text.includes(`/a/${foreign.ids[0]}`), where).to.equal(false);
          }
        }
        expect(await rowsOf(foreign.tenantId), route.name).to.equal(before);
      }
    });

  it('each see their own', async () => {
    for (const side of sides) {
      expect((await sent('/inbox?tab=all', { headers: { cookie: side.cookie } })).text).to.include(side.canary);
      expect((await sent(`/a/${side.ids[0]}`, { headers: { cookie: side.cookie } })).status).to.equal(200);
      expect((await sent('/people', { headers: { cookie: side.cookie } })).text).to.include(`${side.canary} too`);
    }
  });
});
