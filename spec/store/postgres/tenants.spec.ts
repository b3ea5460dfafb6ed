import { expect } from 'chai';
import { SecretString } from '../../../lib/common/SecretString.js';
import { SignedRecordStore } from '../../../lib/store/signing/SignedRecordStore.js';
import { approvalCard } from '../../../lib/store/approval/approvalCard.js';
import { postgresStore } from '../../../lib/store/postgres/index.js';
import { SCHEMA_VERSION } from '../../../lib/store/postgres/schema.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { rejection } from '../../support/rejection.js';
import { postgresServer } from '../../support/postgresServer.js';
import { PostgresStores } from '../../support/postgresStores.js';
import { recordOf } from '../../support/approvalRecords.js';
import { storedRecord } from '../../support/storedRecords.js';
import { behavesLikeHaltGate } from '../behavesLikeHaltGate.js';
import { behavesLikeServerStore } from '../behavesLikeServerStore.js';

describe('A PostgreSQL store of tenants', function () {
  this.timeout(30_000);
  let stores: PostgresStores;
  let schema: string;
  before(async function () {
    stores = new PostgresStores(await postgresServer(this));
    schema = stores.newSchema();
  });
  after(() => stores?.end());
  afterEach(() => stores?.closeAll());

  /** One schema for all, emptied: creating tables takes longer than the specs. */
  const emptied = async (): Promise<ServerStore> => {
    const store = await stores.open({ schema });
    await stores.empty(schema);
    return store;
  };
  let connection: ReturnType<PostgresStores['client']> | undefined;
  const client = (): ReturnType<PostgresStores['client']> => (connection ??= stores.client());
  /** The time of the store is that of its database: it is set there, as what an earlier server may have left. */
  const clock = {
    async set(ms: number): Promise<void> {
      await (await client()).query(`UPDATE ${schema}.meta SET clock_ms = $1`, [ms]);
    },
    async now(): Promise<number> {
      const { rows } = await (await client()).query(`SELECT ${schema}.now_ms() AS now`);
      return Number((rows[0] as { now: string }).now);
    },
    restore: (): Promise<void> => clock.set(0),
  };
  behavesLikeServerStore('postgresStore', emptied, clock);
  behavesLikeHaltGate('postgresStore', async () => [await emptied(), await stores.open({ schema })]);

  it('counts nothing anew where its clock was ahead for a while, and counters were deleted then', async () => {
    const own = stores.newSchema();
    const { counters } = (await stores.open({ schema: own })).forTenant('acme');
    const client = await stores.client();
    const aheadBy = async (ms: number): Promise<void> => {
      await client.query(`CREATE OR REPLACE FUNCTION ${own}.now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS $$
        SELECT greatest((extract(epoch FROM clock_timestamp()) * 1000)::bigint + ${ms}, clock_ms) FROM ${own}.meta $$`);
    };
    let ran = 0;
    for (let i = 0; i < 5; i++) {
      const take = { key: 'k', cost: 1, limit: 1, windowMs: 366 * 86_400_000, kind: 'fixed' } as const;
      if ((await counters?.take({ token: `t${i}`, takes: [take] }))?.ok === true) ran += 1;
      await aheadBy(2 * take.windowMs);
      await counters?.prune();
      await aheadBy(0);
    }
    expect(ran, 'one in its window, and one in that of the clock that is ahead').to.equal(2);
  });

  it('lets older code write until there is a row of another tenant', async () => {
    const own = stores.newSchema();
    const store = await stores.open({ schema: own });
    const client = await stores.client();
    const minReader = async (): Promise<unknown> => (await client.query(`SELECT min_reader FROM ${own}.version`)).rows;
    await store.forTenant('default', { forOthers: true }).approvals.insert(recordOf());
    expect(await minReader()).to.deep.equal([{ min_reader: 4 }]);
    await store.forTenant('acme').approvals.insert(recordOf());
    expect(await minReader()).to.deep.equal([{ min_reader: 5 }]);
    const granted = stores.newSchema();
    const rows = (await stores.open({ schema: granted })).forTenant('default').records;
    const state = { stateKey: new SecretString('k'.repeat(32)), tenantId: 'default' };
    await new SignedRecordStore(rows, state).insert(storedRecord({ kind: 'grant' }));
    expect((await client.query(`SELECT min_reader FROM ${granted}.version`)).rows).to.deep.equal([{ min_reader: 6 }]);
    await store.forTenant('acme').records.insert(storedRecord({ kind: 'halt' }));
    expect(await minReader()).to.deep.equal([{ min_reader: 6 }]);
  });

  it('keeps what was asked by others when the process is gone that asked for them, and withdraws what is its own', async () => {
    const own = stores.newSchema();
    const [store, another] = [await stores.open({ schema: own }), await stores.open({ schema: own })];
    const [program, ...others] = [recordOf(), recordOf(), recordOf()] as const;
    await store.approvals.insert(program);
    for (const [i, tenantId] of ['default', 'acme'].entries())
      await store.forTenant(tenantId, { forOthers: true }).approvals.insert(others[i] ?? program);
    // a server that runs tools of its own as well, which is dead, and the minute is over in which a task could still be recorded
    const client = await stores.client();
    await client.query(`UPDATE ${own}.owner SET has_tasks = true, live_until = 0 WHERE owner_id = '${store.tasks.ownerId}'`);
    await client.query(`UPDATE ${own}.approval SET made_at = made_at - 120000`);
    await another.tasks.sweep({ nowMs: Date.now(), maxRuns: 1, limit: 10 });
    expect((await another.approvals.get(program.decisionId))?.status).to.equal('withdrawn');
    for (const [i, tenantId] of ['default', 'acme'].entries())
      expect(await another.forTenant(tenantId).approvals.get(others[i]?.decisionId ?? ''), tenantId).to.deep.equal(others[i]);
  });

  it('is migrated without being opened', async () => {
    const own = stores.newSchema();
    const options = { connectionString: stores.server.url(), schema: own, queue: false };
    expect(await postgresStore(options).migrate()).to.deep.equal({ from: 0, to: SCHEMA_VERSION });
    const store = postgresStore(options);
    expect(await store.migrate()).to.deep.equal({ from: SCHEMA_VERSION, to: SCHEMA_VERSION });
    expect(await rejection((async () => store.approvals.get('a'))())).to.include({ name: 'StoreError' });
    const client = await stores.client();
    expect((await client.query(`SELECT * FROM ${own}.owner`)).rows).to.deep.equal([]);
    await client.query(`UPDATE ${own}.version SET version = ${SCHEMA_VERSION + 1}, min_reader = ${SCHEMA_VERSION + 1}`);
    expect(await rejection(store.migrate()))
      .to.include({ name: 'StoreError' })
      .with.property('message')
      .that.includes('update aegislib');
    const nowhere = postgresStore({ connectionString: `postgres://postgres@127.0.0.1:1/none`, queue: false });
    expect(await rejection(nowhere.migrate())).to.include({ name: 'StoreError' });
  });

  it('believes pages where older code has written the row', async () => {
    const store = await emptied();
    const record = recordOf({ reason: 'before' });
    await store.approvals.insert(record);
    const client = await stores.client();
    for (const sql of ['card = NULL, card_version = NULL', "card = '{}', card_version = 7"]) {
      await client.query(`UPDATE ${schema}.approval SET ${sql}`);
      expect((await store.approvals.page?.({}))?.cards).to.deep.equal([approvalCard(record)]);
    }
  });
});
