import { expect } from 'chai';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { postgresServer } from '../../support/postgresServer.js';
import { PostgresStores } from '../../support/postgresStores.js';
import { recordOf } from '../../support/approvalRecords.js';
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
  behavesLikeServerStore('postgresStore', emptied);

  it('lets older code write until there is a row of another tenant', async () => {
    const own = stores.newSchema();
    const store = await stores.open({ schema: own });
    const client = await stores.client();
    const minReader = async (): Promise<unknown> => (await client.query(`SELECT min_reader FROM ${own}.version`)).rows;
    await store.forTenant('default', { forOthers: true }).approvals.insert(recordOf());
    expect(await minReader()).to.deep.equal([{ min_reader: 4 }]);
    await store.forTenant('acme').approvals.insert(recordOf());
    expect(await minReader()).to.deep.equal([{ min_reader: 5 }]);
  });
});
