import { MemoryApprovalStore } from '../../../../lib/store/memory/MemoryApprovalStore.js';
import { emptiedPostgres, partOf } from '../../../support/emptiedPostgres.js';
import { needsSqlite, sqliteFiles } from '../../../store/sqlite/sqliteFiles.js';
import { countsInEveryOrder } from './orders.js';

describe('A quorum', function () {
  this.timeout(30_000);

  countsInEveryOrder('a store in memory', () => new MemoryApprovalStore());

  describe('in a file', () => {
    needsSqlite();
    const { open } = sqliteFiles();
    countsInEveryOrder('SQLite', () => open().approvals);
  });

  describe('in a database', () => {
    const { emptied } = emptiedPostgres();
    countsInEveryOrder('PostgreSQL', async () => {
      const { tasks, approvals } = await emptied();
      return partOf(approvals, tasks);
    });
  });
});
