import { expect } from 'chai';
import sinon from 'sinon';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { jsonlFolder } from '../../../../lib/audit/sink/jsonl/jsonlFolder.js';
import { diskFiles, openFile, syncFolder } from '../../../../lib/audit/sink/jsonl/AuditFiles.js';
import type { AuditFiles } from '../../../../lib/audit/sink/jsonl/AuditFiles.js';
import { JsonlSink } from '../../../../lib/audit/sink/jsonl/JsonlSink.js';
import { JsonlSource } from '../../../../lib/audit/sink/jsonl/JsonlSource.js';
import { ConfigError } from '../../../../lib/model/errors/SetupErrors.js';
import { rejection } from '../../../support/rejection.js';
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

  it('takes a file beside the logs for none of them', async () => {
    const sink = jsonlFolder(folder.path());
    await sink.open();
    await sink.append(new LogMaker().batch(2));
    writeFileSync(folder.path('key.pub'), 'key');
    mkdirSync(folder.path('notes'));
    expect(await sink.source.writers()).to.deep.equal(['w0']);
    expect((await readBack(sink.source, 'key.pub')).lines).to.deep.equal([]);
    expect(await sink.erase(() => true)).to.equal(1);
    await sink.close();
  });

  it('finds the first record of every segment, also where the last one is empty', async () => {
    const sink = jsonlFolder(folder.path(), { segmentBytes: 1_024 });
    const log = new LogMaker();
    await sink.open();
    for (let i = 0; i < 3; i++) await sink.append(log.batch(14));
    await sink.close();
    for (const text of ['', 'torn']) {
      writeFileSync(folder.path('w0', 'records-000003.jsonl'), text);
      for (const from of [0, 1, 13, 14, 15, 41, 42, 50])
        expect((await readBack(sink.source, 'w0', from)).lines, `from ${from}`).to.deep.equal(log.lines.slice(from));
    }
  });

  it('gives back bytes that are not UTF-8 as a text that is none of the log', async () => {
    const sink = jsonlFolder(folder.path());
    const log = new LogMaker();
    await sink.open();
    await sink.append(log.batch(3, 'a \ufffd b'));
    await sink.close();
    const path = folder.path('w0', 'records-000000.jsonl');
    const bytes = readFileSync(path);
    const at = bytes.indexOf(Buffer.from('\ufffd'), bytes.indexOf('\n'));
    // what a decoder puts there is what was there
    writeFileSync(path, Buffer.concat([bytes.subarray(0, at), Buffer.of(0xff), bytes.subarray(at + 3)]));
    const { lines } = await readBack(sink.source);
    expect(lines).to.have.length(3);
    expect([lines[0], lines[2]]).to.deep.equal([log.lines[0], log.lines[2]]);
    expect(lines[1]).to.not.equal(log.lines[1]);
    writeFileSync(path, Buffer.of(0xff, 0xfe));
    expect((await readBack(sink.source)).torn).to.deep.equal(['\u00ff\u00fe']);
  });

  it('reads on where a line is being written meanwhile', async () => {
    const log = new LogMaker();
    const sink = jsonlFolder(folder.path());
    await sink.open();
    await sink.append(log.batch(2));
    const [line = ''] = log.batch(1).lines;
    const path = folder.path('w0', 'records-000000.jsonl');
    appendFileSync(path, line.slice(0, 20));
    let isWritten = false;
    const files: AuditFiles = {
      ...diskFiles,
      open: async (name, use) => {
        const file = await diskFiles.open(name, use);
        return {
          ...file,
          // the rest of the line comes after the end of the file was seen
          size: async () => {
            if (!isWritten) appendFileSync(path, `${line.slice(20)}\n`);
            isWritten = true;
            return file.size();
          },
        };
      },
    };
    expect(await readBack(new JsonlSource(files, folder.path()))).to.deep.include({ lines: log.lines, torn: [] });
    await sink.close();
  });

  it('leaves nothing of what was erased in its files, and takes lines that were half erased for erased', async () => {
    const sink = jsonlFolder(folder.path(), { segmentBytes: 1_024 });
    const log = new LogMaker();
    await sink.open();
    for (let i = 0; i < 3; i++) await sink.append(log.batch(14, 'canary-4c1d'));
    const files = [0, 1, 2].map((n) => folder.path('w0', `openings-00000${n}.jsonl`));
    const sizes = files.map((path) => statSync(path).size);
    // the machine stopped in the middle of an erasure
    const first = readFileSync(files[0] ?? '', 'utf8');
    writeFileSync(files[0] ?? '', `${' '.repeat(40)}${first.slice(40)}`);
    expect(await sink.erase(() => true)).to.equal(20);
    expect(files.map((path) => readFileSync(path, 'utf8')).join('')).to.match(/^[ \n]+$/);
    expect(files.map((path) => statSync(path).size)).to.deep.equal(sizes);
    await sink.close();
  });

  it('writes nothing once another process has taken its log over', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['performance'] });
    try {
      const sink = jsonlFolder(folder.path());
      const log = new LogMaker();
      await sink.open();
      await sink.append(log.batch(2));
      const { lines } = log;
      const kept = [...lines];
      // found too old by one on another machine, while this one slept
      writeFileSync(folder.path('w0', 'lock.2'), '{}');
      clock.tick(60_000);
      expect((await rejection(Promise.resolve(sink.append(log.batch(1))))).message).to.match(/has taken over the log "w0"/);
      expect((await rejection(Promise.resolve(sink.append(log.batch(1))))).message).to.match(/earlier write/);
      expect((await readBack(sink.source)).lines).to.deep.equal(kept);
      await sink.close();
    } finally {
      clock.restore();
    }
  });

  it('says of no write under way that it is on the disk where another one fails', async () => {
    let syncs = 0;
    let release = (): void => {};
    const failed = new Promise<void>((resolve) => (release = resolve));
    const files: AuditFiles = {
      ...diskFiles,
      open: async (name, use) => {
        const file = await diskFiles.open(name, use);
        if (use !== 'append') return file;
        return {
          ...file,
          sync: async () => {
            syncs += 1;
            if (name.endsWith('.note')) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
            await failed;
          },
        };
      },
    };
    const sink = new JsonlSink(folder.path(), 1_024, files);
    const log = new LogMaker();
    await sink.open();
    const append = sink.append(log.batch(1));
    const checkpoint = sink.checkpoint(log.note());
    expect((await rejection(checkpoint)).message).to.match(/could not be written \(ENOSPC\)/);
    release();
    expect((await rejection(append)).message).to.match(/at the same time/);
    expect(syncs).to.equal(3);
    await sink.close();
  });

  it('needs no sync of folders on Windows', async () => {
    await syncFolder(folder.path('not there'), 'win32');
    expect(await rejection(syncFolder(folder.path('not there'), 'linux'))).to.have.property('code', 'ENOENT');
  });

  it('appends with and without a system that brings each write to the disk by itself', async () => {
    for (const platform of ['linux', 'darwin'] as const) {
      const path = folder.path(`file-${platform}`);
      const made = await openFile(path, 'segment', platform);
      await made.write(Buffer.from('a'));
      await made.sync();
      await made.close();
      expect(await rejection(openFile(path, 'segment', platform))).to.have.property('code', 'EEXIST');
      const more = await openFile(path, 'append', platform);
      await more.write(Buffer.from('b'));
      await more.sync();
      expect(await more.size()).to.equal(2);
      await more.close();
      expect(readFileSync(path, 'utf8')).to.equal('ab');
    }
  });

  it('writes the rest where a disk takes a part of a batch', async () => {
    const sink = jsonlFolder(folder.path());
    const log = new LogMaker();
    await sink.open();
    // more than a system call writes at once on some systems
    await sink.append(log.batch(4, 'y'.repeat(3_000_000)));
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
