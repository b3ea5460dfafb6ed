import { expect } from 'chai';
import type { AuditRecord } from '../../../lib/audit/record/AuditRecord.js';
import { SteadyClock } from '../../../lib/common/time/SteadyClock.js';
import { SecretString } from '../../../lib/common/SecretString.js';
import type { Role } from '../../../lib/server/people/Person.js';
import { Identity } from '../../../lib/server/people/Identity.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { signedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import { AUDITED_POLICIES, AUDITED_STATE_KEY, FailingSink, auditedPlane, auditRecords } from '../../support/auditedPlane.js';
import type { AuditedPlane } from '../../support/auditedPlane.js';
import { PageClient } from '../../support/PageClient.js';
import { SoftAuthenticator } from '../../support/SoftAuthenticator.js';

const NEXT = `${AUDITED_POLICIES} @id("no-exports") forbid (principal, action == Aegis::Action::"export", resource);`;
const LOOSER = '@id("all") permit (principal, action, resource);';
const PROMOTE = '/policies/promote';
const DROP = '/policies/drop';
const OTHER = 'a'.repeat(64);

interface World extends AsyncDisposable {
  readonly plane: AuditedPlane;
  readonly sink: FailingSink;
  readonly admin: PageClient;
  readonly device: SoftAuthenticator;
  readonly identity: Identity;
  readonly store: MemoryStateStore;
  /** Stages these policies, and resolves to their hash. */
  stage(text: string): Promise<string>;
  /** What is in force, and what is staged. */
  now(): Promise<{ readonly hash: string; readonly staged: string | null }>;
  /** Signs in without a passkey, as someone who came by an issuer. */
  withoutPasskey(roles: readonly Role[], agoMs?: number): Promise<PageClient>;
  records(kind: AuditRecord['kind']): Promise<readonly AuditRecord[]>;
}

async function world({ setUp = true, logged = true } = {}): Promise<World> {
  const store = new MemoryStateStore();
  const sink = new FailingSink();
  const plane = await auditedPlane({ store, sink, ...(logged ? {} : { audit: undefined }) });
  const origin = plane.url.replace('127.0.0.1', 'localhost');
  const device = new SoftAuthenticator(origin);
  const admin = new PageClient(origin, device);
  const secret = (await plane.plane.createSetupLink())?.url.hash.slice(1) as string;
  if (setUp) {
    await admin.open('/bootstrap');
    await admin.submit('/bootstrap', { secret, name: 'Root' });
    await admin.submit('/bootstrap');
  }
  const stateKey = new SecretString(AUDITED_STATE_KEY);
  const { records } = signedTenantStore(store.forTenant('default', { forOthers: true }), { stateKey, tenantId: 'default' });
  const identityAt = (agoMs: number): Identity =>
    new Identity({ tenantId: 'default', records, stateKey, clock: Object.assign(new SteadyClock(), { now: () => Date.now() - agoMs }) });
  return {
    plane,
    sink,
    admin,
    device,
    store,
    identity: identityAt(0),
    async stage(text) {
      const answer = await plane.host.ask('POST', '/v1/policies/staged', { files: [{ file: 'next.cedar', text }] });
      return (answer as { hash: string }).hash;
    },
    async now() {
      const { hash } = (await plane.host.ask('GET', '/v1/policies')) as { hash: string };
      const { staged } = (await plane.host.ask('GET', '/v1/policies/staged')) as { staged: { hash: string } | null };
      return { hash, staged: staged?.hash ?? null };
    },
    async withoutPasskey(roles, agoMs = 0) {
      const identity = identityAt(agoMs);
      const { id } = await identity.people.create({ name: `Someone ${roles.join()}`, roles }, 'spec');
      const { text } = await identity.sessions.create({ personId: id, method: 'oidc' });
      const client = new PageClient(origin);
      client.cookies.set('aegis-local', text.reveal());
      return client;
    },
    async records(kind) {
      await plane.log.flush();
      return (await auditRecords(sink.source)).filter((record) => record.kind === kind);
    },
    [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose](),
  };
}

const hashIn = (client: PageClient): string => client.forms().find(({ action }) => action === PROMOTE)?.fields['hash'] ?? '';
const NO_CONDITIONS = { minDecisions: '0' };

