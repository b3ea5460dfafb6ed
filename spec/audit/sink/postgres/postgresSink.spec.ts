import { expect } from 'chai';
import { postgresSink } from '../../../../lib/audit/sink/postgres/postgresSink.js';
import type { AuditSink } from '../../../../lib/audit/sink/AuditSink.js';
import { ConfigError } from '../../../../lib/model/errors/SetupErrors.js';
import { StoreError } from '../../../../lib/model/errors/ServiceErrors.js';
import { postgresServer } from '../../../support/postgresServer.js';
import { PostgresStores } from '../../../support/postgresStores.js';
import { rejection } from '../../../support/rejection.js';
import { behavesLikeAuditSink } from '../behavesLikeAuditSink.js';
import { LogMaker } from '../LogMaker.js';
import { readBack } from '../readBack.js';

describe('postgresSink', () => {
  for (const [what, given] of [
    ['nothing', undefined as unknown as string],
    ['a path', './audit.db'],
    ['a schema of PostgreSQL', { connectionString: 'postgres://a@b/c', schema: 'pg_audit' }],
    ['a schema that is a word of SQL', { connectionString: 'postgres://a@b/c', schema: 'table' }],
    ['an option that it does not have', { connectionString: 'postgres://a@b/c', pool: 3 } as { connectionString: string }],
  ] as const)
    it(`refuses ${what}`, () => {
      expect(() => postgresSink(given)).to.throw(ConfigError, /postgresSink/);
    });

  it('does not show the connection string', async () => {
    const sink = postgresSink('postgres://someone:canary-9d2@127.0.0.1:1/none');
    const error = await rejection(Promise.resolve(sink.open()));
    expect(error).to.be.instanceOf(StoreError);
    expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).to.not.include('canary');
    await sink.close();
  });

  describe('with a server', () => {
    let stores: PostgresStores;
    let schema: string;
    before(async function () {
      stores = new PostgresStores(await postgresServer(this));
    });
    after(() => stores?.end());
    beforeEach(() => (schema = stores.newSchema()));
    const sink = (connectionString = stores.server.url()): AuditSink => postgresSink({ connectionString, schema });

    describe('as a sink', () => {
      let shared: string;
      before(() => (shared = stores.newSchema()));
      // emptied, because making tables takes longer than the specs
      beforeEach(async () => {
        schema = shared;
        const maker = sink();
        await maker.open('maker');
        await maker.close();
        await (await stores.client()).query(`TRUNCATE ${schema}.audit_record, ${schema}.audit_checkpoint, ${schema}.audit_opening`);
      });
      behavesLikeAuditSink(sink);
    });

    it('shares a schema with a store', async () => {
      await stores.open({ schema });
      const one = sink();
      const log = new LogMaker();
      await one.open();
      await one.append(log.batch(3));
      expect((await readBack(one.source)).lines).to.deep.equal(log.lines);
      await one.close();
      await stores.open({ schema });
    });

    it('needs a user who may insert and read, and no more; erasing needs one who may delete openings', async () => {
      const maker = sink();
      await maker.open();
      await maker.close();
      const admin = await stores.client();
      const [writer, eraser] = [`${schema}_w`, `${schema}_e`];
      await admin.query(`CREATE ROLE ${writer} LOGIN PASSWORD 'w'; CREATE ROLE ${eraser} LOGIN PASSWORD 'e';
        GRANT USAGE ON SCHEMA ${schema} TO ${writer}, ${eraser};
        GRANT SELECT ON ${schema}.audit_version TO ${writer};
        GRANT SELECT, INSERT ON ${schema}.audit_record, ${schema}.audit_checkpoint, ${schema}.audit_opening TO ${writer};
        GRANT SELECT, DELETE ON ${schema}.audit_opening TO ${eraser}`);
      const as = (user: string, password: string): string => {
        const url = new URL(stores.server.url());
        [url.username, url.password] = [user, password];
        return url.href;
      };
      try {
        const log = new LogMaker();
        const writing = sink(as(writer, 'w'));
        await writing.open();
        await writing.append(log.batch(4));
        await writing.checkpoint(log.note());
        await writing.close();
        expect((await writing.open()).tree).to.deep.equal(log.tree);
        await writing.append(log.batch(3));
        expect((await readBack(writing.source)).lines).to.deep.equal(log.lines);
        expect(await rejection(Promise.resolve(writing.erase(() => true)))).to.be.instanceOf(StoreError);
        const client = await stores.client(as(writer, 'w'));
        for (const act of [
          'UPDATE $S.audit_record SET line = line',
          'DELETE FROM $S.audit_record',
          'TRUNCATE $S.audit_record',
          "UPDATE $S.audit_checkpoint SET note = ''",
          'DELETE FROM $S.audit_checkpoint',
          'DELETE FROM $S.audit_opening',
          "UPDATE $S.audit_opening SET body = ''",
        ])
          expect(await rejection(client.query(act.replaceAll('$S', schema))), act).to.have.property('code', '42501');
        const erasing = sink(as(eraser, 'e'));
        expect(await erasing.erase(() => true)).to.equal(4);
        await erasing.close();
        expect((await readBack(writing.source)).openings).to.deep.equal([]);
        await writing.close();
      } finally {
        await admin.query(`DROP OWNED BY ${writer}, ${eraser}; DROP ROLE ${writer}, ${eraser}`);
      }
    });

    it('holds a log for as long as its connection lives, and writes nothing after that has ended', async () => {
      const [one, other] = [sink(), sink()];
      const log = new LogMaker();
      await one.open();
      await one.append(log.batch(2));
      expect(await rejection(Promise.resolve(other.open('w0')))).to.be.instanceOf(StoreError);
      const admin = await stores.client();
      await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()
        AND pid IN (SELECT pid FROM pg_stat_activity WHERE application_name = 'aegislib audit')`);
      const kept = [...log.lines];
      const tree = log.tree;
      const error = await rejection(Promise.resolve(one.append(log.batch(1))));
      expect(error).to.be.instanceOf(StoreError);
      expect(error.message).to.match(/not known whether it was done/);
      for (const write of [one.append(log.batch(1)), one.checkpoint(log.note())])
        expect(await rejection(Promise.resolve(write)).then(({ message }) => message)).to.match(/earlier write/);
      expect(await other.open('w0')).to.deep.equal({ writer: 'w0', tree, tornBytes: 0 });
      await other.append(new LogMaker('w0', tree).batch(1));
      expect((await readBack(other.source)).lines.slice(0, 2)).to.deep.equal(kept);
      await one.close();
      expect((await one.open()).writer).to.equal('w1');
      await one.close();
      await other.close();
    });

    it('never has two records in one place', async () => {
      const one = sink();
      const log = new LogMaker();
      await one.open();
      await one.append(log.batch(3));
      const client = await stores.client();
      await client.query(`INSERT INTO ${schema}.audit_record VALUES ('w0', 3, 'of another one')`);
      expect(await rejection(Promise.resolve(one.append(log.batch(2))))).to.be.instanceOf(StoreError);
      await one.close();
      expect((await rejection(Promise.resolve(one.open()))).message).to.match(/cannot be continued: record 3 cannot be read/);
      const openings = (await readBack(one.source)).openings.map(({ seq }) => seq);
      expect(openings, 'none of the batch that was refused').to.deep.equal([0, 2]);
      await one.close();
    });

    const DAMAGES: readonly (readonly [string, string])[] = [
      ['has lost its last sealed record', 'DELETE FROM $S.audit_record WHERE seq = 4'],
      ['has another tree', `UPDATE $S.audit_checkpoint SET tree = '{"size":0,"nodes":[],"lastAt":0}'`],
      ['has a checkpoint that is not one', "UPDATE $S.audit_checkpoint SET note = 'none'"],
      ['has a record that is not one', "INSERT INTO $S.audit_record VALUES ('w0', 5, 'none')"],
    ];
    for (const [what, sql] of DAMAGES)
      it(`does not go on with a log that ${what}`, async () => {
        const one = sink();
        const log = new LogMaker();
        await one.open();
        await one.append(log.batch(5));
        await one.checkpoint(log.note());
        await one.close();
        await (await stores.client()).query(sql.replaceAll('$S', schema));
        expect((await rejection(Promise.resolve(one.open()))).message).to.match(/^The audit log "w0" cannot be continued: /);
        expect((await one.open('w1')).writer).to.equal('w1');
        await one.close();
      });

    it('refuses tables of a newer version', async () => {
      const one = sink();
      await one.open();
      await one.close();
      await (await stores.client()).query(`INSERT INTO ${schema}.audit_version VALUES (9)`);
      expect((await rejection(Promise.resolve(one.open()))).message).to.match(/have version 9/);
      await one.close();
    });

    it('makes its tables once, no matter which one is first', async () => {
      const sinks = Array.from({ length: 6 }, () => sink());
      const opened = await Promise.all(sinks.map((one) => one.open()));
      expect(opened.map(({ writer }) => writer).sort()).to.deep.equal(['w0', 'w1', 'w2', 'w3', 'w4', 'w5']);
      for (const one of sinks) await one.close();
    });

    it('has what it said was there after the server lost its power', async function () {
      if (!stores.server.own) return this.skip();
      this.timeout(60_000);
      const one = sink();
      const log = new LogMaker();
      await one.open();
      for (const count of [1, 16, 256]) await one.append(log.batch(count));
      await stores.server.restart();
      const tree = log.tree;
      expect(await rejection(Promise.resolve(one.append(log.batch(1))))).to.be.instanceOf(StoreError);
      await one.close();
      expect((await one.open('w0')).tree).to.deep.equal(tree);
      await one.close();
    });
  });
});
