import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { SecretString } from '../../../lib/common/SecretString.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../../lib/server/createDataPlane.js';
import { Identity } from '../../../lib/server/people/Identity.js';
import type { Verdict } from '../../../lib/store/ApprovalStore.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { signedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import type { SignedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import { counted } from '../../support/assurance.js';
import { PageClient } from '../../support/PageClient.js';
import type { SeenPage } from '../../support/PageClient.js';
import { CLIENT_SECRET, servedIssuer } from '../../support/servedIssuer.js';
import type { IssuerCookies, ServedIssuer } from '../../support/servedIssuer.js';
import { SoftAuthenticator } from '../../support/SoftAuthenticator.js';

const STATE_KEY = new SecretString('state-key-for-specs-0123456789abcdef');
const POLICIES = `@id("all") permit (principal, action, resource);
@id("low") @effect("approval_needed") @severity("low") @reason("looked at") forbid (principal, action == Aegis::Action::"read", resource);
@id("sql") @effect("approval_needed") @severity("critical") @approvers("finance") @reason("Statements need finance")
forbid (principal, action == Aegis::Action::"sql", resource);
@id("both") @effect("approval_needed") @severity("critical") @approvers("finance") @reason("one") forbid (principal, action == Aegis::Action::"two", resource);
@id("more") @effect("approval_needed") @severity("critical") @approvers("board") @reason("two") forbid (principal, action == Aegis::Action::"two", resource);`;
const MINUTE = 60_000;

