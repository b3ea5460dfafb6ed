import { expect } from 'chai';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { jsonlFolder } from '../../../../lib/audit/sink/jsonl/jsonlFolder.js';
import { ConfigError } from '../../../../lib/model/errors/SetupErrors.js';
import { behavesLikeAuditSink } from '../behavesLikeAuditSink.js';
import { LogMaker } from '../LogMaker.js';
import { readBack } from '../readBack.js';
import { auditFolder } from './auditFolder.js';

describe('jsonlFolder', () => {
  const folder = auditFolder();

  describe('as a sink', () => behavesLikeAuditSink(() => jsonlFolder(folder.path())));

  describe('as a sink with segments of 1 kB', () => behavesLikeAuditSink(() => jsonlFolder(folder.path(), { segmentBytes: 1_024 })));

  it('takes a path or a file URL', async () => {
    const sink = jsonlFolder(pathToFileURL(folder.path('a b')));
    await sink.open('pay');
    await sink.close();
    expect(readdirSync(folder.path('a b'))).to.deep.equal(['pay']);
  });

  it('lays out files for this user alone', async () => {
    const sink = jsonlFolder(folder.path('audit'), { segmentBytes: 1_024 });
    await sink.open();
    const log = new LogMaker();
    for (let i = 0; i < 3; i++) {
      await sink.append(log.batch(14));
      await sink.checkpoint(log.note());
    }
    const own = join(folder.path('audit'), 'w0');
    expect(readdirSync(own).sort()).to.deep.equal([
      'checkpoints.note',
      'lock.1',
      'openings-000000.jsonl',
      'openings-000001.jsonl',
      'openings-000002.jsonl',
      'records-000000.jsonl',
      'records-000001.jsonl',
      'records-000002.jsonl',
      'tree.json',
    ]);
    if (process.platform !== 'win32') {
      expect(statSync(folder.path('audit')).mode & 0o777).to.equal(0o700);
      for (const name of readdirSync(own)) expect(statSync(join(own, name)).mode & 0o777, name).to.equal(0o600);
    }
    expect((await readBack(sink.source)).lines).to.deep.equal(log.lines);
    await sink.close();
  });

  for (const [what, given] of [
    ['an empty path', ''],
    ['a URL of the web', new URL('https://example.com/a')],
    ['a number', 3 as unknown as string],
    ['a path with a zero byte', 'a\u0000b'],
  ] as const)
    it(`refuses ${what}`, () => {
      expect(() => jsonlFolder(given)).to.throw(ConfigError, /must be given the path/);
    });

  for (const segmentBytes of [0, 1_023, 1.5, NaN, Infinity, -1, '1024' as unknown as number])
    it(`refuses segments of ${segmentBytes} bytes`, () => {
      expect(() => jsonlFolder('a', { segmentBytes })).to.throw(ConfigError, /segmentBytes/);
    });

  it('refuses an option that does not exist', () => {
    expect(() => jsonlFolder('a', { segmentByte: 1_024 } as object)).to.throw(ConfigError, /segmentBytes/);
  });
});
