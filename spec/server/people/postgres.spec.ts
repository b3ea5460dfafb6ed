import { PostgresStores } from '../../support/postgresStores.js';
import { postgresServer } from '../../support/postgresServer.js';
import { behavesLikeAdmins } from './behavesLikeAdmins.js';
import { behavesLikeIdentity } from './behavesLikeIdentity.js';
import type { IdentityWorld } from './behavesLikeIdentity.js';
import { COLUMNS, columnsOf, rowIn } from './rowColumns.js';

describe('Identity in PostgreSQL', function () {
  this.timeout(60_000);
  let stores: PostgresStores;
  let schema: string;
  before(async function () {
    stores = new PostgresStores(await postgresServer(this));
    schema = stores.newSchema();
  });
  after(() => stores?.end());
  afterEach(() => stores?.closeAll());

  const make = async (): Promise<IdentityWorld> => {
    const [one, two] = [await stores.open({ schema }), await stores.open({ schema })];
    await stores.empty(schema);
    const client = await stores.client();
    const drop = async (kind: string, id: string): Promise<void> =>
      void (await client.query(`DELETE FROM ${schema}.record WHERE tenant_id = 'default' AND kind = $1 AND id = $2`, [kind, id]));
    let calls = 0;
    return {
      attackedRows: 1,
      records: (tenantId = 'default') => ((calls += 1) % 2 === 0 ? one : two).forTenant(tenantId, { forOthers: true }).records,
      async raw(kind) {
        const { rows } = await client.query(
          `SELECT ${COLUMNS.join(', ')} FROM ${schema}.record WHERE tenant_id = 'default' AND kind = $1`,
          [kind],
        );
        return (rows as Record<string, unknown>[]).map(rowIn);
      },
      async put(row) {
        await drop(row.kind, row.id);
        await client.query(
          `INSERT INTO ${schema}.record (tenant_id, stamp, ${COLUMNS.join(', ')}) VALUES ('default', 'x', $1, $2, $3, $4, $5, $6, $7, $8, $9)`,
          [...columnsOf(row)],
        );
      },
      drop,
    };
  };
  behavesLikeIdentity('PostgreSQL', make);
  behavesLikeAdmins('PostgreSQL', make);
});
