// Prints how many objects stay in memory for each call that asked a person and has ended, beside its task and approval, of which the newest 10,000 are
// kept, for each way to end: `node .build/spec/support/keptObjects.js 300`. The calls come without a pause, as from a loop that never lets the event
// loop go.
import { queryObjects } from 'node:v8';
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import { guard } from '../../lib/guard/guard.js';
import { isPending } from '../../lib/model/PendingApproval.js';
import { MemoryApprovalStore } from '../../lib/store/memory/MemoryApprovalStore.js';

const calls = Number(process.argv[2] ?? 300);
const text = `@id("ask") @effect("approval_needed") @reason("a person decides") forbid (principal, action, resource);
@id("all") permit (principal, action, resource);`;

async function keptFor(how: 'approve' | 'deny' | 'cancel'): Promise<number> {
  const approvalStore = new MemoryApprovalStore();
  const aegis = AegisModule.create({ policies: { text }, agentId: 'bot', approvalStore });
  const send = guard(async (body: string, n: number): Promise<number> => body.length + n, {
    module: aegis,
    toolName: 'send',
    params: ['body', 'n'],
    approval: 'defer',
  });
  let asked = 0;
  const askAndEnd = async (): Promise<void> => {
    asked += 1;
    const pending = await send(`to ${asked}`, asked);
    if (!isPending(pending)) throw new Error('it did not ask');
    pending.completed.catch(() => {});
    if (how === 'cancel') return void (await pending.cancel());
    const record = await aegis.approvals.get(pending.decisionId);
    await aegis.approvals[how](pending.decisionId, { by: 'ann', digest: record?.digest ?? '' });
    await pending.completed.catch(() => {});
  };
  const count = async (): Promise<number> => {
    await aegis.tasks.clearCompleted();
    approvalStore.prune(Infinity);
    return queryObjects(Object, { format: 'count' });
  };

  // what is compiled or cached with the first calls
  for (let i = 0; i < 100; i++) await askAndEnd();
  const before = await count();
  for (let i = 0; i < calls; i++) await askAndEnd();
  const kept = ((await count()) - before) / calls;
  await aegis.close();
  return kept;
}

console.log(
  JSON.stringify({ calls, kept: { approve: await keptFor('approve'), deny: await keptFor('deny'), cancel: await keptFor('cancel') } }),
);
