// The process of the agent in handover.bench.ts: makes calls that wait, and tells when an approved one starts.
import { AegisModule, guard } from 'aegislib';
import { openStore } from './handoverStore.js';

const [kind = '', where = '', count = '0'] = process.argv.slice(2);
const aegis = AegisModule.create({
  agentId: 'bench',
  policies: {
    text: '@id("all") permit (principal, action, resource); @id("ask") @effect("approval_needed") forbid (principal, action, resource);',
  },
  store: await openStore(kind, where),
  env: false,
});
const pay = guard(
  async (id: number) => {
    process.send?.({ id, startedMs: performance.timeOrigin + performance.now() });
    return id;
  },
  { module: aegis, toolName: 'pay', params: ['id'] },
);
for (let id = 0; id < Number(count); id++) await pay(id);
process.send?.('ready');
process.once('disconnect', () => void aegis.close().then(() => process.exit()));
