// A process that calls a limited tool until the limit is reached, and may be killed at any time. Arguments: where its store is, the file of what ran, the
// limit, and how much of it may be used before it is told of more.
import { appendFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { stateStore } from '../setting.js';
import type { StoreAt } from '../setting.js';

const [, , at = '', file = '', limit = '', first = ''] = process.argv;
let allowed = Number(first);
process.on('message', (more: number) => (allowed = more));
const aegis = AegisModule.create({
  agentId: 'bot',
  policies: {
    text: `@id("all") permit (principal, action, resource);
      @id("cap") @effect("limit") @limit("${limit}/366d") forbid (principal, action, resource);`,
  },
  store: await stateStore(JSON.parse(at) as StoreAt),
});
await aegis.ready();
// what ran is written in the method: a process that is killed between its count and this line has run nothing
const work = guard(async () => appendFileSync(file, '.'), { toolName: 'work', module: aegis });
process.send?.('running');
for (;;) {
  while (statSync(file).size >= allowed) await sleep(5);
  try {
    await work();
  } catch (error) {
    if ((error as { readonly code?: string }).code !== 'limit_reached') throw error;
    break;
  }
  await sleep(20);
}
await aegis.close();
process.send?.('full', () => process.disconnect());
