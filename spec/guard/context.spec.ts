import { AsyncLocalStorage } from 'node:async_hooks';
import { expect } from 'chai';
import { AegisModule, guard } from '../../lib/index.js';
import type { PendingApproval } from '../../lib/index.js';

const POLICIES = `@id("p") permit (principal, action, resource);
  @id("ask") @effect("approval_needed") forbid (principal, action == Aegis::Action::"outer", resource);
  @id("ann") forbid (principal, action == Aegis::Action::"inner", resource) unless { context.session.user_id == "ann" };`;

async function approveAll(aegis: AegisModule): Promise<void> {
  for (const { decisionId, digest } of await aegis.approvals.list()) await aegis.approvals.approve(decisionId, { by: 'boss', digest });
}

describe('An approved call', () => {
  it('has its own caller’s session for the guards inside it, whoever needed an approval first', async () => {
    const aegis = AegisModule.create({ agentId: 'a', sessions: 'async-local', policies: { text: POLICIES } });
    const inner = guard(async () => 'ran', { module: aegis, toolName: 'inner', approval: 'wait' });
    const outer = guard(async (x: string) => `${x}: ${await inner().catch(() => 'refused')}`, {
      module: aegis,
      toolName: 'outer',
      params: ['x'],
    });
    const ann = (await aegis.withSession({ user_id: 'ann' }, () => outer('a'))) as PendingApproval<string>;
    const bob = (await aegis.withSession({ user_id: 'bob' }, () => outer('b'))) as PendingApproval<string>;
    const nobody = (await outer('c')) as PendingApproval<string>;
    await approveAll(aegis);
    expect(await Promise.all([ann.completed, bob.completed, nobody.completed])).to.deep.equal(['a: ran', 'b: refused', 'c: refused']);
    await aegis.close();
  });

  for (const approval of ['defer', 'wait', 'throw'] as const)
    it(`runs in the async context of its own caller, in mode ${approval}`, async () => {
      const aegis = AegisModule.create({ agentId: 'a', policies: { text: POLICIES } });
      const tenant = new AsyncLocalStorage<string>();
      const outer = guard(async (x: string) => `${x} ${tenant.getStore()}`, {
        module: aegis,
        toolName: 'outer',
        params: ['x'],
        approval,
      }) as unknown as (x: string) => Promise<unknown>;
      const call = (name: string): Promise<unknown> => tenant.run(name, () => outer(name));
      const first = ['ann', 'bob'].map((name) => call(name).catch(() => undefined));
      if (approval !== 'wait') await Promise.all(first);
      await new Promise(setImmediate);
      await approveAll(aegis);
      const ended = await Promise.all(approval === 'throw' ? ['ann', 'bob'].map(call) : first);
      const results = await Promise.all(ended.map((end) => (approval === 'defer' ? (end as PendingApproval).completed : end)));
      expect(results).to.deep.equal(['ann ann', 'bob bob']);
      await aegis.close();
    });
});
