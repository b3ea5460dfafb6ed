import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { policyRoutes } from '../../../lib/server/route/policies.js';
import { sender, tenantOf } from '../tenantSetup.js';

const STRICT =
  '@id("all") permit (principal, action, resource);\n@id("drop") @severity("high") forbid (principal, action == Aegis::Action::"drop", resource);';
const LOOSE = '@id("all") permit (principal, action, resource);';
const STRICTER = `${STRICT}\n@id("more") forbid (principal, action == Aegis::Action::"more", resource);`;

describe('The routes of policies', () => {
  let folder = '';
  const closing: (() => void)[] = [];
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'aegis-policies-'))));
  afterEach(() => {
    for (const close of closing.splice(0)) close();
    rmSync(folder, { recursive: true, force: true });
  });

  function setup(text: string) {
    const write = (next: string): void => writeFileSync(join(folder, 'a.cedar'), next);
    write(text);
    const tenant = tenantOf({ policies: folder, watch: false });
    closing.push(() => tenant.policies.close());
    return { tenant, write, ask: sender(tenant, policyRoutes()) };
  }

  it('say which policies are in force, by hash, id and place, and not their text', async () => {
    const { ask, tenant } = setup(STRICT);
    const { status, json, text } = await ask('readPolicies');
    expect(status).to.equal(200);
    expect(json).to.deep.equal({
      hash: tenant.policies.hash,
      policies: [
        { id: 'all', effect: 'permit', file: 'a.cedar', line: 1, severity: null },
        { id: 'drop', effect: 'deny', file: 'a.cedar', line: 2, severity: 'high' },
      ],
      held: null,
    });
    expect(text).to.not.contain('principal');
  });

  it('read policies again when told to, hold what would let more run, and put it in force when it is confirmed', async () => {
    const { ask, write, tenant } = setup(STRICT);
    const before = tenant.policies.hash;
    expect((await ask('reloadPolicies')).json).to.deep.equal({ status: 'unchanged', hash: before });
    write(LOOSE);
    const held = await ask('reloadPolicies');
    expect(held.json).to.include({ status: 'held' });
    expect((held.json['loosened'] as readonly object[])[0]).to.include({ id: 'drop', how: 'removed', file: 'a.cedar' });
    const read = await ask('readPolicies');
    expect(read.json['hash']).to.equal(before);
    const { hash } = read.json['held'] as { readonly hash: string };
    expect(hash).to.equal(held.json['hash']);
    const wrong = await ask('confirmPolicies', { body: { hash: before } });
    expect(wrong.status).to.equal(409);
    expect(wrong.json).to.include({ error: 'reload_not_held', field: 'hash' });
    const confirmed = await ask('confirmPolicies', { body: { hash } });
    expect(confirmed.json).to.deep.include({ hash, held: null });
    expect(tenant.policies.hash).to.equal(hash);
    expect((await ask('confirmPolicies', { body: { hash } })).status).to.equal(409);
  });

  it('put in force at once what lets nothing more run, and keep the last good ones where the new cannot be read', async () => {
    const { ask, write, tenant } = setup(STRICT);
    write(STRICTER);
    const applied = await ask('reloadPolicies');
    expect(applied.json).to.deep.equal({ status: 'applied', hash: tenant.policies.hash });
    write('permit (');
    const failed = await ask('reloadPolicies');
    expect(failed.json).to.include({ status: 'failed', hash: tenant.policies.hash });
    expect((failed.json['problems'] as readonly { readonly where: string }[])[0]?.where).to.match(/^a\.cedar:1:/);
  });

  it('check policies that are not in force, and change nothing', async () => {
    const { ask, tenant } = setup(STRICT);
    const before = tenant.policies.hash;
    const files = [
      { file: 'good.cedar', text: LOOSE },
      { file: 'bad.cedar', text: '@id("b") forbid (principal, action, resource) when { context.inputs.x };\npermit (' },
    ];
    const { status, json } = await ask('checkPolicies', { body: { files } });
    expect(status).to.equal(200);
    const findings = json['findings'] as readonly Record<string, unknown>[];
    expect(findings.some(({ file, severity }) => file === 'bad.cedar' && severity === 'error')).to.equal(true);
    for (const finding of findings) expect(finding).to.have.all.keys('file', 'line', 'column', 'severity', 'message', 'policy_id');
    const narrow = '@id("n") permit (principal == Aegis::Agent::"bot", action, resource);';
    expect((await ask('checkPolicies', { body: { files: [{ file: 'x.cedar', text: narrow }] } })).json['findings']).to.deep.equal([]);
    const wide = await ask('checkPolicies', { body: { files: [{ file: 'x.cedar', text: LOOSE }] } });
    expect((wide.json['findings'] as readonly object[])[0]).to.include({ policy_id: 'all', severity: 'warning' });
    expect(tenant.policies.hash).to.equal(before);
  });

  it('check for two at a time: a third is told to come later', async () => {
    const { ask } = setup(STRICT);
    const body = { files: [{ file: 'x.cedar', text: LOOSE }] };
    const all = await Promise.all([1, 2, 3].map(async () => ask('checkPolicies', { body })));
    expect(all.map(({ status }) => status).sort((a, b) => a - b)).to.deep.equal([200, 200, 429]);
    expect((await ask('checkPolicies', { body })).status).to.equal(200);
  });

  const wrong: readonly (readonly [name: string, body: unknown])[] = [
    ['checkPolicies', undefined],
    ['checkPolicies', { files: [] }],
    ['checkPolicies', { files: [{ file: '', text: '' }] }],
    ['checkPolicies', { files: [{ file: 'x' }] }],
    ['checkPolicies', { files: Array.from({ length: 1_001 }, () => ({ file: 'x', text: '' })) }],
    ['confirmPolicies', {}],
    ['confirmPolicies', { hash: 'x' }],
    ['confirmPolicies', { hash: 'a'.repeat(64), force: true }],
  ];
  for (const [name, body] of wrong) {
    it(`refuse ${name} with ${JSON.stringify(body)?.slice(0, 40)}`, async () => {
      const { ask } = setup(STRICT);
      const { status, json } = await ask(name, { body });
      expect(status).to.equal(400);
      expect(json).to.include({ error: 'invalid_request' });
    });
  }
});
