import { expect } from 'chai';
import { existsSync, readFileSync } from 'node:fs';
import { sqliteSink } from '../../../../lib/audit/sink/sqlite/sqliteSink.js';
import { ConfigError } from '../../../../lib/model/errors/SetupErrors.js';
import { StoreError } from '../../../../lib/model/errors/ServiceErrors.js';
import { needsSqlite, sqlite, sqliteFiles } from '../../../store/sqlite/sqliteFiles.js';
import { behavesLikeAuditSink } from '../behavesLikeAuditSink.js';
import { LogMaker } from '../LogMaker.js';
import { readBack } from '../readBack.js';

describe('sqliteSink', () => {
  for (const [what, path] of [
    ['an empty path', ''],
    ['a database in memory', ':memory:'],
    ['a URL of the web', new URL('https://example.com/a.db')],
    ['a number', 7 as unknown as string],
  ] as const)
    it(`refuses ${what}`, () => {
      expect(() => sqliteSink(path)).to.throw(ConfigError, /^.*sqliteSink\(path\)/);
    });

  it('says what to use on a Node without node:sqlite', function () {
    if (sqlite !== undefined) return this.skip();
    expect(() => sqliteSink('audit.db').open()).to.throw(ConfigError, /node:sqlite: use Node 22\.13 or later, or jsonlFolder\(\)/);
  });

  describe('on a Node with node:sqlite', () => {
    needsSqlite();
    const files = sqliteFiles();
    const sink = (): ReturnType<typeof sqliteSink> => sqliteSink(files.path('audit.db'));

    describe('as a sink', () => behavesLikeAuditSink(sink));

    it('answers at once, so that a synchronous guard can wait for it', async () => {
      const one = sink();
      const log = new LogMaker();
      expect(one.open()).to.have.property('writer', 'w0');
      expect(one.append(log.batch(3))).to.equal(undefined);
      expect(one.checkpoint(log.note())).to.equal(undefined);
      expect(one.erase(() => true)).to.equal(2);
      expect(one.close()).to.equal(undefined);
    });

    for (const act of ['UPDATE record SET line = line', 'DELETE FROM record', "UPDATE checkpoint SET note = ''", 'DELETE FROM checkpoint'])
      it(`lets no one ${act.split(' ').slice(0, 2).join(' ').toLowerCase()} by a plain statement`, async () => {
        const one = sink();
        const log = new LogMaker();
        await one.open();
        await one.append(log.batch(1));
        await one.checkpoint(log.note());
        expect(() => files.bare('audit.db').exec(act)).to.throw(/only appended to/);
        await one.close();
      });

    const DAMAGES: readonly (readonly [string, string])[] = [
      ['has lost its last record', 'DROP TRIGGER record_delete; DELETE FROM record WHERE seq = 4'],
      ['has a record that its writer did not write', "INSERT INTO record VALUES ('w0', 5, '{}')"],
      ['has an older tree', `UPDATE log SET tree = '{"size":0,"nodes":[],"lastAt":0}'; DROP TRIGGER record_delete; DELETE FROM record`],
      ['has another tree', `UPDATE log SET tree = json_replace(tree, '$.nodes[0]', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=')`],
      ['has a checkpoint that is not one', "INSERT INTO checkpoint (writer, note) VALUES ('w0', 'none')"],
    ];
    for (const [what, sql] of DAMAGES)
      it(`does not go on with a log that ${what}`, async () => {
        const one = sink();
        const log = new LogMaker();
        await one.open();
        await one.append(log.batch(5));
        await one.checkpoint(log.note());
        await one.close();
        files.bare('audit.db').exec(sql);
        expect(() => sink().open()).to.throw(StoreError, /^The audit log "w0" cannot be continued: /);
        const other = sink();
        expect(await other.open('w1')).to.have.property('writer', 'w1');
        await other.close();
      });

    it('refuses the file of a store, and of another program', () => {
      files.open('store.db');
      files.bare('other.db').exec('CREATE TABLE a (b)');
      for (const name of ['store.db', 'other.db'])
        expect(() => sqliteSink(files.path(name)).open()).to.throw(ConfigError, /for audit logs alone/);
    });

    it('refuses the file of a newer version', async () => {
      const one = sink();
      await one.open();
      await one.close();
      files.bare('audit.db').exec('PRAGMA user_version = 99');
      expect(() => sink().open()).to.throw(ConfigError, /update aegislib/);
    });

    it('writes nothing once another one has taken its log over', async () => {
      const one = sink();
      const log = new LogMaker();
      await one.open();
      await one.append(log.batch(2));
      const db = files.bare('audit.db');
      db.exec("UPDATE log SET token = 'other'");
      const kept = [...log.lines];
      expect(() => one.append(log.batch(1))).to.throw(StoreError, /taken over/);
      expect(() => one.append(log.batch(1))).to.throw(StoreError, /earlier write/);
      expect(() => one.checkpoint(log.note())).to.throw(StoreError, /earlier write/);
      expect((await readBack(one.source)).lines).to.deep.equal(kept);
      await one.close();
      expect(db.prepare('SELECT token FROM log').get()).to.have.property('token', 'other');
    });

    it('writes nothing after a write failed, and goes on when it was opened again', async () => {
      const one = sink();
      const log = new LogMaker();
      await one.open();
      await one.append(log.batch(2));
      const db = files.bare('audit.db');
      // what the disk refuses, it refuses in the middle of a batch
      db.exec("CREATE TRIGGER full BEFORE INSERT ON record WHEN new.seq = 3 BEGIN SELECT RAISE(ABORT, 'full'); END");
      const kept = [...log.lines];
      const tree = log.tree;
      expect(() => one.append(log.batch(3))).to.throw(StoreError, /could not be written/);
      db.exec('DROP TRIGGER full');
      expect(() => one.append(log.batch(1))).to.throw(StoreError, /earlier write/);
      await one.close();
      expect((await one.open('w0')).tree).to.deep.equal(tree);
      await one.append(new LogMaker('w0', tree).batch(1));
      expect((await readBack(one.source)).lines.slice(0, 2)).to.deep.equal(kept);
      await one.close();
    });

    it('erases nothing while another connection keeps what is deleted in the journal', async function () {
      this.timeout(30_000);
      const one = sink();
      const log = new LogMaker();
      await one.open();
      await one.append(log.batch(10));
      const left = (await readBack(one.source)).openings.length;
      const reader = new (sqlite as NonNullable<typeof sqlite>).DatabaseSync(files.path('audit.db'));
      reader.exec('BEGIN');
      reader.prepare('SELECT count(*) FROM opening').get();
      await one.append(log.batch(10));
      expect(() => one.erase(() => true)).to.throw(StoreError, /End that one, and erase again/);
      expect((await readBack(one.source)).openings.length).to.be.greaterThan(left);
      reader.exec('COMMIT');
      expect(one.erase(() => true)).to.be.greaterThan(left);
      reader.close();
      await one.close();
    });

    it('leaves nothing of what was erased in its files', async () => {
      const one = sink();
      const log = new LogMaker();
      await one.open();
      await one.append(log.batch(600, 'canary-7f3a'));
      const all = (): string =>
        ['audit.db', 'audit.db-wal']
          .map((name) => files.path(name))
          .filter((path) => existsSync(path))
          .map((path) => readFileSync(path, 'latin1'))
          .join('');
      expect(all()).to.include('canary-7f3a\\"}');
      expect(await one.erase(() => true)).to.equal(300);
      expect(all()).to.not.include('canary-7f3a\\"}');
      await one.close();
    });
  });
});
