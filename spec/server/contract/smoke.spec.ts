import { expect } from 'chai';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { EventHubs } from '../../../lib/server/push/EventHubs.js';
import { approvalUseRoutes } from '../../../lib/server/route/approvalUse.js';
import { decisionRoutes } from '../../../lib/server/route/decisions.js';
import { eventRoutes } from '../../../lib/server/route/events.js';
import { callerWith, serve } from '../../support/serve.js';
import { tenantOf } from '../tenantSetup.js';

describe('smoke', () => {
  it('works', async () => {
    const tenant = tenantOf();
    const hubs = new EventHubs();
    await using served = await serve({
      routes: [...decisionRoutes(), ...approvalUseRoutes(), ...eventRoutes({ hubs })],
      callers: { k: callerWith(['decide']) },
      tenants: [tenant],
      onDrain: () => hubs.close(),
    });
    const aegis = AegisModule.create({ apiKey: 'k', baseUrl: served.url, agentId: 'bot' });
    const refund = guard(async (amount: number) => `refunded ${amount}`, { toolName: 'refund', params: ['amount'], approval: 'wait', module: aegis });
    const read = guard(async (what: string) => `read ${what}`, { toolName: 'read', params: ['what'], approval: 'wait', module: aegis });
    expect(await read('x')).to.equal('read x');
    const result = refund(7);
    let pending = await tenant.desk.list();
    while (pending.length === 0) {
      await new Promise((r) => setTimeout(r, 5));
      pending = await tenant.desk.list();
    }
    await new Promise((r) => setTimeout(r, 100));
    const t = performance.now();
    await tenant.desk.approve(pending[0]!.decisionId, { by: 'ann', digest: pending[0]!.digest });
    expect(await result).to.equal('refunded 7');
    console.log(performance.now() - t, await tenant.desk.list({ status: 'approved' }));
    await aegis.close();
  });
});
