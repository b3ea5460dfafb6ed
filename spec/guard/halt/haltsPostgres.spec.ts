import { countedSuite } from '../../support/assurance.js';
import { postgresServer } from '../../support/postgresServer.js';
import { PostgresStores } from '../../support/postgresStores.js';
import { postgresStore } from '../../../lib/store/postgres/index.js';
import { haltsEverywhere } from './haltsEverywhere.js';

describe('Halts at every stage of a call, in PostgreSQL', function () {
  this.timeout(30_000);
  let stores: PostgresStores;
  let schema: string;
  let cases = 0;
  before(async function () {
    stores = new PostgresStores(await postgresServer(this));
    schema = stores.newSchema();
    await (await stores.open({ schema })).close();
  });
  after(() => stores?.end());
  countedSuite('A halt at every stage of a call, in each mode, in PostgreSQL', () => ({ cases }));
  haltsEverywhere(
    'PostgreSQL',
    async () => {
      await stores.empty(schema);
      const settings = { connectionString: stores.server.url(), schema, queue: false };
      return [postgresStore(settings), await stores.open({ schema })];
    },
    () => (cases += 1),
  );
});
