import { expect } from 'chai';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { guard } from '../../../lib/guard/guard.js';
import { guardSync } from '../../../lib/guard/guardSync.js';
import type { AuditRecord } from '../../../lib/audit/record/AuditRecord.js';
import { canonicalLine } from '../../../lib/audit/record/canonicalLine.js';
import { MemoryLogs, MemorySink } from '../../../lib/audit/sink/MemorySink.js';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { CompactTree } from '../../../lib/audit/tree/CompactTree.js';
import { readCheckpoint } from '../../../lib/audit/tree/checkpoint.js';
import { isSignedBy, readNote } from '../../../lib/audit/tree/signedNote.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import type { AuditLog } from '../../../lib/audit/writer/AuditLog.js';
import type { AuditLogOptions } from '../../../lib/audit/writer/AuditLogOptions.js';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { DecisionUnavailableError } from '../../../lib/model/errors/ServiceErrors.js';
import { diagnosed } from '../../support/diagnosed.js';
import { rejection, thrown } from '../../support/standInDecisions.js';

const POLICIES = `@id("all") permit (principal, action, resource);
  @id("ask") @effect("approval_needed") forbid (principal, action == Aegis::Action::"pay", resource);
  @id("no") @reason("never") forbid (principal, action == Aegis::Action::"wipe", resource);`;

