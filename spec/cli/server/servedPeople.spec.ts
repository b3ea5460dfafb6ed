import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostClient } from '../../../lib/cli/server/HostClient.js';
import { writeRunFile } from '../../../lib/cli/server/RunFile.js';
import type { SecretString } from '../../../lib/common/SecretString.js';
import { makeStateKey } from '../../../lib/server/config/stateKey.js';
import type { ListeningAt } from '../../../lib/server/createDataPlane.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../../lib/server/createDataPlane.js';
import { Identity } from '../../../lib/server/people/Identity.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { signedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import { counted } from '../../support/assurance.js';
import { SoftAuthenticator } from '../../support/SoftAuthenticator.js';
import { failureOf, runAegis } from '../runAegis.js';

const POLICIES = { text: '@id("all") permit (principal, action, resource);' };

describe('aegis people on a server that keeps everything in memory', function () {
  this.timeout(20_000);
  let folder: string;
  let stateKey: SecretString;
  let plane: DataPlane;
  let at: ListeningAt;
  let identity: Identity;
  const run = (...args: string[]) => runAegis(['people', ...args, '--data', folder]);
  const fail = (...args: string[]) => failureOf(['people', ...args, '--data', folder]);
  const json = async (...args: string[]): Promise<any> => {
    const { code, stdout, stderr } = await run(...args, '--json');
    expect(code, stderr).to.equal(0);
    return JSON.parse(stdout);
  };
  const secretOf = (link: string): string => new URL(link.trim()).hash.slice(1);
  const origin = (): string => `http://localhost:${at.port}`;

  beforeEach(async () => {
    folder = join(mkdtempSync(join(tmpdir(), 'aegis-people-')), 'project', '.aegis');
    mkdirSync(folder, { recursive: true });
    process.env['XDG_CONFIG_HOME'] = join(folder, '..', '..', 'config');
    stateKey = makeStateKey(process.env, folder).key;
    const store = new MemoryStateStore();
    plane = createDataPlane({ policies: POLICIES, store, stateKey });
    at = await plane.listen({ port: 0 });
    await plane.ready();
    const { records } = signedTenantStore(store.forTenant('default', { forOthers: true }), { stateKey, tenantId: 'default' });
    identity = new Identity({ tenantId: 'default', records, stateKey });
    writeRunFile(folder, { pid: process.pid, url: at.url, store: 'memory' });
  });
  afterEach(async () => {
    delete process.env['XDG_CONFIG_HOME'];
    await plane.close({ idleMs: 0, graceMs: 1_000 });
    rmSync(join(folder, '..', '..'), { recursive: true });
  });

  /** Opens a link in a browser: makes a passkey by the pages of the server. */
  async function come(link: string, name: string): Promise<void> {
    const { setup, invitations } = identity;
    const [kind, secret] = [link.includes('/invite#') ? invitations : setup, secretOf(link)];
    const response = new SoftAuthenticator(origin()).create(await kind.options(secret, name, origin()));
    await kind.register(secret, { name, origin: origin(), response });
  }

  it('bootstraps, invites, confirms, lists and removes, as on a store', async () => {
    expect((await run('list')).stdout).to.include('npx aegis people bootstrap');
    const { link, expires_at: expiresAt } = await json('bootstrap');
    expect(link).to.match(new RegExp(`^${origin()}/bootstrap#[\\w-]{43}$`));
    expect(Date.parse(expiresAt)).to.be.greaterThan(Date.now());
    await come(link, 'Root');
    const invited = await run('invite', '--name', 'Ann', '--role', 'approver', '--group', 'finance', '--user-id', 'u-1');
    expect(invited.stdout).to.match(new RegExp(`^${origin()}/invite#[\\w-]{43}\n$`));
    const { invitations } = await json('list');
    expect(invitations).to.have.length(1);
    const [{ id, ...invitation }] = invitations;
    expect(invitation).to.deep.include({
      name: 'Ann',
      status: 'open',
      roles: ['approver'],
      groups: ['finance'],
      user_ids: ['u-1'],
      came: null,
    });
    expect(invitation).to.not.have.property('secret');
    expect(await fail('confirm', id)).to.include('No one waits by this invitation');
    await come(invited.stdout, 'Ann L.');
    const ann = await json('confirm', id);
    expect(ann).to.deep.include({ name: 'Ann L.', status: 'active', roles: ['approver'], groups: ['finance'] });
    const { text } = await identity.sessions.create({ personId: ann.id, method: 'oidc' });
    expect((await run('remove', ann.id)).stdout).to.include('Ann L. is removed');
    expect(await identity.sessions.find(text.reveal())).to.equal(undefined);
    expect(await fail('remove', ann.id)).to.include('This person was removed');
    const { people } = await json('list');
    expect(people.map(({ name, status }: { name: string; status: string }) => [name, status])).to.deep.equal([
      ['Root', 'active'],
      ['Ann L.', 'removed'],
    ]);
    expect(await fail('remove', people[0].id)).to.include('This is the only admin');
  });

  it('revokes an invitation, and says what is wrong with what it is given', async () => {
    const { id, link } = await json('invite', '--name', 'Ann');
    expect(await json('remove', id)).to.deep.equal({ id, status: 'revoked' });
    expect(await identity.invitations.find(secretOf(link))).to.equal(undefined);
    expect(await fail('invite', '--name', 'Ann', '--role', 'aprover')).to.include("did you mean 'approver'?");
    expect(await fail('invite', '--name', '\u202e')).to.include('`name` must have 1 to 128 characters');
    for (const odd of ['person-none', '../keys', 'a/b', '%2e%2e', '?x', '\u202e'])
      expect(await fail('remove', odd)).to.include('There is no such invitation');
    expect(await fail('confirm', 'none')).to.include('No one waits');
  });

  it('is refused with another state key, and says what to do where no server answers', async () => {
    process.env['AEGIS_STATE_KEY'] = 'another state key of 32 characters!!';
    try {
      expect(await fail('list'))
        .to.include('the server answered 401')
        .and.include('Sign it anew with the state key of this server');
    } finally {
      delete process.env['AEGIS_STATE_KEY'];
    }
    await plane.close({ idleMs: 0, graceMs: 0 });
    expect(await fail('list')).to.include('the server does not answer; start it with npx aegis serve');
  });

  it('takes a request once, from this machine, as it was signed; no key, no person and no proxy has these routes', async () => {
    const sent: { readonly path: string; readonly init: RequestInit & { readonly headers: Record<string, string> } }[] = [];
    const real = globalThis.fetch;
    globalThis.fetch = ((url: URL, init: (typeof sent)[number]['init']) => {
      sent.push({ path: url.pathname, init });
      return real(url, init);
    }) as typeof fetch;
    try {
      await new HostClient(at.url, stateKey, { user: 'ops', tenantId: 'default' }).ask('POST', '/v1/invitations', { name: 'Ann' });
    } finally {
      globalThis.fetch = real;
    }
    const [{ path, init }] = sent as [(typeof sent)[number]];
    const before = (await json('list')).invitations.length;
    const key = (await plane.createKey({ name: 'all', scopes: ['keys:admin', 'approvals:read', 'policies:read'] })).key.reveal();
    const signed = init.headers;
    const tries: [string, RequestInit][] = [
      [path, init],
      [path, { ...init, body: JSON.stringify({ name: 'Eve', roles: ['admin'] }) }],
      ['/v1/setup-links', { method: 'POST', headers: { 'x-aegis-host': signed['x-aegis-host'] as string } }],
      [path, { ...init, headers: { ...signed, 'x-forwarded-for': '127.0.0.1' } }],
      [path, { ...init, headers: { ...signed, 'x-api-key': key } }],
      [path, { ...init, headers: { 'x-api-key': key, 'content-type': 'application/json' } }],
      ['/v1/setup-links', { method: 'POST', headers: { 'x-api-key': key } }],
      ['/v1/people', { headers: { 'x-api-key': key } }],
    ];
    const { id } = await identity.people.create({ name: 'Admin', roles: ['admin', 'approver'] }, 'spec');
    const { text } = await identity.sessions.create({ personId: id, method: 'passkey' });
    const cookie = { cookie: `aegis-local=${text.reveal()}`, 'sec-fetch-site': 'same-origin' };
    const session = await identity.sessions.list(id);
    const token = (await identity.tokens.create({ personId: id, passkeyId: session[0]?.passkeyId }, 'cli')).text.reveal();
    for (const headers of [cookie, { authorization: `Bearer ${token}` }])
      tries.push(
        ['/v1/people', { headers }],
        ['/v1/setup-links', { method: 'POST', headers }],
        [path, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: '{"name":"Eve"}' }],
        [`/v1/people/${id}`, { method: 'DELETE', headers }],
      );
    let opened = 0;
    for (const [to, request] of tries) {
      const { status } = await fetch(`http://localhost:${at.port}${to}`, request);
      if (status < 400) opened += 1;
      expect([401, 403], to).to.include(status);
    }
    counted({
      what: 'requests to routes of the operator of the host, replayed, changed, forwarded or by others',
      cases: tries.length,
      wrong: opened,
    });
    expect((await json('list')).invitations).to.have.length(before);
    expect((await identity.people.get(id))?.status).to.equal('active');
  });
});
