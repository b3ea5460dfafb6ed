import { expect } from 'chai';
import { sha256 } from '../../lib/common/data/canonical.js';
import { PLAIN_CLIENT } from '../support/plainClient.js';
import { SCOPES } from '../../lib/server/access/KeyBody.js';
import { counted } from '../support/assurance.js';
import { postgresServer } from '../support/postgresServer.js';
import { PostgresStores } from '../support/postgresStores.js';
import { servePlane } from '../support/servePlane.js';
import type { ServedPlane } from '../support/servePlane.js';

/** What PostgreSQL cannot keep in a text, or changes. */
const TEXTS = ['\0', 'a\0b', '\ud800', 'x\udc00y', '\ufffe', '\u202e', '\u{10ffff}'];
const POLICIES = {
  text: '@id("all") permit (principal, action, resource); @id("ask") @effect("approval_needed") @reason("a person looks") forbid (principal, action, resource);',
};

describe('Texts that a database cannot keep, on PostgreSQL', () => {
  let stores: PostgresStores | undefined;
  let served: ServedPlane;
  let key = '';
  let id = '';
  let tried = 0;
  before(async function () {
    stores = new PostgresStores(await postgresServer(this));
    served = await servePlane({ policies: POLICIES, store: await stores.open(), stateKey: 'the state key of texts in a database' });
    key = await served.keyFor({ scopes: SCOPES.filter((scope) => scope !== 'decide') });
  });
  let agentKey = '';
  before(async () => {
    agentKey = await served.keyFor();
    id = (await decide({})).json.decision_id as string;
  });
  after(async () => {
    if (tried > 0)
      counted({ what: 'requests with texts that PostgreSQL cannot keep, in every place of every route', cases: tried, wrong: 0 });
    await served?.close();
    await stores?.end();
  });

  /** Either refused as what it is, or kept: never an error of the database. */
  function answered({ status, json }: Awaited<ReturnType<ServedPlane['ask']>>, where: string): void {
    tried += 1;
    expect(status, `${where}: ${JSON.stringify(json)}`).to.be.oneOf([200, 201, 204, 400, 404, 409, 422]);
    if (status >= 400) expect(json, where).to.include.keys('message', 'error', 'status', 'request_id');
  }

  function decide(over: { agent?: string; tool?: string; params?: object; session?: object | null; headers?: Record<string, string> }) {
    const { agent = 'bot', tool = 'pay', params = { n: tried }, session = null, headers = {} } = over;
    return served.ask('POST', '/v1/decision', {
      key: agentKey,
      body: { agent_id: agent, tool: { name: tool, params }, session },
      headers: { 'x-aegis-capabilities': PLAIN_CLIENT.join(','), 'x-aegis-binding': sha256('base'), ...headers },
    });
  }

  it('are refused or kept in a call: agent, tool, params, names of params, session', async () => {
    for (const text of TEXTS) {
      answered(await decide({ agent: text }), 'agent');
      answered(await decide({ tool: text }), 'tool');
      answered(await decide({ params: { a: text } }), 'params');
      answered(await decide({ params: { [text]: 1 } }), 'name of a param');
      answered(await decide({ params: { a: [{ [text]: [text] }] } }), 'nested');
      answered(await decide({ session: { user_id: text, more: text } }), 'session');
      answered(await decide({ session: { [text]: 1 } }), 'name in the session');
      for (const name of ['x-aegis-guard-key', 'x-aegis-removable', 'x-aegis-opaque', 'x-aegis-types']) {
        const value = name === 'x-aegis-guard-key' ? text : name === 'x-aegis-types' ? { [text]: 'bigint' } : [text];
        answered(await decide({ headers: { [name]: Buffer.from(JSON.stringify(value)).toString('base64url') } }), name);
      }
    }
  });

  it('are refused or kept in what is said of an approval, and in lists', async () => {
    for (const text of TEXTS) {
      const path = (encoded: string): string => encoded.replaceAll('%', encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, '\ufffd')));
      for (const at of ['/v1/decision/%/status', '/v1/approvals/%'])
        answered(await served.ask('GET', path(at), { key: at.includes('approvals') ? key : agentKey }), at);
      for (const what of ['withdraw', 'expire'])
        answered(await served.ask('POST', path(`/v1/decision/%/${what}`), { key: agentKey }), what);
      answered(await served.ask('POST', '/v1/decisions/status', { key: agentKey, body: { ids: [text, id] } }), 'ids');
      const use = { digest: 'a'.repeat(64), bindingBase: sha256('base'), token: text };
      answered(await served.ask('POST', `/v1/decision/${id}/consume`, { key: agentKey, body: use }), 'consume');
      answered(await served.ask('POST', `/v1/decision/${id}/begin`, { key: agentKey, body: { token: text, claimToken: text } }), 'begin');
      const outcome = { token: text, status: 'failed', error_code: text };
      answered(await served.ask('POST', `/v1/decision/${id}/outcome`, { key: agentKey, body: outcome }), 'outcome');
      for (const name of ['agent', 'tool', 'q', 'cursor', 'status'])
        answered(await served.ask('GET', path(`/v1/approvals?${name}=%`), { key }), name);
      answered(await served.ask('GET', path('/v1/keys?cursor=%'), { key }), 'keys');
      const cursor = Buffer.from(JSON.stringify([1, text])).toString('base64url');
      answered(await served.ask('GET', `/v1/approvals?cursor=${cursor}`, { key }), 'cursor');
      answered(await served.ask('GET', `/v1/keys?cursor=${cursor}`, { key }), 'cursor of keys');
      answered(await served.ask('POST', '/v1/keys', { key, body: { name: text, scopes: ['approvals:read'], agents: [text] } }), 'new key');
      for (const [method, at] of [
        ['DELETE', '/v1/keys/%'],
        ['POST', '/v1/keys/%/rotate'],
      ] as const)
        answered(await served.ask(method, path(at), { key, ...(method === 'POST' && { body: {} }) }), at);
    }
  });
});
