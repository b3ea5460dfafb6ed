import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import type { AuditRecord } from '../../../lib/audit/record/AuditRecord.js';
import type { AuditBatch, AuditSource, OpenLog } from '../../../lib/audit/sink/AuditSink.js';
import { MemoryLogs, MemorySink } from '../../../lib/audit/sink/MemorySink.js';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { readCheckpoint } from '../../../lib/audit/tree/checkpoint.js';
import { isSignedBy, readNote } from '../../../lib/audit/tree/signedNote.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import type { AuditLog } from '../../../lib/audit/writer/AuditLog.js';
import type { AuditLogOptions } from '../../../lib/audit/writer/AuditLogOptions.js';
import { leftOpen } from '../../../lib/audit/writer/leftOpen.js';
import { OtherHeads } from '../../../lib/audit/writer/OtherHeads.js';
import { guard } from '../../../lib/guard/guard.js';
import { guardCall } from '../../../lib/guard/guardCall.js';
import { guardSync } from '../../../lib/guard/guardSync.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { JournalEvent } from '../../../lib/model/Journal.js';
import { diagnosed } from '../../support/diagnosed.js';
import { rejection, thrown } from '../../support/standInDecisions.js';

const ORIGIN = 'acme.example/pay';
const settled = { kind: 'settled', agentId: 'a', toolName: 't', decisionId: 'd', outcome: 'completed' } as const;

