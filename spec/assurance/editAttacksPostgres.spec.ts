import { postgresServer } from '../support/postgresServer.js';
import { PostgresStores } from '../support/postgresStores.js';
import { withstandsEdits } from './support/withstandsEdits.js';

describe('Edits that must not be, on a server', () => {
  let stores: PostgresStores | undefined;
  before(async function () {
    stores = new PostgresStores(await postgresServer(this));
  });
  after(async () => stores?.end());
  withstandsEdits('Postgres', async () => stores?.open());
});
