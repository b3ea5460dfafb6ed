import { expect } from 'chai';
import { inspect } from 'node:util';
import { postgresStore } from '../../../lib/store/postgres/index.js';
import { SCHEMA_VERSION } from '../../../lib/store/postgres/schema.js';
import type { AegisError } from '../../../lib/model/AegisError.js';
import type { Task } from '../../../lib/model/Task.js';
import { restored } from '../../../lib/store/taskTransitions.js';
import { recordOf } from '../../support/approvalRecords.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { postgresServer } from '../../support/postgresServer.js';
import { PostgresStores } from '../../support/postgresStores.js';
import { rejection } from '../../support/rejection.js';
import { runInChild } from '../../support/runInChild.js';
import { pendingTask } from '../../support/tasks.js';
import { inStatus } from '../taskInStatus.js';

const SECRET = 'hunter2hunter2';

/** The fifth version of the schema only adds to the fourth. */
const OLDEST_READER = 4;

describe('Opening a PostgreSQL store', function () {
  this.timeout(20_000);
  let stores: PostgresStores;
  before(async function () {
    stores = new PostgresStores(await postgresServer(this));
  });
  after(() => stores?.end());

  const failure = async (connectionString: string): Promise<AegisError> => {
    const store = postgresStore({ connectionString, schema: stores.newSchema() });
    const error = await rejection(Promise.resolve(store.open()));
    const shown = `${inspect(error, { depth: 9, showHidden: true })} ${JSON.stringify(error)} ${inspect(store, { depth: 9, showHidden: true })}`;
    expect(shown).to.not.contain(SECRET);
    expect(shown).to.not.contain('only-for-specs');
    return error;
  };
  const changed = (part: (url: URL) => void): string => {
    const url = new URL(stores.server.url());
    part(url);
    return url.href;
  };

  it('names what to do where the password is wrong', async () => {
    const error = await failure(changed((url) => (url.password = SECRET)));
    expect(error).to.include({ name: 'ConfigError' });
    expect(error.message).to.match(/password: check the connection string/);
  });

  it('names what to do where there is no such database, host or server', async () => {
    expect(await failure(changed((url) => (url.pathname = 'nothing'))))
      .to.include({ name: 'ConfigError' })
      .with.property('message')
      .that.matches(/no such database/);
    const refused = await failure(changed((url) => ([url.port, url.password] = ['1', SECRET])));
    expect(refused).to.include({ name: 'StoreError', code: 'store_failed' });
    expect(refused.message).to.match(/No PostgreSQL server answers/);
  });

  it('refuses a connection string, a schema and a number of connections that cannot be, at once and without showing them', () => {
    for (const bad of [SECRET, `mysql://u:${SECRET}@h/d`, `postgres://u:${SECRET}@h:port/d`, '', undefined as unknown as string]) {
      const error = thrown(() => postgresStore(bad));
      expect(error).to.include({ name: 'ConfigError' });
      expect(inspect(error, { depth: 9 })).to.not.contain(SECRET);
    }
    const connectionString = stores.server.url();
    for (const schema of [
      'pg_x',
      'pg_catalog',
      'information_schema',
      'public',
      'pgboss',
      'user',
      'table',
      'A',
      'a;b',
      'a"b',
      '',
      'x'.repeat(41),
      7,
      null,
    ])
      expect(thrown(() => postgresStore({ connectionString, schema: schema as string }))).to.include({ name: 'ConfigError' });
    for (const maxConnections of [1, 0, 2.5, NaN])
      expect(thrown(() => postgresStore({ connectionString, maxConnections }))).to.include({ name: 'ConfigError' });
  });

  it('can be tried again after it failed', async () => {
    const client = await stores.client();
    const name = `aegis_later_${process.pid}`;
    const store = postgresStore({ connectionString: changed((url) => (url.pathname = name)), queue: false });
    await rejection(Promise.resolve(store.open()));
    await client.query(`CREATE DATABASE ${name}`);
    await store.open();
    expect((await store.tasks.insert(pendingTask())).outcome).to.equal('created');
    await store.close();
    await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
  });

  it('says what to install where a package is missing', async () => {
    const library = new URL('../../../lib/store/postgres/index.js', import.meta.url).href;
    const hooks = `export const resolve = (asked, context, next) => {
      if (asked === 'pg') throw Object.assign(new Error('no pg'), { code: 'ERR_MODULE_NOT_FOUND' });
      return next(asked, context);
    };`;
    const { stdout: output } = await runInChild(`
      import { register } from 'node:module';
      register('data:text/javascript,' + ${JSON.stringify(encodeURIComponent(hooks))});
      const { postgresStore } = await import(${JSON.stringify(library)});
      await postgresStore('postgres://u:${SECRET}@127.0.0.1/d').open().catch((e) => console.log(e.name, e.message));`);
    expect(output).to.match(/^ConfigError .*npm install pg pg-boss/);
    expect(output).to.not.contain(SECRET);
  });

  it('lets a process end that does nothing else', async () => {
    const library = new URL('../../../lib/store/postgres/index.js', import.meta.url).href;
    const { stdout: output } = await runInChild(`
      const { postgresStore } = await import(${JSON.stringify(library)});
      const store = postgresStore({ connectionString: ${JSON.stringify(stores.server.url())}, schema: '${stores.newSchema()}' });
      await store.open();
      await store.tasks.serve?.('tool', () => {});
      await store.tasks.watch(() => {});
      console.log(await store.tasks.heartbeat(1000, 1) > 1e12);`);
    expect(output.trim()).to.equal('true');
  });

  it('may be done by halves, and closing it is for good', async () => {
    const { tasks, approvals } = postgresStore({ connectionString: stores.server.url(), schema: stores.newSchema(), queue: false });
    expect(await rejection(Promise.resolve(tasks.get('t')))).to.include({ name: 'StoreError' });
    await Promise.all([tasks.open?.(), approvals.open?.(), tasks.open?.()]);
    await tasks.close?.();
    await tasks.close?.();
    expect(await approvals.get('d')).to.equal(undefined);
    await approvals.close?.();
    await approvals.close?.();
    for (const call of [
      () => approvals.get('d'),
      () => tasks.insert(pendingTask()),
      () => tasks.open?.(),
      () => tasks.watch(() => undefined),
    ])
      expect(await rejection((async () => call())())).to.include({ name: 'ShutdownError' });
  });

  it('brings an older schema up to date, with everything in it, once, if two open it at the same time', async () => {
    const schema = stores.newSchema();
    const first = await stores.open({ schema });
    const task = await inStatus(first.tasks, 'approved');
    await first.close();
    const client = await stores.client();
    // what the sixth and the fifth version added
    await client.query(
      `DROP TABLE $S.counter, $S.counter_token, $S.gate; DROP FUNCTION $S.counter_take, $S.counter_give, $S.counter_used, $S.counter_shifted, $S.counter_end, $S.counter_at; ALTER TABLE $S.approval DROP COLUMN tenant_id, DROP COLUMN idempotency_key, DROP COLUMN card, DROP COLUMN card_version, DROP COLUMN keep_until;
      DROP TABLE $S.record, $S.record_head; CREATE INDEX approval_status ON $S.approval (status, seq);
      CREATE INDEX approval_pending ON $S.approval (agent_id, tool_name) WHERE status = 'pending';
      CREATE INDEX approval_denied ON $S.approval (agent_id, tool_name, denied_at) WHERE status = 'denied';
      CREATE INDEX approval_expiry ON $S.approval (expires_at)`.replaceAll('$S', schema),
    );
    // what the fourth version added, the third one renamed and added, and the second one added
    await client.query(
      `ALTER TABLE $S.task DROP COLUMN card; DROP TABLE $S.begun_page; ALTER TABLE $S.meta DROP COLUMN unbound; ALTER TABLE $S.version DROP COLUMN min_reader; ALTER TABLE $S.meta RENAME COLUMN incarnation TO epoch;
      ALTER TABLE $S.owner RENAME COLUMN owner_id TO owner; ALTER TABLE $S.task RENAME COLUMN owner_id TO home;
      ALTER TABLE $S.task RENAME COLUMN executor_id TO owner; ALTER TABLE $S.task RENAME COLUMN queue TO lane;
      ALTER TABLE $S.task RENAME COLUMN next_check_at TO look_at; ALTER TABLE $S.approval RENAME COLUMN owner_id TO home;
      ALTER INDEX $S.task_queue RENAME TO task_lane; ALTER INDEX $S.task_executor RENAME TO task_owner; DROP INDEX $S.approval_owner;
      DROP FUNCTION $S.durably(integer); CREATE FUNCTION $S.durably() RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
      ALTER TABLE $S.owner DROP COLUMN has_tasks; UPDATE $S.version SET version = 1`.replaceAll('$S', schema),
    );
    const [one, two] = await Promise.all([stores.open({ schema }), stores.open({ schema })]);
    expect(await one.tasks.get(task.taskId)).to.deep.equal(task);
    expect((await two.tasks.insert(pendingTask())).outcome).to.equal('created');
    expect((await client.query(`SELECT version, min_reader FROM ${schema}.version`)).rows).to.deep.equal([
      { version: SCHEMA_VERSION, min_reader: OLDEST_READER },
    ]);
  });

  it('works on a newer schema that says that it may, and leaves its version as it is', async () => {
    const schema = stores.newSchema();
    const task = await inStatus((await stores.open({ schema })).tasks, 'approved');
    await stores.closeAll();
    const client = await stores.client();
    await client.query(
      `UPDATE ${schema}.version SET version = ${SCHEMA_VERSION + 1}, min_reader = ${SCHEMA_VERSION}; ALTER TABLE ${schema}.task ADD COLUMN later text`,
    );
    const { tasks } = await stores.open({ schema });
    const claim = { taskId: task.taskId, token: 't', digest: task.digest, nowMs: Date.now(), leaseMs: 1_000 };
    expect(await tasks.claim(claim)).to.include({ status: 'executing' });
    expect((await tasks.insert(pendingTask())).outcome).to.equal('created');
    expect((await client.query(`SELECT version, min_reader FROM ${schema}.version`)).rows).to.deep.equal([
      { version: SCHEMA_VERSION + 1, min_reader: SCHEMA_VERSION },
    ]);
  });

  it('refuses a newer schema that says that it may not, and writes nothing to it', async () => {
    const schema = stores.newSchema();
    await inStatus((await stores.open({ schema })).tasks, 'approved');
    await stores.closeAll();
    const client = await stores.client();
    await client.query(`UPDATE ${schema}.version SET version = ${SCHEMA_VERSION + 1}, min_reader = ${SCHEMA_VERSION + 1}`);
    const content = async (): Promise<unknown[]> => {
      const rows: unknown[] = [];
      for (const table of ['version', 'meta', 'owner', 'task', 'task_decision', 'approval'])
        rows.push((await client.query(`SELECT *, xmin::text FROM ${schema}.${table}`)).rows);
      return rows;
    };
    const before = await content();
    const store = postgresStore({ connectionString: stores.server.url(), schema, queue: false });
    const error = await rejection(Promise.resolve(store.open()));
    expect(error).to.include({ name: 'StoreError' });
    expect(error.message)
      .to.include(`version ${SCHEMA_VERSION + 1}`)
      .and.to.match(/update aegislib, or name another schema/);
    expect(await rejection(Promise.resolve(store.tasks.list({})))).to.include({ name: 'StoreError' });
    expect(await content()).to.deep.equal(before);
  });

  it('writes nothing once a newer library has raised the lowest version, though it has the schema open', async () => {
    const schema = stores.newSchema();
    const { tasks, approvals } = await stores.open({ schema });
    const [task, pending, record] = [await inStatus(tasks, 'approved'), await inStatus(tasks, 'pending'), recordOf()];
    await approvals.insert(record);
    const client = await stores.client();
    await client.query(`UPDATE ${schema}.version SET version = ${SCHEMA_VERSION + 1}, min_reader = ${SCHEMA_VERSION + 1}`);
    const claim = { taskId: task.taskId, token: 't', digest: task.digest, nowMs: Date.now(), leaseMs: 1_000 };
    for (const write of [
      () => tasks.claim(claim),
      () => tasks.insert(pendingTask()),
      () => tasks.transition(pending.taskId, ['pending'], { to: 'approved' }, Date.now()),
      () => approvals.replace({ ...record, status: 'approved', version: 2 }, 1),
      () => approvals.replace({ ...record, consumed: { token: 't', atMs: 1 }, version: 2 }, 1),
    ]) {
      const error = await rejection((async () => write())());
      expect(error).to.include({ code: 'store_failed' });
      expect(error.message).to.include('Update aegislib');
    }
    for (const kept of [task, pending]) expect(await tasks.get(kept.taskId)).to.deep.equal(kept);
    expect(await approvals.get(record.decisionId)).to.include({ status: 'pending', version: 1 });
  });

  it('creates all of its tables or none', async () => {
    const schema = stores.newSchema();
    const client = await stores.client();
    await client.query(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.approval_status (x int)`);
    await rejection(stores.open({ schema }));
    expect((await client.query(`SELECT tablename FROM pg_tables WHERE schemaname = $1`, [schema])).rows).to.deep.equal([
      { tablename: 'approval_status' },
    ]);
  });

  it('makes unknown what was approved or executing when the database is not the one it was', async () => {
    const schema = stores.newSchema();
    const before = await stores.open({ schema });
    const approved = await inStatus(before.tasks, 'approved');
    const executing = await inStatus(before.tasks, 'executing');
    const kept = [await inStatus(before.tasks, 'pending'), await inStatus(before.tasks, 'completed')];
    const records = [recordOf(), recordOf(), recordOf()] as const;
    for (const record of records) await before.approvals.insert(record);
    await before.approvals.replace({ ...records[0], status: 'approved', version: 2 }, 1);
    const used = { ...records[1], status: 'approved' as const, consumed: { token: 't', atMs: 1 }, version: 2 };
    await before.approvals.replace(used, 1);
    await before.close();
    const client = await stores.client();
    expect((await client.query(`SELECT incarnation FROM ${schema}.meta`)).rows[0].incarnation).to.match(/^\d+\/[0-9A-F]{8}$/);
    await client.query(`UPDATE ${schema}.meta SET incarnation = '1/00000001'`);
    const seen = await diagnosed(async () => {
      const after = await stores.open({ schema });
      for (const task of [approved, executing]) {
        const now = await after.tasks.get(task.taskId);
        expect(now).to.include({ status: 'unknown', version: task.version + 1 });
        expect(now).to.have.nested.property('error.code', 'outcome_unknown');
        expect(now).to.deep.equal({ ...restored(task, (now as Task).updatedAtMs) });
      }
      for (const task of kept) expect(await after.tasks.get(task.taskId)).to.deep.equal(task);
      expect((await after.approvals.get(records[0].decisionId))?.status).to.equal('withdrawn');
      expect(await after.approvals.get(records[1].decisionId)).to.deep.equal(used);
      expect((await after.approvals.get(records[2].decisionId))?.status).to.equal('pending');
      await (await stores.open({ schema })).close();
    });
    expect(securityCodes(seen)).to.deep.equal(['store_restored']);
  });

  it('notices it on a connection that comes later, too', async () => {
    const schema = stores.newSchema();
    const store = await stores.open({ schema, connectionString: stores.server.url('application_name=takeover') });
    const { taskId } = await inStatus(store.tasks, 'approved');
    const client = await stores.client();
    await client.query(`UPDATE ${schema}.meta SET incarnation = '1/00000001'`);
    await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'takeover'`);
    expect(await store.tasks.get(taskId)).to.include({ status: 'unknown' });
  });

  it('works for a user that owns nothing but the schema', async () => {
    const schema = stores.newSchema();
    const client = await stores.client();
    const role = `role_${schema}`;
    await client.query(`CREATE ROLE ${role} LOGIN PASSWORD '${SECRET}'; CREATE SCHEMA ${schema} AUTHORIZATION ${role}`);
    const url = changed((u) => ([u.username, u.password] = [role, SECRET]));
    const store = postgresStore({ connectionString: url, schema, queue: false });
    await store.open();
    expect((await store.tasks.insert(pendingTask())).outcome).to.equal('created');
    await store.close();
    expect((await failure(url)).message).to.match(/grant it CREATE/);
    await client.query(`DROP SCHEMA ${schema} CASCADE; DROP ROLE ${role}`);
  });
});

function thrown(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('it did not throw');
}
