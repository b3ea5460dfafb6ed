import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { SecretString } from '../../lib/common/SecretString.js';
import * as headers from '../../lib/decision/wire/wireHeaders.js';
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import { signHostRequest } from '../../lib/server/access/HostSignature.js';
import { hostRequestKey } from '../../lib/server/access/serverAccess.js';
import { Identity } from '../../lib/server/people/Identity.js';
import { signedTenantStore } from '../../lib/store/signing/signedTenantStore.js';
import { createDataPlane } from '../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../lib/server/createDataPlane.js';
import { REQUEST_LIMITS } from '../../lib/server/front/requestLimits.js';
import { MemoryStateStore } from '../../lib/store/memory/MemoryStateStore.js';
import { CALL, CLIENT, DIGEST, HTTP_EXAMPLES, USE } from '../support/httpApiExamples.js';
import type { HttpExample } from '../support/httpApiExamples.js';
import { HTTP_API_PAGE, httpApiDocument, httpApiPage, operationsOf } from '../support/httpApiText.js';
import { parsePage, tablesOf } from '../support/docsPages.js';

const POLICIES = `
@id("all") permit (principal, action, resource);
@id("refund") @effect("approval_needed") @reason("a person looks at refunds")
forbid (principal, action == Aegis::Action::"refund", resource);
@id("export") @reason("lists never leave the shop") forbid (principal, action == Aegis::Action::"export", resource);
`;

const STATE_KEY = new SecretString('a state key for the examples of this page');