describe('An audit log', () => {
  const key = AuditKey.generate();
  let logs: MemoryLogs;
  let opened: AuditLog[];
  let modules: AegisModule[];

  beforeEach(() => {
    logs = new MemoryLogs();
    opened = [];
    modules = [];
  });
  afterEach(async () => {
    await Promise.all(modules.map((module) => module.close()));
    await Promise.all(opened.map((log) => log.close()));
  });

  const open = (options: Partial<AuditLogOptions> = {}): AuditLog => {
    const log = auditLog({ sink: new MemorySink(logs), origin: 'acme.example/pay', key, ...options });
    opened.push(log);
    return log;
  };
  const moduleWith = (journal: AuditLog): AegisModule => {
    const module = AegisModule.create({ policies: { text: POLICIES }, agentId: 'agent', journal });
    modules.push(module);
    return module;
  };
  const linesOf = async (writer = 'w0'): Promise<readonly string[]> => {
    const lines: string[] = [];
    for await (const chunk of logs.lines(writer)) lines.push(...chunk);
    return lines;
  };
  const recordsOf = async (writer = 'w0'): Promise<readonly AuditRecord[]> =>
    (await linesOf(writer)).map((line) => JSON.parse(line) as AuditRecord);

  it('has a record of each step of an approved call, linked by its commitments, and a checkpoint that verifies', async () => {
    const log = open();
    const module = moduleWith(log);
    const pay = guard(async (amount: number) => amount, { module, toolName: 'pay', params: ['amount'], approval: 'wait' });
    const call = pay(5);
    await log.flush();
    const [request] = await module.approvals.list();
    await module.approvals.approve(request?.decisionId as string, { by: 'bob', digest: request?.digest as string, reason: 'fine' });
    expect(await call).to.equal(5);
    await module.close();
    await log.close();
    const records = await recordsOf();
    const kinds = records.map((record) => record.kind);
    expect(kinds).to.deep.equal([
      'started',
      'policies',
      'decided',
      'opened',
      'verdict',
      'decided',
      'consumed',
      'begun',
      'entering',
      'settled',
      'closed',
    ]);
    records.forEach((record, i) => expect(record).to.include({ v: 1, seq: i, writer: 'w0' }));
    const of = <K extends AuditRecord['kind']>(kind: K): Extract<AuditRecord, { kind: K }> =>
      records.find((record) => record.kind === kind) as Extract<AuditRecord, { kind: K }>;
    const { effective } = of('opened');
    expect(new Set([of('decided').effective, of('verdict').effective, of('consumed').effective, of('entering').effective])).to.deep.equal(
      new Set([effective]),
    );
    expect(of('opened').policies.map(({ id }) => id)).to.deep.equal(['ask']);
    expect(of('verdict')).to.include({ by: 'bob', approved: true, status: 'approved' }).and.not.have.property('isRequester');
    expect(of('begun').claim).to.equal(of('entering').claim);
    expect((await linesOf()).join('\n'))
      .to.not.include('fine')
      .and.not.include('"amount"');
    const lines = await linesOf();
    const tree = new CompactTree();
    for (const line of lines) {
      tree.append(line);
      expect(canonicalLine(JSON.parse(line) as AuditRecord)).to.equal(line);
    }
    const notes: string[] = [];
    for await (const note of logs.checkpoints('w0')) notes.push(note);
    const last = readNote(notes.at(-1) as string);
    expect(readCheckpoint(last?.text as string)).to.include({
      origin: 'acme.example/pay/w0',
      size: lines.length,
      root: tree.root().toString('base64'),
    });
    expect(last !== undefined && isSignedBy(last, 'acme.example/pay/w0', key.publicKey)).to.equal(true);
  });

  it('lets a synchronous guard run where its sink answers at once', async () => {
    const log = open();
    const module = moduleWith(log);
    const read = guardSync((n: number) => n + 1, { module, toolName: 'read', params: ['n'] });
    expect(read(1)).to.equal(2);
    expect((await recordsOf()).map(({ kind }) => kind)).to.deep.equal(['started', 'policies', 'decided', 'entering']);
  });

  it('goes on with the log of a writer that is gone, and says that the outcome of what it left open is unknown, once', async () => {
    const sink = new MemorySink(logs);
    const log = open({ sink });
    const module = moduleWith(log);
    const read = guard(() => new Promise<void>(() => {}), { module, toolName: 'read', approval: 'wait' });
    void read();
    await log.flush();
    // its process was killed
    sink.close();
    for (let i = 0; i < 2; i++) {
      const next = open();
      await next.ready();
      await next.close();
    }
    const settled = (await recordsOf()).filter(({ kind }) => kind === 'settled');
    expect(settled).to.have.length(1);
    expect(settled[0]).to.include({ outcome: 'unknown', bySuccessor: true, toolName: 'read' });
  });

  it('refuses every call while its sink cannot write, and writes what it was told when it can again', async () => {
    const sink = new MemorySink(logs);
    let broken = false;
    const append = sink.append.bind(sink);
    sink.append = (batch) => {
      if (broken) throw new RangeError('the disk is full');
      append(batch);
    };
    const log = open({ sink });
    const module = moduleWith(log);
    const ran: number[] = [];
    const read = guard(async (n: number) => void ran.push(n), { module, toolName: 'read', params: ['n'], approval: 'wait' });
    await read(1);
    broken = true;
    await diagnosed(async () => {
      const error = await rejection(read(2));
      expect(error).to.be.instanceOf(DecisionUnavailableError).and.include({ code: 'audit_unavailable' });
      expect(await rejection(read(3))).to.include({ code: 'audit_unavailable' });
      expect(await rejection(log.flush())).to.include({ code: 'audit_unavailable' });
    });
    expect(log.status()).to.include({ state: 'failed', error: 'RangeError' });
    broken = false;
    expect(ran).to.deep.equal([1]);
  });

  it('refuses options that are wrong, and names each', () => {
    const sink = new MemorySink();
    for (const [options, where] of [
      [{ sink: {} as never }, 'sink'],
      [{ origin: 'two words' }, 'origin'],
      [{ key: 'not a key' }, 'key'],
      [{ key: {} as never }, 'key'],
      [{ writer: '../w' }, 'writer'],
      [{ checkpointEvery: { records: 0 } }, 'checkpointEvery.records'],
      [{ mode: 'requird' as never }, 'mode'],
    ] as const) {
      const error = thrown(() => auditLog({ sink, origin: 'acme.example/pay', key, ...options }));
      expect(error).to.be.instanceOf(ConfigError);
      expect((error as ConfigError).message).to.include(where);
    }
  });
});
