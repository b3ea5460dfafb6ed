// A process with many claimers: each tries to claim every task, in an order of its own, and writes down what it executed. Arguments: the store, the
// history, its name, how many claimers, the seed.
import { nextId } from '../../lib/common/nextId.js';
import { History } from './history.js';
import type { StoreAt } from './setting.js';
import { fraction, stateStore } from './setting.js';

export interface ClaimerSetting {
  readonly who: string;
  readonly store: StoreAt;
  readonly history: string;
  readonly claimers: number;
  readonly seed: number;
}

const { who, store: at, history: path, claimers, seed } = JSON.parse(process.argv[2] as string) as ClaimerSetting;
const history = new History(path, who);
const store = await stateStore(at);
await store.open();
const { tasks } = store;
await tasks.heartbeat(600_000, Date.now());
const all = (await tasks.list({ status: 'approved', limit: 1_000_000 })).map(({ taskId, digest, decisionId }) => ({
  taskId,
  digest,
  decisionId,
}));
// all start together, when all are there
const go = new Promise((resolve) => process.on('message', resolve));
process.send?.('ready');
await go;
let tried = 0;
await Promise.all(Array.from({ length: claimers }, (_, claimer) => claimAll(claimer)));
await store.close();
process.send?.(tried);
process.disconnect();

async function claimAll(claimer: number): Promise<void> {
  const offset = Math.floor(fraction(seed, claimer) * all.length);
  for (let i = 0; i < all.length; i++) {
    // half of them come from the other end
    const { taskId, digest, decisionId } = all[(offset + (claimer % 2 === 0 ? i : all.length - i)) % all.length] as (typeof all)[number];
    const token = nextId('run');
    tried += 1;
    const claimed = await tasks.claim({ taskId, token, digest, nowMs: Date.now(), leaseMs: 600_000 });
    // each gets its turn in between, and what others have written is read
    if (i % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (claimed === undefined) continue;
    history.note('start', i, taskId, decisionId);
    await new Promise((resolve) => setImmediate(resolve));
    await tasks.settle(taskId, token, { to: 'completed', result: claimer }, Date.now());
  }
}