describe(HTTP_API_PAGE, () => {
  it('describes the routes as the table of routes has them (else: npm run docs:http)', async () => {
    expect(readFileSync(HTTP_API_PAGE, 'utf8')).to.equal(await httpApiPage(await httpApiDocument()));
  });

  it('has an example of every route, and none of another', async () => {
    expect(Object.keys(HTTP_EXAMPLES)).to.have.members(operationsOf(await httpApiDocument()).map(({ operationId }) => operationId));
  });

  it('says what every code of an error means, and of no other', async () => {
    const codes = new Set(operationsOf(await httpApiDocument()).flatMap((one) => one['x-aegis-errors']));
    const said = firstCells('Code');
    expect(said.filter((code) => !codes.has(code) && !OUTSIDE.includes(code))).to.deep.equal([]);
    expect([...codes].filter((code) => !said.includes(code))).to.deep.equal([]);
  });

  it('says what every header of a decision is, and of no other', () => {
    const names = Object.entries(headers).flatMap(([name, value]) => (name.endsWith('_HEADER') ? [value as string] : []));
    expect(firstCells('Header of a decision')).to.have.members(names);
  });

  it('says that params and session are objects, as the OpenAPI document does', () => {
    const text = readFileSync(HTTP_API_PAGE, 'utf8');
    expect(text).to.match(/\| `tool\.params` +\| object +\|/);
    expect(text).to.match(/\| `session` +\| object or null +\|/);
  });

  it('says the limits of a request', () => {
    const text = readFileSync(HTTP_API_PAGE, 'utf8');
    for (const limit of ['bodyBytes', 'headerBytes', 'urlLength'] as const)
      expect(text).to.contain(REQUEST_LIMITS[limit].toLocaleString('en'));
  });

  describe('has examples', () => {
    const store = new MemoryStateStore();
    const module = AegisModule.create({ policies: { text: POLICIES }, store, agentId: 'unused' });
    let plane: DataPlane;
    const keys: Record<string, string> = {};
    let approvals = 0;

    before(async () => {
      plane = createDataPlane({ module, store, stateKey: STATE_KEY, clientAddress: () => '127.0.0.1' });
      for (const [name, scope] of [
        ['KEY', 'decide'],
        ['METRICS_KEY', 'metrics:read'],
      ] as const)
        keys[name] = (await plane.createKey({ name, scopes: [scope] })).key.reveal();
      keys['READ_KEY'] = (await plane.createKey({ name: 'reader', scopes: ['approvals:read', 'policies:read'] })).key.reveal();
      keys['ADMIN_KEY'] = (await plane.createKey({ name: 'admin', scopes: ['keys:admin', 'metrics:read'] })).key.reveal();
    });
    after(async () => {
      await plane.close({ idleMs: 0, graceMs: 0 });
      await module.close();
    });

    for (const [name, example] of Object.entries(HTTP_EXAMPLES))
      it(`whose request is answered: ${name}`, async () => {
        const one = operationsOf(await httpApiDocument()).find(({ operationId }) => operationId === name);
        if (one === undefined) throw new Error(`There is no route ${name}.`);
        const id = (await newId(one.path)) ?? (await approvalAt(example.approval));
        const gone = new AbortController();
        const answer = await ask(one.method, one.path.replace('{id}', id), example, id, gone.signal);
        const said = answer.headers.get('content-type')?.startsWith('text/event-stream') ? '' : await answer.text();
        gone.abort();
        if (example.refused !== undefined) return void expect(answer.status, said).to.equal(example.refused);
        expect(Object.keys(one.responses), said).to.include(String(answer.status));
        if (name in ANSWERS) expect(JSON.parse(said)).to.deep.include(ANSWERS[name]);
      });

    function ask(
      method: string,
      path: string,
      { key, headers: more, body }: HttpExample,
      id = '',
      signal?: AbortSignal,
    ): Promise<Response> {
      const text = body === undefined ? '' : JSON.stringify(body).replace('$ID', id);
      const signed = { method, path, host: '127.0.0.1', body: text };
      const signature = signHostRequest(hostRequestKey(STATE_KEY), signed, { user: 'ann', tenantId: 'default' }, Date.now());
      return plane.fetch(
        new Request(`http://127.0.0.1${path}`, {
          method,
          headers: {
            host: '127.0.0.1',
            ...(key && { 'X-API-KEY': keys[key] as string }),
            ...(body && { 'Content-Type': 'application/json' }),
            ...more,
            ...(more?.['X-AEGIS-HOST'] !== undefined && { 'X-AEGIS-HOST': signature }),
          },
          ...(body && { body: text }),
          ...(signal && { signal }),
        }),
      );
    }

    async function approvalAt(state: HttpExample['approval']): Promise<string> {
      if (state === undefined) return '';
      const session = { user_id: `u-${approvals++}` };
      const opened = await ask('POST', '/v1/decision', { key: 'KEY', headers: CLIENT, body: { ...CALL, session } });
      const { decision_id: id } = (await opened.json()) as { decision_id: string };
      if (state !== 'pending') await module.approvals.approve(id, { by: 'ann', digest: DIGEST });
      if (state === 'used' || state === 'begun') await ask('POST', `/v1/decision/${id}/consume`, { key: 'KEY', body: USE });
      if (state === 'begun')
        await ask('POST', `/v1/decision/${id}/begin`, { key: 'KEY', body: { token: USE.token, claimToken: 'worker-3' } });
      return id;
    }

    /** The id of something else than an approval, where the path has one. */
    async function newId(path: string): Promise<string | undefined> {
      if (path.startsWith('/v1/keys/')) return (await plane.createKey({ name: 'other', scopes: ['metrics:read'] })).info.id;
      if (path.startsWith('/v1/policies/staged/')) return 'a'.repeat(64);
      const { records } = signedTenantStore(store.forTenant('default', { forOthers: true }), { stateKey: STATE_KEY, tenantId: 'default' });
      const { people, invitations } = new Identity({ tenantId: 'default', records, stateKey: STATE_KEY });
      if (path.startsWith('/v1/people/')) return (await people.create({ name: 'Bob' }, 'host:ann')).id;
      return path.startsWith('/v1/invitations/') ? (await invitations.create({ name: 'Bob' }, 'host:ann')).invitation.id : undefined;
    }
  });
});

/** What some examples are answered with: a status alone would not tell that they do what the page says. */
const ANSWERS: Readonly<Record<string, object>> = {
  decide: { agent_id: 'shop-agent', tool: 'refund' },
  consume: { consumed: true },
  begin: { begun: true },
  status: { status: 'PENDING', outcome: 'pending' },
};

/** Answers to what is no request of a route: malformed HTTP, and headers beyond the limit. */
const OUTSIDE = ['headers_too_large'];

/** The first column of the table that begins with this head. */
function firstCells(head: string): readonly string[] {
  const table = tablesOf(parsePage(HTTP_API_PAGE, readFileSync(HTTP_API_PAGE, 'utf8'))).find((one) => one.head[0] === head);
  return (table?.rows ?? []).flatMap(([cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
}