describe('What an audit log writes', () => {
  const key = AuditKey.generate();
  let time: SinonFakeTimers;
  let logs: MemoryLogs;
  let open: AuditLog[];
  beforeEach(() => {
    time = useFakeTimers({ now: Date.UTC(2026, 10, 29) });
    logs = new MemoryLogs();
    open = [];
  });
  afterEach(async () => {
    await soon(Promise.all(open.map((log) => log.close())));
    time.restore();
  });

  const logOf = (options: Partial<AuditLogOptions> = {}): AuditLog => {
    const log = auditLog({ sink: new MemorySink(logs), origin: ORIGIN, key, ...options });
    open.push(log);
    return log;
  };
  async function soon<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => {});
    await time.tickAsync(3_000);
    return promise;
  }
  const recordsOf = async (writer = 'w0'): Promise<readonly AuditRecord[]> => {
    const records: AuditRecord[] = [];
    for await (const lines of logs.lines(writer)) records.push(...lines.map((line) => JSON.parse(line) as AuditRecord));
    return records;
  };
  const moduleWith = (journal: AuditLog): AegisModule =>
    AegisModule.create({ policies: { text: '@id("all") permit (principal, action, resource);' }, agentId: 'agent', journal });

  it('has a checkpoint after a second, or after so many records, and tells where it stands', async () => {
    const notes: string[] = [];
    const log = logOf({ checkpointEvery: { records: 3, ms: 500 }, onCheckpoint: (note) => void notes.push(note) });
    expect(log.status()).to.deep.equal({
      state: 'new',
      mode: 'required',
      writer: undefined,
      size: 0,
      queued: 0,
      dropped: 0,
      checkpoint: undefined,
      error: undefined,
    });
    log.note(settled);
    await time.tickAsync(10);
    expect([notes.length, log.size]).to.deep.equal([0, 2]);
    await time.tickAsync(500);
    expect(notes).to.have.length(1);
    for (let i = 0; i < 3; i++) log.note(settled);
    await time.tickAsync(10);
    expect(notes.map((note) => readCheckpoint(readNote(note)?.text as string)?.size)).to.deep.equal([2, 5]);
    expect(log.status()).to.include({ state: 'open', writer: 'w0', size: 5 });
    expect(log.status().checkpoint?.size).to.equal(5);
    expect(Date.now() - (log.status().checkpoint?.atMs ?? 0)).to.be.within(0, 10);
    await time.tickAsync(5_000);
    // nothing new, nothing to sign
    expect(notes).to.have.length(2);
    await soon(log.close());
    expect(log.status().state).to.equal('closed');
    expect(logs.lastCheckpoint('w0')).to.equal(notes.at(-1));
  });

  it('has no openings where none are wanted, and verifies without them', async () => {
    const log = logOf({ openings: false });
    const module = moduleWith(log);
    await soon(guard(async (n: number) => n, { module, toolName: 'read', params: ['n'], approval: 'wait' })(1));
    await soon(module.close());
    await soon(log.close());
    for await (const opening of logs.openings('w0')) expect.fail(JSON.stringify(opening));
    const { integrity, law } = await verifyAudit(logs, { keys: [key.publicKey] });
    expect([integrity.findings, law.findings]).to.deep.equal([[], []]);
  });

  it('has what is written without an event, once it is on disk', async () => {
    const log = logOf();
    await soon(log.write({ kind: 'authority', act: 'person.created', by: 'ann', subject: 'bob' }));
    expect((await recordsOf()).at(-1)).to.include({ kind: 'authority', subject: 'bob', seq: 1 });
    await soon(log.close());
    expect(await soon(log.write({ kind: 'closed' }).catch((error: unknown) => error))).to.include({ code: 'audit_unavailable' });
    log.note(settled);
    const module = moduleWith(log);
    const error = await soon(rejection(guard(async () => 1, { module, toolName: 'read', approval: 'wait' })()));
    expect(error).to.include({ code: 'audit_unavailable' });
    expect((await recordsOf()).at(-1)).to.include({ kind: 'closed' });
    await module.close();
  });

  it('does not hear of tasks, nor fail because of a checkpoint that nobody takes', async () => {
    const log = logOf({
      onCheckpoint: () => {
        throw new RangeError('no');
      },
    });
    const seen = await diagnosed(async () => {
      log.note({ kind: 'task' } as JournalEvent);
      log.note(settled);
      await time.tickAsync(2_000);
    });
    expect(seen.map((d) => d.kind === 'callback' && d.where)).to.deep.equal(['auditLog.onCheckpoint']);
    expect((await recordsOf()).map(({ kind }) => kind)).to.deep.equal(['started', 'settled']);
    expect(log.status().state).to.equal('open');
  });

  it('never goes back in time', async () => {
    const log = logOf();
    log.note(settled);
    await time.tickAsync(10);
    time.setSystemTime(Date.now() - 3_600_000);
    log.note(settled);
    await time.tickAsync(10);
    const [, first, second] = await recordsOf();
    expect(second?.at).to.equal(first?.at);
  });

  it('is no reason for a call to wait in `best-effort`', async () => {
    const sink = new MemorySink(logs);
    sink.append = () => new Promise(() => {}) as never;
    const log = auditLog({ sink, origin: ORIGIN, key, mode: 'best-effort' });
    const module = moduleWith(log);
    expect(guardSync(() => 5, { module, toolName: 'read' })()).to.equal(5);
    await time.tickAsync(10);
    expect(log.status()).to.include({ mode: 'best-effort', size: 0 });
    await module.close();
  });

  describe('of a synchronous guard', () => {
    it('is nothing where its sink answers later, and the function is not entered', async () => {
      const sink = new MemorySink(logs);
      const append = sink.append.bind(sink);
      sink.append = (batch: AuditBatch) => Promise.resolve().then(() => append(batch)) as never;
      const log = logOf({ sink });
      const module = moduleWith(log);
      let runs = 0;
      const read = guardSync(() => (runs += 1), { module, toolName: 'read' });
      expect(thrown(() => read())).to.include({ reason: 'asynchronous' });
      // while that is written, too
      expect(thrown(() => read())).to.include({ reason: 'asynchronous' });
      await time.tickAsync(100);
      expect(runs).to.equal(0);
      await module.close();
      await soon(log.close());
      const { law } = await verifyAudit(logs, { keys: [key.publicKey] });
      expect(law.findings).to.deep.equal([]);
    });

    it('is refused where its sink fails at once', async () => {
      const sink = new MemorySink(logs);
      sink.append = () => {
        throw new RangeError('the disk is full');
      };
      const module = moduleWith(logOf({ sink }));
      await diagnosed(async () => {
        let runs = 0;
        const read = guardSync(() => (runs += 1), { module, toolName: 'read' });
        expect(thrown(() => read())).to.include({ reason: 'asynchronous' });
        expect(thrown(() => read())).to.include({ code: 'audit_unavailable' });
        await time.tickAsync(100);
        expect(runs).to.equal(0);
        await module.close();
        await soon(open[0]?.close() as Promise<void>);
      });
      expect(open[0]?.status()).to.include({ state: 'closed', size: 0 });
    });

    it('is many at a time: all that was told before is written with it', async () => {
      const log = logOf();
      const module = moduleWith(log);
      for (let i = 0; i < 600; i++) log.note(settled);
      expect(guardSync(() => 5, { module, toolName: 'read' })()).to.equal(5);
      expect(log.size).to.equal(604);
      await module.close();
    });
  });

  it('cannot be made of an event without what it needs: that is reported, and its call does not run', async () => {
    const log = logOf();
    const broken = { kind: 'entering', agentId: 'a', toolName: 't', decisionId: 'd', params: { f: () => 1 } } as unknown as JournalEvent;
    const seen = await diagnosed(async () => {
      log.note(broken);
      expect(await soon(rejection(log.before?.(broken as never) as Promise<void>))).to.include({ code: 'audit_unavailable' });
      expect(thrown(() => log.before?.({ ...broken } as never))).to.include({ code: 'audit_unavailable' });
      log.note({ kind: 'verdict' } as JournalEvent);
      await time.tickAsync(10);
    });
    expect(seen).to.have.length(2);
    expect((await recordsOf()).map(({ kind }) => kind)).to.deep.equal(['started']);
  });

  it('names a second guard on the same call, which has no end of its own', async () => {
    const log = logOf();
    const module = moduleWith(log);
    const inner = guard(async (n: number) => n, { module, toolName: 'read', params: ['n'], approval: 'wait' });
    const outcome = await soon(
      Promise.resolve(
        guardCall(module, { agentId: 'agent', toolName: 'read', params: { n: 1 }, covers: true }, (params) => inner(params['n'] as number)),
      ),
    );
    expect(outcome.kind === 'ran' && (await outcome.value)).to.equal(1);
    await module.close();
    await soon(log.close());
    const records = await recordsOf();
    expect(records.map(({ kind }) => kind)).to.deep.equal(['started', 'policies', 'decided', 'entering', 'entering', 'settled', 'closed']);
    expect(records[4]).to.include({ reused: true }).and.not.have.property('taskId');
    expect((records[4] as { effective: string }).effective).to.equal((records[3] as { effective: string }).effective);
    const { law } = await verifyAudit(logs, { keys: [key.publicKey] });
    expect(law.findings).to.deep.equal([]);
  });

  describe('when it goes on with a log', () => {
    it('says once what its last writer left open, however long ago that was', async () => {
      const sink = new MemorySink(logs);
      const first = auditLog({ sink, origin: ORIGIN, key });
      first.note({ kind: 'entering', agentId: 'a', toolName: 't', decisionId: 'lost', params: {}, auditSalt: 'A'.repeat(22) });
      first.note({ kind: 'entering', agentId: 'a', toolName: 't', decisionId: 'done', taskId: 'x', params: {}, auditSalt: 'A'.repeat(22) });
      first.note({ ...settled, decisionId: 'done', taskId: 'x' });
      for (let i = 0; i < 6_000; i++) first.note(settled);
      await soon(first.flush());
      // its process was killed
      sink.close();
      sink.open = sink.append = () => {
        throw new RangeError('gone');
      };
      for (const next of [logOf(), logOf()]) {
        await soon(next.ready());
        await soon(next.close());
      }
      const unknown = (await recordsOf()).filter((record) => record.kind === 'settled' && record.bySuccessor === true);
      expect(unknown.map((record) => (record as { decisionId: string }).decisionId)).to.deep.equal(['lost']);
      expect((await recordsOf()).filter(({ kind }) => kind === 'started')).to.have.length(3);
    });

    it('needs the key before, says that it was changed, and is signed by both once', async () => {
      const before = logOf();
      await soon(before.ready());
      await soon(before.close());
      const next = AuditKey.generate();
      const without = logOf({ key: next });
      await diagnosed(async () => {
        expect(await soon(rejection(without.ready()))).to.include({ code: 'audit_unavailable' });
        const wrong = logOf({ key: next, previousKey: AuditKey.generate() });
        expect((await soon(rejection(wrong.ready()))).cause)
          .to.have.property('message')
          .that.includes('previousKey');
      });
      const log = logOf({ key: next, previousKey: key });
      await soon(log.ready());
      await time.tickAsync(2_000);
      const both = readNote(logs.lastCheckpoint('w0') as string);
      for (const signer of [key, next]) expect(both !== undefined && isSignedBy(both, `${ORIGIN}/w0`, signer.publicKey)).to.equal(true);
      await soon(log.close());
      const last = readNote(logs.lastCheckpoint('w0') as string);
      expect(last !== undefined && isSignedBy(last, `${ORIGIN}/w0`, key.publicKey)).to.equal(false);
      for (const keys of [[key.publicKey], [next.publicKey]])
        expect((await verifyAudit(logs, { keys })).integrity.findings).to.deep.equal([]);
      expect((await recordsOf()).filter((record) => record.kind === 'key')).to.have.length(1);
    });
  });

  it('has the heads of the other logs in its checkpoints', async () => {
    const one = logOf();
    await soon(one.ready());
    const two = logOf();
    await soon(two.ready());
    expect([one.status().writer, two.status().writer]).to.deep.equal(['w0', 'w1']);
    await time.tickAsync(1_000);
    await time.tickAsync(20_000);
    two.note(settled);
    await time.tickAsync(2_000);
    const { others } = readCheckpoint(readNote(logs.lastCheckpoint('w1') as string)?.text as string) ?? {};
    expect(others).to.deep.equal([
      { writer: 'w0', size: 1, root: readCheckpoint(readNote(logs.lastCheckpoint('w0') as string)?.text as string)?.root },
    ]);
  });

  it('passes over checkpoints of others that it cannot read, and goes on where none can be read', async () => {
    const notes: Record<string, readonly string[]> = { w1: [], w2: ['nonsense'], w3: ['acme.example/other/w3\n1\nx\n'], w4: ['a', 'b'] };
    let broken = false;
    const source = {
      writers: () => {
        if (broken) throw new RangeError('no');
        return ['w0', ...Object.keys(notes)];
      },
      async *checkpoints(writer: string) {
        yield* notes[writer] ?? [];
      },
    } as unknown as AuditSource;
    const heads = new OtherHeads(source, ORIGIN);
    expect(await heads.besides('w0')).to.deep.equal([]);
    broken = true;
    await time.tickAsync(10_000);
    const seen = await diagnosed(async () => expect(await heads.besides('w0')).to.deep.equal([]));
    expect(seen).to.have.length(1);
  });

  it('says how much of a torn line was cut off', async () => {
    const sink = new MemorySink(logs);
    const opened = sink.open.bind(sink);
    sink.open = (writer) => ({ ...(opened(writer) as OpenLog), tornBytes: 7 });
    await soon(logOf({ sink }).ready());
    expect((await recordsOf())[0]).to.include({ kind: 'started', tornBytes: 7 });
  });

  it('looks no further than a torn line for what the last writer left', async () => {
    const line = (kind: string, seq: number): string =>
      JSON.stringify({ v: 1, seq, at: 0, writer: 'w0', kind, agentId: 'a', decisionId: `d${seq}`, toolName: 't' });
    const source = {
      async *lines() {
        yield [line('entering', 1)];
        yield { torn: line('entering', 2) };
        yield [line('entering', 3)];
      },
    } as unknown as AuditSource;
    const { unknown } = await leftOpen(source, { writer: 'w0', tree: { size: 4, nodes: [], lastAt: 0 }, tornBytes: 0 });
    expect(unknown.map((record) => 'decisionId' in record && record.decisionId)).to.deep.equal(['d1']);
  });

  it('counts again what was dropped where the record that said so was not written, and reports a sink that cannot be closed', async () => {
    const sink = new MemorySink(logs);
    const append = sink.append.bind(sink);
    let fails = false;
    sink.append = (batch) => {
      if (fails && batch.lines.some((line) => line.includes('"kind":"dropped"'))) {
        fails = false;
        throw new RangeError('the disk is full');
      }
      return append(batch);
    };
    const close = sink.close.bind(sink);
    sink.close = () => {
      close();
      throw new RangeError('it cannot be closed');
    };
    const log = logOf({ sink, mode: 'best-effort', maxQueued: 1 });
    await soon(log.ready());
    fails = true;
    const reported = await diagnosed(async () => {
      for (let i = 0; i < 4; i++) log.note(settled);
      await soon(Promise.resolve());
    });
    expect(log.status().dropped).to.equal(3);
    expect(reported.length).to.be.at.least(2);
    await time.tickAsync(3_000);
    log.note(settled);
    await time.tickAsync(3_000);
    const dropped = (await recordsOf()).flatMap((record) => (record.kind === 'dropped' ? [record.count] : []));
    expect(dropped).to.deep.equal([3]);
    open.pop();
    await rejection(soon(log.close()));
  });
});

