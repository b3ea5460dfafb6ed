import { expect } from 'chai';
import { decisionRoutes } from '../../../../lib/server/route/decisions.js';
import { limitRoutes } from '../../../../lib/server/route/govern/limits.js';
import { MemoryStateStore } from '../../../../lib/store/memory/MemoryStateStore.js';
import { callerOf, sender, tenantOf } from '../../tenantSetup.js';

const POLICIES = `
@id("all") permit (principal, action, resource);
@id("budget") @effect("limit") @limit("1000/1d by agent") @cost("/cents") @warn_at("50") @reason("The budget of the day is used up.")
forbid (principal, action == Aegis::Action::"refund", resource);
@id("mails") @effect("limit") @limit("2/1h sliding by agent,session/user_id") @over("approval_needed")
forbid (principal, action == Aegis::Action::"mail", resource);
@id("total") @effect("limit") @limit("2.5/30m by tenant,tool")
forbid (principal, action == Aegis::Action::"read", resource);
@id("unused") @effect("limit") @limit("0/1d") @observe("true") @observe_until("${new Date(Date.now() + 86_400_000).toISOString()}")
forbid (principal, action == Aegis::Action::"never", resource);
`;

describe('The routes of limits', () => {
  const setup = () => {
    const { records, approvals } = new MemoryStateStore().forTenant('default', { forOthers: true });
    const tenant = tenantOf({ policies: { text: POLICIES } }, 'default', { records, approvals });
    const ask = sender(tenant, [...limitRoutes(), ...decisionRoutes()]);
    const call = async (agent: string, tool: string, params: object = {}, user?: string): Promise<unknown> => {
      const session = user === undefined ? null : { user_id: user };
      const body = { agent_id: agent, tool: { name: tool, params }, session };
      return (await ask('decide', { caller: { sessionTrusted: true }, body })).json.final_decision['effect'];
    };
    const counters = async (query = '', agents?: readonly string[]): Promise<readonly any[]> =>
      (await ask('listLimits', { caller: { agents, scopes: new Set(['approvals:read']) }, query })).json['counters'] as never;
    return { tenant, ask, call, counters };
  };

  it('list what was counted, the fullest first, and read one limit', async () => {
    const { ask, call, counters } = setup();
    expect(await counters()).to.deep.equal([]);
    expect(await call('ops', 'refund', { cents: 500 })).to.equal('allow');
    expect(await call('bot', 'refund', { cents: 1000 })).to.equal('allow');
    expect(await call('bot', 'refund', { cents: 1 })).to.equal('deny');
    expect(await call('bot', 'mail', {}, 'ann')).to.equal('allow');
    for (const agent of ['bot', 'ops']) expect(await call(agent, 'read')).to.equal('allow');
    const all = await counters();
    const shown = all.map(({ policy_id: id, used, limit, level, by, kind, window_s: s }) => [id, used, limit, level, by, kind, s]);
    expect(shown.slice(0, 2)).to.deep.equal([
      ['budget', 1000, 1000, 'full', { agent: 'bot' }, 'fixed', 86_400],
      ['total', 2, 2.5, 'near', { tenant: 'default', tool: 'read' }, 'fixed', 1_800],
    ]);
    // both half full
    expect(shown.slice(2)).to.have.deep.members([
      ['budget', 500, 1000, 'near', { agent: 'ops' }, 'fixed', 86_400],
      ['mails', 1, 2, 'free', { agent: 'bot', 'session/user_id': 'ann' }, 'sliding', 3_600],
    ]);
    for (const { id, ends_at: ends } of all) {
      expect(id).to.match(/^[0-9a-f]{64}$/);
      expect(Date.parse(ends)).to.be.greaterThan(Date.now());
    }
    const { json } = await ask('readLimit', { id: 'budget' });
    expect(json['counters']).to.deep.equal(all.filter(({ policy_id: id }) => id === 'budget'));
    expect(json['in_force']).to.deep.equal({
      policy_id: 'budget',
      limit: 1000,
      window_s: 86_400,
      kind: 'fixed',
      by: ['agent'],
      cost: '/cents',
      over: 'deny',
      warn_at: 50,
      observed: false,
    });
    const unused = await ask('readLimit', { id: 'unused' });
    expect(unused.json['counters']).to.deep.equal([]);
    expect(unused.json['in_force']).to.include({ limit: 0, observed: true, cost: null, warn_at: null });
  });

  it('list what is asked for', async () => {
    const { ask, call, counters } = setup();
    await call('ops', 'refund', { cents: 499 });
    await call('bot', 'refund', { cents: 500 });
    await call('bot', 'read');
    const ids = async (query: string): Promise<readonly string[]> =>
      (await counters(query)).map(({ policy_id: id, by }) => `${id} ${by.agent ?? '*'}`);
    expect(await ids('policy=budget')).to.deep.equal(['budget bot', 'budget ops']);
    expect(await ids('agent=bot')).to.deep.equal(['budget bot']);
    expect(await ids('near=true')).to.deep.equal(['budget bot']);
    expect(await ids('near=false&policy=total')).to.deep.equal(['total *']);
    expect(await ids('policy=none')).to.deep.equal([]);
    for (const near of ['1', 'TRUE', '']) expect((await ask('listLimits', { query: `near=${near}` })).status, near).to.equal(400);
  });

  it('tell a key of some agents nothing of others, and nothing of users', async () => {
    const { ask, call, counters } = setup();
    await call('bot', 'refund', { cents: 500 });
    await call('ops', 'refund', { cents: 600 });
    await call('bot', 'mail', {}, 'ann');
    await call('bot', 'read');
    expect((await counters('', ['bot'])).map(({ by, used }) => [by, used])).to.deep.equal([[{ agent: 'bot' }, 500]]);
    expect(await counters('', ['nobody'])).to.deep.equal([]);
    expect(await counters('agent=ops', ['bot'])).to.deep.equal([]);
    const read = async (id: string, agents?: readonly string[]): Promise<unknown> => {
      const { status, text } = await ask('readLimit', { id, caller: callerOf({ agents }) });
      return status === 200 ? status : `${status} ${text.replace(/"request_id":"[^"]*",?/, '')}`;
    };
    expect(await read('budget', ['ops'])).to.equal(200);
    expect(await read('total')).to.equal(200);
    const unknown = await read('there-is-none', ['bot']);
    expect(unknown).to.contain('404').and.to.contain('There is no limit with this id.');
    expect(await read('there-is-none')).to.equal(unknown);
    for (const id of ['mails', 'total', 'unused']) expect(await read(id, ['bot']), id).to.equal(unknown);
    expect(await read('budget', ['nobody'])).to.equal(unknown);
  });

  it('are not for keys that only decide', () => {
    for (const { scope, name } of limitRoutes()) expect(scope, name).to.equal('approvals:read');
  });

  it('show what a policy that is gone has counted', async () => {
    const { tenant, ask, call } = setup();
    await call('bot', 'refund', { cents: 500 });
    const other = sender(tenantOf({}, 'default', { records: tenant.records, approvals: tenant.approvals }), limitRoutes());
    const { json } = await other('readLimit', { id: 'budget' });
    expect(json['in_force']).to.equal(null);
    expect(json['counters']).to.have.length(1);
    expect((await ask('readLimit', { id: 'budget' })).json['counters']).to.deep.equal(json['counters']);
  });
});
