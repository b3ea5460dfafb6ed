import { expect } from 'chai';
import { SecretString } from '../../../lib/common/SecretString.js';
import { Authenticator } from '../../../lib/server/access/Authenticator.js';
import { HostSignature, hostCaller, signHostRequest } from '../../../lib/server/access/HostSignature.js';
import { KeyRing } from '../../../lib/server/access/KeyRing.js';
import { keyRoutes } from '../../../lib/server/route/keys.js';
import type { Tenant } from '../../../lib/server/tenant/Tenant.js';
import { serve } from '../../support/serve.js';
import type { Served, ServedAnswer } from '../../support/serve.js';
import { MapRecordStore } from '../access/MapRecordStore.js';

const ann = { user: 'ann', tenantId: 'default' };
const hostKey = new SecretString('host key of the specs');

describe('The routes of keys', () => {
  const rings = ['default', 'other'].map(
    (tenantId) => new KeyRing({ tenantId, records: new MapRecordStore(), pepper: new SecretString(`pepper of ${tenantId}`) }),
  );
  const ringOf = (id: string): KeyRing => rings.find(({ tenantId }) => tenantId === id) as KeyRing;
  let served: Served;
  let admin: string;
  let foreign: string;
  let reader: string;

  before(async () => {
    const authenticator = new Authenticator(rings, new HostSignature(hostKey));
    const tenants = ['default', 'other'].map((id) => ({ id }) as Tenant);
    served = await serve({ routes: keyRoutes({ ringOf }), tenants, authenticate: (request) => authenticator.authenticate(request) });
    const make = async (tenantId: string, scope: 'keys:admin' | 'metrics:read'): Promise<string> =>
      (await ringOf(tenantId).create({ name: scope, scopes: [scope] }, hostCaller(ann))).key.reveal();
    [admin, foreign, reader] = [
      await make('default', 'keys:admin'),
      await make('other', 'keys:admin'),
      await make('default', 'metrics:read'),
    ];
  });
  after(() => served.close());

  /** As the operator of the host asks, with a signature instead of a key. */
  const signed = (method: string, path: string, body?: unknown): Promise<ServedAnswer> => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const host = new URL(served.url).host;
    const signature = signHostRequest(hostKey, { method, path, host, body: text }, ann, Date.now());
    return served.ask(method, path, { headers: { 'x-aegis-host': signature }, ...(text !== '' && { body: text }) });
  };

  it('let the operator of the host make, list, rotate and revoke a key for an agent', async () => {
    const expiresAt = '2999-01-01T00:00:00.000Z';
    const made = await signed('POST', '/v1/keys', {
      name: 'shop',
      scopes: ['decide'],
      agents: ['shop'],
      session_trusted: true,
      expires_at: expiresAt,
    });
    expect(made.status).to.equal(201);
    const { id, key, ...rest } = made.json as Record<string, unknown>;
    expect(key).to.match(/^aeg_/);
    expect(rest).to.deep.include({
      name: 'shop',
      agents: ['shop'],
      session_trusted: true,
      status: 'active',
      created_by: 'host:ann',
      expires_at: expiresAt,
    });
    const rotated = await signed('POST', `/v1/keys/${String(id)}/rotate`, { overlap_s: 60 });
    expect(rotated.json.key).to.match(/^aeg_/).and.not.equal(key);
    expect(Date.parse(rotated.json.previous_until)).to.be.closeTo(Date.now() + 60_000, 5_000);
    expect((await signed('POST', `/v1/keys/${String(id)}/rotate`)).status).to.equal(200);
    const list = await signed('GET', '/v1/keys?limit=200');
    expect(list.json.keys.map((one: { id: string }) => one.id)).to.include(id);
    expect(list.text).to.not.include('aeg_');
    const revoked = await signed('DELETE', `/v1/keys/${String(id)}`);
    expect(revoked.json).to.include({ id, status: 'revoked' });
    expect((await signed('POST', `/v1/keys/${String(id)}/rotate`)).status).to.equal(404);
  });

  it('give a key no more than it has, and nothing of another tenant', async () => {
    const more = await served.ask('POST', '/v1/keys', { key: admin, body: { name: 'n', scopes: ['decide'] } });
    expect([more.status, more.json.error]).to.deep.equal([403, 'scope_missing']);
    const own = await served.ask('POST', '/v1/keys', { key: admin, body: { name: 'n', scopes: ['keys:admin'] } });
    expect(own.status).to.equal(201);
    expect(own.json.agents).to.equal(null);
    const unknown = await served.ask('DELETE', '/v1/keys/0', { key: foreign });
    const path = `/v1/keys/${String(own.json.id)}`;
    for (const answer of [
      await served.ask('DELETE', path, { key: foreign }),
      await served.ask('POST', `${path}/rotate`, { key: foreign, body: {} }),
    ])
      expect([answer.status, { ...answer.json, request_id: '' }]).to.deep.equal([404, { ...unknown.json, request_id: '' }]);
    const { keys } = (await served.ask('GET', '/v1/keys', { key: foreign })).json as { keys: readonly unknown[] };
    expect(keys).to.have.length(1);
    for (const [method, where] of [
      ['GET', '/v1/keys'],
      ['DELETE', path],
    ] as const)
      expect((await served.ask(method, where, { key: reader })).status).to.equal(403);
    expect((await served.ask('DELETE', path, { key: admin })).json.status).to.equal('revoked');
  });

  const bad: [string, unknown, string][] = [
    ['a field that does not exist', { name: 'n', scopes: ['keys:admin'], agnts: [] }, 'agnts'],
    ['no scopes', { name: 'n' }, 'scopes'],
    ['a scope that does not exist', { name: 'n', scopes: ['canary'] }, 'scopes'],
    ['an end that is not a time', { name: 'n', scopes: ['keys:admin'], expires_at: 'canary' }, 'expires_at'],
    ['an end that is over', { name: 'n', scopes: ['keys:admin'], expires_at: '2000-01-01T00:00:00Z' }, 'expires_at'],
    ['text', '"canary"', 'malformed'],
    ['a name twice', '{"name":"a","name":"canary","scopes":["keys:admin"]}', 'malformed'],
    ['nothing', '', 'malformed'],
  ];
  for (const [what, body, message] of bad)
    it(`answer 400 to ${what}, and make nothing`, async () => {
      const before = (await served.ask('GET', '/v1/keys', { key: admin })).json.keys.length;
      const answer = await served.ask('POST', '/v1/keys', { key: admin, body });
      expect([answer.status, answer.json.error], answer.text).to.deep.equal([400, 'invalid_request']);
      expect(answer.json.message).to.include(message).and.not.include('canary');
      expect((await served.ask('GET', '/v1/keys', { key: admin })).json.keys.length).to.equal(before);
    });

  it('answer 400 to a limit and an overlap that cannot be', async () => {
    for (const limit of ['0', '201', '-1', '1.5', 'x', ''])
      expect((await served.ask('GET', `/v1/keys?limit=${limit}`, { key: admin })).status).to.equal(400);
    const { id } = (await served.ask('POST', '/v1/keys', { key: admin, body: { name: 'n', scopes: ['keys:admin'] } })).json as {
      id: string;
    };
    for (const overlap of [-1, 1.5, 3e7, '1'])
      expect((await served.ask('POST', `/v1/keys/${id}/rotate`, { key: admin, body: { overlap_s: overlap } })).status).to.equal(400);
  });
});
