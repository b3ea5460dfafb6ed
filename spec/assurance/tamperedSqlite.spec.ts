import { needsSqlite } from '../store/sqlite/sqliteFiles.js';
import { sqliteVault, withstandsTampering } from './support/withstandsTampering.js';

describe('A SQLite store that somebody else writes, who does not have the state key', function () {
  this.timeout(120_000);
  needsSqlite();
  withstandsTampering(sqliteVault, 4);
});
