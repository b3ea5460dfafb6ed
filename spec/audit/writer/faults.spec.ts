import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import type { AuditRecord } from '../../../lib/audit/record/AuditRecord.js';
import type { AuditBatch } from '../../../lib/audit/sink/AuditSink.js';
import { MemoryLogs, MemorySink } from '../../../lib/audit/sink/MemorySink.js';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { CompactTree } from '../../../lib/audit/tree/CompactTree.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import { currentCall } from '../../../lib/guard/call/callContext.js';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { diagnosed } from '../../support/diagnosed.js';

const POLICIES = `@id("all") permit (principal, action, resource);
  @id("ask") @effect("approval_needed") forbid (principal, action == Aegis::Action::"pay", resource);`;

/** How much of the batch is in the log after its append failed. */
const WRITTEN = { nothing: 0, half: 0.5, everything: 1 } as const;
type Written = keyof typeof WRITTEN;

/** Fails once, at its n-th write, be it of records, of a checkpoint, or its opening. */
class FailingSink extends MemorySink {
  #left: number;
  readonly #written: Written;
  readonly #later: boolean;

  constructor(logs: MemoryLogs, failsAt: number, written: Written, later: boolean) {
    super(logs);
    this.#left = failsAt;
    this.#written = written;
    this.#later = later;
  }

  get hasFailed(): boolean {
    return this.#left <= 0;
  }

  override open(writer?: string): ReturnType<MemorySink['open']> {
    const opened = super.open(writer);
    if (this.#isNow()) {
      super.close();
      throw new RangeError('it cannot be opened');
    }
    return opened;
  }

  override append(batch: AuditBatch): void {
    const fails = this.#isNow();
    const append = (): void => {
      if (!fails) return super.append(batch);
      this.#appendPart(batch);
      throw new RangeError('the disk is full');
    };
    return this.#later ? (Promise.resolve().then(append) as never) : append();
  }

  override checkpoint(note: string): void {
    if (this.#isNow()) throw new RangeError('the disk is full');
    super.checkpoint(note);
  }

  #isNow(): boolean {
    this.#left -= 1;
    return this.#left === 0;
  }