describe('The page of policies', () => {
  it('shows admins and auditors what is in force, what is staged, and how that differs, newly allowed calls first', async () => {
    await using its = await world();
    const { admin, plane } = its;
    const auditor = await its.withoutPasskey(['auditor']);
    await auditor.open('/policies');
    const { hash: before } = await its.now();
    expect(auditor.page.text).to.include(before).and.include('No policies are staged').and.include('text that the program gives');
    const staged = await its.stage(NEXT.replace('"drop", resource);', '"drop", resource) when { context.input has really };'));
    for (const tool of ['export', 'export', 'drop']) await plane.decide(tool);
    for (const client of [auditor, admin]) {
      await client.open('/policies');
      expect(client.page.status).to.equal(200);
      expect(client.page.text).to.include(staged).and.include('1 newly allowed, 0 asks fewer, 0 milder, 0 changed, 2 stricter');
      expect(client.page.text).to.include('aria-current="page">Policies</a>');
      const rows = [...client.page.text.matchAll(/<tr><th scope="row">.*?<\/tr>/gs)].map(([row]) =>
        row
          .replaceAll(/<[^>]*>/g, ' ')
          .replaceAll(/\s+/g, ' ')
          .trim(),
      );
      expect(rows).to.have.length(2);
      expect(rows[0]).to.match(/^newly allowed 1 drop deny → allow drop → all /);
      expect(rows[1]).to.match(/^stricter 2 export allow → deny all → no-exports /);
    }
    // the forms are for admins
    const formsOf = (client: PageClient): readonly string[] =>
      client.forms().flatMap(({ action }) => (action.startsWith('/pol') ? [action] : []));
    expect([formsOf(auditor), formsOf(admin)]).to.deep.equal([[], [PROMOTE, DROP]]);
    for (const roles of [['viewer'], ['approver'], []] as const) {
      const client = await its.withoutPasskey(roles);
      expect((await client.open('/policies')).status, roles.join()).to.equal(403);
      await client.open('/me');
      expect(client.page.text).to.not.include('>Policies</a>');
    }
    for (const path of [PROMOTE, DROP]) {
      await auditor.open('/policies');
      const csrf = auditor.forms()[0]?.fields['csrf'] ?? '';
      expect((await auditor.post(path, { csrf, hash: staged, ...NO_CONDITIONS })).status).to.equal(403);
    }
    expect(await its.now()).to.deep.equal({ hash: before, staged });
  });

  it('shows what watched policies would have asked, and until when they ask no one', async () => {
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const watched = (id: string, tool: string): string =>
      `@id("${id}") @effect("approval_needed") @observe("true") @observe_until("${until}") forbid (principal, action == Aegis::Action::"${tool}", resource);`;
    await using its = await world();
    const hash = await its.stage(`${AUDITED_POLICIES}${watched('big', 'pay')}${watched('never', 'nothing')}`);
    await its.admin.open('/policies');
    await its.admin.submit(PROMOTE, NO_CONDITIONS);
    await its.admin.submit(PROMOTE);
    expect((await its.now()).hash).to.equal(hash);
    for (let i = 0; i < 3; i++) await its.plane.decide('pay');
    const { text } = await its.admin.open('/policies');
    const table = /aria-label="Watched policies">(.*?)<\/table>/s
      .exec(text)?.[1]
      ?.replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ');
    expect(table).to.include('big pay 3 just now asks from').and.include('never none yet 0 asks from');
    expect(text).to.include(`datetime="${until}"`);
  });

  it('promotes by a signature of the passkey, in the name of the admin; the log has who asked for it before it is in force', async () => {
    await using its = await world();
    const { admin } = its;
    const hash = await its.stage(NEXT);
    const { hash: before } = await its.now();
    for (let i = 0; i < 3; i++) await its.plane.decide('read');
    await admin.open('/policies');
    await admin.submit(PROMOTE, { minDecisions: '3', maxNewlyAllowed: '0' });
    expect(admin.page.text).to.include('Confirm with your passkey').and.include('at least 3 calls were compared, and at most 0 calls');
    expect(await its.now()).to.deep.equal({ hash: before, staged: hash });
    await admin.submit(PROMOTE);
    expect([admin.page.path, admin.page.status]).to.deep.equal(['/policies', 200]);
    expect(await its.now()).to.deep.equal({ hash, staged: null });
    const [person] = (await its.identity.people.list()).people;
    expect(admin.page.text).to.match(/staged policies that .* promoted; a restart reads text that the program gives/);
    expect(admin.page.text).to.include(person?.id ?? '?');
    const [asked] = (await its.records('authority')).filter((record) => 'act' in record && record.act.startsWith('policies.'));
    expect(asked).to.include({ act: 'policies.promote', by: person?.id, subject: hash });
    const inForce = (await its.records('policies')).at(-1);
    expect(inForce).to.include({ hash, previousHash: before, by: person?.id });
    expect(asked?.seq).to.be.lessThan(inForce?.seq ?? 0);
    expect((await its.plane.decide('export')).json['final_decision']).to.include({ effect: 'deny' });
  });

  it('does what was signed, and nothing else: not other policies, conditions or an act, not twice, not for someone else', async () => {
    await using its = await world();
    const { admin } = its;
    const hash = await its.stage(NEXT);
    const before = await its.now();
    const signed = async (action: string, fields: Readonly<Record<string, string>>): Promise<Record<string, string>> => {
      await admin.open('/policies');
      await admin.submit(action, fields);
      const form = admin.forms().find((one) => one.action === action);
      return { ...form?.fields, passkey: JSON.stringify(its.device.get(form?.passkey?.options ?? {})) };
    };
    let tried = 0;
    const refused = async (path: string, fields: Readonly<Record<string, string>>, status: number): Promise<void> => {
      tried += 1;
      expect((await admin.post(path, fields)).status, `${path} ${JSON.stringify(fields)}`).to.equal(status);
      expect(await its.now()).to.deep.equal(before);
    };
    await refused(PROMOTE, { ...(await signed(PROMOTE, NO_CONDITIONS)), maxNewlyAllowed: '5' }, 403);
    await refused(PROMOTE, { ...(await signed(PROMOTE, { minDecisions: '0', maxNewlyAllowed: '1' })), minDecisions: '00' }, 403);
    await refused(DROP, { ...(await signed(PROMOTE, NO_CONDITIONS)) }, 400);
    await refused(PROMOTE, { ...(await signed(DROP, {})), ...NO_CONDITIONS, maxNewlyAllowed: '0' }, 403);
    await refused(PROMOTE, { ...(await signed(PROMOTE, NO_CONDITIONS)), hash: OTHER }, 409);
    await refused(PROMOTE, { ...(await signed(PROMOTE, NO_CONDITIONS)), passkey: '{}' }, 403);
    await refused(PROMOTE, { ...(await signed(PROMOTE, NO_CONDITIONS)), csrf: 'x' }, 403);
    const old = await signed(PROMOTE, NO_CONDITIONS);
    // those that were looked at gave way to others
    const newer = await its.stage(`${NEXT} @id("more") forbid (principal, action == Aegis::Action::"more", resource);`);
    expect((await admin.post(PROMOTE, old)).status).to.equal(409);
    expect(admin.page.text).to.include('Other policies are staged now');
    expect(hashIn(admin)).to.equal(newer);
    expect(await its.now()).to.deep.equal({ hash: before.hash, staged: newer });
    expect(tried).to.equal(7);
    expect(hash).to.equal(before.staged);
  });

  it('promotes once, however often the form is sent, one after the other and all at the same time', async () => {
    await using its = await world();
    const { admin } = its;
    const hash = await its.stage(NEXT);
    await admin.open('/policies');
    await admin.submit(PROMOTE, NO_CONDITIONS);
    const form = admin.forms().find(({ action }) => action === PROMOTE);
    const fields = { ...form?.fields, passkey: JSON.stringify(its.device.get(form?.passkey?.options ?? {})) };
    const statuses = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const client = new PageClient(admin.origin);
        for (const [name, value] of admin.cookies) client.cookies.set(name, value);
        return (await client.post(PROMOTE, fields)).status;
      }),
    );
    expect(statuses).to.include(200);
    for (const status of statuses) expect(status).to.be.oneOf([200, 403]);
    expect((await admin.post(PROMOTE, fields)).status).to.equal(200);
    expect(await its.now()).to.deep.equal({ hash, staged: null });
    expect((await its.records('policies')).filter((record) => 'by' in record)).to.have.length(1);
    expect((await its.records('authority')).filter((record) => 'act' in record && record.act === 'policies.promote')).to.have.length(1);
  });

  it('says before anyone signs where the conditions are not met, or are none', async () => {
    await using its = await world();
    const { admin } = its;
    await its.stage(LOOSER);
    const before = await its.now();
    await its.plane.decide('drop');
    const cases: readonly (readonly [Readonly<Record<string, string>>, number, RegExp])[] = [
      [{}, 409, /1 calls were compared, and 1000 are demanded/],
      [{ minDecisions: '1' }, 409, /1 calls would be newly allowed, and 0 may be/],
      ...['-1', '1.5', 'x', '', ' ', '1e3', '0x10', '9'.repeat(16), '１'].flatMap(
        (text) =>
          [
            [{ minDecisions: text }, 422, /Give a whole number from 0/],
            [{ maxNewlyAllowed: text }, 422, /Give a whole number from 0/],
          ] as const,
      ),
      [{ minDecisions: '9'.repeat(17) }, 413, /./],
    ];
    for (const [fields, status, said] of cases) {
      await admin.open('/policies');
      const page = await admin.submit(PROMOTE, fields);
      expect([page.status, said.test(page.text)], JSON.stringify(fields)).to.deep.equal([status, true]);
      expect(page.text).to.not.include('data-passkey=');
      if (status === 422) expect(page.text).to.include('aria-invalid="true"');
    }
    expect(await its.now()).to.deep.equal(before);
    expect((await its.records('authority')).filter((record) => 'act' in record && record.act.startsWith('policies.'))).to.deep.equal([]);
  });

  it('holds what would let more run, and says so; the same form again changes nothing', async () => {
    await using its = await world();
    const { admin } = its;
    const hash = await its.stage(LOOSER);
    const before = await its.now();
    await admin.open('/policies');
    await admin.submit(PROMOTE, NO_CONDITIONS);
    await admin.submit(PROMOTE);
    expect([admin.page.path, admin.page.status]).to.deep.equal(['/policies', 200]);
    expect(admin.page.text).to.include('Held:').and.include('would let more run').and.include('<code><bdi class="t">drop</bdi></code>');
    expect((await its.now()).hash).to.equal(before.hash);
    await admin.submit(PROMOTE, NO_CONDITIONS);
    expect([admin.page.path, admin.page.status]).to.deep.equal(['/policies', 200]);
    expect((await its.records('authority')).filter((record) => 'act' in record && record.act === 'policies.promote')).to.have.length(1);
    await its.plane.host.ask('POST', '/v1/policies/confirm', { hash });
    expect((await its.now()).hash).to.equal(hash);
  });

  it('drops by a signature, once, and only what was shown', async () => {
    await using its = await world();
    const { admin } = its;
    const hash = await its.stage(NEXT);
    const before = await its.now();
    await admin.open('/policies');
    const csrf = admin.forms()[0]?.fields['csrf'] ?? '';
    expect((await admin.post(DROP, { csrf, hash: OTHER })).status).to.equal(409);
    await admin.submit(DROP);
    expect(await its.now()).to.deep.equal(before);
    expect(admin.page.text)
      .to.include(`Drop ${hash.slice(0, 12)}`)
      .and.include('href="/policies">Cancel');
    const form = admin.forms().find(({ action }) => action === DROP);
    const fields = { ...form?.fields, passkey: JSON.stringify(its.device.get(form?.passkey?.options ?? {})) };
    for (let i = 0; i < 2; i++) expect((await admin.post(DROP, fields)).status).to.equal(200);
    expect(await its.now()).to.deep.equal({ hash: before.hash, staged: null });
    expect(admin.page.text).to.match(/<\/b> dropped/);
    const acts = (await its.records('authority')).flatMap((record) =>
      'act' in record && record.act.startsWith('policies.') ? [record.act] : [],
    );
    expect(acts).to.deep.equal(['policies.drop']);
  });

  it('takes a fresh sign-in from an admin without a passkey, and nothing more in development mode', async () => {
    {
      await using its = await world();
      const hash = await its.stage(NEXT);
      const stale = await its.withoutPasskey(['admin'], 6 * 60_000);
      await stale.open('/policies');
      for (const [action, fields] of [
        [PROMOTE, NO_CONDITIONS],
        [DROP, {}],
      ] as const) {
        await stale.open('/policies');
        expect((await stale.submit(action, fields)).status).to.equal(403);
        expect(stale.page.text).to.include('This takes your passkey');
      }
      expect((await its.now()).staged).to.equal(hash);
      const fresh = await its.withoutPasskey(['admin']);
      await fresh.open('/policies');
      expect((await fresh.submit(PROMOTE, NO_CONDITIONS)).status).to.equal(200);
      expect((await its.now()).hash).to.equal(hash);
    }
    await using its = await world({ setUp: false });
    const hash = await its.stage(NEXT);
    const client = new PageClient(its.admin.origin);
    const secret = (await its.plane.plane.createSetupLink())?.url.hash.slice(1) as string;
    await client.open('/bootstrap');
    await client.submit('/bootstrap', { secret, how: 'enter' });
    await client.open('/policies');
    expect(client.page.text).to.include('Development mode');
    expect((await client.submit(PROMOTE, NO_CONDITIONS)).status).to.equal(200);
    expect((await its.now()).hash).to.equal(hash);
    expect((await its.records('policies')).at(-1)).to.include({ by: 'local-admin' });
  });

  it('puts nothing in force, and drops nothing, that cannot be recorded', async () => {
    await using its = await world();
    const { admin, sink } = its;
    await its.stage(NEXT);
    const before = await its.now();
    for (const action of [PROMOTE, DROP]) {
      await admin.open('/policies');
      await admin.submit(action, action === PROMOTE ? NO_CONDITIONS : {});
      sink.onAppend = () => {
        throw new Error('EIO');
      };
      expect((await admin.submit(action)).status).to.equal(503);
      sink.onAppend = () => {};
      for (let left = 300; left > 0 && (await its.plane.decide('read')).status !== 200; left--)
        await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await its.now()).to.deep.equal(before);
    }
  });
});
