import { postgresServer } from '../support/postgresServer.js';
import { PostgresStores } from '../support/postgresStores.js';
import { postgresVault, withstandsTampering } from './support/withstandsTampering.js';

describe('A PostgreSQL store that somebody else writes, who does not have the state key', function () {
  this.timeout(120_000);
  let stores: PostgresStores;
  before(async function () {
    stores = new PostgresStores(await postgresServer(this));
  });
  after(() => stores?.end());
  withstandsTampering(() => postgresVault(stores), 1);
});