describe('A sink in memory', () => {
  it('is for one writer at a time, and for none before it is open', () => {
    const logs = new MemoryLogs();
    const sink = new MemorySink(logs);
    expect(() => sink.append({ lines: [], openings: [], tree: { size: 0, nodes: [], lastAt: 0 } })).to.throw('is not open');
    expect(sink.open().writer).to.equal('w0');
    expect(() => new MemorySink(logs).open('w0')).to.throw('another sink of this one');
    const second = new MemorySink(logs);
    expect(second.open().writer).to.equal('w1');
    expect(logs.writers()).to.deep.equal(['w0', 'w1']);
    sink.close();
    sink.close();
    expect(new MemorySink(logs).open().writer).to.equal('w0');
  });

  it('has nothing of a log that is not there, and erases openings of all logs', async () => {
    const sink = new MemorySink();
    const { logs } = { logs: sink.source };
    for await (const line of logs.lines('none')) expect.fail(String(line));
    for await (const note of logs.checkpoints('none')) expect.fail(note);
    for await (const opening of logs.openings('none')) expect.fail(opening.decisionId);
    expect(logs.lastCheckpoint('none')).to.equal(undefined);
    sink.open();
    const opening = { seq: 0, at: 1, decisionId: 'd', salt: 's', values: {} };
    sink.append({ lines: ['a', 'b'], openings: [opening, { ...opening, decisionId: 'e' }], tree: { size: 2, nodes: [], lastAt: 1 } });
    expect(sink.erase(({ decisionId }) => decisionId === 'd')).to.equal(1);
    const left: string[] = [];
    for await (const { decisionId } of logs.openings('w0')) left.push(decisionId);
    expect(left).to.deep.equal(['e']);
    sink.checkpoint('note');
    const notes: string[] = [];
    for await (const note of logs.checkpoints('w0')) notes.push(note);
    expect(notes).to.deep.equal(['note']);
  });
});
