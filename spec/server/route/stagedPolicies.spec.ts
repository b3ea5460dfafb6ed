import { expect } from 'chai';
import { stagedPolicyRoutes } from '../../../lib/server/route/stagedPolicies.js';
import { differencesIn } from '../../../lib/decision/wire/policies/stagedAnswer.js';
import type { WireStagedReport } from '../../../lib/decision/wire/policies/stagedAnswer.js';
import { callOf } from '../../support/policyCalls.js';
import { sender, tenantOf } from '../tenantSetup.js';

const ALL = '@id("all") permit (principal, action, resource);';
const DROP = '@id("drop") forbid (principal, action == Aegis::Action::"drop", resource);';
const files = (...texts: string[]): object[] => texts.map((text, i) => ({ file: `${i}.cedar`, text }));
const HOST = { caller: { kind: 'host', id: 'host:ann' } } as const;

describe('The routes of staged policies', () => {
  const closing: (() => void)[] = [];
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  function setup(text: string) {
    const tenant = tenantOf({ policies: { text } });
    closing.push(() => tenant.policies.close());
    const decide = (toolName: string, times = 1): void => {
      const { policies } = tenant;
      for (let i = 0; i < times; i++) {
        const call = callOf({}, { toolName });
        policies.decided(call, policies.engine.evaluate(call), policies.engine);
      }
    };
    return { tenant, decide, ask: sender(tenant, stagedPolicyRoutes()) };
  }

  it('stage policies of several files, and say what they would decide otherwise', async () => {
    const { ask, decide, tenant } = setup(ALL);
    expect((await ask('readStagedPolicies')).json).to.deep.equal({ staged: null, observed: [] });
    const staged = await ask('stagePolicies', { ...HOST, body: { files: files(ALL, DROP), sample: 1 } });
    expect(staged.json).to.deep.equal({ status: 'staged', hash: tenant.policies.staged?.hash });
    decide('drop', 2);
    decide('read');
    const { json } = await ask('readStagedPolicies');
    expect(json['staged']).to.deep.include({
      hash: staged.json['hash'],
      against: tenant.policies.hash,
      compared: 3,
      skipped: 0,
      sample: 1,
      differences: { newly_allowed: 0, asks_fewer: 0, milder: 0, changed: 0, stricter: 2 },
      other_calls: 0,
    });
    const at = '1970-01-01T00:00:00.000Z';
    expect((json['staged'] as { rows: object[] }).rows).to.deep.equal([
      { kind: 'stricter', tool: 'drop', from: 'allow', to: 'deny', before: ['all'], after: ['drop'], calls: 2, first_at: at, last_at: at },
    ]);
  });

  it('tell calls about which fewer policies ask', async () => {
    const asks = (id: string): string =>
      `@id("${id}") @effect("approval_needed") forbid (principal, action == Aegis::Action::"pay", resource);`;
    const { ask, decide } = setup(ALL + asks('a') + asks('b'));
    await ask('stagePolicies', { ...HOST, body: { files: files(ALL, asks('b')) } });
    decide('pay', 3);
    const { staged } = (await ask('readStagedPolicies')).json as unknown as { staged: WireStagedReport };
    expect(staged.differences).to.deep.equal({ newly_allowed: 0, asks_fewer: 3, milder: 0, changed: 0, stricter: 0 });
    expect(staged.rows.map(({ kind, before, after }) => [kind, before, after])).to.deep.equal([
      ['asks_fewer', ['a', 'all', 'b'], ['all', 'b']],
    ]);
    expect(differencesIn(staged)).to.deep.include({ differences: { newlyAllowed: 0, asksFewer: 3, milder: 0, changed: 0, stricter: 0 } });
    expect(differencesIn(staged).rows[0]?.kind).to.equal('asksFewer');
  });

  it('say what is wrong with policies that do not load, and where', async () => {
    const { ask, tenant } = setup(ALL);
    const { status, json } = await ask('stagePolicies', { ...HOST, body: { files: files(ALL, 'permit (principal);') } });
    expect(status).to.equal(200);
    expect(json).to.include({ status: 'failed', hash: null });
    expect((json['problems'] as { where: string }[])[0]?.where).to.match(/^1\.cedar:1:/);
    expect(tenant.policies.staged).to.equal(undefined);
  });

  for (const body of [
    {},
    { files: [] },
    { files: files(ALL), sample: 0 },
    { files: files(ALL), sample: 2 },
    { files: files(ALL), sample: '1' },
    { files: files(ALL), more: 1 },
  ])
    // prettier-ignore
    it(`refuse the body ${JSON.stringify(body)}`, async () => {
      expect((await setup(ALL).ask('stagePolicies', { ...HOST, body })).status).to.equal(400);
    });

  it('promote exactly the policies that are named, by name of who asks, and under conditions', async () => {
    const { ask, decide, tenant } = setup(ALL + DROP);
    const { json } = await ask('stagePolicies', { ...HOST, body: { files: files(ALL) } });
    const hash = json['hash'] as string;
    const promote = (body: object) => ask('promotePolicies', { ...HOST, body: { hash, ...body } });
    expect((await promote({ hash: 'a'.repeat(64) })).json).to.include({ error: 'not_promoted' });
    expect((await promote({})).json['message']).to.contain('0 calls were compared');
    decide('drop', 3);
    const refused = await promote({ min_decisions: 3, max_newly_allowed: 2 });
    expect(refused.status).to.equal(409);
    expect(refused.json['message']).to.contain('3 calls would be newly allowed');
    const held = await promote({ min_decisions: 3, max_newly_allowed: 3 });
    expect(held.json).to.include({ status: 'held', hash });
    expect((held.json['loosened'] as object[])[0]).to.include({ id: 'drop', how: 'removed' });
    expect(tenant.policies.pending?.hash).to.equal(hash);
    expect((await promote({ min_decisions: -1 })).status).to.equal(400);
    expect((await promote({ hash: 'A'.repeat(64) })).status).to.equal(400);
  });

  it('put stricter policies in force at once', async () => {
    const { ask, tenant } = setup(ALL);
    const { json } = await ask('stagePolicies', { ...HOST, body: { files: files(ALL, DROP) } });
    const { hash } = json as unknown as { hash: string };
    expect((await ask('promotePolicies', { ...HOST, body: { hash, min_decisions: 0 } })).json).to.deep.equal({ status: 'applied', hash });
    expect(tenant.policies.hash).to.equal(hash);
  });

  it('drop exactly the policies that are named', async () => {
    const { ask, tenant } = setup(ALL);
    const { json } = await ask('stagePolicies', { ...HOST, body: { files: files(ALL, DROP) } });
    expect((await ask('dropStagedPolicies', { ...HOST, id: 'b'.repeat(64) })).json).to.include({ error: 'resource_not_found' });
    expect((await ask('dropStagedPolicies', { ...HOST, id: json['hash'] as string })).status).to.equal(204);
    expect(tenant.policies.staged).to.equal(undefined);
  });

  it('tell what watched policies would have asked', async () => {
    const until = new Date(Date.now() + 60_000).toISOString();
    const { ask, decide } = setup(
      `${ALL} @id("w") @effect("approval_needed") @observe("true") @observe_until("${until}") forbid (principal, action, resource);`,
    );
    decide('pay', 2);
    const at = '1970-01-01T00:00:00.000Z';
    expect((await ask('readStagedPolicies')).json['observed']).to.deep.equal([
      { policy_id: 'w', tool: 'pay', calls: 2, first_at: at, last_at: at, until },
    ]);
  });

  it('are for the operator of the host, but for the report', () => {
    const scopes = Object.fromEntries(stagedPolicyRoutes().map(({ name, scope }) => [name, scope]));
    expect(scopes).to.deep.equal({ readStagedPolicies: 'policies:read', stagePolicies: 'host', promotePolicies: 'host', dropStagedPolicies: 'host' }); // prettier-ignore
  });
});
