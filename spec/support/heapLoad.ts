// Calls that ask for an approval and are ended at once: prints the heap after the first fifth of them, and after all. Run with --expose-gc, for example
// `node --expose-gc .build/spec/support/heapLoad.js 100000 cancel`; a third argument is how many characters a call has, 160,000 unless given.
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import { guard } from '../../lib/guard/guard.js';
import type { PendingApproval } from '../../lib/model/PendingApproval.js';

const [calls, how, characters] = [Number(process.argv[2] ?? 2_000), process.argv[3] ?? 'cancel', Number(process.argv[4] ?? 160_000)];
const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error('run with --expose-gc');

const text = `@id("ask") @effect("approval_needed") @reason("a person decides") forbid (principal, action, resource);
@id("all") permit (principal, action, resource);`;
const aegis = AegisModule.create({ policies: { text }, agentId: 'bot', denialTtlMs: 0 });
const send = guard(async (body: string, n: number): Promise<number> => body.length + n, {
  module: aegis,
  toolName: 'send',
  params: ['body', 'n'],
});

const heapAfterGc = (): number => {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
};

let first = 0;
for (let i = 0; i < calls; i++) {
  // characters that no other call shares
  const pending = (await send(`${i} `.padEnd(characters, String(i)), i)) as unknown as PendingApproval<number>;
  pending.completed.catch(() => {});
  if (how === 'cancel') await pending.cancel();
  else {
    const record = await aegis.approvals.get(pending.decisionId);
    const verdict = { by: 'ann', digest: record?.digest ?? '' };
    await (how === 'deny' ? aegis.approvals.deny(pending.decisionId, verdict) : aegis.approvals.approve(pending.decisionId, verdict));
    await pending.completed.catch(() => {});
  }
  if (i + 1 === Math.floor(calls / 5)) first = heapAfterGc();
}
await new Promise((resolve) => setImmediate(resolve));
const last = heapAfterGc();
console.log(JSON.stringify({ calls, first, last, perCall: (last - first) / (calls - Math.floor(calls / 5)) }));
await aegis.close();
