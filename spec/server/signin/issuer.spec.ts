import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../../lib/server/createDataPlane.js';
import { IssuerSignIn } from '../../../lib/server/signin/IssuerSignIn.js';
import { checkedIssuer } from '../../../lib/server/tenant/IssuerOptions.js';
import { counted } from '../../support/assurance.js';
import { PageClient } from '../../support/PageClient.js';
import { rejection } from '../../support/rejection.js';
import { CLIENT_SECRET, servedIssuer } from '../../support/servedIssuer.js';
import type { ServedIssuer } from '../../support/servedIssuer.js';
import { POLICIES } from '../tenantSetup.js';

describe('Signing in at an issuer of identities', () => {
  let issuer: string;
  let served: ServedIssuer;
  let plane: DataPlane;
  let origin: string;

  before(async () => {
    served = await servedIssuer();
    issuer = served.url;
    const oidc = {
      issuer,
      clientId: 'aegis',
      clientSecret: CLIENT_SECRET,
      name: 'acme-sso',
      groupsClaim: 'groups',
      trustsMail: true,
    } as const;
    plane = createDataPlane({ policies: { text: POLICIES }, oidc });
    origin = `http://localhost:${(await plane.listen({ port: 0 })).port}`;
    await served.serve(origin);
  });
  after(async () => {
    await plane.close({ idleMs: 0 });
    await served.close();
  });

  const begun = (client: PageClient, next = '/me'): Promise<string> => served.sent(client, `/signin/oidc?next=${encodeURIComponent(next)}`);

  it('makes a person of who comes, with the groups that the issuer names, and the same one the next time', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 2; i++) {
      const ann = new PageClient(origin);
      await ann.open('/signin?next=%2Fme');
      expect(ann.page.text).to.include('Sign in with acme-sso');
      const page = await ann.open(await served.signIn(await begun(ann), 'ann'), { 'sec-fetch-site': 'cross-site' });
      expect(page.text).to.include('content="0; url=/me"');
      expect([...ann.cookies.keys()]).to.deep.equal(['aegis-local']);
      await ann.open('/me');
      expect(ann.page.text).to.include('<h1>Name of ann</h1>').and.include('finance').and.include('viewer');
      ids.push(/person-[0-9a-f]{32}/.exec(ann.page.text)?.[0] as string);
    }
    expect(ids[0]).to.equal(ids[1]);
  });

  it('ends the session that the browser had, though the way back comes without its cookie', async () => {
    const ann = new PageClient(origin);
    const signIn = async (): Promise<string> => {
      const back = await served.signIn(await begun(ann), 'ann');
      // browsers keep it to themselves on the way back from another site
      ann.cookies.delete('aegis-local');
      await ann.open(back, { 'sec-fetch-site': 'cross-site' });
      return ann.cookies.get('aegis-local') as string;
    };
    const isIn = async (cookie: string): Promise<boolean> => {
      const other = new PageClient(origin);
      other.cookies.set('aegis-local', cookie);
      return !(await other.open('/me')).path.startsWith('/signin');
    };
    const first = await signIn();
    expect(await isIn(first)).to.equal(true);
    const second = await signIn();
    expect([first === second, await isIn(second), await isIn(first)]).to.deep.equal([false, true, false]);
    // nor does what the browser keeps end a session that was not its own
    const bob = new PageClient(origin);
    const back = await served.signIn(await begun(bob), 'bob');
    const kept = JSON.parse(Buffer.from(bob.cookies.get('aegis-local-sso') as string, 'base64url').toString()) as object;
    const sessionId = createHash('sha256').update(second).digest('base64url');
    const personId = /person-[0-9a-f]{32}/.exec((await ann.open('/me')).text)?.[0];
    bob.cookies.set('aegis-local-sso', Buffer.from(JSON.stringify({ ...kept, before: { personId, sessionId } })).toString('base64url'));
    expect((await bob.open(back, { 'sec-fetch-site': 'cross-site' })).status).to.equal(403);
    expect(await isIn(second)).to.equal(true);
  });

  it('refuses an answer that belongs to no way of this browser, and one that comes twice', async () => {
    const victim = new PageClient(origin);
    const answer = await served.signIn(await begun(victim), 'bob');
    const kept = victim.cookies.get('aegis-local-sso') as string;
    const other = new PageClient(origin);
    await begun(other);
    const tries: readonly (readonly [PageClient, string])[] = [
      [new PageClient(origin), answer],
      [other, answer],
      [victim, answer.replace(/state=[^&]+/, 'state=x')],
      [victim, answer.replace(/&?state=[^&]+/, '')],
      [victim, answer.replace(/code=[^&]+/, 'code=x')],
      [victim, answer.replace(/iss=[^&]+/, 'iss=https%3A%2F%2Fevil.example')],
      [victim, '/signin/callback?error=access_denied'],
      [victim, '/signin/callback'],
    ];
    for (const [client, path] of tries) {
      const { status, text } = await client.open(path, { 'sec-fetch-site': 'cross-site' });
      expect([status, text.includes('sso_refused'), client.cookies.has('aegis-local')], path.slice(0, 60)).to.deep.equal([
        403,
        true,
        false,
      ]);
    }
    const cookie = JSON.parse(Buffer.from(kept, 'base64url').toString()) as Record<string, string>;
    for (const change of [{ nonce: 'x' }, { verifier: 'x'.repeat(43) }, { state: 'x' }, { next: '/people' }, { next: '//evil.example' }]) {
      const again = new PageClient(origin);
      const fresh = await served.signIn(await begun(again), 'bob');
      const own = JSON.parse(Buffer.from(again.cookies.get('aegis-local-sso') as string, 'base64url').toString()) as Record<string, string>;
      again.cookies.set('aegis-local-sso', Buffer.from(JSON.stringify({ ...own, ...change })).toString('base64url'));
      expect((await again.open(fresh)).status, JSON.stringify(change)).to.equal(403);
      expect(again.cookies.has('aegis-local')).to.equal(false);
    }
    expect(cookie['next']).to.equal('/me');
    counted({ what: 'answers of an issuer that were forged, mixed up or changed', cases: tries.length + 5, wrong: 0 });
    const carl = new PageClient(origin);
    const good = await served.signIn(await begun(carl), 'carl');
    const trip = carl.cookies.get('aegis-local-sso') as string;
    expect((await carl.open(good)).status).to.equal(200);
    const replay = new PageClient(origin);
    replay.cookies.set('aegis-local-sso', trip);
    expect((await replay.open(good)).status).to.equal(403);
  });

  it('says in one line what to install where the package is missing, and when the issuer is away', async () => {
    const missing = new IssuerSignIn({ issuer, clientId: 'aegis' }, () => Promise.reject(new Error('Cannot find package')));
    const error = (await rejection(missing.begin(`${origin}/signin/callback`, 's'))) as unknown as Error & { status: number };
    expect([error.status, error.message]).to.deep.equal([
      503,
      'Signing in at an issuer needs a package that is not there. The operator of this server installs it: npm install openid-client',
    ]);
    const away = new IssuerSignIn({ issuer: 'http://localhost:1', clientId: 'aegis' });
    expect(await rejection(away.begin(`${origin}/signin/callback`, 's'))).to.include({ status: 503, code: 'issuer_unavailable' });
  });

  it('is refused over plain http off loopback, and with roles that do not exist', () => {
    for (const given of [
      { issuer: 'http://login.example.com' },
      { issuer: 'login' },
      { roles: ['admn'] as never },
      { clientId: '' },
      { isuer: 'x' } as never,
    ])
      expect(() => checkedIssuer('oidc', { issuer, clientId: 'aegis', ...given }), JSON.stringify(given)).to.throw(/oidc/);
  });
});
