// What the store in a SQLite file costs beside its own SQL: claims and settles a second, and opening.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { sqliteStore, type StateStore } from 'aegislib/sqlite';
import { median } from './compare.js';
import type { Figure } from './figure.js';

type Task = Extract<NonNullable<Awaited<ReturnType<StateStore['tasks']['get']>>>, { status: 'pending' }>;

const ROUNDS = 15;
const PER_ROUND = 100;
const LATER = Date.now() + 86_400_000;
const CHANGED = 'INSERT INTO change (kind, id, version, status, from_status, written_by, at) VALUES (?, ?, ?, ?, ?, ?, ?)';
const WRITE = `UPDATE task SET decision_id = ?, status = ?, version = ?, updated_at = ?, expires_at = ?, next_check_at = 0,
  decided = EXISTS (SELECT 1 FROM approval WHERE decision_id = ? AND status <> 'pending'), lease_until = ?, executor_id = ?, seq = ?, body = ? WHERE ord = ?`;

/** The figures, or one that says why there are none. */
export async function sqliteStoreFigures(): Promise<readonly Figure[]> {
  const sqlite = process.getBuiltinModule('node:sqlite') as typeof import('node:sqlite') | undefined;
  if (sqlite === undefined) return [{ name: 'store in a SQLite file', value: 0, unit: '', note: 'skipped: no node:sqlite' }];
  const folder = mkdtempSync(join(tmpdir(), 'aegis-bench-'));
  try {
    return [...(await rates(folder, sqlite)), cold(folder)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Rounds of the store and of its bare SQL take turns, so that what slows the disk slows both. */
async function rates(folder: string, sqlite: typeof import('node:sqlite')): Promise<readonly Figure[]> {
  const count = 2 * ROUNDS * PER_ROUND;
  const files = ['store.db', 'bare.db'].map((name) => join(folder, name)) as [string, string];
  for (const file of files) await filled(file, sqlite, count);
  const store = sqliteStore(files[0]);
  await store.open();
  const bare = new sqlite.DatabaseSync(files[1]);
  bare.exec('PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL');
  const viaSql = statementsOf(bare);
  const timed = (work: (i: number) => void, from: number): number => {
    const start = performance.now();
    for (let i = from; i < from + PER_ROUND; i++) work(i);
    return performance.now() - start;
  };
  const viaStore = (i: number): void => {
    const [taskId, nowMs] = [`task${i}`, Date.now()];
    const claimed = store.tasks.claim({ taskId, token: taskId, digest: 'digest', nowMs, leaseMs: 30_000 });
    const settled = store.tasks.settle(taskId, taskId, { to: 'completed', result: { ok: true } }, nowMs);
    if (claimed === undefined || settled === undefined) throw new Error(`${taskId} was not to be had`);
  };
  const taken: [number, number][] = [];
  for (let from = 0; from < count; from += PER_ROUND) {
    const first = taken.length % 2 === 0 ? timed(viaStore, from) : undefined;
    const sql = timed(viaSql, from);
    taken.push([first ?? timed(viaStore, from), sql]);
  }
  await store.close();
  bare.close();
  const warm = taken.slice(ROUNDS);
  const perSecond = (side: 0 | 1): number => 1_000 / (median(warm.map((pair) => pair[side])) / PER_ROUND);
  return [
    { name: 'claim and settle in a SQLite file', value: perSecond(0), unit: '/s', note: `bare SQL ${Math.round(perSecond(1))} /s` },
    { name: 'its rate ÷ that of the same SQL', value: median(warm.map(([own, sql]) => sql / own)), unit: '×', goal: { atLeast: 0.8 } },
  ];
}

/** The statements of a claim and a settle as the store runs them, with nothing around. */
function statementsOf(db: DatabaseSync): (i: number) => void {
  const [read, clock] = ['SELECT task.ord, task.body FROM task WHERE task_id = ?', "SELECT value FROM meta WHERE key = 'high_water_ms'"];
  const [row, high, change, write] = [db.prepare(read), db.prepare(clock), db.prepare(CHANGED), db.prepare(WRITE)];
  return (i) => {
    const [taskId, decisionId, nowMs] = [`task${i}`, `dec${i}`, Date.now()];
    for (const [status, from, version] of [['executing', 'approved', 3] as const, ['completed', 'executing', 4] as const]) {
      db.exec('BEGIN IMMEDIATE');
      const { ord, body } = row.get(taskId) as { ord: number; body: string };
      if (status === 'executing') high.get();
      const { lastInsertRowid: seq } = change.run('task', taskId, version, status, from, 'me', nowMs);
      const lease = status === 'executing' ? nowMs : null;
      write.run(decisionId, status, version, nowMs, LATER, decisionId, lease, 'me', seq, body, ord);
      db.exec('COMMIT');
    }
  };
}

/** A new process: importing the store, and opening a new file. */
function cold(folder: string): Figure {
  const code = (file: string): string => `const t = performance.now(); const { sqliteStore } = await import('aegislib/sqlite');
    const store = sqliteStore(${JSON.stringify(file)}); store.open(); process.stdout.write(String(performance.now() - t)); store.close();`;
  const times = Array.from({ length: 7 }, (_, i) => Number(inNode(code(join(folder, `cold${i}.db`)))));
  return { name: 'importing and opening it, cold', value: median(times), unit: 'ms', goal: { atMost: 50 } };
}

/** A file with so many tasks of a home that is gone: one made by the store, the rest copies of it. */
async function filled(file: string, sqlite: typeof import('node:sqlite'), count: number): Promise<void> {
  const store = sqliteStore(file);
  await store.open();
  await store.tasks.insert(task());
  await store.tasks.transition('taskX', ['pending'], { to: 'approved', approvedBy: 'ann' }, Date.now());
  await store.close();
  const db = new sqlite.DatabaseSync(file);
  const columns = `status, version, guard_key, agent_id, tool_name, mode, original_digest, session_digest, owner_id, resumable, created_at, updated_at,
    expires_at, next_check_at, decided, lease_until, executor_id, seq`;
  db.exec(`BEGIN; WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${count - 1})
    INSERT INTO task (task_id, decision_id, ${columns}, body)
    SELECT 'task' || i, 'dec' || i, ${columns}, replace(replace(body, 'taskX', 'task' || i), 'decX', 'dec' || i) FROM task, n WHERE task_id = 'taskX';
    INSERT OR IGNORE INTO task_decision (decision_id, ord) SELECT decision_id, ord FROM task; DELETE FROM task WHERE task_id = 'taskX'; COMMIT`);
  db.close();
}

function task(): Task {
  const params = { account: 'a-17', amount: 125, note: 'a refund of an order that came in twice', lines: [1, 2, 3, 4, 5] };
  const [nowMs, digest] = [Date.now(), 'digest'];
  return {
    status: 'pending',
    taskId: 'taskX',
    decisionId: 'decX',
    agentId: 'bot',
    toolName: 'refund',
    guardKey: 'refund',
    params,
    digest,
    originalDigest: digest,
    session: null,
    sessionDigest: digest,
    reason: 'over the limit',
    mode: 'defer',
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    expiresAtMs: LATER,
    attemptCount: 0,
    runs: 0,
    version: 1,
    metadata: {},
    history: [],
    retryOf: undefined,
    origin: {
      ownerId: 'gone',
      target: 'Till',
      resumable: true,
      originalParams: params,
      argumentCount: 1,
      signature: 's',
      idempotent: false,
    },
  };
}

function inNode(code: string): string {
  const cwd = fileURLToPath(new URL('../../', import.meta.url));
  return execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd, encoding: 'utf8' });
}
