import { expect } from 'chai';
import { PLAIN_CLIENT } from '../../support/plainClient.js';
import { approvalUseRoutes } from '../../../lib/server/route/approvalUse.js';
import { decisionRoutes } from '../../../lib/server/route/decisions.js';
import type { Html } from '../../../lib/server/page/html.js';
import { limitsCard } from '../../../lib/server/page/approval/limitsCard.js';
import { Paths } from '../../../lib/server/page/Paths.js';
import type { ApprovalLimit, LimitNews } from '../../../lib/server/tenant/TenantLimits.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { diagnosed } from '../../support/diagnosed.js';
import { elements } from '../../support/pageElements.js';
import { sender, tenantOf } from '../tenantSetup.js';
import type { TestTenant } from '../tenantSetup.js';

const ASK =
  '@id("ask") @effect("approval_needed") forbid (principal, action == Aegis::Action::"pay", resource) when { context.input has big };';
const CAP =
  '@id("cap") @effect("limit") @limit("10/1d by agent") @cost("/n") @warn_at("50") forbid (principal, action == Aegis::Action::"pay", resource);';
const BASE = 'b'.repeat(64);
const NEW = { 'X-AEGIS-CAPABILITIES': PLAIN_CLIENT.join(','), 'X-AEGIS-BINDING': BASE };
const textOf = (...policies: string[]): string => ['@id("all") permit (principal, action, resource);', ...policies].join('\n');

