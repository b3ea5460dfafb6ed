import { expect } from 'chai';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../../lib/server/createDataPlane.js';
import { returnPath } from '../../../lib/server/signin/returnPath.js';
import { counted } from '../../support/assurance.js';
import { PageClient } from '../../support/PageClient.js';
import { SoftAuthenticator } from '../../support/SoftAuthenticator.js';
import { POLICIES } from '../tenantSetup.js';

describe('Signing in to a Data Plane', () => {
  let plane: DataPlane;
  let origin: string;
  beforeEach(async () => {
    plane = createDataPlane({ policies: { text: POLICIES } });
    const { port } = await plane.listen({ port: 0 });
    origin = `http://localhost:${port}`;
  });
  afterEach(async () => plane.close({ idleMs: 0 }));

  const browser = (): PageClient => new PageClient(origin, new SoftAuthenticator(origin));
  const secretOf = async (): Promise<string> => (await plane.createSetupLink())?.url.hash.slice(1) as string;
  /** The first person, by the setup link. */
  const firstPerson = async (name = 'Ann'): Promise<PageClient> => {
    const ann = browser();
    await ann.open('/bootstrap');
    await ann.submit('/bootstrap', { secret: await secretOf(), name });
    await ann.submit('/bootstrap');
    expect([ann.page.status, ann.page.path]).to.deep.equal([200, '/me']);
    return ann;
  };
  const linkOn = ({ page }: PageClient): string => /class="secret">([^<]+)</.exec(page.text)?.[1] as string;
  const sign = async (client: PageClient, action: string, fields: Record<string, string> = {}): Promise<void> => {
    await client.submit(action, fields);
    expect(client.page.text, client.page.text).to.include('Confirm with your passkey');
    await client.submit(action);
  };
  /** Someone who comes by an invitation of an admin, confirmed. */
  const invited = async (admin: PageClient, name: string, fields: Record<string, string> = {}): Promise<PageClient> => {
    await admin.open('/people');
    await sign(admin, '/people/invitations', { name, ...fields });
    const secret = new URL(linkOn(admin)).hash.slice(1);
    const bob = browser();
    await bob.open('/invite');
    await bob.submit('/invite', { secret, name });
    await bob.submit('/invite');
    expect(bob.page.text).to.include('has not confirmed yet');
    await admin.open('/people');
    const confirm = admin.forms().find(({ action }) => action.endsWith('/confirm'))?.action as string;
    await sign(admin, confirm);
    return bob;
  };

  it('begins with the setup link: its page uses nothing, its secret makes one person, once', async () => {
    const beforeMs = Date.now();
    const link = await plane.createSetupLink();
    const afterMs = Date.now();
    expect(link?.url.href).to.match(/^http:\/\/localhost:\d+\/bootstrap#[\w-]{43}$/);
    // the clock of a server rounds to the nearest millisecond, and Date.now() down
    expect(Number(link?.expiresAt) - 15 * 60_000).to.be.within(beforeMs, afterMs + 1);
    const secret = link?.url.hash.slice(1) as string;
    const ann = browser();
    for (const method of ['GET', 'HEAD', 'GET'])
      expect((await fetch(`${origin}/bootstrap`, { method, redirect: 'manual' })).status).to.equal(200);
    await ann.open('/bootstrap');
    expect(ann.page.text).to.include('Development mode: any program on this machine can act as you.');
    // what asks for the passkey uses nothing either
    for (let i = 0; i < 3; i++) {
      await ann.open('/bootstrap');
      await ann.submit('/bootstrap', { secret, name: 'Ann' });
    }
    await ann.submit('/bootstrap');
    expect([ann.page.status, ann.page.path]).to.deep.equal([200, '/me']);
    expect(ann.page.text).to.include('<h1>Ann</h1>').and.include('approver, admin').and.not.include('Development mode');
    const again = browser();
    await again.open('/bootstrap');
    await again.submit('/bootstrap', { secret, name: 'Eve' });
    expect(again.page.status).to.equal(410);
    expect(again.page.text).to.include('This link does not work').and.include('value="Eve"');
    expect(await plane.createSetupLink()).to.equal(undefined);
  });

  it('lets the admin of development mode in without a passkey and without a script, until someone signs up', async () => {
    const secret = await secretOf();
    const local = new PageClient(origin);
    await local.open('/bootstrap');
    await local.submit('/bootstrap', { secret, name: '', how: 'enter' });
    expect([...local.cookies.keys()]).to.deep.equal(['aegis-local']);
    await local.open('/me');
    expect(local.page.text).to.include('local-admin').and.include('Development mode: any program');
    await local.open('/people');
    expect(local.page.text).to.include('sign up with a passkey</a> first');
    const refused = await local.post('/people/invitations', { csrf: local.forms()[0]?.fields['csrf'] ?? '', name: 'Eve' });
    expect(refused.status).to.equal(409);
    const other = browser();
    other.cookies.set('aegis-local', local.cookies.get('aegis-local') as string);
    await other.open('/me');
    await other.submit('/me/setup');
    await other.submit('/bootstrap', { name: 'Ann' });
    await other.submit('/bootstrap');
    expect(other.page.text).to.include('<h1>Ann</h1>').and.not.include('Development mode');
    await local.open('/me');
    expect(local.page.path).to.match(/^\/signin\?next=/);
  });

  it('is by a passkey, with a new session each time, and signing out ends it', async () => {
    const ann = await firstPerson();
    const first = ann.cookies.get('aegis-local') as string;
    await ann.submit('/signout');
    expect([ann.page.path, ann.cookies.size]).to.deep.equal(['/signin', 0]);
    const thief = new PageClient(origin);
    thief.cookies.set('aegis-local', first);
    expect((await thief.open('/me')).path).to.match(/^\/signin/);
    await ann.open('/signin?next=%2Fme');
    // a session that someone else has set before
    ann.cookies.set('aegis-local', 'A'.repeat(43));
    await ann.submit('/signin/passkey');
    expect([ann.page.status, ann.page.path]).to.deep.equal([200, '/me']);
    const second = ann.cookies.get('aegis-local');
    expect(second)
      .to.match(/^[\w-]{43}$/)
      .and.not.equal(first)
      .and.not.equal('A'.repeat(43));
    // signing in once more ends the session before
    await ann.open('/signin?next=%2Fme');
    await ann.submit('/signin/passkey');
    thief.cookies.set('aegis-local', second as string);
    expect((await thief.open('/me')).path).to.match(/^\/signin/);
    expect(ann.page.path).to.equal('/me');
  });

  it('says beside the form what was wrong, and keeps what was typed', async () => {
    const ann = await firstPerson();
    await ann.submit('/signout');
    await ann.open('/signin');
    for (const passkey of ['', '{', '{}', '[]', 'null', '"x"', JSON.stringify({ id: 'x', response: {} })]) {
      await ann.post('/signin/passkey', { passkey, next: '/me' });
      expect([ann.page.status, ann.page.text.includes('class="fault"')], passkey).to.deep.equal([403, true]);
    }
    const secret = 'x'.repeat(43);
    for (const path of ['/bootstrap', '/invite']) {
      await ann.open(path);
      await ann.submit(path, { secret, name: 'Eve <b>' });
      expect(ann.page.status).to.equal(410);
      expect(ann.page.text).to.include(`value="${secret}"`).and.include('value="Eve &lt;b&gt;"').and.include('role="alert"');
    }
  });

  it('has one winner where 64 use a link at once', async () => {
    const secret = await secretOf();
    const clients = await Promise.all(
      Array.from({ length: 64 }, async (_, i) => {
        const client = browser();
        await client.open('/bootstrap');
        await client.submit('/bootstrap', { secret, name: `Person ${i}` });
        return client;
      }),
    );
    const pages = await Promise.all(clients.map(async (client) => client.submit('/bootstrap')));
    expect(pages.filter(({ path, status }) => path === '/me' && status === 200)).to.have.length(1);
    expect(pages.filter(({ status }) => status === 410)).to.have.length(63);
    expect(clients.filter(({ cookies }) => cookies.size > 0)).to.have.length(1);
    counted({ what: 'uses of one setup link at once over HTTP, and one person', cases: 64, wrong: 0 });
  });

  it('by an invitation gives nothing until its maker has confirmed who came, then roles and groups', async () => {
    const ann = await firstPerson();
    const bob = await invited(ann, 'Bob', { role_viewer: 'on', role_approver: 'on', groups: 'finance, on-call', userIds: 'u-7' });
    await bob.open('/me');
    expect(bob.page.text).to.include('viewer, approver').and.include('finance, on-call').and.not.include('has not confirmed');
    expect((await bob.open('/people')).status).to.equal(403);
    await ann.open('/people');
    expect(ann.page.text).to.include('confirmed');
  });

  it('ends for a person who was removed, at once', async () => {
    const ann = await firstPerson();
    const bob = await invited(ann, 'Bob', { role_viewer: 'on' });
    expect((await bob.open('/me')).status).to.equal(200);
    await ann.open('/people');
    const path = /href="(\/people\/person-[^"]+)">Bob</.exec(ann.page.text)?.[1] as string;
    await ann.open(path);
    await sign(ann, `${path}/remove`);
    expect((await bob.open('/me')).path).to.match(/^\/signin/);
    await bob.open('/signin');
    await bob.submit('/signin/passkey');
    expect(bob.page.status).to.equal(403);
    // the only admin stays
    await ann.open('/people');
    const own = /href="(\/people\/person-[^"]+)">Ann</.exec(ann.page.text)?.[1] as string;
    await ann.open(own);
    await sign(ann, `${own}/remove`);
    expect(ann.page.status).to.equal(409);
    expect(ann.page.text).to.include('the only admin');
  });

  it('changes what a person may do, all of it or nothing', async () => {
    const ann = await firstPerson();
    const bob = await invited(ann, 'Bob', { role_viewer: 'on', groups: 'finance' });
    await ann.open('/people');
    const path = /href="(\/people\/person-[^"]+)">Bob</.exec(ann.page.text)?.[1] as string;
    await ann.open(path);
    await sign(ann, path, { name: 'Robert', groups: 'finance, legal', role_auditor: 'on', userIds: 'u-8' });
    await ann.open(path);
    expect(ann.page.text).to.include('<h1>Robert</h1>').and.include('finance, legal').and.include('u-8');
    await bob.open('/me');
    expect(bob.page.text).to.include('viewer, auditor');
    for (const [field, value] of [
      ['groups', 'a\u202eb'],
      ['userIds', 'host:root'],
      ['name', ' '],
    ] as const) {
      await ann.open(path);
      await sign(ann, path, { name: 'Other', groups: 'changed', [field]: value });
      expect([ann.page.status, ann.page.text.includes(`id="fault-${field}"`)], field).to.deep.equal([422, true]);
      await ann.open(path);
      expect(ann.page.text, field).to.include('<h1>Robert</h1>').and.include('finance, legal');
    }
    // one mistake among several changes, and the only admin
    await ann.open('/people');
    const own = /href="(\/people\/person-[^"]+)">Ann</.exec(ann.page.text)?.[1] as string;
    await ann.open(own);
    await sign(ann, own, { name: 'Queen', role_admin: '', userIds: 'u-9' });
    expect(ann.page.status).to.equal(409);
    await ann.open(own);
    expect(ann.page.text).to.include('<h1>Ann</h1>').and.not.include('u-9');
  });

  it('on Me adds and removes passkeys, ends sessions, and makes tokens', async () => {
    const ann = await firstPerson();
    await sign(ann, '/me/passkeys', { name: 'phone' });
    await ann.submit('/me/passkeys/made');
    expect(ann.page.text).to.include('phone').and.include('first passkey');
    const other = new PageClient(origin, undefined);
    await sign(ann, '/me/tokens', { tokenName: 'script' });
    const token = linkOn(ann);
    expect(token).to.match(/^aegp_[\w-]{43}$/);
    const read = await fetch(`${origin}/v1/approvals`, { headers: { authorization: `Bearer ${token}` } });
    expect(read.status).to.equal(200);
    expect((await other.open('/me', { authorization: `Bearer ${token}` })).text).to.not.include('aegp_');
    // a token is no session: it sends no form
    expect((await other.post('/me/tokens', { tokenName: 'more' }, { authorization: `Bearer ${token}` })).status).to.equal(403);
    await ann.open('/me');
    const end = ann.forms().find(({ action }) => /^\/me\/tokens\/.+\/end$/.test(action))?.action as string;
    await ann.submit(end);
    expect((await fetch(`${origin}/v1/approvals`, { headers: { authorization: `Bearer ${token}` } })).status).to.equal(401);
    const remove = ann.forms().find(({ action }) => action.endsWith('/remove'))?.action as string;
    await sign(ann, remove);
    // the session that the passkey started ends with it
    await ann.open('/me');
    expect(ann.page.path).to.match(/^\/signin/);
  });

  it('with a stolen cookie changes neither people nor passkeys', async () => {
    const ann = await firstPerson();
    await invited(ann, 'Bob', { role_viewer: 'on' });
    const thief = new PageClient(origin, new SoftAuthenticator(origin));
    thief.cookies.set('aegis-local', ann.cookies.get('aegis-local') as string);
    await thief.open('/people');
    const bob = /href="(\/people\/person-[^"]+)">Bob</.exec(thief.page.text)?.[1] as string;
    const before = thief.page.text.replaceAll(/nonce="[^"]*"|data-now="\d+"/g, '');
    await thief.open('/me');
    const csrf = thief.forms()[0]?.fields['csrf'] as string;
    const keys = thief.forms().find(({ action }) => action.endsWith('/remove'))?.action as string;
    const tries: readonly (readonly [string, Record<string, string>])[] = [
      ['/people/invitations', { name: 'Eve', role_admin: 'on' }],
      [bob, { name: 'Bob', role_admin: 'on' }],
      [`${bob}/remove`, {}],
      [keys, {}],
      ['/me/passkeys', { name: 'mine' }],
      ['/me/tokens', { tokenName: 'mine' }],
    ];
    for (const [path, fields] of tries)
      for (const passkey of [undefined, '', '{}', 'null']) {
        const { status, text } = await thief.post(path, { csrf, ...fields, ...(passkey !== undefined && { passkey }) });
        expect([status, text.includes('Confirm with your passkey')], path).to.deep.equal([passkey === undefined ? 200 : 403, true]);
      }
    // nor with what another act was signed for
    await ann.open('/people');
    await ann.submit('/people/invitations', { name: 'Carl', role_viewer: 'on' });
    const [form] = ann.forms().filter(({ passkey }) => passkey !== undefined);
    await ann.submit('/people/invitations', { role_admin: 'on' });
    expect(ann.page.status).to.equal(403);
    expect(form?.action).to.equal('/people/invitations');
    // a passkey that is not known here, made for a challenge that was never given out
    const made = await thief.post('/me/passkeys/made', {
      csrf,
      name: 'x',
      passkey: JSON.stringify(new SoftAuthenticator(origin).create({ challenge: 'AAAA', rp: { id: 'localhost' }, user: { id: 'x' } })),
    });
    expect(made.status).to.equal(403);
    await thief.open('/people');
    expect(thief.page.text.replaceAll(/nonce="[^"]*"|data-now="\d+"/g, '')).to.equal(before);
  });

  it('is at the name of this machine where its address was opened', async () => {
    for (const path of ['/signin', '/bootstrap', '/invite']) {
      const answer = await fetch(`${origin.replace('localhost', '127.0.0.1')}${path}`, { redirect: 'manual' });
      expect([answer.status, answer.headers.get('location')]).to.deep.equal([303, `${origin}${path}`]);
    }
  });
});

