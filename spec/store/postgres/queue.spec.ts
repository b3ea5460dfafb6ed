import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Task } from '../../../lib/model/Task.js';
import type { StateStore } from '../../../lib/store/StateStore.js';
import { postgresServer } from '../../support/postgresServer.js';
import { PostgresStores } from '../../support/postgresStores.js';
import { diagnosed } from '../../support/diagnosed.js';
import { inStatus } from '../taskInStatus.js';
import { until } from '../../support/until.js';
import { originOf } from '../taskStoreLeases.js';

describe('The queue of a PostgreSQL store', function () {
  this.timeout(20_000);
  let stores: PostgresStores;
  let schema: string;
  before(async function () {
    stores = new PostgresStores(await postgresServer(this));
  });
  beforeEach(() => (schema = stores.newSchema()));
  afterEach(() => stores?.closeAll());
  after(() => stores?.end());

  const open = (): Promise<StateStore> => stores.open({ schema, queue: true });
  const msUntil = async (holds: () => boolean): Promise<number> => {
    const began = performance.now();
    await until(holds);
    return performance.now() - began;
  };
  const approvedTask = (store: StateStore, guardKey = 'refund'): Promise<Task> =>
    inStatus(store.tasks, 'approved', { guardKey, origin: originOf(store.tasks.ownerId) });

  it('hands each approved task to one process of those that serve its guard, within milliseconds', async () => {
    const [one, two] = [await open(), await open()];
    const got: [string, string][] = [];
    for (const [name, { tasks }] of [
      ['one', one],
      ['two', two],
    ] as const)
      await tasks.serve?.('billing:refund', (taskId) => void got.push([name, taskId]));
    await two.tasks.serve?.('other', () => expect.fail('it serves another guard'));
    const ids: string[] = [];
    const latencies: number[] = [];
    // a notice of the database to this process takes as long as the machine lets it
    const client = await stores.client();
    const twins: number[] = [];
    let notices = 0;
    client.on('notification', () => (notices += 1));
    await client.query('LISTEN twin');
    for (let i = 0; i < 20; i++) {
      ids.push((await approvedTask(i % 2 === 0 ? one : two, 'billing:refund')).taskId);
      latencies.push(await msUntil(() => got.length > i));
      await client.query('NOTIFY twin');
      twins.push(await msUntil(() => notices > i));
    }
    const median = (all: number[]): number => all.sort((a, b) => a - b)[10] as number;
    expect(got.map(([, id]) => id)).to.deep.equal(ids);
    expect(median(latencies)).to.be.lessThan(Math.max(100, 8 * median(twins)));
  });

  it('hands over what waited until somebody served it, and a whole burst', async () => {
    const one = await open();
    const ids: string[] = [];
    for (let i = 0; i < 50; i++) ids.push((await approvedTask(one, 'waiting')).taskId);
    const got: string[] = [];
    const stop = await one.tasks.serve?.('waiting', (taskId) => void got.push(taskId));
    await until(() => got.length >= 50);
    expect(got.sort()).to.deep.equal(ids.sort());
    await stop?.();
    await approvedTask(one, 'waiting');
    await sleep(200);
    expect(got).to.have.length(50);
  });

  it('hands over again what was given back', async () => {
    const one = await open();
    const got: string[] = [];
    const { taskId, digest } = await approvedTask(one, 'back');
    await one.tasks.claim({ taskId, token: 't', digest, nowMs: Date.now(), leaseMs: 36_000_000 });
    await one.tasks.serve?.('back', (id) => void got.push(id));
    await until(() => got.length === 1);
    await one.tasks.release(taskId, 't', Date.now());
    await until(() => got.length === 2);
    expect(got).to.deep.equal([taskId, taskId]);
  });

  it('undoes the job with the approval', async () => {
    const one = await open();
    const task = await inStatus(one.tasks, 'pending', { guardKey: 'undone' });
    const client = await stores.client();
    await approvedTask(one, 'undone');
    const jobs = async (): Promise<number> =>
      Number((await client.query(`SELECT count(*) FROM ${schema}_queue.job WHERE name = 'aegis.run.undone'`)).rows[0].count);
    expect(await jobs()).to.equal(1);
    await client.query(`CREATE FUNCTION ${schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
      CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON ${schema}.task DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ${schema}.refuse()`);
    await (async () => one.tasks.transition(task.taskId, ['pending'], { to: 'approved' }, Date.now()))().then(
      () => expect.fail('it was committed'),
      (error: Error) => expect(error.name).to.equal('StoreError'),
    );
    await client.query(`DROP TRIGGER refuse ON ${schema}.task`);
    expect([await jobs(), (await one.tasks.get(task.taskId))?.status]).to.deep.equal([1, 'pending']);
  });

  it('loses nothing when its tables are emptied, or dropped', async () => {
    const [one, two] = [await open(), await open()];
    const ids = [(await approvedTask(two, 'emptied')).taskId, (await approvedTask(two, 'emptied')).taskId];
    const client = await stores.client();
    await client.query(`DELETE FROM ${schema}_queue.job`);
    const query = { nowMs: Date.now(), idleMs: 1e9, againMs: 0, keys: ['emptied'], poll: false, limit: 100 };
    await two.tasks.heartbeat(0, Date.now());
    expect((await one.tasks.due(query)).map((t) => t.taskId).sort()).to.deep.equal(ids.slice().sort());
    await until(async () => (await client.query(`SELECT 1 FROM ${schema}_queue.job WHERE state = 'created'`)).rowCount === 2);
    await client.query(`DELETE FROM ${schema}_queue.job; DELETE FROM ${schema}_queue.queue WHERE name = 'aegis.run.emptied'`);
    expect(await approvedTask(two, 'emptied')).to.include({ status: 'approved' });
    await client.query(`DROP SCHEMA ${schema}_queue CASCADE`);
    const late = await approvedTask(two, 'emptied');
    expect(late.status).to.equal('approved');
    expect((await one.tasks.due(query)).map((t) => t.taskId)).to.include(late.taskId);
  });

  it('tells of a callback that throws, and goes on', async () => {
    const one = await open();
    const got: string[] = [];
    const seen = await diagnosed(async () => {
      await one.tasks.serve?.('throws', (taskId) => {
        got.push(taskId);
        throw new Error('not now');
      });
      await approvedTask(one, 'throws');
      await until(() => got.length === 1);
      await approvedTask(one, 'throws');
      await until(() => got.length === 2);
    });
    expect(got).to.have.length(2);
    expect(seen.filter((d) => d.kind === 'callback')).to.have.length(2);
  });

  it('needs no more than four connections for twenty tools that are busy', async () => {
    const store = await stores.open({ schema, queue: true, connectionString: stores.server.url('application_name=twenty') });
    const got = new Set<string>();
    for (let i = 0; i < 20; i++) await store.tasks.serve?.(`tool${i}`, (taskId) => void got.add(taskId));
    await store.tasks.watch(() => undefined);
    const client = await stores.client();
    let most = 0;
    const count = async (): Promise<void> => {
      const { rows } = await client.query(`SELECT count(*) FROM pg_stat_activity WHERE application_name = 'twenty'`);
      most = Math.max(most, Number(rows[0].count));
    };
    const timer = setInterval(() => void count(), 20);
    await Promise.all(Array.from({ length: 100 }, (_, i) => approvedTask(store, `tool${i % 20}`)));
    await until(() => got.size === 100);
    clearInterval(timer);
    await count();
    expect(got.size).to.equal(100);
    expect(most).to.be.within(2, 4);
  });

  it('is not there where it is not wanted', async () => {
    const store = await stores.open({ schema });
    expect(store.tasks.serve).to.equal(undefined);
  });
});
