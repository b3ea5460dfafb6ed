import { expect } from 'chai';
import type { AuditSink, AuditSource } from '../../../lib/audit/sink/AuditSink.js';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { StoreError } from '../../../lib/model/errors/ServiceErrors.js';
import { rejection } from '../../support/rejection.js';
import { LogMaker } from './LogMaker.js';
import { readBack } from './readBack.js';

/** What a call throws or rejects with. */
function refusal(call: () => unknown): Promise<unknown> {
  return rejection((async () => call())());
}

/** The specs that every sink has to pass. @param make another sink over the same logs; empty at the start of each spec */
export function behavesLikeAuditSink(make: () => AuditSink): void {
  const opened: AuditSink[] = [];
  const sink = (): AuditSink => {
    const made = make();
    opened.push(made);
    return made;
  };
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });

  it('opens an empty log, the first one that is free', async () => {
    const [first, second] = [sink(), sink()];
    expect(await first.open()).to.deep.equal({ writer: 'w0', tree: { size: 0, nodes: [], lastAt: 0 }, tornBytes: 0 });
    expect((await second.open()).writer).to.equal('w1');
    await second.append(new LogMaker('w1').batch(1));
    await first.append(new LogMaker('w0').batch(1));
    await first.close();
    expect((await sink().open()).writer).to.equal('w0');
    expect(await first.source.writers()).to.deep.equal(['w0', 'w1']);
  });

  it('has no logs where none was opened', async () => {
    const source: AuditSource = sink().source;
    expect(await source.writers()).to.deep.equal([]);
    expect(await readBack(source)).to.deep.equal({ lines: [], torn: [], openings: [], checkpoints: [] });
    expect(await source.lastCheckpoint?.('w0')).to.equal(undefined);
  });

  it('gives back what was appended, also through another sink', async () => {
    const writing = sink();
    await writing.open('pay-1');
    const log = new LogMaker('pay-1');
    const notes: string[] = [];
    for (const count of [1, 1, 16, 3, 256]) {
      await writing.append(log.batch(count));
      if (count > 1) {
        notes.push(log.note());
        await writing.checkpoint(log.note());
      }
    }
    const { lines, openings } = log;
    const expected = { lines, torn: [], openings, checkpoints: notes };
    for (const source of [writing.source, sink().source] as readonly AuditSource[]) {
      expect(await source.writers()).to.deep.equal(['pay-1']);
      expect(await readBack(source, 'pay-1')).to.deep.equal(expected);
      if (source.lastCheckpoint !== undefined) expect(await source.lastCheckpoint('pay-1')).to.equal(notes.at(-1));
    }
  });

  it('goes on where the log ended', async () => {
    const log = new LogMaker();
    for (const [round, count] of [3, 1, 4, 0, 1, 5].entries()) {
      const writing = sink();
      expect(await writing.open('w0'), `round ${round}`).to.deep.equal({ writer: 'w0', tree: log.tree, tornBytes: 0 });
      for (let i = 0; i < count; i++) await writing.append(log.batch(i + 1));
      if (round % 2 === 0) await writing.checkpoint(log.note());
      await writing.close();
    }
    expect((await readBack(sink().source)).lines).to.deep.equal(log.lines);
  });

  it('reads from any position', async () => {
    const writing = sink();
    await writing.open();
    const log = new LogMaker();
    for (const count of [5, 1, 9]) await writing.append(log.batch(count));
    for (let from = 0; from <= log.lines.length + 1; from++)
      expect((await readBack(writing.source, 'w0', from)).lines, `from ${from}`).to.deep.equal(log.lines.slice(from));
  });

  it('keeps every text as it is', async () => {
    const texts = [
      '\u2028 \u00e9 \u{1f600} \ufffd',
      '\ufeff',
      'tab\t "quoted" \\ \\n',
      '\u0000 \u001f \u007f',
      '\ud800 alone',
      'x'.repeat(1_500_000),
    ];
    const writing = sink();
    await writing.open();
    const log = new LogMaker();
    for (const text of texts) await writing.append(log.batch(2, text));
    const { lines, openings } = await readBack(sink().source);
    expect(lines).to.deep.equal(log.lines);
    expect(openings).to.deep.equal(log.openings);
  });

  it('belongs to one sink at a time', async () => {
    const [first, second] = [sink(), sink()];
    await first.open('w0');
    expect(await refusal(() => second.open('w0'))).to.be.instanceOf(StoreError);
    await first.append(new LogMaker().batch(2));
    await first.close();
    expect((await second.open('w0')).tree.size).to.equal(2);
  });

  it('makes another sink over the same logs, which cannot open what is open', async () => {
    const one = sink();
    await one.open('w0');
    await one.append(new LogMaker('w0').batch(3));
    const other = one.another?.() as AuditSink;
    opened.push(other);
    expect(await other.source.writers()).to.deep.equal(['w0']);
    expect(await refusal(() => other.open('w0'))).to.be.instanceOf(StoreError);
    await one.close();
    expect((await other.open('w0')).tree.size).to.equal(3);
    expect(await refusal(() => one.open('w0'))).to.be.instanceOf(StoreError);
  });

  it('opens one log at a time', async () => {
    const one = sink();
    await one.open();
    expect(await refusal(() => one.open('other'))).to.be.instanceOf(StoreError);
    await one.close();
    expect((await one.open('other')).writer).to.equal('other');
  });

  for (const name of ['', 'W0', '../w0', 'a/b', '.hidden', '-x', 'x'.repeat(65), 'ü', 'a b', 'a\n'])
    it(`refuses ${JSON.stringify(name)} as the name of a log`, async () => {
      expect(await refusal(() => sink().open(name))).to.be.instanceOf(ConfigError);
    });

  it('writes nothing before it is open, and nothing after it was closed', async () => {
    const one = sink();
    const log = new LogMaker();
    const batch = log.batch(1);
    const refuses = async (): Promise<void> => {
      for (const write of [() => one.append(batch), () => one.checkpoint(log.note())])
        expect(await refusal(write)).to.be.instanceOf(StoreError);
    };
    await refuses();
    await one.open();
    await one.close();
    await refuses();
    await one.close();
    expect((await readBack(one.source)).lines).to.deep.equal([]);
  });

  it('erases openings and nothing else, while logs are written', async () => {
    const [first, second] = [sink(), sink()];
    await first.open();
    await second.open();
    const logs = [new LogMaker('w0'), new LogMaker('w1')] as const;
    await first.append(logs[0].batch(9));
    await second.append(logs[1].batch(9));
    const erased = await first.erase(({ requester }) => requester === 'user_1');
    const left = logs.map(({ openings }) => openings.filter(({ requester }) => requester !== 'user_1'));
    expect(erased)
      .to.equal(18 - 8 - left.flat().length)
      .and.to.be.greaterThan(0);
    await first.append(logs[0].batch(2, 'after'));
    for (const [i, { writer, lines, openings }] of logs.entries()) {
      const read = await readBack(second.source, writer);
      expect(read.lines).to.deep.equal(lines);
      expect(read.openings).to.deep.equal(
        openings.filter(({ requester, at }) => requester !== 'user_1' || at > 45),
        `log ${i}`,
      );
    }
    expect(await second.erase(({ decisionId }) => decisionId === 'dec_2')).to.equal(2);
    expect(await second.erase(({ decisionId }) => decisionId === 'dec_2')).to.equal(0);
    expect(await second.erase(() => true)).to.be.greaterThan(4);
    expect((await readBack(first.source)).openings).to.deep.equal([]);
    await first.close();
    expect((await sink().open('w0')).tree).to.deep.equal(logs[0].tree);
  });
}
