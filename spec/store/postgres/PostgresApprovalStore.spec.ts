import { emptiedPostgres, partOf } from '../../support/emptiedPostgres.js';
import { behavesLikeApprovalStore } from '../behavesLikeApprovalStore.js';

describe('The approvals of a PostgreSQL store', function () {
  // a thousand commits that are flushed to the disk take a while on a busy machine
  this.timeout(30_000);
  const { emptied } = emptiedPostgres();

  behavesLikeApprovalStore('PostgresApprovalStore', async () => {
    const { tasks, approvals } = await emptied();
    return partOf(approvals, tasks);
  });
});
