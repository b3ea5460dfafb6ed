import { expect } from 'chai';
import { canonicalDigest } from '../../../../lib/common/data/canonical.js';
import type { Decision } from '../../../../lib/model/Decision.js';
import { PLAIN_CLIENT } from '../../../support/plainClient.js';
import { approvalUseRoutes } from '../../../../lib/server/route/approvalUse.js';
import { decisionRoutes } from '../../../../lib/server/route/decisions.js';
import { haltRoutes } from '../../../../lib/server/route/govern/halts.js';
import type { TenantAudit } from '../../../../lib/server/audit/ServerAudit.js';
import type { Caller } from '../../../../lib/server/access/Caller.js';
import { MemoryStateStore } from '../../../../lib/store/memory/MemoryStateStore.js';
import { sender, tenantOf } from '../../tenantSetup.js';
import type { TestRequest } from '../../tenantSetup.js';

const BASE = 'b'.repeat(64);
const NEW = { 'X-AEGIS-CAPABILITIES': PLAIN_CLIENT.join(','), 'X-AEGIS-BINDING': BASE };
const HOST: Partial<Caller> = { kind: 'host', id: 'host:ann' };
const person = (role: 'admin' | 'approver'): Partial<Caller> => ({
  kind: 'person',
  id: 'person-bob',
  signedIn: { personId: 'person-bob', name: 'Bob', roles: new Set([role]), groups: [], method: 'passkey' },
});

