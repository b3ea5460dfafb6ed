import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Awaitable } from '../../lib/common/awaitable.js';
import type { PendingTask } from '../../lib/model/Task.js';
import { sqliteStore } from '../../lib/store/sqlite/index.js';
import type { StateStore } from '../../lib/store/StateStore.js';
import type { TaskStore } from '../../lib/store/TaskStore.js';
import { counted, volume } from '../support/assurance.js';
import { PostgresStores } from '../support/postgresStores.js';
import { postgresServer } from '../support/postgresServer.js';
import { SharedMemoryStore } from '../support/SharedMemoryStore.js';
import { originOf, pendingTask } from '../support/tasks.js';
import { ordersOf } from './ordersOf.js';
import { sqlite } from './stores.js';

/** Short: Postgres believes its own clock alone, which has to be waited for. */
const LEASE_MS = 1;
/** How far the clock of the others goes on with each order. */
const STEP_MS = 10;
const ERROR = { name: 'Error', message: 'as told', code: 'c' };

/** Two handles on one state. */
interface Scene {
  readonly a: TaskStore;
  readonly b: TaskStore;
  readonly task: PendingTask;
  readonly nowMs: number;
}

type Status = string;

/** What an event does to a task, and, without any store, what it has to do: the status after it, or none where it must change nothing. */
interface Event {
  readonly play: (scene: Scene) => Awaitable<unknown>;
  readonly rule: (status: Status) => Status | undefined;
}

const open = (to: Status) => (status: Status) => (status === 'pending' || status === 'approved' ? to : undefined);
const only = (from: Status, to: Status) => (status: Status) => (status === from ? to : undefined);
const ends = (by: 'a' | 'b', to: 'denied' | 'cancelled' | 'timeout'): Event => ({
  play: (scene) => scene[by].transition(scene.task.taskId, ['pending', 'approved'], { to, error: ERROR }, scene.nowMs),
  rule: open(to),
});

const EVENTS: Readonly<Record<string, Event>> = {
  approve: {
    play: ({ b, task, nowMs }) => b.transition(task.taskId, ['pending'], { to: 'approved', approvedBy: 'ann' }, nowMs),
    rule: only('pending', 'approved'),
  },
  deny: ends('b', 'denied'),
  cancel: ends('a', 'cancelled'),
  expire: ends('b', 'timeout'),
  claim: {
    play: ({ a, task: { taskId, digest }, nowMs }) => a.claim({ taskId, token: `of ${taskId}`, digest, nowMs, leaseMs: LEASE_MS }),
    rule: only('approved', 'executing'),
  },
  // A is silent for longer than its lease, and B looks
  crash: {
    play: async ({ b, task: { taskId }, nowMs }) => {
      await sleep(LEASE_MS + 2);
      const { unknown, reclaimed } = await b.sweep({ nowMs: nowMs + LEASE_MS + 1, maxRuns: 5, limit: 100 });
      return [...unknown, ...reclaimed].find((task) => task.taskId === taskId);
    },
    rule: only('executing', 'unknown'),
  },
  // what a holder that was taken for dead says late counts all the same
  settle: {
    play: ({ a, task: { taskId }, nowMs }) => a.settle(taskId, `of ${taskId}`, { to: 'completed', result: 1 }, nowMs),
    rule: (status) => (status === 'executing' || status === 'unknown' ? 'completed' : undefined),
  },
};
const UP_TO_SIX = Object.keys(EVENTS).filter((name) => name !== 'settle');

/** The kinds of state, as two handles on one. */
const KINDS: Readonly<Record<string, (context: Mocha.Context) => Promise<readonly [StateStore, StateStore, () => Promise<void>]>>> = {
  memory: async () => {
    const store = new SharedMemoryStore();
    return [store, store.another(), async () => {}];
  },
  SQLite: async (context) => {
    await sqlite.start(context);
    const folder = mkdtempSync(join(tmpdir(), 'aegis-orders-'));
    const [one, two] = [sqliteStore(join(folder, 'orders.db')), sqliteStore(join(folder, 'orders.db'))];
    for (const store of [one, two]) await store.open();
    return [
      one,
      two,
      async () => {
        for (const store of [one, two]) await store.close();
        rmSync(folder, { recursive: true });
      },
    ];
  },
  Postgres: async (context) => {
    const stores = new PostgresStores(await postgresServer(context));
    const schema = stores.newSchema();
    return [await stores.open({ schema }), await stores.open({ schema }), () => stores.end()];
  },
};

for (const [kind, make] of Object.entries(KINDS)) {
  describe(`Two handles on one state, in ${kind}`, () => {
    let handles: readonly [StateStore, StateStore];
    let end = async (): Promise<void> => {};
    before(async function () {
      const [one, two, close] = await make(this);
      handles = [one, two];
      end = close;
    });
    after(() => end());

    it('do, after each other, what the rules of a task say, in every order of up to six events', async () => {
      const orders = [...ordersOf(UP_TO_SIX)];
      expect(orders).to.have.length(1_956);
      const every = Math.max(1, Math.round(orders.length / volume(orders.length)));
      const wrong: string[] = [];
      let played = 0;
      for (let i = 0; i < orders.length; i += every, played++) {
        const order = orders[i] as string[];
        const [seen, due] = await play(handles, order, Date.now() + played * STEP_MS);
        if (seen !== due) wrong.push(`${order.join(' > ')}: ${seen}, not ${due}`);
      }
      counted({ what: `every order of up to 6 events on a stored task, ${kind}: as the rules say`, cases: played, wrong: wrong.length });
      expect(wrong).to.deep.equal([]);
    }).timeout(300_000);
  });
}

/** What the store said to each event and kept in the end; and what it had to say. */
async function play([one, two]: readonly [StateStore, StateStore], order: readonly string[], nowMs: number): Promise<[string, string]> {
  const a = one.tasks;
  const task = pendingTask({ origin: originOf(a.ownerId), createdAtMs: nowMs, updatedAtMs: nowMs, expiresAtMs: nowMs + 86_400_000 });
  await a.insert(task);
  const [seen, due]: [string[], string[]] = [[], []];
  let [status, version] = ['pending', 1];
  for (const name of [...order, 'settle']) {
    const { play: happens, rule } = EVENTS[name] as Event;
    const after = (await happens({ a, b: two.tasks, task, nowMs })) as { readonly status: Status } | undefined;
    seen.push(after?.status ?? '-');
    const next = rule(status);
    due.push(next ?? '-');
    if (next !== undefined) [status, version] = [next, version + 1];
  }
  const kept = await two.tasks.get(task.taskId);
  await two.tasks.delete(task.taskId, ['pending', 'approved', 'completed', 'denied', 'cancelled', 'timeout', 'failed']);
  return [
    [...seen, kept?.status, kept?.version, kept?.runs].join(' '),
    [...due, status, version, due.includes('executing') ? 1 : 0].join(' '),
  ];
}
