// A new process on a store in which 100,000 approvals wait whose process is gone: how soon its module is ready, and how much of them it keeps in memory.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { postgresServer } from '../spec/support/postgresServer.js';
import { median } from './compare.js';
import { report, type Figure } from './figure.js';

const PENDING = 100_000;
const RUNS = 3;
/** How the copies of a row differ from it: in their own ids, wherever those stand. */
const IDS = ['task_id', 'decision_id'];

/** A way to run SQL on the store, and the values of `i` in it. */
interface Sql {
  columns(table: string): Promise<readonly string[]>;
  run(text: string): Promise<unknown>;
  readonly numbers: string;
}

interface Restarted {
  readonly readyMs: number;
  readonly heap: number;
  readonly pending: number;
}

const folder = mkdtempSync(join(tmpdir(), 'aegis-bench-'));
const figures: Figure[] = [];
const end = (): never => {
  rmSync(folder, { recursive: true });
  report(figures);
  process.exit();
};

const sqlite = process.getBuiltinModule('node:sqlite') as typeof import('node:sqlite') | undefined;
if (sqlite === undefined) console.error('skipped: SQLite needs Node 22.13');
else {
  const file = join(folder, 'aegis.db');
  figures.push(
    ...(await measure('sqlite', file, async (multiply) => {
      const db = new sqlite.DatabaseSync(file);
      await multiply({
        columns: async (table) =>
          db
            .prepare(`SELECT name FROM pragma_table_info(?)`)
            .all(table)
            .map(({ name }) => name as string),
        run: async (text) => db.exec(text),
        numbers: `(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${PENDING - 1}) SELECT i FROM n)`,
      });
      db.close();
    })),
  );
}
const server = await postgresServer({ timeout: () => undefined, skip: end });
figures.push(
  ...(await measure('postgres', server.url(), async (multiply) => {
    const client = new pg.Client(server.url());
    await client.connect();
    await client.query('SET search_path = aegis_bench');
    const named = `SELECT column_name FROM information_schema.columns WHERE table_schema = 'aegis_bench' AND table_name = $1`;
    await multiply({
      columns: async (table) => (await client.query(named, [table])).rows.map((row: { column_name: string }) => row.column_name),
      run: (text) => client.query(text),
      numbers: `(SELECT i FROM generate_series(1, ${PENDING - 1}) AS n(i))`,
    });
    await client.query('ANALYZE');
    await client.end();
  })),
);
end();

async function measure(kind: string, where: string, withSql: (multiply: (sql: Sql) => Promise<void>) => Promise<void>): Promise<Figure[]> {
  await inProcess(kind, where, 'call');
  const one = await restarted(kind, where, 1);
  await withSql(multiplied);
  const many = await restarted(kind, where, PENDING);
  return [
    { name: `${kind}: restart with 100,000 pending, to ready`, value: many.readyMs, unit: 'ms', goal: { atMost: 1_000 } },
    {
      name: `${kind}: heap of a process beside 100,000 pending, more than beside one`,
      value: (many.heap - one.heap) / 1e6,
      unit: 'MB',
      goal: { atMost: 2 },
    },
  ];
}

async function multiplied({ columns, run, numbers }: Sql): Promise<void> {
  for (const table of ['task', 'task_decision', 'approval']) {
    const found = await columns(table);
    if (table === 'task_decision' && found.includes('ord')) {
      await run('INSERT OR IGNORE INTO task_decision (decision_id, ord) SELECT decision_id, ord FROM task');
      continue;
    }
    const all = found.filter((column) => column !== 'seq' && column !== 'ord');
    const copy = (column: string): string => {
      if (IDS.includes(column)) return `row.${column} || '-' || i`;
      if (column !== 'body') return `row.${column}`;
      const ids = IDS.filter((id) => all.includes(id)).map((id) => `row.${id}`);
      return ids.reduce((text, id) => `replace(${text}, '"' || ${id} || '"', '"' || ${id} || '-' || i || '"')`, 'row.body');
    };
    await run(`INSERT INTO ${table} (${all.join(', ')}) SELECT ${all.map(copy).join(', ')} FROM ${table} AS row, ${numbers} AS n`);
  }
}

async function restarted(kind: string, where: string, count: number): Promise<Restarted> {
  const runs: Restarted[] = [];
  for (let i = 0; i < RUNS; i++) runs.push((await inProcess(kind, where, 'restart')) as Restarted);
  if (runs.some(({ pending }) => pending !== count)) throw new Error(`${count} were to be pending`);
  return { pending: count, readyMs: median(runs.map((r) => r.readyMs)), heap: median(runs.map((r) => r.heap)) };
}

/** What a process of its own says before it ends. */
async function inProcess(kind: string, where: string, what: 'call' | 'restart'): Promise<unknown> {
  const child = fork(fileURLToPath(new URL('restarted.js', import.meta.url)), [kind, where, what], {
    execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning'],
  });
  let said: unknown;
  child.on('message', (message) => (said = message));
  const [code] = (await once(child, 'exit')) as [number | null];
  if (said === undefined) throw new Error(`the ${what} process ended with ${code} and said nothing`);
  return said;
}
