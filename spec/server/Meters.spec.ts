import { expect } from 'chai';
import { Meters } from '../../lib/server/Meters.js';
import { MemoryStateStore } from '../../lib/store/memory/MemoryStateStore.js';
import type { RequestReport } from '../../lib/server/dispatch/Dispatcher.js';
import { callerOf, sender, tenantOf } from './tenantSetup.js';
import { PLAIN_CLIENT } from '../support/plainClient.js';
import { approvalUseRoutes } from '../../lib/server/route/approvalUse.js';
import { decisionRoutes } from '../../lib/server/route/decisions.js';

const NO_GAUGES = { pending: () => new Map(), streams: () => 0 };

const report = (over: Partial<RequestReport>): RequestReport => ({
  requestId: 'r',
  route: 'decide',
  status: 200,
  tenantId: 'default',
  durationMs: 1,
  error: undefined,
  answer: '{"final_decision":{"effect":"deny"}}',
  ...over,
});

describe('The meters of a Data Plane', () => {
  it('read requests, approvals, policies and what was shed', async () => {
    const meters = new Meters();
    // before they are open, nothing is counted
    meters.answered(report({ error: 'store_failed' }));
    meters.shed('loop');
    meters.reloaded('default', { status: 'applied', hash: 'h' });
    const rows = new MemoryStateStore().forTenant('default');
    const tenant = tenantOf({}, 'default', rows);
    await meters.open([tenant]);
    const ask = sender(tenant, decisionRoutes());
    const decided = async (a: number): Promise<string> => {
      const body = { agent_id: 'bot', tool: { name: 'refund', params: { a } }, session: null };
      return String((await ask('decide', { caller: callerOf(), body })).json['decision_id']);
    };
    const first = await decided(1);
    await tenant.desk.deny(first, { by: 'ann', digest: (await tenant.desk.get(first))?.digest as string });
    await tenant.decisions.withdraw(await decided(2));
    meters.answered(report({}));
    meters.answered(report({ route: 'status', answer: '{}' }));
    meters.answered(report({ answer: undefined }));
    meters.answered(report({ route: undefined, status: 404, tenantId: undefined, error: 'resource_not_found' }));
    meters.answered(report({ status: 503, error: 'store_failed' }));
    meters.answered(report({ route: 'giveVerdict', status: 503, error: 'store_unavailable' }));
    meters.shed('loop');
    meters.reloaded('default', { status: 'applied', hash: 'h' });
    const text = await meters.metrics?.text({ pending: () => meters.pending([tenant]), streams: () => 0 });
    expect(text?.split('\n')).to.include.members([
      'aegis_decisions_total{tenant="default",effect="deny"} 1',
      'aegis_http_requests_total{route="decide",code="200"} 2',
      'aegis_http_requests_total{route="decide",code="503"} 1',
      'aegis_http_requests_total{route="none",code="404"} 1',
      'aegis_store_errors_total 2',
      'aegis_shed_total{reason="loop"} 1',
      'aegis_policy_reloads_total{tenant="default",result="applied"} 1',
      'aegis_verdicts_total{tenant="default",verdict="denied"} 1',
      'aegis_verdicts_total{tenant="default",verdict="withdrawn"} 1',
      'aegis_approvals_pending{tenant="default"} 0',
    ]);
  });

  it('count what limits refuse, at once and when an approval is used, by tenant and policy', async () => {
    const text = `@id("all") permit (principal, action, resource);
@id("cap") @effect("limit") @limit("2/1d") @cost("/n") @warn_at("50") forbid (principal, action == Aegis::Action::"pay", resource);
@id("ask") @effect("approval_needed") forbid (principal, action == Aegis::Action::"pay", resource) when { context.input has big };`;
    const meters = new Meters();
    const tenant = tenantOf({ policies: { text } }, 'default', new MemoryStateStore().forTenant('default'));
    await meters.open([tenant]);
    const refused = async (): Promise<string | undefined> =>
      /^aegis_limits_refused_total\{tenant="default",policy="cap"\} (\d+)$/m.exec((await meters.metrics?.text(NO_GAUGES)) ?? '')?.[1];
    const base = 'b'.repeat(64);
    const headers = { 'X-AEGIS-CAPABILITIES': PLAIN_CLIENT.join(','), 'X-AEGIS-BINDING': base };
    const ask = sender(tenant, [...decisionRoutes(), ...approvalUseRoutes()]);
    const decided = async (params: object): Promise<string> => {
      const body = { agent_id: 'bot', tool: { name: 'pay', params }, session: null };
      const { json } = await ask('decide', { headers, body });
      return `${String(json.final_decision['effect'])} ${String(json['decision_id'])}`;
    };
    // a counter that is not there yet looks to an alert like a server that is gone
    expect(await refused()).to.equal('0');
    const [, id = ''] = (await decided({ n: 1, big: true })).split(' ');
    await tenant.desk.approve(id, { by: 'ann', digest: (await tenant.desk.get(id))?.digest as string });
    expect(await decided({ n: 1 })).to.match(/^allow/);
    expect(await refused()).to.equal('0');
    expect(await decided({ n: 2 })).to.match(/^deny/);
    expect(await refused()).to.equal('1');
    expect(await decided({ n: -1 }), 'what cannot be counted').to.match(/^deny/);
    expect(await refused()).to.equal('2');
    // a dry run is no call
    await ask('dryRun', { body: { calls: [{ agent_id: 'bot', tool: { name: 'pay', params: { n: 2 } }, session: null }] } });
    expect(await refused()).to.equal('2');
    expect(await decided({ n: 1 })).to.match(/^allow/);
    const use = { id, body: { digest: (await tenant.desk.get(id))?.digest, bindingBase: base, token: 't' } };
    expect((await ask('consume', use)).json).to.include({ consumed: false });
    expect(await refused()).to.equal('3');
  });

  it('count pending approvals page by page, up to a number', async () => {
    const meters = new Meters();
    let pages = 0;
    const approvals = {
      page: () => {
        pages += 1;
        return { cards: Array.from({ length: 1_000 }, () => ({})), cursor: 'more' };
      },
    };
    expect(await meters.pending([{ ...tenantOf(), approvals: approvals as never }])).to.deep.equal(new Map([['default', 10_000]]));
    expect(pages).to.equal(10);
    expect(await meters.pending([{ ...tenantOf(), approvals: {} as never }])).to.deep.equal(new Map([['default', 0]]));
  });
});
