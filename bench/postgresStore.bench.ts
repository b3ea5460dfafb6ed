// What a PostgreSQL store adds to the statements it makes: claim, which looks at the halts too, and settle, against bare `pg` that sends the same statements in the same run.
import pg from 'pg';
import { postgresStore } from '../lib/store/postgres/index.js';
import { claimed, settled } from '../lib/store/taskTransitions.js';
import { taskFromRow } from '../lib/store/postgres/rows.js';
import { TaskStatements } from '../lib/store/postgres/statements.js';
import type { Task } from '../lib/model/Task.js';
import { postgresServer } from '../spec/support/postgresServer.js';
import { pendingTask } from '../spec/support/tasks.js';
import { report } from './figure.js';

const ROUNDS = 5;
const COUNT = 400;
const AT_ONCE = 8;
const schema = `bench_${process.pid}`;
const server = await postgresServer({
  timeout: () => undefined,
  skip: () => {
    report([]);
    process.exit(0);
  },
});
const options = { connectionString: server.url(), schema, queue: false, maxConnections: 4 };
const store = postgresStore(options);
await store.open();
const pool = new pg.Pool({ connectionString: server.url(), max: 3 });

const statements = new TaskStatements(schema);

async function approved(): Promise<readonly { taskId: string; digest: string }[]> {
  const tasks = Array.from({ length: COUNT }, () => pendingTask({ expiresAtMs: Date.now() + 3_600_000 }));
  await Promise.all(tasks.map((task) => store.tasks.insert(task)));
  await Promise.all(tasks.map(({ taskId }) => store.tasks.transition(taskId, ['pending'], { to: 'approved' }, Date.now())));
  return tasks;
}

type Work = (task: { readonly taskId: string; readonly digest: string }) => Promise<void>;

const byStore: Work = async ({ taskId, digest }) => {
  const now = Date.now();
  if ((await store.tasks.claim({ taskId, token: taskId, digest, nowMs: now, leaseMs: 60_000, haltChanges: 0 })) === undefined)
    throw new Error('not claimed');
  if ((await store.tasks.settle(taskId, taskId, { to: 'completed', result: 1 }, now)) === undefined) throw new Error('not settled');
};

/** The same statements, without anything that makes them safe. The texts they carry are made beforehand. */
const byHand: Work = async ({ taskId }) => {
  for (const write of writes.get(taskId) ?? []) {
    await pool.query(statements.read(taskId));
    const { rowCount } = await pool.query(write);
    if (rowCount !== 1) throw new Error('not changed');
  }
};
const writes = new Map<string, readonly ReturnType<TaskStatements['change']>[]>();
async function prepare(tasks: readonly { readonly taskId: string; readonly digest: string }[]): Promise<void> {
  const mark = { stamp: 's', ownerId: 'bare' };
  for (const { taskId, digest } of tasks) {
    const { rows } = await pool.query(statements.read(taskId));
    const claim = { taskId, token: taskId, digest, nowMs: Date.now(), leaseMs: 60_000 };
    const task = taskFromRow(rows[0] as never);
    const executing = claimed(task, claim, 'bare');
    const ended: Task | undefined = settled(executing, taskId, { to: 'completed', result: 1 }, Date.now());
    if (executing === undefined || ended === undefined) throw new Error('cannot be claimed');
    writes.set(taskId, [statements.change(task, executing, mark), statements.change(executing, ended, mark)]);
  }
}

async function rate(tasks: readonly { readonly taskId: string; readonly digest: string }[], work: Work): Promise<number> {
  const rest = [...tasks];
  const start = performance.now();
  const worker = async (): Promise<void> => {
    for (let task = rest.pop(); task !== undefined; task = rest.pop()) await work(task);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return tasks.length / ((performance.now() - start) / 1_000);
}

const [ours, bare]: [number[], number[]] = [[], []];
for (let i = 0; i <= ROUNDS; i++) {
  const [mine, theirs] = [await approved(), await approved()];
  await prepare(theirs);
  const runs = [async () => ours.push(await rate(mine, byStore)), async () => bare.push(await rate(theirs, byHand))];
  for (const run of i % 2 === 0 ? runs : runs.toReversed()) await run();
  // the first round warms up
  if (i === 0) ours.length = bare.length = 0;
}
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number;
const ratio = median(ours.map((value, i) => value / (bare[i] as number)));

const times: number[] = [];
const [alone] = [await approved()];
for (const task of alone) {
  const start = performance.now();
  await byStore(task);
  times.push(performance.now() - start);
}

report([
  { name: 'PostgreSQL: claim and settle, against bare pg with the same statements', value: ratio, unit: '×', goal: { atLeast: 0.8 } },
  { name: 'PostgreSQL: claim and settle, 3 connections', value: median(ours), unit: '/s', note: `bare ${Math.round(median(bare))} /s` },
  { name: 'PostgreSQL: claim and settle, one after the other', value: median(times), unit: 'ms' },
]);
await pool.query(`DROP SCHEMA ${schema} CASCADE`);
await pool.end();
await store.close();
process.exit(0);