describe('The limits of a tenant', () => {
  const rows = new MemoryStateStore().forTenant('default', { forOthers: true });
  const tenantWith = (text: string): TestTenant =>
    tenantOf({ policies: { text } }, 'default', { records: rows.records, approvals: rows.approvals });
  const asker = (tenant: TestTenant) => {
    const ask = sender(tenant, [...decisionRoutes(), ...approvalUseRoutes()]);
    const decide = async (params: object, agent = 'bot'): Promise<Record<string, any>> =>
      (await ask('decide', { headers: NEW, body: { agent_id: agent, tool: { name: 'pay', params }, session: null } })).json;
    return { ask, decide };
  };
  const recordOf = async (tenant: TestTenant, id: string): Promise<ApprovalRecord> => (await tenant.desk.get(id)) as ApprovalRecord;

  it('say of an approval what its call counts, until it was used or is over', async () => {
    const tenant = tenantWith(textOf(ASK, CAP));
    const { ask, decide } = asker(tenant);
    await decide({ n: 3 });
    const { decision_id: id } = await decide({ n: 2, big: true });
    const said = {
      policyId: 'cap',
      by: { agent: 'bot' },
      cost: 2,
      isOver: false,
      used: 3,
      limit: 10,
      asked: false,
      observed: false,
      counted: false,
    };
    const [limit, ...others] = await tenant.limits.ofApproval(await recordOf(tenant, id));
    expect(others).to.deep.equal([]);
    expect(limit).to.deep.equal({ ...said, endsAtMs: limit?.endsAtMs });
    const { digest } = await tenant.desk.approve(id, { by: 'ann', digest: (await recordOf(tenant, id)).digest });
    expect(await tenant.limits.ofApproval(await recordOf(tenant, id))).to.have.length(1);
    expect((await ask('consume', { id, body: { digest, bindingBase: BASE, token: 't' } })).json).to.include({ consumed: true });
    expect(await tenant.limits.ofApproval(await recordOf(tenant, id))).to.deep.equal([]);
    const denied = (await decide({ n: 1, big: 1 }))['decision_id'] as string;
    await tenant.desk.deny(denied, { by: 'ann', digest: (await recordOf(tenant, denied)).digest });
    expect(await tenant.limits.ofApproval(await recordOf(tenant, denied))).to.deep.equal([]);
  });

  it('say nothing of what a call counts where its guard hides that from who decides', async () => {
    const tenant = tenantWith(textOf(ASK, CAP));
    const { decide } = asker(tenant);
    const secret = { approver: 'hidden', log: 'hidden', model: 'hidden', audit: 'hidden' } as const;
    const { decision_id: id } = await decide({ n: 7, big: true, note: 'x' }, 'hider');
    const record = await recordOf(tenant, id);
    const look = async (pointer: string) => {
      const [limit] = await tenant.limits.ofApproval({ ...record, sensitive: { [pointer]: secret } });
      const page = elements(limitsCard([limit as ApprovalLimit], new Paths(''), 0) as Html);
      return { limit, amounts: page.text('.nums'), tags: page.texts('.tag') };
    };
    for (const pointer of ['/n', '/n/of']) {
      const { limit, amounts, tags } = await look(pointer);
      expect(limit).to.include({ isOver: false, used: 0 }).and.not.to.have.property('cost');
      expect([amounts, tags]).to.deep.equal(['0 of 10 used; what this call adds is hidden from you', []]);
    }
    expect((await look('/note')).amounts).to.equal('0 of 10 used; 7 with this call');
    await decide({ n: 4 }, 'hider');
    const { limit, amounts, tags } = await look('/n');
    expect(limit).to.include({ isOver: true, used: 4 });
    expect([amounts, tags]).to.deep.equal(['4 of 10 used; what this call adds is hidden from you', ['does not fit now']]);
  });

  it('say at the use of an approval that one is reached, and not that the approval is for something else', async () => {
    const tenant = tenantWith(textOf(ASK, CAP));
    const { ask, decide } = asker(tenant);
    const { decision_id: id } = await decide({ n: 7, big: true }, 'user');
    const { digest } = await tenant.desk.approve(id, { by: 'ann', digest: (await recordOf(tenant, id)).digest });
    await decide({ n: 6 }, 'user');
    const use = async (over: object = {}): Promise<object> =>
      (await ask('consume', { id, body: { digest, bindingBase: BASE, token: 't', ...over } })).json;
    const reached = { consumed: false, code: 'limit_reached' };
    expect([await use(), await use(), await use({ bindingBase: 'c'.repeat(64) })]).to.deep.equal([
      reached,
      reached,
      { consumed: false, code: 'approval_mismatch' },
    ]);
    const all = await Promise.all(Array.from({ length: 8 }, () => use()));
    for (const one of all) expect(one).to.deep.include({ consumed: false });
    expect(all).to.deep.include(reached);
    expect((await recordOf(tenant, id)).status).to.equal('approved');
  });

  it('say nothing where no limit counts it, or the policies of now deny it', async () => {
    const tenant = tenantWith(textOf(ASK, CAP));
    const { decision_id: id } = await asker(tenant).decide({ n: 1, big: 2 });
    const record = await recordOf(tenant, id);
    expect(await tenant.limits.ofApproval(record)).to.have.length(1);
    expect(await tenantWith(textOf(ASK)).limits.ofApproval(record)).to.deep.equal([]);
    expect(await tenantWith(textOf(ASK, CAP, '@id("no") forbid (principal, action, resource);')).limits.ofApproval(record)).to.deep.equal(
      [],
    );
  });

  it('tell of what they refuse and of what is nearly used up; a listener that fails changes no decision', async () => {
    const tenant = tenantWith(textOf(ASK, CAP));
    const { decide } = asker(tenant);
    const news: LimitNews[] = [];
    tenant.limits.on(() => {
      throw new Error('no one listens');
    });
    tenant.limits.on((one) => news.push(one));
    const reports = await diagnosed(async () => {
      for (const n of [4, 1, 6]) await decide({ n }, 'teller');
    });
    expect(JSON.stringify(reports)).to.contain('a listener of limits');
    const counters = news.map(({ counters: found }) => found);
    expect(news.map(({ how, agentId, toolName, policyIds }) => [how, agentId, toolName, policyIds])).to.deep.equal([
      ['near', 'teller', 'pay', ['cap']],
      ['refused', 'teller', 'pay', ['cap']],
    ]);
    expect(counters[0]?.[0]).to.deep.include({ policyId: 'cap', by: { agent: 'teller' }, kind: 'fixed', windowMs: 86_400_000 });
    expect(counters[1]).to.deep.equal(counters[0]);
    expect((await decide({ n: 'x' }, 'teller'))['final_decision']['effect']).to.equal('deny');
    expect(news.at(-1)).to.deep.include({ how: 'refused', policyIds: ['cap'], counters: [] });
  });

  it('are nearly used up as the policy in force says, also where it said otherwise before', async () => {
    const level = async (tenant: TestTenant): Promise<unknown> =>
      (await tenant.limits.list()).find(({ by }) => by['agent'] === 'warned')?.level;
    const tenant = tenantWith(textOf(ASK, CAP));
    await asker(tenant).decide({ n: 3 }, 'warned');
    expect(await level(tenant)).to.equal('free');
    const other = tenantWith(textOf(ASK, CAP.replace('50', '40')));
    await asker(other).decide({ n: 1 }, 'warned');
    expect(await level(other)).to.equal('near');
  });
});
