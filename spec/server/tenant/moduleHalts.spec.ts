import { expect } from 'chai';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { guard } from '../../../lib/guard/guard.js';
import { guardSync } from '../../../lib/guard/guardSync.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { HostClient } from '../../../lib/cli/server/HostClient.js';
import { SecretString } from '../../../lib/common/SecretString.js';
import { PLAIN_CLIENT } from '../../support/plainClient.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { rejection } from '../../support/rejection.js';
import { servePlane } from '../../support/servePlane.js';
import { until } from '../../support/until.js';

const KEY = 'state-key-for-specs-0123456789abcdef';
const BASE = 'b'.repeat(64);
const ORDER = { by: 'ann', reason: 'wild' };
const TEXT = `@id("all") permit (principal, action, resource);
@id("refunds") @effect("approval_needed") forbid (principal, action == Aegis::Action::"refund", resource);`;

describe('A Data Plane beside a module', () => {
  const mounted = async (keys: { readonly stateKey?: string } = { stateKey: KEY }) => {
    const store = new MemoryStateStore();
    const module = AegisModule.create({ policies: { text: TEXT }, agentId: 'shop', store, ...keys });
    const plane = await servePlane({ module, store, stateKey: KEY, tools: { refund: { groups: ['money'] } } });
    const host = new HostClient(plane.url, new SecretString(KEY), { tenantId: 'default', user: 'ada' });
    const close = async (): Promise<void> => {
      await plane.close();
      await module.close();
    };
    return { store, module, plane, host, [Symbol.asyncDispose]: close };
  };

  for (const keys of [{ stateKey: KEY }, {}])
    it(`halts what the module runs, at once, and lifts it${'stateKey' in keys ? '' : ', also where the module signs nothing'}`, async () => {
      await using its = await mounted(keys);
      const { module, host } = its;
      const read = guardSync((id: string) => `read ${id}`, { toolName: 'read', params: ['id'], module });
      const told: string[] = [];
      module.halts.on('halted', ({ by }) => void told.push(by));
      expect(read('a')).to.equal('read a');
      const { id } = (await host.ask('POST', '/v1/halts', { scope: { tool: 'read' }, reason: 'wild' })) as { readonly id: string };
      expect(() => read('a'))
        .to.throw()
        .with.property('code', 'halted');
      expect(told).to.have.length(1);
      expect((await module.halts.list()).map((halt) => halt.id)).to.deep.equal([id]);
      await host.ask('DELETE', `/v1/halts/${id}`, { reason: 'fixed' });
      expect(read('a')).to.equal('read a');
      // and what the module halts is halted at the server
      const halt = await module.halts.halt({ all: true }, ORDER);
      expect(((await host.ask('GET', '/v1/halts')) as { readonly halts: readonly object[] }).halts).to.have.length(1);
      await module.halts.lift(halt.id, ORDER);
    });

  it('lets no approval be used or begun while it is halted, by group too', async () => {
    await using its = await mounted();
    const { module, plane, host } = its;
    const headers = { 'x-aegis-capabilities': PLAIN_CLIENT.join(','), 'x-aegis-binding': BASE };
    const key = await plane.keyFor({ scopes: ['decide'] });
    const ask = (path: string, body: object) => plane.ask('POST', path, { key, headers, body });
    const digest = canonicalDigest({ a: 1 });
    const { json } = await ask('/v1/decision', { agent_id: 'bot', tool: { name: 'refund', params: { a: 1 } }, session: null });
    const id = (json as { readonly decision_id: string }).decision_id;
    await module.approvals.approve(id, { by: 'kim', digest });
    const use = { digest, bindingBase: BASE, token: 't' };
    const haltGroup = async (): Promise<string> =>
      ((await host.ask('POST', '/v1/halts', { scope: { group: 'money' }, reason: 'wild' })) as { readonly id: string }).id;
    const first = await haltGroup();
    expect((await ask(`/v1/decision/${id}/consume`, use)).json).to.include({ error: 'halted' });
    await host.ask('DELETE', `/v1/halts/${first}`, { reason: 'fixed' });
    expect((await ask(`/v1/decision/${id}/consume`, use)).json).to.deep.equal({ consumed: true });
    const second = await haltGroup();
    const start = { token: 't', claimToken: 'c' };
    expect((await ask(`/v1/decision/${id}/begin`, start)).json).to.include({ error: 'halted' });
    await host.ask('DELETE', `/v1/halts/${second}`, { reason: 'fixed' });
    expect((await ask(`/v1/decision/${id}/begin`, start)).json).to.deep.equal({ begun: true });
  });

  it('keeps an approved call of the module from running until it is lifted', async () => {
    await using its = await mounted();
    const { module, host } = its;
    const ran: number[] = [];
    const refund = guard(async (cents: number) => void ran.push(cents), {
      module,
      toolName: 'refund',
      params: ['cents'],
      approval: 'wait',
    });
    const running = refund(7);
    await until(async () => (await module.approvals.list({ status: 'pending' })).length > 0);
    const [record] = await module.approvals.list({ status: 'pending' });
    const { id } = (await host.ask('POST', '/v1/halts', { scope: { agent: 'shop' }, reason: 'wild' })) as { readonly id: string };
    await module.approvals.approve(String(record?.decisionId), { by: 'kim', digest: record?.digest });
    await new Promise((done) => setTimeout(done, 50));
    expect(ran).to.deep.equal([]);
    await host.ask('DELETE', `/v1/halts/${id}`, { reason: 'fixed' });
    await running;
    expect(ran).to.deep.equal([7]);
  });

  it('is refused an approval by the module before the server is open, where it is halted', async () => {
    const store = new MemoryStateStore();
    const module = AegisModule.create({ policies: { text: TEXT }, agentId: 'shop', store, stateKey: KEY });
    const { ModuleHalts } = await import('../../../lib/server/tenant/TenantHalts.js');
    const halts = new ModuleHalts(module);
    expect([halts.changes, halts.inForce]).to.deep.equal([undefined, []]);
    await halts.refresh();
    await module.halts.halt({ all: true }, ORDER);
    expect(await halts.look({ agentId: 'a', toolName: 't' })).to.have.property('code', 'halted');
    expect(halts.inForce).to.have.length(1);
    expect(halts.changes).to.equal(1);
    expect(await halts.look({ agentId: 'a', toolName: 't' })).to.have.property('code', 'halted');
    await halts.refresh();
    halts.close();
    expect(await rejection(halts.lift('halt_none', ORDER))).to.have.property('name', 'ConfigError');
    await module.close();
  });
});