describe('Signing in again to approve', () => {
  let clock: SinonFakeTimers;
  let served: ServedIssuer;
  let plane: DataPlane;
  let origin: string;
  let identity: Identity;
  let store: SignedTenantStore;
  let key: string;

  before(async () => {
    clock = useFakeTimers({ now: Date.now(), toFake: ['Date', 'performance'] });
    served = await servedIssuer();
    const memory = new MemoryStateStore();
    const oidc = {
      issuer: served.url,
      clientId: 'aegis',
      clientSecret: CLIENT_SECRET,
      name: 'acme-sso',
      groupsClaim: 'groups',
      roles: ['approver'],
    } as const;
    plane = createDataPlane({ policies: { text: POLICIES }, oidc, store: memory, stateKey: STATE_KEY });
    origin = `http://localhost:${(await plane.listen({ port: 0 })).port}`;
    store = signedTenantStore(memory.forTenant('default', { forOthers: true }), { stateKey: STATE_KEY, tenantId: 'default' });
    identity = new Identity({ tenantId: 'default', records: store.records, stateKey: STATE_KEY });
    key = (await plane.createKey({ name: 'spec', scopes: ['decide'] })).key.reveal();
    await served.serve(origin);
  });
  after(async () => {
    await plane.close({ idleMs: 0 });
    await served.close();
    clock.restore();
  });

  const ask = async (tool = 'sql', params: object = { statement: 'drop table x' }): Promise<string> => {
    const answer = await fetch(`${origin}/v1/decision`, {
      method: 'POST',
      headers: {
        'x-api-key': key,
        'content-type': 'application/json',
        'x-aegis-capabilities': 'effective-digest',
        connection: 'close',
      },
      body: JSON.stringify({ agent_id: 'bot', tool: { name: tool, params }, session: null }),
    });
    return ((await answer.json()) as { readonly decision_id: string }).decision_id;
  };
  const approvalOf = (id: string) => store.approvals.get(id);
  const verdictsOf = async (id: string): Promise<readonly Verdict[]> => (await approvalOf(id))?.verdicts ?? [];
  /** A person who has come by the issuer. */
  const come = async (login: string, cookies?: IssuerCookies): Promise<PageClient> => {
    const client = new PageClient(origin);
    const start = await served.sent(client, '/signin/oidc?next=%2Fme');
    await client.open(await served.signIn(start, login, cookies), { 'sec-fetch-site': 'cross-site' });
    return client;
  };
  const linkOn = ({ text }: SeenPage): string =>
    (/class="btn approve" href="([^"]+)">Sign in again to approve</.exec(text)?.[1] ?? '').replaceAll('&amp;', '&');
  /** Goes to the issuer and back, as someone who approves does. */
  const again = async (client: PageClient, id: string, login: string): Promise<SeenPage> => {
    const start = await served.sent(client, linkOn(await client.open(`/a/${id}`)));
    return client.open(await served.signIn(start, login), { 'sec-fetch-site': 'cross-site' });
  };
  const fieldsOf = (client: PageClient, id: string): Readonly<Record<string, string>> =>
    client.forms().find(({ action }) => action === `/v1/approvals/${id}/verdict`)?.fields ?? {};
  const approve = (client: PageClient, id: string, more: Readonly<Record<string, string>> = {}): Promise<SeenPage> =>
    client.post(`/v1/approvals/${id}/verdict`, { ...fieldsOf(client, id), verdict: 'approve', reason: 'I checked it', ...more });

  it('approves what is critical, once, for who comes by the issuer and has no passkey', async () => {
    const ann = await come('ann');
    const id = await ask();
    const page = await ann.open(`/a/${id}`);
    expect(page.text).to.include('A yes takes a fresh sign-in').and.not.include('value="approve"');
    expect((await approve(ann, id)).status).to.equal(428);
    expect(ann.page.text).to.include('takes a fresh sign-in, for exactly what is shown');
    const start = await served.sent(ann, linkOn(ann.page));
    expect(new URL(start).searchParams.get('max_age')).to.equal('0');
    const before = ann.cookies.get('aegis-local') as string;
    const came = await ann.open(await served.signIn(start, 'ann'), { 'sec-fetch-site': 'cross-site' });
    expect(came.text).to.include(`content="0; url=/a/${id}"`);
    expect([...ann.cookies.keys()]).to.deep.equal(['aegis-local']);
    expect([ann.cookies.get('aegis-local') === before, await identity.sessions.find(before)]).to.deep.equal([false, undefined]);
    await ann.open(`/a/${id}`);
    expect(ann.page.text).to.include('You signed in again for exactly this').and.include('value="approve"');
    // a form that lacks something uses nothing up
    expect((await approve(ann, id, { reason: '' })).status).to.equal(422);
    const done = await approve(ann, id, { idempotency_key: 'key-1' });
    expect([done.status, done.text.includes('signed in again for it')]).to.deep.equal([200, true]);
    expect((await verdictsOf(id))[0]).to.deep.include({ approve: true, name: 'Name of ann', assurance: 'step-up', groups: ['finance'] });
    expect((await approvalOf(id))?.status).to.equal('approved');
  });

  it('counts for exactly that approval, digest, version and verdict, in that session', async () => {
    const ann = await come('ann');
    const [id, other] = [await ask(), await ask()];
    await again(ann, id, 'ann');
    await ann.open(`/a/${other}`);
    const refused: [string, number][] = [];
    const tried = async (what: string, page: Promise<SeenPage>): Promise<void> => {
      refused.push([what, (await page).status]);
    };
    await tried('another approval', approve(ann, other));
    await ann.open(`/a/${id}`);
    const fields = fieldsOf(ann, id);
    const on = (more: Readonly<Record<string, string>>): Promise<SeenPage> => {
      const given = { ...fields, verdict: 'approve', reason: 'ok', ...more };
      return ann.post(`/v1/approvals/${id}/verdict`, given);
    };
    await tried('no version', on({ version: '' }));
    await tried('another version', on({ version: '2' }));
    await tried('another digest', on({ digest: '0'.repeat(64) }));
    const elsewhere = await come('ann');
    await elsewhere.open(`/a/${id}`);
    await tried('another session of the same person', approve(elsewhere, id));
    const bob = await come('bob');
    await bob.open(`/a/${id}`);
    await tried('another person', approve(bob, id));
    expect(refused).to.deep.equal([
      ['another approval', 428],
      ['no version', 428],
      ['another version', 409],
      ['another digest', 409],
      ['another session of the same person', 428],
      ['another person', 428],
    ]);
    expect([await verdictsOf(id), await verdictsOf(other)]).to.deep.equal([[], []]);
    counted({ what: 'uses of a fresh sign-in for what it was not made for', cases: refused.length, wrong: 0 });
    await ann.open(`/a/${id}`);
    const sessionId = (await identity.sessions.find(ann.cookies.get('aegis-local') as string))?.session.id as string;
    const act = { decisionId: id, digest: fields['digest'] as string, version: 1, verdict: 'approve' } as const;
    for (const change of [{ decisionId: other }, { digest: 'x' }, { version: 2 }, { verdict: 'deny' as never }])
      expect(await identity.sessions.useStepUp(sessionId, { ...act, ...change }, 'k')).to.equal(false);
    expect(await identity.sessions.useStepUp(sessionId, act, '')).to.equal(true);
    for (const form of ['', 'k', undefined]) expect(await identity.sessions.useStepUp(sessionId, act, form)).to.equal(false);
    expect(await identity.sessions.useStepUp('x', act)).to.equal(false);
    expect(await identity.sessions.stepUpEnd('x', act)).to.equal(undefined);
  });

  it('is used up by one of 16 forms at a time; the same form sent twice is one verdict', async () => {
    const ann = await come('ann');
    const id = await ask('two');
    await again(ann, id, 'ann');
    await ann.open(`/a/${id}`);
    const fields = { ...fieldsOf(ann, id), verdict: 'approve', reason: 'ok' };
    const sent = await Promise.all(
      Array.from({ length: 16 }, (_, i) => {
        const one = new PageClient(origin);
        one.cookies.set('aegis-local', ann.cookies.get('aegis-local') as string);
        return one.post(`/v1/approvals/${id}/verdict`, { ...fields, idempotency_key: i < 2 ? 'twice' : `key-${i}` });
      }),
    );
    expect(await verdictsOf(id)).to.have.length(1);
    expect(sent.filter(({ status }) => status === 200).length).to.be.within(1, 2);
    await ann.open(`/a/${id}`);
    expect(ann.page.text).to.include('Not yours to decide');
  });

  it('counts for five minutes, and not on the way of someone who took longer than ten', async () => {
    const ann = await come('ann');
    const id = await ask();
    await again(ann, id, 'ann');
    await ann.open(`/a/${id}`);
    const fields = fieldsOf(ann, id);
    clock.tick(5 * MINUTE);
    expect((await ann.post(`/v1/approvals/${id}/verdict`, { ...fields, verdict: 'approve', reason: 'ok' })).status).to.equal(428);
    await ann.open(`/a/${id}`);
    const start = await served.sent(ann, linkOn(ann.page));
    const back = await served.signIn(start, 'ann');
    clock.tick(10 * MINUTE);
    expect((await ann.open(back)).status).to.equal(403);
    expect(await verdictsOf(id)).to.deep.equal([]);
  });

  it('wants a sign-in that is fresh, of the same person, that comes back once and is about what it began with', async () => {
    const cookies: IssuerCookies = new Map();
    const ann = await come('ann', cookies);
    const [id, other] = [await ask(), await ask()];
    const begun = async (): Promise<string> => served.sent(ann, linkOn(await ann.open(`/a/${id}`)));
    const came = async (path: string): Promise<readonly [number, string | undefined]> => {
      const { status, text } = await ann.open(path, { 'sec-fetch-site': 'cross-site' });
      return [status, /sso_refused|other_person|not_fresh/.exec(text)?.[0]];
    };
    clock.tick(2_000);
    // a browser that leaves max_age out, or asks for less, is let through by the issuer without a question
    const without = new URL(await begun());
    without.searchParams.delete('max_age');
    expect(await came(await served.signIn(without.href, 'ann', cookies))).to.deep.equal([403, 'not_fresh']);
    const older = new URL(await begun());
    older.searchParams.set('max_age', '86400');
    expect(await came(await served.signIn(older.href, 'ann', cookies))).to.deep.equal([403, 'not_fresh']);
    expect(await came(await served.signIn(await begun(), 'zoe'))).to.deep.equal([403, 'other_person']);
    expect((await identity.people.list()).people.filter(({ name }) => name === 'Name of zoe')).to.deep.equal([]);
    const sso = 'aegis-local-sso';
    const changes: readonly object[] = [
      { decisionId: other },
      { digest: '0'.repeat(64) },
      { version: 2 },
      { startS: 0 },
      { personId: 'person-x' },
      { sessionId: 'x' },
    ];
    const kept = (): Record<string, object> =>
      JSON.parse(Buffer.from(ann.cookies.get(sso) as string, 'base64url').toString()) as Record<string, object>;
    const keep = (trip: object): unknown => ann.cookies.set(sso, Buffer.from(JSON.stringify(trip)).toString('base64url'));
    for (const change of changes) {
      const back = await served.signIn(await begun(), 'ann');
      const trip = kept();
      keep({ ...trip, again: { ...trip['again'], ...change } });
      expect(await came(back), JSON.stringify(change)).to.deep.equal([403, 'sso_refused']);
    }
    // neither is the way of a plain sign-in one of these, nor the other way round
    const back = await served.signIn(await begun(), 'ann');
    const trip = kept();
    keep({ ...trip, again: undefined });
    expect(await came(back)).to.deep.equal([403, 'sso_refused']);
    const plain = await served.signIn(await served.sent(ann, '/signin/oidc?next=%2Fme'), 'ann');
    keep({ ...kept(), again: trip['again'] });
    expect(await came(plain)).to.deep.equal([403, 'sso_refused']);
    const good = await served.signIn(await begun(), 'ann');
    const own = ann.cookies.get(sso) as string;
    expect((await came(good))[0]).to.equal(200);
    ann.cookies.set(sso, own);
    expect(await came(good)).to.deep.equal([403, 'sso_refused']);
    counted({ what: 'fresh sign-ins that were old, of others, changed or replayed', cases: 3 + changes.length + 3, wrong: 0 });
    expect([await verdictsOf(id), await verdictsOf(other)]).to.deep.equal([[], []]);
  });

  it('is not got round with a passkey that an old session makes: the cookie alone may be stolen', async () => {
    const ann = await come('fred');
    const id = await ask();
    const device = new SoftAuthenticator(origin);
    const thief = new PageClient(origin, device);
    clock.tick(5 * MINUTE);
    thief.cookies.set('aegis-local', ann.cookies.get('aegis-local') as string);
    await thief.open('/me');
    const page = await thief.submit('/me/passkeys', { name: 'mine' });
    expect([page.status, page.text.includes('Sign out, sign in again')]).to.deep.equal([403, true]);
    expect(thief.forms().some(({ action }) => action === '/me/passkeys/made')).to.equal(false);
    // a page that was opened before is no way either
    const fresh = new PageClient(origin, device);
    fresh.cookies.set('aegis-local', (await come('fred')).cookies.get('aegis-local') as string);
    await fresh.open('/me');
    await fresh.submit('/me/passkeys', { name: 'mine' });
    clock.tick(4.9 * MINUTE);
    const form = fresh.forms().find(({ action }) => action === '/me/passkeys/made');
    expect(form).to.not.equal(undefined);
    clock.tick(0.2 * MINUTE);
    expect((await fresh.submit('/me/passkeys/made')).status).to.equal(403);
    const own = new PageClient(origin, device);
    own.cookies.set('aegis-local', (await come('fred')).cookies.get('aegis-local') as string);
    await own.open('/me');
    await own.submit('/me/passkeys', { name: 'mine' });
    expect((await own.submit('/me/passkeys/made')).status).to.equal(200);
    expect(own.page.text).to.include('mine');
    expect(linkOn(await own.open(`/a/${id}`))).to.equal('');
  });

  it('is not offered for what takes less, for another version than the one shown, nor to who has a passkey or comes without the issuer', async () => {
    const ann = await come('carl');
    const [id, low] = [await ask(), await ask('read', {})];
    expect(linkOn(await ann.open(`/a/${low}`))).to.equal('');
    const link = linkOn(await ann.open(`/a/${id}`));
    for (const path of [
      link.replace(id, low),
      link.replace('version=1', 'version=2'),
      link.replace(/digest=\w/, 'digest=x'),
      link.replace(/&digest=\w+/, ''),
    ])
      expect(await served.sent(ann, path), path).to.match(/^\/a\//);
    expect((await ann.open(link.replace(id, 'x'))).status).to.equal(404);
    expect((await new PageClient(origin).open(link)).path).to.include('/signin');
    const personId = /person-[0-9a-f]{32}/.exec((await ann.open('/me')).text)?.[0] as string;
    await again(ann, id, 'carl');
    const device = new SoftAuthenticator(origin);
    const person = await identity.people.get(personId);
    const sessionId = (await identity.sessions.find(ann.cookies.get('aegis-local') as string))?.session.id as string;
    const made = device.create(await identity.passkeys.addOptions(person as never, sessionId, origin));
    await identity.passkeys.add(person as never, sessionId, { origin, response: made, name: 'key' });
    await ann.open(`/a/${id}`);
    expect(linkOn(ann.page)).to.equal('');
    // what was signed in for before is worth nothing now either
    expect((await approve(ann, id)).status).to.equal(428);
    expect(await served.sent(ann, link)).to.match(/^\/a\//);
    expect(await verdictsOf(id)).to.deep.equal([]);
    const dora = await identity.people.create({ name: 'Dora', roles: ['approver'], groups: ['finance'] }, 'host:ops');
    clock.tick(1_000);
    const client = new PageClient(origin);
    client.cookies.set('aegis-local', (await identity.sessions.create({ personId: dora.id, method: 'passkey' })).text.reveal());
    expect(linkOn(await client.open(`/a/${id}`))).to.equal('');
    expect(client.page.text).to.include('A yes takes a passkey, and you have none');
    expect(await served.sent(client, link)).to.match(/^\/a\//);
  });
});
