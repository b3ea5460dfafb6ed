import type { ApprovalStore } from '../../../lib/store/ApprovalStore.js';
import type { StateStore } from '../../../lib/store/StateStore.js';
import type { TaskStore } from '../../../lib/store/TaskStore.js';
import { postgresServer } from '../../support/postgresServer.js';
import { PostgresStores } from '../../support/postgresStores.js';
import { behavesLikeApprovalStore } from '../behavesLikeApprovalStore.js';
import { behavesLikeStateStore } from '../behavesLikeStateStore.js';
import { behavesLikeTaskStore } from '../behavesLikeTaskStore.js';

describe('A PostgreSQL store', function () {
  // a thousand commits that are flushed to the disk take a while on a busy machine
  this.timeout(30_000);
  let stores: PostgresStores;
  let schema: string;
  before(async function () {
    stores = new PostgresStores(await postgresServer(this));
    schema = stores.newSchema();
  });
  after(() => stores?.end());

  const open = (): Promise<StateStore> => stores.open({ schema });
  /** One schema for all, emptied: creating tables takes longer than the specs. */
  const emptied = async (): Promise<StateStore> => {
    const store = await open();
    await stores.empty(schema);
    return store;
  };
  /** What a suite closes is all that there is. */
  const part = <Part extends TaskStore | ApprovalStore>(one: Part, other: TaskStore | ApprovalStore): Part => {
    const close = one.close?.bind(one);
    one.close = async () => {
      await other.close?.();
      await close?.();
    };
    return one;
  };
  const tasksOf = ({ tasks, approvals }: StateStore): TaskStore => part(tasks, approvals);

  behavesLikeTaskStore('PostgresTaskStore', async () => tasksOf(await emptied()), {
    another: async () => tasksOf(await open()),
    reopen: async (store) => {
      await store.close?.();
      return tasksOf(await open());
    },
  });
  behavesLikeApprovalStore('PostgresApprovalStore', async () => {
    const { tasks, approvals } = await emptied();
    return part(approvals, tasks);
  });
  behavesLikeStateStore('postgresStore', emptied, open);
});