describe('The routes of halts', () => {
  const setup = () => {
    const { records, approvals } = new MemoryStateStore().forTenant('default', { forOthers: true });
    const tenant = tenantOf({ tools: { read: { groups: ['safe'] } } }, 'default', { records, approvals });
    return { tenant, ask: sender(tenant, [...haltRoutes(), ...decisionRoutes(), ...approvalUseRoutes()]) };
  };
  const call = (toolName: string, more: Partial<TestRequest> = {}): TestRequest => ({
    ...more,
    body: { agent_id: 'bot', tool: { name: toolName, params: { a: 1 } }, session: null },
  });

  it('order, list and lift', async () => {
    const { ask } = setup();
    const made = await ask('orderHalt', { caller: HOST, body: { scope: { agent: 'bot' }, reason: 'wild', pending: 'cancel' } });
    expect([made.status, made.json]).to.deep.include.members([201]);
    expect(made.json).to.include({ by: 'host:ann', reason: 'wild', pending: 'cancel', until: null, lifted: null });
    expect(made.json['scope']).to.deep.equal({ agent: 'bot' });
    const id = made.json['id'] as string;
    const { warnings, ...halt } = made.json;
    expect(warnings).to.deep.equal([]);
    expect((await ask('listHalts')).json).to.deep.equal({ halts: [halt] });
    const lifted = await ask('liftHalt', { caller: HOST, id, body: { reason: 'fixed' } });
    expect(lifted.json['lifted']).to.deep.include({ by: 'host:ann', reason: 'fixed' });
    expect((await ask('listHalts')).json).to.deep.equal({ halts: [] });
    expect((await ask('listHalts', { query: 'all=true' })).json).to.deep.equal({ halts: [lifted.json] });
    expect((await ask('liftHalt', { caller: HOST, id: 'halt_x', body: { reason: 'fixed' } })).status).to.equal(404);
    for (const body of [
      { scope: {}, reason: 'r' },
      { scope: { all: true, agent: 'a' }, reason: 'r' },
      { scope: { all: true }, reason: '' },
      {},
    ])
      expect((await ask('orderHalt', { caller: HOST, body })).status).to.equal(400);
  });

  it('name no agent to who reads for others alone', async () => {
    const { ask } = setup();
    for (const scope of [{ all: true }, { agent: 'bot' }, { agent: 'ops' }, { agent: 'ops', tool: 'read' }, { tool: 'read' }])
      await ask('orderHalt', { caller: HOST, body: { scope, reason: 'r' } });
    const seen = async (agents: readonly string[] | undefined): Promise<unknown> =>
      ((await ask('listHalts', { caller: { agents } })).json['halts'] as { scope: object }[]).map(({ scope }) => scope);
    expect(await seen(undefined)).to.have.lengthOf(5);
    expect(await seen(['bot'])).to.have.deep.members([{ all: true }, { agent: 'bot' }, { tool: 'read' }]);
    expect(await seen([])).to.have.deep.members([{ all: true }, { tool: 'read' }]);
  });

  it('let an approver pause one agent for an hour at most, and an admin halt anything', async () => {
    const { ask } = setup();
    const order = async (role: 'admin' | 'approver', scope: object, minutes?: number): Promise<number> => {
      const until = minutes === undefined ? {} : { until: new Date(Date.now() + minutes * 60_000).toISOString() };
      return (await ask('orderHalt', { caller: person(role), body: { scope, reason: 'r', ...until } })).status;
    };
    expect(await order('approver', { agent: 'bot' }, 59)).to.equal(201);
    for (const [scope, minutes] of [
      [{ agent: 'bot' }, undefined],
      [{ agent: 'bot' }, 61],
      [{ tool: 'read' }, 5],
      [{ agent: 'bot', tool: 'read' }, 5],
      [{ all: true }, 5],
    ] as const) {
      expect(await order('approver', scope, minutes)).to.equal(403);
      expect(await order('admin', scope, minutes)).to.equal(201);
    }
  });

  it('let no approver end what waits with a pause, and an admin do so', async () => {
    const { ask, tenant } = setup();
    const body = { scope: { agent: 'bot' }, reason: 'r', pending: 'cancel', until: new Date(Date.now() + 60_000).toISOString() };
    const refused = await ask('orderHalt', { caller: person('approver'), body });
    expect([refused.status, refused.json['error']]).to.deep.equal([403, 'role_missing']);
    expect(await tenant.halts.list()).to.deep.equal([]);
    expect((await ask('orderHalt', { caller: person('approver'), body: { ...body, pending: 'freeze' } })).status).to.equal(201);
    expect((await ask('orderHalt', { caller: person('admin'), body })).status).to.equal(201);
  });

  it('are for the operator of the host and for people; no key halts or lifts', () => {
    const scopes = Object.fromEntries(haltRoutes().map(({ name, scope }) => [name, scope]));
    expect(scopes).to.deep.equal({ listHalts: 'approvals:read', orderHalt: 'verdict', liftHalt: 'host' });
  });

  for (const scope of [{ all: true }, { agent: 'bot' }, { tool: 'read' }, { group: 'safe' }])
    it(`deny what is halted, also where the same request was allowed before: ${JSON.stringify(scope)}`, async () => {
      const { ask } = setup();
      const headers = { 'idempotency-key': 'k1' };
      const effect = async (name: string, request: TestRequest): Promise<unknown> => {
        const { json } = await ask(name, request);
        return (json['final_decision'] as Record<string, unknown> | undefined)?.['effect'] ?? json['effect'];
      };
      const before = await ask('decide', call('read', { headers }));
      expect(await effect('decide', call('read', { headers }))).to.equal('allow');
      const { json } = await ask('orderHalt', { caller: HOST, body: { scope, reason: 'wild' } });
      const denied = await ask('decide', call('read', { headers }));
      expect(JSON.stringify(denied.json)).to.include('halted').and.not.include('wild');
      expect(await effect('decide', call('read', { headers }))).to.equal('deny');
      const dry = await ask('dryRun', { body: { calls: [call('read').body] } });
      expect(dry.text).to.include('halted');
      await ask('liftHalt', { caller: HOST, id: json['id'] as string, body: { reason: 'fixed' } });
      const after = await ask('decide', call('read', { headers }));
      expect(JSON.stringify(after.json)).to.include('allow');
      // decided anew
      expect(after.json['decision_id']).to.not.equal(before.json['decision_id']);
    });

  it('deny what is halted while it is decided, because its client looks at no halts: allowed, changed or decided again', async () => {
    const { records, approvals } = new MemoryStateStore().forTenant('default', { forOthers: true });
    let whileDecided: () => Promise<unknown> = async () => undefined;
    const facts = async () => {
      await whileDecided();
      return {};
    };
    const logged: string[] = [];
    const audit = { decided: ({ decision }: { readonly decision: Decision }) => logged.push(decision.effect) } as unknown as TenantAudit;
    const tenant = {
      ...tenantOf({ tools: { read: { groups: ['safe'] }, mail: { groups: ['safe'] } }, facts }, 'default', { records, approvals }),
      audit,
    };
    const ask = sender(tenant, [...haltRoutes(), ...decisionRoutes()]);
    const effectOf = async (request: TestRequest): Promise<unknown> => {
      const { json, text } = await ask('decide', request);
      return json.final_decision?.['effect'] ?? text;
    };
    const mail = { body: { agent_id: 'bot', tool: { name: 'mail', params: { body: 'a@b.example' } }, session: null } };
    for (const scope of [{ all: true }, { agentId: 'bot' }, { group: 'safe' }] as const)
      for (const [request, effect] of [
        [call('read'), 'allow'],
        [mail, 'sanitize'],
      ] as const)
        for (const headers of [NEW, { ...NEW, 'idempotency-key': `k${JSON.stringify(scope)}${effect}` }]) {
          let id = '';
          whileDecided = async () => ({ id } = await tenant.halts.halt(scope, { by: 'ann', reason: 'wild' }));
          expect(await effectOf({ ...request, headers })).to.equal('deny');
          whileDecided = async () => undefined;
          await tenant.halts.lift(id, { by: 'ann', reason: 'fixed' });
          expect(await effectOf({ ...request, headers })).to.equal(effect);
        }
    expect(tenant.haltRefusals.count).to.equal(12);
    // the log has what was answered
    expect(logged.filter((effect) => effect === 'deny').length).to.equal(12);
    expect(logged.length).to.equal(24);

    // of another agent
    whileDecided = async () => tenant.halts.halt({ agentId: 'another' }, { by: 'ann', reason: 'wild' });
    expect(await effectOf({ ...call('read'), headers: NEW })).to.equal('allow');

    whileDecided = async () => undefined;
    const asked = await ask('decide', { ...call('refund'), headers: NEW });
    const id = asked.json['decision_id'] as string;
    await tenant.desk.approve(id, { by: 'kim', digest: canonicalDigest({ a: 1 }) });
    whileDecided = async () => tenant.halts.halt({ toolName: 'refund' }, { by: 'ann', reason: 'wild' });
    const again = await ask('reevaluate', { ...call('refund'), headers: NEW, id });
    expect([again.status, again.json['error']]).to.deep.equal([409, 'halted']);
  });

  it('refuse to decide again, to use up and to begin what is halted, until it is lifted', async () => {
    const { ask, tenant } = setup();
    const digest = canonicalDigest({ a: 1 });
    const headers = NEW;
    const asked = await ask('decide', call('refund', { headers }));
    const id = asked.json['decision_id'] as string;
    await tenant.desk.approve(id, { by: 'kim', digest });
    const use = { caller: {}, id, body: { digest, bindingBase: BASE, token: 't' } };
    const begin = { id, body: { token: 't', claimToken: 'c' } };
    const halt = async (): Promise<string> =>
      (await ask('orderHalt', { caller: HOST, body: { scope: { tool: 'refund' }, reason: 'wild' } })).json['id'] as string;
    const lift = (halted: string) => ask('liftHalt', { caller: HOST, id: halted, body: { reason: 'fixed' } });
    const first = await halt();
    const again = await ask('reevaluate', { ...call('refund', { headers }), id });
    expect([again.status, again.json['error']]).to.deep.equal([409, 'halted']);
    const refused = await ask('consume', use);
    expect([refused.status, refused.json['error']]).to.deep.equal([409, 'halted']);
    await lift(first);
    expect((await ask('consume', use)).json).to.deep.equal({ consumed: true });
    const second = await halt();
    expect((await ask('begin', begin)).json['error']).to.equal('halted');
    await lift(second);
    expect((await ask('begin', begin)).json).to.deep.equal({ begun: true });
  });

  it('let a client that asks again, because an answer was lost, go on no more than one that asks for the first time', async () => {
    const { ask, tenant } = setup();
    const digest = canonicalDigest({ a: 1 });
    const open = async (headers: Readonly<Record<string, string>>): Promise<string> => {
      const id = (await ask('decide', call('refund', { headers }))).json['decision_id'] as string;
      await tenant.desk.approve(id, { by: 'kim', digest });
      return id;
    };
    const id = await open(NEW);
    const told = await open({});
    const steps = {
      consume: { id, body: { digest, bindingBase: BASE, token: 't' } },
      begin: { id, body: { token: 't', claimToken: 'c' } },
      status: { id: told },
    };
    const answers = async (): Promise<unknown> => {
      const seen: unknown[] = [];
      for (const [name, request] of Object.entries(steps)) {
        const { json } = await ask(name, request);
        seen.push(json['error'] ?? json['consumed'] ?? json['begun'], json['effect']);
      }
      return seen.filter((value) => value !== undefined);
    };
    const GONE_ON = [true, true, true, 'allow'];
    expect(await answers()).to.deep.equal(GONE_ON);
    for (const scope of [{ all: true }, { agentId: 'bot' }, { toolName: 'refund' }] as const) {
      const halt = await tenant.halts.halt(scope, { by: 'ann', reason: 'wild' });
      expect(await answers(), JSON.stringify(scope)).to.deep.equal(['halted', 'halted', false, 'approval_needed']);
      await tenant.halts.lift(halt.id, { by: 'ann', reason: 'fixed' });
      expect(await answers(), JSON.stringify(scope)).to.deep.equal(GONE_ON);
    }
    await tenant.halts.halt({ agentId: 'another' }, { by: 'ann', reason: 'wild' });
    expect(await answers()).to.deep.equal(GONE_ON);
    // another claim begins no more, halted or not
    expect((await ask('begin', { id, body: { token: 't', claimToken: 'other' } })).json['begun']).to.equal(false);
  });

  it('refuse a use that a halt of another server came before', async () => {
    const { ask, tenant } = setup();
    const digest = canonicalDigest({ a: 1 });
    const headers = NEW;
    const asked = await ask('decide', call('refund', { headers }));
    const id = asked.json['decision_id'] as string;
    await tenant.desk.approve(id, { by: 'kim', digest });
    await tenant.halts.refresh();
    // this server does not know of it yet
    const other = tenantOf({}, 'default', { records: tenant.records, approvals: tenant.approvals });
    await other.halts.halt({ agentId: 'bot' }, { by: 'ann', reason: 'wild' });
    expect(tenant.halts.look({ agentId: 'bot', toolName: 'refund' })).to.equal(undefined);
    const use = { id, body: { digest, bindingBase: BASE, token: 't' } };
    expect((await ask('consume', use)).json['error']).to.equal('halted');
    const [halt] = await other.halts.list();
    await other.halts.lift(String(halt?.id), { by: 'ann', reason: 'fixed' });
    // of another agent: what comes before it is only tried again
    await tenant.halts.refresh();
    await other.halts.halt({ agentId: 'someone' }, { by: 'ann', reason: 'wild' });
    expect((await ask('consume', use)).json).to.deep.equal({ consumed: true });
  });
});