  #appendPart({ lines, openings, tree }: AuditBatch): void {
    const count = Math.floor(lines.length * WRITTEN[this.#written]);
    if (count === 0) return;
    const [log] = this.source.logs.values();
    const part = CompactTree.from((log as { tree: AuditBatch['tree'] }).tree);
    for (const line of lines.slice(0, count)) part.append(line);
    const { at } = JSON.parse(lines[count - 1] as string) as AuditRecord;
    const last = part.size;
    super.append({
      lines: lines.slice(0, count),
      openings: openings.filter(({ seq }) => seq < last),
      tree: { ...part.state(), lastAt: count === lines.length ? tree.lastAt : at },
    });
  }
}

describe('An audit log whose sink fails', () => {
  let time: SinonFakeTimers;
  beforeEach(() => {
    time = useFakeTimers({ now: Date.UTC(2026, 10, 29) });
  });
  afterEach(() => time.restore());

  const key = AuditKey.generate();
  let cases = 0;
  let refused = 0;
  let ran = 0;
  after(() => console.log(`      ${cases} failures of a sink: ${ran} runs, each with its record, and ${refused} calls refused`));

  for (const later of [false, true])
    for (const written of Object.keys(WRITTEN) as Written[])
      it(`at any of its writes, of which ${written} was written, ${later ? 'and says so later' : 'at once'}: nothing runs without its record, and the log is lawful`, async () => {
        for (let failsAt = 1, done = false; !done; failsAt++) {
          const logs = new MemoryLogs();
          const sink = new FailingSink(logs, failsAt, written, later);
          const log = auditLog({ sink, origin: 'acme.example/pay', key, checkpointEvery: { records: 4 } });
          const module = AegisModule.create({ policies: { text: POLICIES }, agentId: 'agent', journal: log });
          const entered: string[] = [];
          const enter = async (): Promise<void> => void entered.push(currentCall()?.decisionId as string);
          const read = guard(enter, { module, toolName: 'read', approval: 'wait' });
          const pay = guard(enter, { module, toolName: 'pay', approval: 'wait' });
          let here = 0;
          const seen = await diagnosed(async () => {
            const calls: Promise<PromiseSettledResult<unknown>>[] = [];
            const call = (fn: () => Promise<unknown>): void => void calls.push(Promise.allSettled([fn()]).then(([result]) => result));
            for (let wave = 0; wave < 2; wave++) {
              for (let i = 0; i < 3; i++) call(read);
              call(pay as () => Promise<unknown>);
              await time.tickAsync(20);
              for (const { decisionId, digest } of await module.approvals.list())
                await module.approvals.approve(decisionId, { by: 'bob', digest });
              await time.tickAsync(1_500);
            }
            const results = await Promise.all(calls);
            for (const result of results)
              if (result.status === 'rejected') {
                expect(result.reason).to.include({ code: 'audit_unavailable' });
                here += 1;
              }
            expect(entered.length + here).to.equal(calls.length);
            const closed = module.close().then(() => log.close());
            await time.tickAsync(3_000);
            await closed;
          });
          done = !sink.hasFailed;
          expect(seen.length > 0, `${failsAt}`).to.equal(!done);
          const records: AuditRecord[] = [];
          for await (const lines of logs.lines('w0')) records.push(...lines.map((line) => JSON.parse(line) as AuditRecord));
          const entries = records.flatMap((record) => (record.kind === 'entering' ? [record.decisionId] : []));
          const ends = records.flatMap((record) =>
            record.kind === 'settled' && record.outcome === 'completed' ? [record.decisionId] : [],
          );
          expect(new Set(ends), `${failsAt}`).to.deep.equal(new Set(entered));
          expect(entries).to.include.members(entered);
          // the closing checkpoint itself may be the write that fails
          const { integrity, law } = await verifyAudit(logs, { keys: [key.publicKey], allowUnsigned: true });
          expect([failsAt, integrity.findings, law.findings]).to.deep.equal([failsAt, [], []]);
          cases += done ? 0 : 1;
          refused += here;
          ran += entered.length;
        }
      });

  it('refuses what it cannot hold in `required`, and drops and counts it in `best-effort`', async () => {
    for (const mode of ['required', 'best-effort'] as const) {
      const logs = new MemoryLogs();
      const sink = new MemorySink(logs);
      let open: () => void = () => {};
      const append = sink.append.bind(sink);
      const gate = new Promise<void>((resolve) => (open = resolve));
      sink.append = (batch) => gate.then(() => append(batch)) as never;
      const log = auditLog({ sink, origin: 'acme.example/pay', key, mode, maxQueued: 10 });
      const module = AegisModule.create({ policies: { text: POLICIES }, agentId: 'agent', journal: log });
      let runs = 0;
      const read = guard(async () => (runs += 1), { module, toolName: 'read', approval: 'wait' });
      const calls = Promise.allSettled(Array.from({ length: 20 }, () => read()));
      await time.tickAsync(10);
      expect(log.status().queued).to.be.at.most(11);
      expect(log.status().dropped).to.be.greaterThan(0);
      open();
      await time.tickAsync(2_000);
      const results = await calls;
      const failed = results.filter(({ status }) => status === 'rejected');
      expect(runs).to.equal(20 - failed.length);
      expect(failed.length > 0).to.equal(mode === 'required');
      const { dropped } = log.status();
      const closed = module.close().then(() => log.close());
      await time.tickAsync(3_000);
      await closed;
      const records: AuditRecord[] = [];
      for await (const lines of logs.lines('w0')) records.push(...lines.map((line) => JSON.parse(line) as AuditRecord));
      expect(records.reduce((sum, record) => sum + (record.kind === 'dropped' ? record.count : 0), 0)).to.equal(dropped);
      const { integrity, law } = await verifyAudit(logs, { keys: [key.publicKey] });
      expect(integrity.findings).to.deep.equal([]);
      if (mode === 'required') expect(law.findings).to.deep.equal([]);
    }
  });

  it('writes on while a checkpoint is made, makes one at a time, and goes on where both fail together', async () => {
    const logs = new MemoryLogs();
    const sink = new MemorySink(logs);
    const log = auditLog({ sink, origin: 'acme.example/pay', key, checkpointEvery: { records: 2, ms: 1_000 } });
    const [append, checkpoint] = [sink.append.bind(sink), sink.checkpoint.bind(sink)];
    const gates: { open(): void; fail(): void }[] = [];
    sink.checkpoint = (note) =>
      new Promise<void>((resolve, reject) => gates.push({ open: resolve, fail: () => reject(new RangeError('no space')) })).then(() =>
        checkpoint(note),
      ) as never;
    const record = { kind: 'security', code: 'x' } as const;
    for (let i = 0; i < 9; i++) await Promise.all([log.write(record), time.tickAsync(1)]);
    expect(gates).to.have.length(1);
    gates[0]?.open();
    await time.tickAsync(1);
    // of all that came meanwhile
    expect(gates).to.have.length(2);
    let fail = (): void => {};
    sink.append = () => new Promise<void>((_, reject) => (fail = () => reject(new RangeError('no space')))) as never;
    const lost = log.write(record).catch((error: unknown) => error);
    await time.tickAsync(1);
    gates[1]?.fail();
    fail();
    expect(await lost).to.include({ code: 'audit_unavailable' });
    [sink.append, sink.checkpoint] = [append, checkpoint];
    await time.tickAsync(2_000);
    await Promise.all([log.write(record), time.tickAsync(2_000)]);
    await Promise.all([log.close(), time.tickAsync(2_000)]);
    const { integrity, completeness, counts } = await verifyAudit(logs, { keys: [key.publicKey] });
    expect([integrity.findings, completeness.findings]).to.deep.equal([[], []]);
    expect(counts.records).to.equal(13);
  });
});
