import { expect } from 'chai';
import { postgresSink } from '../../../../lib/audit/sink/postgres/postgresSink.js';
import { postgresServer } from '../../../support/postgresServer.js';
import { PostgresStores } from '../../../support/postgresStores.js';
import { findsAll, written } from '../findsBrokenBytes.js';
import type { Disk } from '../findsBrokenBytes.js';

describe('Bytes that are not UTF-8', () => {
  for (const [encoding, bytesOf, write] of [
    ['UTF8', (column: string) => `textsend(${column})`, '($1::bytea)::text'],
    ['SQL_ASCII', (column: string) => `convert_to(${column}, 'SQL_ASCII')`, "convert_from($1, 'SQL_ASCII')"],
  ] as const)
    it(`are found in PostgreSQL, in a database with the encoding ${encoding}`, async function () {
      const stores = new PostgresStores(await postgresServer(this));
      const admin = await stores.client();
      const name = `aegis_bytes_${encoding.toLowerCase()}_${process.pid}`;
      await admin.query(`CREATE DATABASE ${name} ENCODING '${encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'`);
      const url = new URL(stores.server.url());
      url.pathname = `/${name}`;
      const sink = postgresSink(url.href);
      try {
        await written(sink);
        const client = await stores.client(url.href);
        // who is allowed everything makes texts of any bytes
        await client.query('CREATE CAST (bytea AS text) WITHOUT FUNCTION');
        const place = {
          record: ['line', 'audit_record', 'seq = 2'],
          opening: ['body', 'audit_opening', 'true'],
          checkpoint: ['note', 'audit_checkpoint', 'true'],
        };
        const disk: Disk = {
          read: async (what) => {
            const [column = '', table, row] = place[what];
            return ((await client.query(`SELECT ${bytesOf(column)} AS b FROM aegis.${table} WHERE ${row}`)).rows[0] as { b: Buffer }).b;
          },
          write: async (what, bytes) => {
            const [column, table, row] = place[what];
            await client.query(`UPDATE aegis.${table} SET ${column} = ${write} WHERE ${row}`, [bytes]);
          },
        };
        expect(await findsAll(`in PostgreSQL, in ${encoding}`, sink, disk, encoding === 'UTF8' ? undefined : ['record'])).to.be.above(60);
        await client.end();
      } finally {
        await sink.close();
        await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
        await stores.end();
      }
    });
});
