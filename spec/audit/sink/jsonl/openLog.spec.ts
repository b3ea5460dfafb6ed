import { expect } from 'chai';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { jsonlFolder } from '../../../../lib/audit/sink/jsonl/jsonlFolder.js';
import type { OpenLog } from '../../../../lib/audit/sink/AuditSink.js';
import { StoreError } from '../../../../lib/model/errors/ServiceErrors.js';
import { rejection } from '../../../support/rejection.js';
import { LogMaker } from '../LogMaker.js';
import { readBack } from '../readBack.js';
import { auditFolder } from './auditFolder.js';

describe('Opening a log of JSON lines', () => {
  const folder = auditFolder();
  const sink = (): ReturnType<typeof jsonlFolder> => jsonlFolder(folder.path(), { segmentBytes: 1_024 });
  const file = (name: string): string => folder.path('w0', name);
  const LAST = 'records-000002.jsonl';
  let log: LogMaker;

  /** Three segments; the last four records came after the last checkpoint. */
  beforeEach(async () => {
    const one = sink();
    await one.open('w0');
    log = new LogMaker();
    for (const count of [16, 16, 3]) {
      await one.append(log.batch(count));
      await one.checkpoint(log.note());
    }
    await one.append(log.batch(4));
    await one.close();
  });

  const opened = async (): Promise<OpenLog> => {
    const one = sink();
    try {
      return await one.open('w0');
    } finally {
      await one.close();
    }
  };
  const expectWhole = async (tornBytes = 0): Promise<void> => {
    expect(await opened()).to.deep.equal({ writer: 'w0', tree: log.tree, tornBytes });
    expect(await readBack(sink().source)).to.deep.include({ lines: log.lines, openings: log.openings, torn: [] });
  };
  const change = (name: string, by: (text: string) => string): void => writeFileSync(file(name), by(readFileSync(file(name), 'utf8')));

  it('goes on from the last checkpoint', async () => {
    expect(existsSync(file(LAST))).to.equal(true);
    await expectWhole();
  });

  describe('cuts off a torn last line', () => {
    const next = new LogMaker().batch(1).lines[0] ?? '';
    for (const bytes of [1, 2, 20, next.length - 1, next.length])
      it(`of ${bytes} bytes`, async () => {
        appendFileSync(file(LAST), next.slice(0, bytes));
        expect((await readBack(sink().source)).torn).to.deep.equal([next.slice(0, bytes)]);
        await expectWhole(bytes);
        await expectWhole(0);
      });

    it('of zeros, as a disk may leave it', async () => {
      appendFileSync(file(LAST), Buffer.alloc(700));
      await expectWhole(700);
    });

    it('which is all that there is of the log', async () => {
      rmSync(folder.path('w0'), { recursive: true });
      mkdirSync(folder.path('w0'));
      writeFileSync(file('records-000000.jsonl'), next.slice(0, 30));
      expect(await opened()).to.deep.equal({ writer: 'w0', tree: { size: 0, nodes: [], lastAt: 0 }, tornBytes: 30 });
    });

    it('and what belongs to records that are not there: openings and a torn checkpoint', async () => {
      const more = new LogMaker('w0', log.tree);
      const batch = more.batch(6, 'never written');
      appendFileSync(file('openings-000002.jsonl'), `${batch.openings.map((opening) => JSON.stringify(opening)).join('\n')}\n{"seq":4`);
      appendFileSync(file('checkpoints.note'), more.note().slice(0, -9));
      await expectWhole();
      const one = sink();
      await one.open();
      const batchAgain = log.batch(2);
      await one.append(batchAgain);
      await one.checkpoint(log.note());
      const read = await readBack(one.source);
      expect(read.openings).to.deep.equal(log.openings);
      expect(read.checkpoints).to.have.length(4);
      expect(read.checkpoints.at(-1)).to.equal(log.note());
      await one.close();
      expect(readFileSync(file('openings-000002.jsonl'), 'utf8')).to.not.include('never written');
    });
  });

  it('reads everything again where what it kept of the tree is lost or wrong', async () => {
    const wrong = JSON.parse(readFileSync(file('tree.json'), 'utf8')) as Record<string, unknown>;
    const nodes = wrong['nodes'] as readonly string[];
    for (const text of [
      undefined,
      '',
      '{',
      'null',
      '[]',
      '{}',
      JSON.stringify({ ...wrong, bytes: -1 }),
      JSON.stringify({ ...wrong, bytes: 3 }),
      JSON.stringify({ ...wrong, bytes: 1e6 }),
      JSON.stringify({ ...wrong, segment: 1 }),
      JSON.stringify({ ...wrong, segment: 9 }),
      JSON.stringify({ ...wrong, size: 34 }),
      JSON.stringify({ ...wrong, size: 37, nodes: [...nodes].reverse() }),
      JSON.stringify({ ...wrong, nodes: [...nodes].reverse() }),
      JSON.stringify({ ...wrong, nodes: 'none' }),
      JSON.stringify({ ...wrong, lastAt: '5' }),
    ]) {
      if (text === undefined) unlinkSync(file('tree.json'));
      else writeFileSync(file('tree.json'), text);
      await expectWhole();
    }
  });

  it('goes on without any checkpoint', async () => {
    unlinkSync(file('checkpoints.note'));
    await expectWhole();
    unlinkSync(file('tree.json'));
    await expectWhole();
    writeFileSync(file('checkpoints.note'), log.note().slice(0, 20));
    await expectWhole();
    expect(statSync(file('checkpoints.note')).size).to.equal(0);
  });

  it('finds a checkpoint that is longer than what is looked at first', async () => {
    const long = log.note().replace('\n\n', `\n${'other w1 5 AAAA\n'.repeat(8_000)}\n`);
    appendFileSync(file('checkpoints.note'), `${long}\n`);
    expect(await sink().source.lastCheckpoint?.('w0')).to.equal(long);
    appendFileSync(file('checkpoints.note'), `${log.note()}\n`);
    expect(await sink().source.lastCheckpoint?.('w0')).to.equal(log.note());
    await expectWhole();
  });

  const cut = (name: string, bytes: number): void => truncateSync(file(name), statSync(file(name)).size - bytes);
  const DAMAGES: readonly (readonly [string, RegExp, () => void])[] = [
    [
      'has fewer records than its checkpoint',
      /has 33 records, and its last checkpoint says 35/,
      () => change(LAST, (text) => `${text.split('\n')[0]}\n`),
    ],
    ['is cut off within a line before its checkpoint', /last checkpoint says 35/, () => truncateSync(file(LAST), 120)],
    ['has lost its first segment', /segment 0 of its records is missing/, () => unlinkSync(file('records-000000.jsonl'))],
    ['has lost a segment in the middle', /segment 1 of its records is missing/, () => unlinkSync(file('records-000001.jsonl'))],
    ['has lost its last segment', /has 32 records, and its last checkpoint says 35/, () => unlinkSync(file(LAST))],
    [
      'has lost all its records',
      /has 0 records, and its last checkpoint says 35/,
      () => [0, 1, 2].forEach((n) => unlinkSync(file(`records-00000${n}.jsonl`))),
    ],
    [
      'has other text in a record that a checkpoint has',
      /before its last checkpoint have changed/,
      () => change('records-000000.jsonl', (text) => text.replace('ship_order 3', 'ship_order 4')),
    ],
    [
      'has other text in a record of the last segment that a checkpoint has',
      /before its last checkpoint have changed/,
      () => change(LAST, (text) => text.replace('ship_order 33', 'ship_order 43')),
    ],
    [
      'has two records swapped',
      /record 36 cannot be read in segment 2/,
      () =>
        change(LAST, (text) => {
          const lines = text.split('\n');
          [lines[4], lines[5]] = [lines[5] ?? '', lines[4] ?? ''];
          return lines.join('\n');
        }),
    ],
    ['has a line that is not JSON', /record 38 cannot be read in segment 2/, () => cut(LAST, 2)],
    ['has an empty line', /record 39 cannot be read in segment 2/, () => appendFileSync(file(LAST), '\n')],
    ['has a line of zeros', /record 39 cannot be read in segment 2/, () => appendFileSync(file(LAST), '\u0000\u0000\n')],
    [
      'has bytes that are not UTF-8',
      /segment 2 of its records has bytes that are not UTF-8/,
      () => appendFileSync(file(LAST), Buffer.from('{"v":1,"seq":39,"at":1,"a":"\u00ff"}\n', 'latin1')),
    ],
    ['has a torn line in the middle', /segment 1 of its records ends within a line/, () => cut('records-000001.jsonl', 1)],
    [
      'has a last checkpoint that is not one',
      /its last checkpoint cannot be read/,
      () => change('checkpoints.note', (text) => text.replaceAll('\n35\n', '\nx\n')),
    ],
    [
      'has a checkpoint with another root',
      /before its last checkpoint have changed/,
      () => change('checkpoints.note', (text) => text.replace(/\n35\n.*\n/, `\n35\n${Buffer.alloc(32).toString('base64')}\n`)),
    ],
  ];
  for (const [what, message, damage] of DAMAGES)
    it(`refuses one that ${what}, and takes another`, async () => {
      // a wrong hint must not hide it
      if (what !== 'has lost its last segment') unlinkSync(file('tree.json'));
      damage();
      if (what.includes('not JSON')) appendFileSync(file(LAST), '\n');
      const error = await rejection(opened());
      expect(error).to.be.instanceOf(StoreError);
      expect(error.message)
        .to.match(/^The audit log "w0" cannot be continued: /)
        .and.to.match(message);
      expect(await rejection(Promise.resolve(sink().open())), 'nor where no name was given').to.be.instanceOf(StoreError);
      const other = sink();
      expect((await other.open('w1')).writer).to.equal('w1');
      await other.close();
    });

  it('does not touch the files of a log that it refuses', async () => {
    for (const name of [LAST, 'checkpoints.note', 'openings-000002.jsonl']) appendFileSync(file(name), 'torn');
    change('records-000000.jsonl', (text) => text.replace('ship_order 3', 'ship_order 4'));
    unlinkSync(file('tree.json'));
    const all = (): readonly string[] =>
      [LAST, 'checkpoints.note', 'openings-000002.jsonl'].map((name) => readFileSync(file(name), 'utf8'));
    const before = all();
    await rejection(opened());
    expect(all()).to.deep.equal(before);
  });
});
