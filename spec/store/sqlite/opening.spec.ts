import { expect } from 'chai';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { AegisError } from '../../../lib/model/AegisError.js';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import { checkedVersion, SCHEMA_VERSION } from '../../../lib/store/sqlite/file/schema.js';
import type { Task } from '../../../lib/model/Task.js';
import { restored } from '../../../lib/store/taskTransitions.js';
import { recordOf } from '../../support/approvalRecords.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { rejection } from '../../support/rejection.js';
import { runInChild } from '../../support/runInChild.js';
import { pendingTask } from '../../support/tasks.js';
import { needsSqlite, sqlite, sqliteFiles } from './sqliteFiles.js';
import { inStatus } from '../taskInStatus.js';

const MODULE = new URL('../../../lib/store/sqlite/index.js', import.meta.url).href;

/** The fifth version of the schema only adds to the fourth. */
const OLDEST_READER = 4;

describe('Opening a SQLite store', () => {
  needsSqlite();
  const { path, open, bare } = sqliteFiles();

  const refusal = (file: string | URL): AegisError => {
    try {
      sqliteStore(file).open();
    } catch (error) {
      expect(error).to.include({ name: 'ConfigError', code: 'invalid_config' });
      expect((error as AegisError).message).to.match(/^sqliteStore\(path\): /);
      return error as AegisError;
    }
    throw new Error('it opened');
  };

  it('refuses what is no path', () => {
    const values = ['', ':memory:', 'a\u0000b', new URL('http://host/file'), new URL('file:///a%2Fb'), undefined, 7];
    for (const value of values) expect(refusal(value as string).message).to.include('give no `store`');
  });

  it('refuses a folder that is not there, a folder, and a file that is no database, and keeps the cause', () => {
    expect(refusal(path('none/aegis.db')).message).to.include('folder must exist');
    mkdirSync(path('folder'));
    expect(refusal(path('folder')).message).to.include('cannot be opened');
    writeFileSync(path('text.db'), 'not a database '.repeat(100));
    const error = refusal(path('text.db'));
    expect(error.message).to.include('not a SQLite database');
    expect(error).to.have.nested.property('cause.errcode', 26);
    expect(readFileSync(path('text.db'), 'utf8')).to.equal('not a database '.repeat(100));
  });

  it('refuses the database of another program, and leaves it as it was', () => {
    bare('other.db').exec('CREATE TABLE notes (text)');
    expect(refusal(path('other.db')).message).to.include('another program');
    expect(bare('other.db').prepare('SELECT name FROM sqlite_master').all()).to.have.length(1);
  });

  it('works on a file of a newer schema that says that it may, and leaves its version as it is', async () => {
    const made = open();
    const task = await inStatus(made.tasks, 'approved');
    made.close();
    bare().exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}; ALTER TABLE task ADD COLUMN later TEXT`);
    const { tasks } = open();
    const claim = { taskId: task.taskId, token: 't', digest: task.digest, nowMs: Date.now(), leaseMs: 1_000 };
    expect(await tasks.claim(claim)).to.include({ status: 'executing' });
    expect(await tasks.insert(pendingTask())).to.include({ outcome: 'created' });
    expect(bare().prepare('PRAGMA user_version').get()).to.include({ user_version: SCHEMA_VERSION + 1 });
    expect(minReader(bare())).to.equal(OLDEST_READER);
  });

  for (const [says, sql] of [
    ['says that it may not', `UPDATE meta SET value = ${SCHEMA_VERSION + 1} WHERE key = 'min_reader'`],
    ['says nothing', "DELETE FROM meta WHERE key = 'min_reader'"],
    ['says nothing that it understands', "UPDATE meta SET value = '1' WHERE key = 'min_reader'"],
  ] as const)
    it(`refuses a file of a newer schema that ${says}, and writes nothing to it`, async () => {
      const made = open();
      await inStatus(made.tasks, 'approved');
      made.close();
      bare().exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}; ${sql}`);
      const content = (): unknown =>
        ['sqlite_master', 'meta', 'owner', 'task', 'approval', 'change'].map((table) => bare().prepare(`SELECT * FROM ${table}`).all());
      const before = content();
      const { message } = refusal(path());
      expect(message)
        .to.include(`schema version ${SCHEMA_VERSION + 1}`)
        .and.to.match(/update aegislib, or name another file/);
      expect(content()).to.deep.equal(before);
      expect(bare().prepare('PRAGMA user_version').get()).to.include({ user_version: SCHEMA_VERSION + 1 });
    });

  it('writes nothing once a newer library has raised the lowest version, though it has the file open', async () => {
    const { tasks, approvals } = open();
    const [task, record] = [await inStatus(tasks, 'approved'), recordOf()];
    approvals.insert(record);
    bare().exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}; UPDATE meta SET value = ${SCHEMA_VERSION + 1} WHERE key = 'min_reader'`);
    const claim = { taskId: task.taskId, token: 't', digest: task.digest, nowMs: Date.now(), leaseMs: 1_000 };
    for (const write of [
      () => tasks.claim(claim),
      () => tasks.insert(pendingTask()),
      () => approvals.replace({ ...record, status: 'approved', version: 2 }, 1),
      () => tasks.heartbeat(1_000, Date.now()),
    ]) {
      const error = await rejection((async () => write())());
      expect([error.code, error.message.includes('Update aegislib')]).to.deep.equal(['store_failed', true]);
    }
    expect(await tasks.get(task.taskId)).to.deep.equal(task);
    expect(approvals.get(record.decisionId)).to.include({ status: 'pending', version: 1 });
  });

  it('refuses a file that this user may not write', async function () {
    this.timeout(20_000);
    if (process.getuid?.() !== 0) {
      open().close();
      chmodSync(path(), 0o444);
      return expect(refusal(path()).message).to.include('writable');
    }
    // root may do anything, so a child with the user `nobody` tries
    open().close();
    chmodSync(path(), 0o444);
    chmodSync(dirname(path()), 0o755);
    const program = `const { sqliteStore } = await import(${JSON.stringify(MODULE)}); process.setgid(65534); process.setuid(65534);
      try { sqliteStore(${JSON.stringify(path())}).open(); console.log('opened'); }
      catch (error) { console.log(JSON.stringify([error.name, error.message, error.cause?.errcode])); }`;
    const { stdout } = await runInChild(program);
    const [name, message, code] = JSON.parse(stdout) as [string, string, number];
    expect(name).to.equal('ConfigError');
    expect(message).to.include('writable');
    expect([8, 14]).to.include(code & 0xff);
    return undefined;
  });

  it('makes a file that only this user can read', () => {
    open();
    for (const name of ['aegis.db', 'aegis.db-wal']) expect(statSync(path(name)).mode & 0o777).to.equal(0o600);
  });

  it('says on a Node without node:sqlite what to do, when it is opened and not before', () => {
    const found = process.getBuiltinModule;
    const store = sqliteStore(path());
    try {
      process.getBuiltinModule = (() => undefined) as unknown as typeof found;
      expect(() => store.open())
        .to.throw('Node 22.13')
        .with.property('name', 'ConfigError');
    } finally {
      process.getBuiltinModule = found;
    }
  });

  it('brings a file of the first schema to the present one, with all that is in it', async () => {
    const store = open();
    const [kept, denied] = [await inStatus(store.tasks, 'approved'), recordOf()];
    store.approvals.insert({ ...denied, decisionId: kept.decisionId });
    store.approvals.insert(denied);
    store.approvals.replace({ ...denied, status: 'denied', version: 2, verdicts: [{ approve: false, by: 'b', atMs: 3, policies: [] }] }, 1);
    store.close();
    const db = bare();
    db.exec('DROP TABLE counter; DROP TABLE counter_token; DROP TABLE gate');
    // what the fifth version added, and the indexes that it replaced
    for (const index of ['', '_tool', '_expires', '_denied']) db.exec(`DROP INDEX approval_tenant${index}`);
    db.exec('DROP INDEX approval_idempotency; DROP INDEX approval_made; DROP TABLE record; DROP TABLE record_head');
    for (const column of ['tenant_id', 'idempotency_key', 'card', 'card_version', 'keep_until'])
      db.exec(`ALTER TABLE approval DROP COLUMN ${column}`);
    db.exec(`CREATE INDEX approval_status ON approval (status); CREATE INDEX approval_tool ON approval (tool_name, agent_id, status);
      CREATE INDEX approval_denied ON approval (tool_name, agent_id, seq) WHERE status = 'denied'`);
    // what the fourth version added, and the third one renamed and added
    db.exec(`DROP TABLE task_card; DROP TABLE begun_page; ALTER TABLE owner RENAME COLUMN owner_id TO owner; ALTER TABLE task RENAME COLUMN owner_id TO home;
      ALTER TABLE task RENAME COLUMN executor_id TO owner; ALTER TABLE task RENAME COLUMN next_check_at TO look_at;
      ALTER TABLE approval RENAME COLUMN owner_id TO home; ALTER TABLE change RENAME COLUMN written_by TO owner;
      DELETE FROM meta WHERE key = 'min_reader'`);
    // what the second version added
    for (const index of ['task_seq', 'task_finished', 'approval_seq', 'approval_denied', 'approval_lone']) db.exec(`DROP INDEX ${index}`);
    for (const column of ['task.seq', 'approval.seq', 'approval.tasked']) {
      const [table, name] = column.split('.');
      db.exec(`ALTER TABLE ${table} DROP COLUMN ${name}`);
    }
    db.exec('PRAGMA user_version = 1');
    db.close();
    const again = open();
    expect(checkedVersion(bare())).to.equal(SCHEMA_VERSION);
    expect(minReader(bare())).to.equal(OLDEST_READER);
    expect(again.tasks.get(kept.taskId)).to.deep.equal(kept);
    expect(again.approvals.list({})).to.have.length(2);
    expect(await again.approvals.listDenied('bot', 'refund', 0)).to.have.length(1);
    expect(again.tasks.transition(kept.taskId, ['approved'], { to: 'cancelled', error: { name: 'E', message: '' } }, 1)).to.include({
      status: 'cancelled',
    });
    expect(again.tasks.prune({ keep: 0, finishedBeforeMs: 0 })).to.equal(1);
    const tasked = bare().prepare('SELECT tasked FROM approval ORDER BY ord').all() as { tasked: number }[];
    expect(tasked.map((row) => row.tasked)).to.deep.equal([1, 0]);
  });

  it('is done by several processes at once on a file that none has made yet', async function () {
    this.timeout(20_000);
    const program = `const { sqliteStore } = await import(${JSON.stringify(MODULE)});
      const store = sqliteStore(${JSON.stringify(path())}); store.open(); store.tasks.counts(); store.close(); console.log('done');`;
    const ended = await Promise.all(Array.from({ length: 4 }, () => runInChild(program, { timeoutMs: 20_000 })));
    expect(ended.map((e) => e.stdout.trim())).to.deep.equal(['done', 'done', 'done', 'done'], ended.map((e) => e.stderr).join('\n'));
  });

  it('takes a copied or restored file for one whose calls may have run: unknown, and its approvals withdrawn', async () => {
    const store = open();
    const [approved, executing] = [await inStatus(store.tasks, 'approved'), await inStatus(store.tasks, 'executing')];
    const kept = [await inStatus(store.tasks, 'pending'), await inStatus(store.tasks, 'completed')];
    const [unused, used, asked] = [recordOf(), recordOf(), recordOf()];
    for (const record of [unused, used, asked]) store.approvals.insert(record);
    store.approvals.replace({ ...unused, status: 'approved', version: 2 }, 1);
    store.approvals.replace({ ...used, status: 'approved', version: 2, consumed: { token: 't', atMs: 1 } }, 1);
    store.close();
    expect(securityCodes(await diagnosed(() => open().close()))).to.deep.equal([]);
    copyFileSync(path(), path('copy.db'));
    const seen = await diagnosed(() => void open('copy.db'));
    expect(securityCodes(seen)).to.deep.equal(['store_restored']);
    const { tasks, approvals } = open('copy.db');
    for (const task of [approved, executing]) {
      const now = await tasks.get(task.taskId);
      expect(now).to.include({ status: 'unknown', version: task.version + 1 });
      expect(now).to.have.nested.property('error.code', 'outcome_unknown');
      expect(now).to.not.have.property('leaseUntilMs');
      expect(now).to.deep.equal({ ...restored(task, (now as Task).updatedAtMs) });
    }
    for (const task of kept) expect(await tasks.get(task.taskId)).to.deep.equal(task);
    expect([unused, used, asked].map((r) => (approvals.get(r.decisionId) as { status: string }).status)).to.deep.equal([
      'withdrawn',
      'approved',
      'pending',
    ]);
    // the original has not changed
    expect(await open().tasks.get(approved.taskId)).to.deep.equal(approved);
  });

  it('keeps what was written with the settings that survive a power cut', () => {
    open().tasks.insert(pendingTask());
    expect(bare().prepare('PRAGMA journal_mode').get()).to.include({ journal_mode: 'wal' });
    expect(sqlite).to.not.equal(undefined);
  });
});

function minReader(db: DatabaseSync): unknown {
  return db.prepare("SELECT value FROM meta WHERE key = 'min_reader'").get()?.['value'];
}
