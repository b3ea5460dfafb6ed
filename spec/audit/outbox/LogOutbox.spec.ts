import { expect } from 'chai';
import sinon from 'sinon';
import type { AuditRecord } from '../../../lib/audit/record/AuditRecord.js';
import { MemoryLogs } from '../../../lib/audit/sink/MemorySink.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import type { AuditLog } from '../../../lib/audit/writer/AuditLog.js';
import { SecretString } from '../../../lib/common/SecretString.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { Journal } from '../../../lib/model/Journal.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import type { EventOutbox } from '../../../lib/store/record/EventOutbox.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import type { SignableRecordStore } from '../../../lib/store/RecordStore.js';
import { BINDING_BASE, openingOf } from '../../support/approvalRecords.js';
import { AUDIT_KEY, auditRecords, FailingSink } from '../../support/auditedPlane.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { rejection } from '../../support/rejection.js';

const KIND = 'audit-event';
const stateKey = new SecretString('state-key-for-specs-0123456789abcdef');

interface Program {
  readonly log: AuditLog;
  readonly sink: FailingSink;
  readonly outbox: EventOutbox;
  readonly desk: ApprovalDesk;
}

describe('The outbox of a program with an audit log', () => {
  let store: MemoryStateStore;
  let logs: MemoryLogs;
  let records: SignableRecordStore;
  let time: sinon.SinonFakeTimers;
  const programs: Program[] = [];
  /** Ends what a disk keeps waiting. */
  let free = (): void => {};
  beforeEach(() => {
    store = new MemoryStateStore();
    logs = new MemoryLogs();
    ({ records } = store.forTenant('default'));
    time = sinon.useFakeTimers({
      now: 1_700_000_000_000,
      toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
    });
  });
  afterEach(async () => {
    time.restore();
    for (const { log, outbox, sink } of programs.splice(0)) {
      free();
      sink.onAppend = () => {};
      await outbox.close();
      await log.close();
    }
  });

  const program = async (
    options: {
      readonly mode?: 'required' | 'best-effort';
      readonly sink?: FailingSink;
      /** What the desk tells of its events. */
      readonly told?: (log: AuditLog) => Journal;
      readonly signed?: boolean;
      readonly maxQueued?: number;
    } = {},
  ): Promise<Program> => {
    const { mode, sink = new FailingSink(logs), told = (log) => log, signed = true, maxQueued } = options;
    const log = auditLog({ sink, origin: 'spec.example/outbox', key: AUDIT_KEY, mode, maxQueued });
    log.note({ kind: 'policies', hash: 'set' });
    const outbox = log.outboxIn({ records: () => records, stateKey: signed ? stateKey : undefined });
    await outbox.open();
    const desk = new ApprovalDesk(store.approvals, { journal: told(log), outbox });
    const made = { log, sink, outbox, desk };
    programs.push(made);
    return made;
  };
  const asked = async ({ desk, log }: Program): Promise<ApprovalRecord> => {
    const opened = await desk.open(openingOf({ timeoutMs: 3_600_000 }));
    if (opened.kind !== 'opened') throw new Error('not opened');
    log.note({ kind: 'opened', approval: opened.record, task: { taskId: 'task' } } as never);
    return opened.record;
  };
  const approve = async ({ desk }: Program, { decisionId, digest }: ApprovalRecord): Promise<unknown> =>
    desk.approve(decisionId, { by: 'bob', digest });
  const use = async ({ desk }: Program, { decisionId, digest }: ApprovalRecord): Promise<unknown> =>
    desk.consume({ ...openingOf(), decisionId, digest, bindingBase: BINDING_BASE, token: 'task' } as never);
  /** As SIGKILL does: nothing more is written, and the log is free. */
  const kill = async ({ sink, outbox }: Program): Promise<void> => {
    sink.onAppend = () => {
      throw new Error('dead');
    };
    await sink.close();
    records = { ...records } as never;
    void outbox;
  };
  const passing = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 500) {
      await time.tickAsync(500);
      // rows are deleted in a later turn
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const rows = async (): Promise<number> => (await store.forTenant('default').records.list({ kind: KIND })).records.length;
  const recorded = async (...kinds: readonly AuditRecord['kind'][]): Promise<readonly string[]> =>
    (await auditRecords(logs)).filter(({ kind }) => kinds.includes(kind)).map(({ kind, writer }) => `${kind} ${writer}`);
  const findings = async (): Promise<readonly string[]> => {
    const approvals = await store.approvals.list({ status: 'approved' });
    const report = await verifyAudit(logs, { keys: [AUDIT_KEY.publicKey], allowUnsigned: true, store: { approvals: () => approvals } });
    return [report.integrity, report.completeness, report.law].flatMap((verdict) => verdict.findings.map(({ code }) => code));
  };

  for (const signed of [true, false])
    it(`is empty once the records are durable, ${signed ? 'with' : 'without'} a state key`, async () => {
      const one = await program({ signed });
      for (let i = 0; i < 10; i++) await approve(one, await asked(one));
      await one.log.flush();
      await passing(500);
      expect([await rows(), (await recorded('opened')).length, (await recorded('verdict')).length]).to.deep.equal([0, 10, 10]);
      expect(await findings()).to.deep.equal([]);
    });

  it('of a program that has ended is written by another one that goes on, though that has a log of its own', async () => {
    const [first, second] = [await program(), await program()];
    const approval = await asked(first);
    await first.log.flush();
    await passing(500);
    first.sink.onAppend = () => new Promise((_, reject) => (free = () => reject(new Error('dead'))));
    await approve(first, approval);
    await kill(first);
    expect(await rows()).to.equal(1);
    await use(second, approval);
    await second.log.flush();
    // the use is recorded before the verdict that it was under
    expect(await findings()).to.deep.equal(['unrecorded', 'quorum_missing']);
    await passing(11_000);
    expect([await rows(), await recorded('verdict', 'consumed')]).to.deep.equal([0, ['consumed w1', 'verdict w1']]);
    expect(await findings()).to.deep.equal([]);
  });

  it('of a program that lives is left to it, however slow its disk is', async () => {
    const [first] = [await program(), await program()];
    const approval = await asked(first);
    await first.log.flush();
    await passing(500);
    first.sink.onAppend = () => new Promise((resolve) => (free = resolve));
    await approve(first, approval);
    await passing(120_000);
    expect([await rows(), await recorded('verdict')]).to.deep.equal([1, []]);
    free();
    await passing(500);
    expect([await rows(), await recorded('verdict')]).to.deep.equal([0, ['verdict w0']]);
  });

  it('is written once where the log of its program was let go, and is opened again', async () => {
    const [first, second] = [await program(), await program()];
    const approval = await asked(first);
    await first.log.flush();
    await passing(500);
    first.sink.onAppend = () => {
      throw new Error('EIO');
    };
    await approve(first, approval);
    await passing(500);
    expect(first.log.status().state).to.equal('failed');
    // what is told while the log is down, and may be written by another one
    const other = await asked(first);
    await passing(11_000);
    expect(await recorded('verdict')).to.deep.equal(['verdict w1']);
    first.sink.onAppend = () => {};
    await approve(first, other);
    await passing(15_000);
    expect([await rows(), (await recorded('opened', 'verdict')).length]).to.deep.equal([0, 4]);
    expect(await findings()).to.deep.equal([]);
    void second;
  });

  it('is written by the one that took it over where it waited while an append failed, and not when its log is open again', async () => {
    const [first] = [await program(), await program()];
    const approvals = [await asked(first), await asked(first)] as const;
    await first.log.flush();
    await passing(500);
    first.sink.onAppend = () => new Promise((_, reject) => (free = () => reject(new Error('EIO'))));
    await approve(first, approvals[0]);
    await passing(500);
    await approve(first, approvals[1]);
    const { open } = first.sink;
    let reopen = (): void => {};
    first.sink.open = async (writer) => {
      await new Promise<void>((resolve) => (reopen = resolve));
      return open.call(first.sink, writer);
    };
    free();
    await passing(25_000);
    expect([await rows(), await recorded('verdict')]).to.deep.equal([0, ['verdict w1', 'verdict w1']]);
    first.sink.onAppend = () => {};
    first.sink.open = (writer) => open.call(first.sink, writer);
    reopen();
    await passing(15_000);
    expect([await rows(), await recorded('verdict')]).to.deep.equal([0, ['verdict w1', 'verdict w1']]);
    expect(await findings()).to.deep.equal([]);
  });

  it('counts what a failed append has written after all', async () => {
    const one = await program();
    const approval = await asked(one);
    await one.log.flush();
    await passing(500);
    const { append } = one.sink;
    one.sink.append = async (batch) => {
      await append.call(one.sink, batch);
      throw new Error('EIO');
    };
    await approve(one, approval);
    await passing(500);
    one.sink.append = append;
    await passing(15_000);
    expect([await rows(), await recorded('verdict')]).to.deep.equal([0, ['verdict w0']]);
    expect((await auditRecords(logs)).find(({ kind }) => kind === 'verdict')?.committedAt).to.equal(undefined);
  });

  it('is written by itself where the journal is not told, and not again where it is told later', async () => {
    let later = (): void => {};
    const told = (log: AuditLog): Journal => ({ note: (event) => (later = () => log.note(event)) });
    const one = await program({ told });
    const approval = await asked(one);
    await approve(one, approval);
    await passing(50_000);
    expect(await recorded('verdict')).to.deep.equal([]);
    await passing(20_000);
    expect(await recorded('verdict')).to.deep.equal(['verdict w0']);
    later();
    await one.log.flush();
    expect([await rows(), await recorded('verdict')]).to.deep.equal([0, ['verdict w0']]);
    expect((await auditRecords(logs)).find(({ kind }) => kind === 'verdict')?.committedAt).to.equal(1_700_000_000_000);
  });

  it('is written at a later look, once, where the log fails at the first one', async () => {
    const one = await program({ told: () => ({ note: () => {} }) });
    await approve(one, await asked(one));
    await one.log.flush();
    let failures = 0;
    one.sink.onAppend = () => {
      failures += 1;
      throw new Error('EIO');
    };
    const reported = await diagnosed(() => passing(75_000));
    expect(failures).to.be.at.least(1);
    expect(reported.map(({ kind }) => kind)).to.include('callback');
    expect([await rows(), await recorded('verdict')]).to.deep.equal([1, []]);
    one.sink.onAppend = () => {};
    await passing(15_000);
    expect([await rows(), await recorded('verdict')]).to.deep.equal([0, ['verdict w0']]);
  });

  it('is empty when it is closed, also where rows are just being deleted and more come', async () => {
    const one = await program();
    const { records: mutable } = store.forTenant('default');
    const discard = mutable.discard?.bind(mutable);
    let go = (): void => {};
    let isHeld = false;
    mutable.discard = async (...args) => {
      isHeld = true;
      await new Promise<void>((resolve) => (go = resolve));
      await discard?.(...args);
    };
    await asked(one);
    await one.log.flush();
    await passing(500);
    expect(isHeld).to.equal(true);
    Object.assign(mutable, { discard });
    await asked(one);
    await one.log.flush();
    const closed = one.outbox.close();
    go();
    await closed;
    expect([await rows(), await recorded('opened')]).to.deep.equal([0, ['opened w0', 'opened w0']]);
  });

  it('is left to the next process where it cannot be written when it is closed, without a word', async () => {
    const one = await program();
    await one.log.flush();
    const approval = await asked(one);
    one.sink.onAppend = () => {
      throw new Error('EIO');
    };
    await one.outbox.close();
    const reported = await diagnosed(() => passing(5_000));
    expect(reported.map((message) => 'where' in message && message.where)).to.not.include('sweeping the audit outbox');
    expect([await rows(), await recorded('opened')]).to.deep.equal([1, []]);
    one.sink.onAppend = () => {};
    await one.log.close();
    const next = await program();
    await passing(500);
    expect([await rows(), await recorded('opened')]).to.deep.equal([0, ['opened w0']]);
    await approve(next, approval);
  });

  it('is written as it was committed where what the journal is told cannot be recorded', async () => {
    const told = (log: AuditLog): Journal => ({
      note: (event) => log.note(event.kind === 'verdict' ? { ...event, statement: 5 as never } : event),
    });
    const one = await program({ told });
    const reported = await diagnosed(async () => {
      await approve(one, await asked(one));
      await one.log.flush();
    });
    expect(reported.map(({ kind }) => kind)).to.deep.equal(['callback']);
    await passing(15_000);
    expect([await rows(), await recorded('verdict')]).to.deep.equal([0, ['verdict w0']]);
  });

  it('is left to the next process where its record fails after it was closed', async () => {
    let later = (): void => {};
    const told = (log: AuditLog): Journal => ({ note: (event) => (later = () => log.note(event)) });
    const one = await program({ told });
    await approve(one, await asked(one));
    await one.outbox.close();
    one.sink.onAppend = () => {
      throw new Error('EIO');
    };
    later();
    const reported = await diagnosed(() => passing(5_000));
    expect(reported.map((message) => 'where' in message && message.where))
      .to.include('auditLog')
      .and.not.include('sweeping the audit outbox');
    expect([await rows(), await recorded('verdict')]).to.deep.equal([1, []]);
  });

  it('is not written where another process took the row a moment before', async () => {
    const one = await program({ told: () => ({ note: () => {} }) });
    await approve(one, await asked(one));
    const { records: mutable } = store.forTenant('default');
    const replace = mutable.replace.bind(mutable);
    let asks = 0;
    mutable.replace = () => {
      asks += 1;
      return false;
    };
    await passing(75_000);
    expect(asks).to.be.at.least(1);
    expect(await recorded('verdict')).to.deep.equal([]);
    mutable.replace = replace;
    await passing(15_000);
    expect([await rows(), await recorded('verdict')]).to.deep.equal([0, ['verdict w0']]);
  });

  it('is written later where the queue has no place', async () => {
    const one = await program({ maxQueued: 1, mode: 'best-effort' });
    const approval = await asked(one);
    await one.log.flush();
    one.log.note({ kind: 'settled', agentId: 'a', toolName: 't', decisionId: 'd', outcome: 'completed' });
    one.log.note({ kind: 'settled', agentId: 'a', toolName: 't', decisionId: 'd', outcome: 'completed' });
    const verdict = approve(one, approval);
    one.log.note({ kind: 'settled', agentId: 'a', toolName: 't', decisionId: 'd', outcome: 'completed' });
    await verdict;
    await passing(15_000);
    expect([await rows(), await recorded('verdict')]).to.deep.equal([0, ['verdict w0']]);
  });

  it('is asked for nothing more where it was used before', async () => {
    const one = await program();
    const approval = await asked(one);
    await approve(one, approval);
    expect([await use(one, approval), await use(one, approval)]).to.deep.equal([true, true]);
    const begin = (): unknown => one.desk.begin({ decisionId: approval.decisionId, token: 'task', claimToken: 'claim' });
    expect([await begin(), await begin()]).to.deep.equal([true, true]);
    await one.log.flush();
    expect(await recorded('consumed', 'begun')).to.deep.equal(['consumed w0', 'begun w0']);
  });

  it('keeps nothing of a change that another one was before, or that failed', async () => {
    const one = await program();
    const approval = await asked(one);
    await one.log.flush();
    const verdicts = await Promise.allSettled([approve(one, approval), approve(one, approval)]);
    expect(verdicts.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
    const broken = await asked(one);
    const { replace } = store.approvals;
    store.approvals.replace = () => {
      throw new Error('cut off');
    };
    await rejection(approve(one, broken) as Promise<unknown>);
    store.approvals.replace = async (...args) => {
      await replace.apply(store.approvals, args);
      throw new Error('its answer was lost');
    };
    await rejection(approve(one, broken) as Promise<unknown>);
    store.approvals.replace = replace;
    await passing(15_000);
    expect([await rows(), await recorded('verdict')]).to.deep.equal([0, ['verdict w0', 'verdict w0']]);
  });

  it('changes nothing where the log could never be opened, but for what ends', async () => {
    const sink = new FailingSink(logs);
    sink.open = () => {
      throw new Error('EACCES');
    };
    for (const [mode, code] of [
      ['required', 'audit_unavailable'],
      ['best-effort', undefined],
    ] as const) {
      const one = await program({ sink, mode });
      const done = asked(one).then(
        () => undefined,
        (error: unknown) => (error as { readonly code: string }).code,
      );
      await passing(3_000);
      expect(await done).to.equal(code);
    }
    const [approval] = await store.approvals.list({ status: 'pending' });
    const required = programs[0] as Program;
    const ended = Promise.resolve(required.desk.end(approval?.decisionId ?? '', 'withdrawn'));
    await passing(3_000);
    await ended;
    expect((await store.approvals.get(approval?.decisionId ?? ''))?.status).to.equal('withdrawn');
  });

  it('deletes later what it could not delete', async () => {
    const one = await program();
    const discard = records.discard?.bind(records);
    const { records: mutable } = store.forTenant('default');
    (mutable as { discard?: unknown }).discard = () => {
      throw new Error('busy');
    };
    const reported = await diagnosed(async () => {
      await asked(one);
      await one.log.flush();
      await passing(500);
    });
    expect(reported.map(({ kind }) => kind)).to.include('callback');
    expect(await rows()).to.equal(1);
    (mutable as { discard?: unknown }).discard = discard;
    await passing(11_000);
    expect([await rows(), await recorded('opened')]).to.deep.equal([0, ['opened w0']]);
  });

  it('writes nothing that was put there without the state key, or that is about something else', async () => {
    const one = await program();
    const approval = await asked(one);
    await one.log.flush();
    const kept = records.list.bind(records);
    const [row] = await Promise.resolve(kept({ kind: KIND })).then((page) => page.records);
    const forged = {
      ...row,
      kind: KIND,
      id: 'chg_forged',
      version: 1,
      createdAtMs: 0,
      index2: row?.index2 ?? 'w0:x',
      body: '{}',
      mac: 'x',
    };
    await records.insert(forged);
    const unsigned = await program({ signed: false, sink: new FailingSink(new MemoryLogs()) });
    const entry = { record: { kind: 'decided', decisionId: approval.decisionId, change: 'chg_other' } };
    await records.insert({ ...forged, id: 'chg_other', index2: 'w0:x', body: JSON.stringify({ entry, from: 0, at: 0 }) });
    const codes = securityCodes(await diagnosed(() => passing(15_000)));
    expect(codes).to.include('audit_row_tampered');
    expect(await recorded('decided')).to.deep.equal([]);
    void unsigned;
  });

  it('is not there where the store cannot insert records with a change', async () => {
    const log = auditLog({ sink: new FailingSink(logs), origin: 'spec.example/outbox', key: AUDIT_KEY });
    for (const [found, made] of [
      [undefined, true],
      [{ insertsBeside: false } as SignableRecordStore, false],
      [{ insertsBeside: true } as SignableRecordStore, true],
    ] as const) {
      const outbox = log.outboxIn({ records: () => found, stateKey });
      await outbox.open();
      expect(await outbox.commit([], (...given) => given.length === 0 && made)).to.equal(made);
      await outbox.close();
    }
    await log.close();
  });

  it('belongs to the first journal that keeps one, and to a durable store alone', async () => {
    const places: unknown[] = [];
    const outbox: EventOutbox = {
      open: () => void places.push('opened'),
      commit: (_, change) => change(),
      close: () => void places.push('closed'),
    };
    const keeping = {
      note: () => {},
      outboxIn: (place: unknown) => {
        places.push(place);
        return outbox;
      },
    };
    for (const journal of [keeping, [{ note: () => {} }, keeping], { note: () => {} }]) {
      const module = AegisModule.create({ policies: { text: '@id("a") permit (principal, action, resource);' }, journal });
      await module.ready();
      await module.close();
    }
    expect(places).to.deep.equal([]);
  });
});
