// A process under load: calls a tool again and again, and claims what it is told to, as far as nothing is halted that it knows of. Argument: where its store is.
import { nextId } from '../../../lib/common/nextId.js';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import type { Task } from '../../../lib/model/Task.js';
import type { StoreAt } from '../setting.js';

/** What it is told. */
export type HaltedOrder = { readonly claim: Pick<Task, 'taskId' | 'digest'> } | { readonly stop: true };
/** What it says: which calls in a row were let in or refused, and in the end when each method was entered, in epoch milliseconds. */
export type HaltedNews =
  { readonly turned: 'running' | 'halted' } | { readonly starts: readonly number[]; readonly claims: number; readonly refused: number };

const CALL = { agentId: 'bot', toolName: 'work' };
const PAUSE_MS = 1;
const say = (news: HaltedNews): void => void process.send?.(news);
const wait = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

const store = await open(JSON.parse(process.argv[2] as string) as StoreAt);
const aegis = AegisModule.create({ policies: { text: '@id("all") permit (principal, action, resource);' }, agentId: CALL.agentId, store });
await aegis.ready();
const book = await aegis.halts.start();
const starts: number[] = [];
const count = { claims: 0, refused: 0 };
const work = guard(async () => void starts.push(performance.timeOrigin + performance.now()), { toolName: CALL.toolName, module: aegis });
let over = false;
const claiming: Promise<void>[] = [];
process.on('message', (order: HaltedOrder) => {
  if ('claim' in order) claiming.push(claim(order.claim));
  else over = true;
});
let last: string | undefined;
while (!over) {
  const turned = await work().then(
    () => 'running' as const,
    (error: { readonly code?: string }) => {
      if (error.code !== 'halted') throw error;
      return 'halted' as const;
    },
  );
  if (turned !== last) say({ turned: (last = turned) });
  await wait(PAUSE_MS);
}
await Promise.all(claiming);
await aegis.close();
process.send?.({ starts, ...count } satisfies HaltedNews, () => process.disconnect());

/** As approved calls are: not while it is halted, as far as is known, and only if the halts are those that are known. */
async function claim({ taskId, digest }: Pick<Task, 'taskId' | 'digest'>): Promise<void> {
  const token = nextId('run');
  for (;;) {
    if (over) return;
    const { changes } = book;
    if (book.stop(CALL) === undefined) {
      const claimed = await store.tasks.claim({ taskId, token, digest, nowMs: Date.now(), leaseMs: 3_600_000, haltChanges: changes });
      if (claimed !== undefined) return void (count.claims += 1);
      count.refused += 1;
      await book.refresh();
    }
    await wait(PAUSE_MS);
  }
}

async function open({ kind, at, schema }: StoreAt): Promise<ServerStore> {
  if (kind === 'sqlite') return (await import('../../../lib/store/sqlite/index.js')).sqliteStore(at, { pollMs: 20 });
  return (await import('../../../lib/store/postgres/index.js')).postgresStore({ connectionString: at, schema, queue: false });
}
