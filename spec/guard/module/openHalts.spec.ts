import { expect } from 'chai';
import { ApprovalScheduler } from '../../../lib/approval/ApprovalScheduler.js';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { ASK_ALWAYS, durableModule } from '../../support/durableModules.js';
import { rejection } from '../../support/rejection.js';
import { SharedMemoryStore } from '../../support/SharedMemoryStore.js';
import { until } from '../../support/until.js';

const ORDER = { by: 'ann', reason: 'it runs wild' };

describe('The halts of a module', () => {
  it('are not ordered where a durable store of one’s own keeps tasks but no records: other processes would not learn of them', async () => {
    const module = durableModule(new SharedMemoryStore());
    await module.ready();
    const error = await rejection(module.halts.halt({ all: true }, ORDER));
    expect(error).to.have.property('name', 'ConfigError');
    expect(error.message).to.match(/^halt\(\): needs a place that all processes share, .+ use a store with `forTenant`/);
    expect(await module.halts.list()).to.deep.equal([]);
    await module.close();
  });

  it('are in force also where a call that waits cannot be ended: it does not run', async () => {
    let asked = 0;
    class Stubborn extends ApprovalScheduler {
      override async cancel(): Promise<boolean> {
        asked += 1;
        throw new Error('not now');
      }
    }
    const module = AegisModule.create({
      policies: { text: ASK_ALWAYS },
      agentId: 'bot',
      scheduler: (parts) => new Stubborn(parts),
    });
    let runs = 0;
    const pay = guard(async () => (runs += 1), { toolName: 'pay', approval: 'wait', module });
    const paid = pay();
    paid.catch(() => {});
    await until(async () => (await module.approvals.list()).length === 1);
    await module.halts.halt({ toolName: 'pay' }, { ...ORDER, pending: 'cancel' });
    expect(asked).to.equal(1);
    const [record] = await module.approvals.list();
    await module.approvals.approve(record?.decisionId as string, { by: 'bob', digest: record?.digest });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(runs).to.equal(0);
    await module.close({ graceMs: 0 });
    expect([await rejection(paid), runs]).to.have.nested.property('1', 0);
  });
});
