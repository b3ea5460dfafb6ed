import { needsSqlite, sqliteFiles } from '../../store/sqlite/sqliteFiles.js';
import { behavesLikeAdmins } from './behavesLikeAdmins.js';
import { behavesLikeIdentity } from './behavesLikeIdentity.js';
import type { IdentityWorld } from './behavesLikeIdentity.js';
import { COLUMNS, columnsOf, rowIn } from './rowColumns.js';

describe('Identity in SQLite', function () {
  this.timeout(20_000);
  needsSqlite();
  const { open, bare } = sqliteFiles();
  const make = async (): Promise<IdentityWorld> => {
    const [one, two] = [open(), open()];
    let calls = 0;
    const db = bare();
    const drop = (kind: string, id: string): void =>
      void db.prepare("DELETE FROM record WHERE tenant_id = 'default' AND kind = ? AND id = ?").run(kind, id);
    return {
      attackedRows: 1,
      records: (tenantId = 'default') => ((calls += 1) % 2 === 0 ? one : two).forTenant(tenantId, { forOthers: true }).records,
      raw: async (kind) =>
        db
          .prepare(`SELECT ${COLUMNS.join(', ')} FROM record WHERE tenant_id = 'default' AND kind = ?`)
          .all(kind)
          .map((row) => rowIn(row)),
      async put(row) {
        drop(row.kind, row.id);
        db.prepare(`INSERT INTO record (tenant_id, ${COLUMNS.join(', ')}) VALUES ('default', ?, ?, ?, ?, ?, ?, ?, ?, ?)`).run(
          ...columnsOf(row),
        );
      },
      drop: async (kind, id) => drop(kind, id),
    };
  };
  behavesLikeIdentity('SQLite', make);
  behavesLikeAdmins('SQLite', make);
});