describe('Signing in to a Data Plane of several tenants', () => {
  it('asks which one, and lets no one into another', async () => {
    const plane = createDataPlane({ tenants: { acme: { policies: { text: POLICIES } }, other: { policies: { text: POLICIES } } } });
    const { port } = await plane.listen({ port: 0 });
    const origin = `http://localhost:${port}`;
    const link = await plane.createSetupLink('acme');
    expect(link?.url.search).to.equal('?tenant=acme');
    const ann = new PageClient(origin, new SoftAuthenticator(origin));
    await ann.open('/bootstrap?tenant=other');
    await ann.submit('/bootstrap', { secret: link?.url.hash.slice(1) as string, name: 'Ann' });
    expect(ann.page.status, 'the link of another tenant').to.equal(410);
    await ann.open('/bootstrap?tenant=acme');
    await ann.submit('/bootstrap', { secret: link?.url.hash.slice(1) as string, name: 'Ann' });
    await ann.submit('/bootstrap');
    expect(ann.page.text).to.include('<h1>Ann</h1>');
    await ann.submit('/signout');
    await ann.open('/signin');
    expect(ann.page.text).to.include('name="tenant"');
    expect((await ann.open('/signin?tenant=none')).status).to.equal(404);
    const otherLink = await plane.createSetupLink('other');
    const eve = new PageClient(origin, new SoftAuthenticator(origin));
    await eve.open('/bootstrap?tenant=other');
    await eve.submit('/bootstrap', { secret: otherLink?.url.hash.slice(1) as string, name: 'Eve' });
    await eve.submit('/bootstrap');
    await eve.open('/people');
    expect(eve.page.text).to.include('Eve').and.not.include('Ann');
    // the passkey of one is unknown to the other
    await ann.open('/signin?tenant=acme');
    const form = ann.forms().find(({ action }) => action === '/signin/passkey');
    expect(form?.fields['tenant']).to.equal('acme');
    await ann.submit('/signin/passkey', { tenant: 'other' });
    expect(ann.page.status).to.equal(403);
    await plane.close({ idleMs: 0 });
  });
});

describe('Where to go after signing in', () => {
  it('is a path of this server', () => {
    for (const path of ['/', '/me', '/a/b%2Fc?all=1', '/inbox?tool=a&agent=b#x', '/people/x']) expect(returnPath(path)).to.equal(path);
    const foreign = [
      '//evil.example',
      '/\\evil.example',
      'https://evil.example',
      'javascript:alert(1)',
      '/a\\b',
      '/a b',
      '/a\nb',
      '/\u2028',
      '',
      'me',
      '/signin?next=/',
      '/signout',
      '/v1/approvals',
      '/assets/x',
      `/${'a'.repeat(600)}`,
      '/%0d%0a\r\nx',
      ' /me',
    ];
    for (const path of [...foreign, null, undefined]) expect(returnPath(path), String(path)).to.equal('/');
  });
});
