// What a limit adds to a call: in memory beside a call that is only allowed, and in a SQLite file beside the same SQL without anything around it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AegisModule, guard } from 'aegislib';
import { sqliteStore } from 'aegislib/sqlite';
import { compare } from './compare.js';
import type { Figure } from './figure.js';
import { report } from './figure.js';

const PERMIT = '@id("all") permit (principal, action, resource);\n';
const LIMIT = '@id("cap") @effect("limit") @limit("800000000/366d") forbid (principal, action, resource);\n';
const module = (text: string): AegisModule => AegisModule.create({ agentId: 'bench', policies: { text: PERMIT + text } });
const [plain, limited] = [module(''), module(LIMIT)];
const call = (of: AegisModule): ((to: string) => Promise<number>) =>
  guard(async (to: string) => to.length, { module: of, toolName: 'send', params: ['to'], approval: 'wait' });
const [allowed, counted] = [call(plain), call(limited)];
await counted('ann');
const memory = await compare(
  'a call that one limit counts',
  () => counted('ann'),
  () => allowed('ann'),
);

report([
  {
    name: 'a call that one limit counts ÷ one that is allowed, in memory',
    value: memory.ratio,
    unit: '×',
    goal: { atMost: 1.3 },
    limit: { atMost: 4 },
    note: `${memory.ns.toFixed(0)} ns, allowed ${memory.twinNs.toFixed(0)} ns`,
  },
  ...(await sqliteFigures()),
]);
await Promise.all([plain.close(), limited.close()]);

async function sqliteFigures(): Promise<readonly Figure[]> {
  const sqlite = process.getBuiltinModule('node:sqlite') as typeof import('node:sqlite') | undefined;
  if (sqlite === undefined) return [{ name: 'a take in a SQLite file', value: 0, unit: '', note: 'skipped: no node:sqlite' }];
  const folder = mkdtempSync(join(tmpdir(), 'aegis-bench-'));
  try {
    const store = sqliteStore(join(folder, 'store.db'));
    await store.open();
    const { counters } = store.forTenant('bench');
    if (counters === undefined) throw new Error('the store does not count');
    const bare = new sqlite.DatabaseSync(join(folder, 'bare.db'));
    bare.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE counter (key TEXT PRIMARY KEY, used INTEGER) STRICT, WITHOUT ROWID',
    );
    const read = bare.prepare('SELECT used FROM counter WHERE key = ?');
    const write = bare.prepare('INSERT INTO counter (key, used) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET used = excluded.used');
    let n = 0;
    const take = { key: 'k', cost: 1, limit: 2 ** 50, windowMs: 86_400_000, kind: 'fixed' } as const;
    const found = await compare(
      'a take in a SQLite file',
      () => counters.take({ token: `t${(n += 1)}`, takes: [take], keepMs: 0 }),
      () => {
        bare.exec('BEGIN IMMEDIATE');
        const { used = 0 } = (read.get('k') as { used: number } | undefined) ?? {};
        write.run('k', used + 1);
        bare.exec('COMMIT');
      },
    );
    bare.close();
    await store.close();
    const note = `${(found.ns / 1_000).toFixed(0)} µs, bare ${(found.twinNs / 1_000).toFixed(0)} µs`;
    return [
      {
        name: 'a take in a SQLite file ÷ the same SQL bare',
        value: found.ratio,
        unit: '×',
        goal: { atMost: 2 },
        limit: { atMost: 4 },
        note,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
