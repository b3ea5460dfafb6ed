import type { StateStore } from '../../../lib/store/StateStore.js';
import type { TaskStore } from '../../../lib/store/TaskStore.js';
import { emptiedPostgres, partOf } from '../../support/emptiedPostgres.js';
import { behavesLikeStateStore } from '../behavesLikeStateStore.js';
import { behavesLikeTaskStore } from '../behavesLikeTaskStore.js';

describe('A PostgreSQL store', function () {
  // a thousand commits that are flushed to the disk take a while on a busy machine
  this.timeout(30_000);
  const { open, emptied } = emptiedPostgres();
  const tasksOf = ({ tasks, approvals }: StateStore): TaskStore => partOf(tasks, approvals);

  behavesLikeTaskStore('PostgresTaskStore', async () => tasksOf(await emptied()), {
    another: async () => tasksOf(await open()),
    reopen: async (store) => {
      await store.close?.();
      return tasksOf(await open());
    },
  });
  behavesLikeStateStore('postgresStore', emptied, open);
});
