import { expect } from 'chai';
import type { AuditSource } from '../../../lib/audit/sink/AuditSink.js';
import { LogHeads } from '../../../lib/audit/verify/log/LogHeads.js';
import { Findings } from '../../../lib/audit/verify/report/Findings.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { signCheckpoint } from '../../../lib/audit/tree/checkpoint.js';
import { allowedCall, BuiltLog, builtSource, sourceOf } from '../../support/builtLogs.js';

const ROOT = Buffer.alloc(32, 1).toString('base64');

/** A log that was signed after each record, each time with what it saw of another log. */
function signedOften(calls: number, seen: (i: number) => number): BuiltLog {
  const log = new BuiltLog('w0');
  for (let i = 0; i < calls; i++) {
    allowedCall(log);
    log.sign([{ writer: 'w1', size: seen(i), root: ROOT }]);
  }
  return log;
}

describe('The heads of a log that is verified', () => {
  it('are kept once for what others say of it again and again, and not at all for its own', async () => {
    for (const [calls, distinct] of [
      [200, 1],
      [200, 4],
      [2_000, 4],
    ] as const) {
      const log = signedOften(calls, (i) => 1 + Math.floor((i * distinct) / calls));
      const heads = new LogHeads();
      await heads.readOwn(builtSource(log), 'w0', new Findings(10));
      expect(heads.kept, `${calls} checkpoints`).to.equal(distinct);
      expect(heads.claimsOn('w1').map(({ size }) => size)).to.deep.equal(Array.from({ length: distinct }, (_, i) => i + 1));
    }
  });

  it('say each that a log had another root, also between two that agree', async () => {
    const log = new BuiltLog('w0');
    const other = allowedCall(new BuiltLog('w1', { key: log.key }));
    const right = { writer: 'w1', size: other.tree.size, root: other.tree.root().toString('base64') };
    for (const head of [right, { ...right, root: ROOT }, right]) allowedCall(log).sign([head]);
    const { integrity } = await verifyAudit(builtSource(log.close(), other.close()));
    expect(integrity.findings.map(({ code, writer }) => `${writer} ${code}`)).to.deep.equal(['w1 head_differs']);
  });

  it('of its own are read as its records are, no further ahead than the next one', async () => {
    const log = signedOften(1_000, () => 1).close();
    const batch = 50;
    const batches = Array.from({ length: Math.ceil(log.lines.length / batch) }, (_, i) => log.lines.slice(i * batch, (i + 1) * batch));
    const inner = sourceOf(new Map([['w0', { lines: () => batches, notes: log.notes, openings: [] }]]));
    let [told, passes, ahead, read] = [0, 0, 0, 0];
    const source: AuditSource = {
      writers: () => inner.writers(),
      openings: (writer) => inner.openings(writer),
      async *lines(writer, from) {
        for await (const lines of inner.lines(writer, from)) {
          told += 'torn' in lines ? 0 : lines.length;
          yield lines;
        }
      },
      async *checkpoints(writer) {
        passes += 1;
        for await (const note of inner.checkpoints(writer)) {
          const size = Number(note.split('\n')[1]);
          if (passes === 2) ahead = Math.max(ahead, size - told);
          read += 1;
          yield note;
        }
      },
    };
    const report = await verifyAudit(source, { heads: [log.head] });
    expect(report.integrity.findings).to.deep.equal([]);
    expect(report.logs[0]).to.include({ size: log.lines.length, signed: log.lines.length });
    expect([passes, read]).to.deep.equal([2, 2 * log.notes.length]);
    expect(ahead).to.be.at.most(batch);
  });

  it('of a log that goes on while it is read are those that it had before: what comes later is no finding', async () => {
    const log = signedOften(3, () => 1);
    const before = { lines: log.lines.slice(), notes: log.notes.slice() };
    allowedCall(log).sign();
    let passes = 0;
    const inner = sourceOf(new Map([['w0', { lines: () => [before.lines], notes: [], openings: [] }]]));
    const source: AuditSource = {
      writers: () => inner.writers(),
      openings: (writer) => inner.openings(writer),
      lines: (writer, from) => inner.lines(writer, from),
      // eslint-disable-next-line @typescript-eslint/require-await -- as a source does
      async *checkpoints() {
        yield* passes++ === 0 ? before.notes : log.notes;
      },
    };
    const { integrity, completeness } = await verifyAudit(source);
    expect([...integrity.findings, ...completeness.findings].map(({ code }) => code)).to.deep.equal(['log_missing']);
  });
});

describe('Whether a log is complete', () => {
  const logOf = (writer: string, others: readonly BuiltLog[] = []): BuiltLog => {
    const log = allowedCall(new BuiltLog(writer));
    log.sign(others.map((other) => ({ writer: other.writer, size: other.tree.size, root: other.tree.root().toString('base64') })));
    return log;
  };
  const covered = async (logs: readonly BuiltLog[], heads: readonly string[]): Promise<object> => {
    const report = await verifyAudit(builtSource(...logs), { heads });
    const entries = report.logs.map((log) => [log.writer, log.covered] as const);
    return { proven: report.completeness.proven, ok: report.ok, ...Object.fromEntries(entries) };
  };

  it('is proven where a head from outside covers each log, and said of each', async () => {
    const [one, two] = [logOf('w0'), logOf('w1')];
    const size = one.tree.size;
    expect(await covered([one, two], [])).to.deep.equal({ proven: false, ok: false, w0: 0, w1: 0 });
    expect(await covered([one, two], [one.head])).to.deep.equal({ proven: false, ok: false, w0: size, w1: 0 });
    expect(await covered([one, two], [one.head, two.head])).to.deep.equal({ proven: true, ok: true, w0: size, w1: size });
    // what comes after the head is not covered by it
    const { head } = one;
    allowedCall(one).sign();
    expect(await covered([one, two], [head, two.head])).to.deep.equal({ proven: true, ok: true, w0: size, w1: size });
  });

  it('is proven of the logs that a head from outside names beside its own', async () => {
    const two = logOf('w1');
    const one = logOf('w0', [two]);
    const size = one.tree.size;
    expect(await covered([one, two], [one.head])).to.deep.equal({ proven: true, ok: true, w0: size, w1: two.tree.size });
    const { integrity } = await verifyAudit(builtSource(one, logOf('w1')), { heads: [one.head] });
    expect(integrity.findings.map(({ code, writer }) => `${writer} ${code}`)).to.deep.equal(['w1 head_differs']);
    const { completeness } = await verifyAudit(builtSource(one), { heads: [one.head] });
    expect(completeness.findings.map(({ code, writer }) => `${writer} ${code}`)).to.deep.equal(['w1 log_missing']);
  });

  it('is not proven by what the logs or the store say of each other', async () => {
    const two = logOf('w1');
    const one = logOf('w0', [two]);
    const report = await verifyAudit(builtSource(one, two), { store: { heads: () => [one.head, two.head] } });
    expect(report.completeness).to.include({ ok: true, proven: false });
    expect(report.logs.map((log) => log.covered)).to.deep.equal([0, 0]);
  });

  it('needs no head of a log that has no record', async () => {
    const empty = new BuiltLog('w1', { starts: false });
    const one = logOf('w0');
    expect(await covered([one, empty], [one.head])).to.deep.equal({ proven: true, ok: true, w0: one.tree.size, w1: 0 });
    const zero = signCheckpoint({ origin: one.origin, size: 0, root: one.tree.root().toString('base64') }, [one.key]);
    expect(await covered([one], [zero])).to.include({ proven: false, w0: 0 });
  });
});
