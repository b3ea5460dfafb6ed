import { postgresServer } from '../../support/postgresServer.js';
import { PostgresStores } from '../../support/postgresStores.js';
import { behavesLikeDataPlane } from './behavesLikeDataPlane.js';
import { servedWorld } from './contractWorlds.js';

describe('Two servers on one PostgreSQL', () => {
  let stores: PostgresStores | undefined;
  let schema = '';
  before(async function () {
    stores = new PostgresStores(await postgresServer(this));
    schema = stores.newSchema();
  });
  after(() => stores?.end());

  behavesLikeDataPlane(
    'Policies behind them',
    servedWorld(async () => {
      const own = stores as PostgresStores;
      const opened = [await own.open({ schema }), await own.open({ schema })];
      await own.empty(schema);
      return opened;
    }),
    { remote: true },
  );
});
