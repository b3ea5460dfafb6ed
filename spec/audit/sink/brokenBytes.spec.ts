import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jsonlFolder } from '../../../lib/audit/sink/jsonl/jsonlFolder.js';
import { sqliteSink } from '../../../lib/audit/sink/sqlite/sqliteSink.js';
import { readRecord } from '../../../lib/audit/verify/line/readRecord.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { sqlite } from '../../store/sqlite/sqliteFiles.js';
import { findsAll, key, written } from './findsBrokenBytes.js';
import type { Disk, What } from './findsBrokenBytes.js';

describe('Bytes that are not UTF-8', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'aegis-audit-bytes-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are found in a folder', async () => {
    const sink = jsonlFolder(folder);
    await written(sink);
    const path = (what: What): string =>
      join(folder, 'w0', { record: 'records-000000.jsonl', opening: 'openings-000000.jsonl', checkpoint: 'checkpoints.note' }[what]);
    const disk: Disk = {
      read: async (what) => readFileSync(path(what)),
      write: async (what, bytes) => writeFileSync(path(what), bytes),
    };
    expect(await findsAll('in a folder', sink, disk)).to.be.above(100);
  });

  it('are found in a SQLite file, and so is what follows a zero byte', async function () {
    if (sqlite === undefined) return this.skip();
    const path = join(folder, 'audit.db');
    const sink = sqliteSink(path);
    await written(sink);
    const { DatabaseSync } = sqlite;
    const db = new DatabaseSync(path);
    try {
      db.exec('DROP TRIGGER record_update; DROP TRIGGER checkpoint_update');
      const place = {
        record: ['line', 'record', 'seq = 2'],
        opening: ['body', 'opening', 'true'],
        checkpoint: ['note', 'checkpoint', 'true'],
      };
      const disk: Disk = {
        read: async (what) => {
          const [column, table, row] = place[what];
          return Buffer.from((db.prepare(`SELECT CAST(${column} AS BLOB) AS b FROM ${table} WHERE ${row}`).get() as { b: Uint8Array }).b);
        },
        write: async (what, bytes) => {
          const [column, table, row] = place[what];
          db.prepare(`UPDATE ${table} SET ${column} = CAST(? AS TEXT) WHERE ${row}`).run(bytes);
        },
      };
      expect(await findsAll('in a SQLite file', sink, disk)).to.be.above(100);
      for (const what of ['record', 'opening', 'checkpoint'] as const) {
        const bytes = await disk.read(what);
        await disk.write(what, Buffer.concat([bytes, Buffer.from('\u0000and more')]));
        const { integrity, counts } = await verifyAudit(sink.source, { keys: [key.publicKey] });
        // what is left of an opening that is no JSON opens nothing
        expect(what === 'opening' ? counts.openings === 0 : !integrity.ok, what).to.equal(true);
        await disk.write(what, bytes);
      }
    } finally {
      db.close();
    }
  });

  it('are not a record, where a source of another program has read them as half characters', () => {
    const line = '{"v":1,"seq":0,"at":5,"writer":"w0","kind":"policies","hash":"\ufffd"}';
    expect(readRecord(line)).to.include({ kind: 'policies' });
    expect(readRecord(line.replace('\ufffd', '\ud800'))).to.equal('it is not Unicode text');
  });
});
