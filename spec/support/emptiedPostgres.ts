import type { ApprovalStore } from '../../lib/store/ApprovalStore.js';
import type { StateStore } from '../../lib/store/StateStore.js';
import type { TaskStore } from '../../lib/store/TaskStore.js';
import { postgresServer } from './postgresServer.js';
import { PostgresStores } from './postgresStores.js';

/** One schema for all specs of a file, emptied: creating tables takes longer than the specs. */
export interface EmptiedPostgres {
  open(): Promise<StateStore>;
  emptied(): Promise<StateStore>;
}

/** Starts a server before the specs of a suite, and ends it after them. */
export function emptiedPostgres(): EmptiedPostgres {
  let stores: PostgresStores;
  let schema: string;
  before(async function () {
    stores = new PostgresStores(await postgresServer(this));
    schema = stores.newSchema();
  });
  after(() => stores?.end());
  const open = (): Promise<StateStore> => stores.open({ schema });
  return {
    open,
    emptied: async () => {
      const store = await open();
      await stores.empty(schema);
      return store;
    },
  };
}

/** A part of a store: what a suite closes is all that there is. */
export function partOf<Part extends TaskStore | ApprovalStore>(one: Part, other: TaskStore | ApprovalStore): Part {
  const close = one.close?.bind(one);
  one.close = async () => {
    await other.close?.();
    await close?.();
  };
  return one;
}
