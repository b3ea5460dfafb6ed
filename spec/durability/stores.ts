import { postgresServer } from '../support/postgresServer.js';
import { PostgresStores } from '../support/postgresStores.js';
import type { StoreAt } from './setting.js';

/** A kind of store, on this machine. */
export interface StoreHere {
  readonly name: string;
  /** Call it in `before`: skips the suite where this store cannot run here, and says so in one line. */
  start(context: Mocha.Context): Promise<void>;
  /** A new, empty state; `undefined` for a file of the scenario's own. */
  make(): StoreAt | undefined;
  /** Takes everything away that was made. */
  end(): Promise<void>;
}

let said = false;

export const sqlite: StoreHere = {
  name: 'SQLite',
  async start(context) {
    if (process.getBuiltinModule?.('node:sqlite') !== undefined) return;
    if (!said) console.log(`      no crash tests on SQLite: Node ${process.versions.node} has no node:sqlite`);
    said = true;
    context.skip();
  },
  make: () => undefined,
  end: async () => {},
};

export const postgres: StoreHere = onPostgres('Postgres', false);
export const postgresWithQueue: StoreHere = onPostgres('Postgres with pg-boss', true);

function onPostgres(name: string, queue: boolean): StoreHere {
  let stores: PostgresStores | undefined;
  return {
    name,
    start: async (context) => {
      stores = new PostgresStores(await postgresServer(context));
    },
    make() {
      if (stores === undefined) throw new Error('there is no server');
      return { kind: 'postgres', at: stores.server.url(), schema: stores.newSchema(), queue };
    },
    end: async () => stores?.end(),
  };
}
