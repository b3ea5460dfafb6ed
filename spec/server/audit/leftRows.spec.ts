import { expect } from 'chai';
import sinon from 'sinon';
import { approvalRecords } from '../../../lib/audit/record/approvalRecords.js';
import { MemoryLogs } from '../../../lib/audit/sink/MemorySink.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import { silentLogger } from '../../../lib/common/Logger.js';
import { SecretString } from '../../../lib/common/SecretString.js';
import { HostOutbox } from '../../../lib/server/audit/HostOutbox.js';
import { OUTBOX_KIND, OutboxRows } from '../../../lib/audit/outbox/OutboxRows.js';
import { ServerAudit } from '../../../lib/server/audit/ServerAudit.js';
import type { AuditedRows } from '../../../lib/server/audit/ServerAudit.js';
import { WRITER_KIND } from '../../../lib/server/audit/WriterLease.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { signedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import type { AuditRecord } from '../../../lib/audit/record/AuditRecord.js';
import { recordOf } from '../../support/approvalRecords.js';
import { AUDIT_KEY, FailingSink, auditRecords } from '../../support/auditedPlane.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { rejection } from '../../support/rejection.js';
import { storedRecord } from '../../support/storedRecords.js';

const stateKey = new SecretString('state-key-for-specs-0123456789abcdef');
const NONE = new Map<string, string>();

/** What one server sees of a store, until it is cut off. */
function viewOf(store: MemoryStateStore, isCutOff: () => boolean): MemoryStateStore {
  const watched = <T extends object>(rows: T): T =>
    new Proxy(rows, {
      get(target, key) {
        const found: unknown = Reflect.get(target, key);
        if (typeof found !== 'function') return found;
        return (...args: unknown[]): unknown => {
          if (isCutOff()) throw new Error('cut off');
          return Reflect.apply(found, target, args);
        };
      },
    });
  return new Proxy(store, {
    get: (target, key) =>
      key === 'forTenant'
        ? (...args: Parameters<MemoryStateStore['forTenant']>) => {
            const { approvals, records } = target.forTenant(...args);
            return { approvals: watched(approvals), records: watched(records) };
          }
        : (Reflect.get(target, key) as unknown),
  });
}

interface Server {
  /** Whether the store is out of its reach. */
  isCutOff: boolean;
  readonly audit: ServerAudit;
  readonly rows: AuditedRows;
  readonly sink: FailingSink;
  /** Approvals that it told of late. */
  readonly late: string[];
}

describe('The outbox of an audit log', () => {
  let store: MemoryStateStore;
  let logs: MemoryLogs;
  let time: sinon.SinonFakeTimers;
  const servers: Server[] = [];
  beforeEach(() => {
    store = new MemoryStateStore();
    logs = new MemoryLogs();
    time = sinon.useFakeTimers({
      now: 1_700_000_000_000,
      toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
    });
  });
  afterEach(async () => {
    time.restore();
    for (const { audit, sink } of servers.splice(0)) {
      sink.onAppend = () => {};
      await audit.close();
    }
  });

  const serverOf = async (given: MemoryLogs = logs): Promise<Server> => {
    const sink = new FailingSink(given);
    const log = auditLog({ sink, origin: 'spec.example/plane', key: AUDIT_KEY, source: 'server' });
    const server = { isCutOff: false };
    const view = viewOf(store, () => server.isCutOff);
    const audit = new ServerAudit({ log, store: view, stateKey, now: Date.now, logger: silentLogger });
    const raw = view.forTenant('default', { forOthers: true });
    const rows = audit.rowsOf('default', raw, signedTenantStore(raw, { stateKey, tenantId: 'default' }));
    const late: string[] = [];
    await audit.open(NONE, (_, decisionId) => late.push(decisionId));
    const whole = Object.assign(server, { audit, rows, sink, late });
    servers.push(whole);
    return whole;
  };
  /** As SIGKILL does: it says nothing more, and the lock of its log is free. */
  const killed = async (server: Server): Promise<void> => {
    server.isCutOff = true;
    server.sink.onAppend = () => {
      throw new Error('dead');
    };
    await server.sink.close();
  };
  const open = (): readonly string[] => store.forTenant('default').records.ids(OUTBOX_KIND) as readonly string[];
  const verdicts = async (): Promise<readonly AuditRecord[]> => (await auditRecords(logs)).filter(({ kind }) => kind === 'verdict');
  const passing = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 500) await time.tickAsync(500);
  };
  const approve = async ({ rows }: Server): Promise<string> => {
    const record = recordOf({ expiresAtMs: Date.now() + 3_600_000 });
    expect(await rows.approvals.insert(record)).to.equal(true);
    return record.decisionId;
  };
  const giveVerdict = async ({ rows }: Server, decisionId: string): Promise<unknown> => {
    const before = await rows.approvals.get(decisionId);
    if (before === undefined) throw new Error('not there');
    const verdict = { approve: true, by: 'ann', atMs: Date.now(), policies: ['refunds'] };
    return rows.approvals.replace({ ...before, status: 'approved', verdicts: [verdict], version: before.version + 1 }, before.version);
  };

  it('is empty once the records are durable, and gives each change an id of its own', async () => {
    const server = await serverOf();
    for (let i = 0; i < 20; i++) await giveVerdict(server, await approve(server));
    await passing(1_000);
    expect(open()).to.deep.equal([]);
    expect((await verdicts()).length).to.equal(20);
  });

  it('writes once, after a restart, what was committed and not written', async () => {
    const first = await serverOf();
    const id = await approve(first);
    first.sink.onAppend = () => {
      throw new Error('EIO');
    };
    expect(await rejection(giveVerdict(first, id) as Promise<unknown>)).to.include({ code: 'audit_unavailable', status: 503 });
    expect(open()).to.have.length(1);
    await killed(first);
    const second = await serverOf();
    await passing(500);
    expect([open().length, (await verdicts()).length, second.late]).to.deep.equal([0, 1, [id]]);
    expect((await second.rows.approvals.get(id))?.status).to.equal('approved');
  });

  it('writes nothing twice where the crash came between the record and the row', async () => {
    const first = await serverOf();
    const id = await approve(first);
    const { records } = store.forTenant('default');
    const discard = records.discard?.bind(records);
    (records as { discard?: unknown }).discard = () => {
      throw new Error('dead');
    };
    await giveVerdict(first, id);
    await killed(first);
    (records as { discard?: unknown }).discard = discard;
    expect(open()).to.have.length(2);
    const second = await serverOf();
    await passing(500);
    const given = await verdicts();
    expect([open().length, given.length]).to.deep.equal([0, 1]);
    // and it is known where it is
    const [{ seq = -1, writer = '' } = {}] = given;
    expect(await second.audit.of('default').placesOf(id)).to.deep.equal([{ writer, seq, kind: 'verdict' }]);
  });

  it('of a server that was killed is written by another one, once, and not before it is certain that it is dead', async () => {
    const [first, second] = [await serverOf(), await serverOf()];
    const id = await approve(first);
    first.sink.onAppend = () => {
      throw new Error('EIO');
    };
    await rejection(giveVerdict(first, id) as Promise<unknown>);
    await killed(first);
    await passing(6_000);
    expect(await verdicts()).to.have.length(0);
    expect(await rejection(Promise.all([second.rows.approvals.get(id), passing(3_000)]))).to.include({ code: 'audit_unavailable' });
    await passing(20_000);
    expect([open().length, (await verdicts()).length, second.late]).to.deep.equal([0, 1, [id]]);
    expect((await second.rows.approvals.get(id))?.status).to.equal('approved');
    // and the row that said that it lives is gone
    expect(store.forTenant('default').records.ids(WRITER_KIND)).to.have.length(1);
  });

  it('is not written twice by a server that was taken for dead and goes on', async () => {
    const [first, second] = [await serverOf(), await serverOf()];
    const id = await approve(first);
    first.sink.onAppend = () => {
      throw new Error('EIO');
    };
    await rejection(giveVerdict(first, id) as Promise<unknown>);
    first.isCutOff = true;
    await passing(30_000);
    expect([(await verdicts()).length, second.late]).to.deep.equal([1, [id]]);
    first.isCutOff = false;
    first.sink.onAppend = () => {};
    await passing(10_000);
    expect((await verdicts()).length).to.equal(1);
    // it writes again, what it commits now
    await giveVerdict(first, await approve(first));
    expect((await verdicts()).length).to.equal(2);
  });

  it('of a server that lives is never written by another one, though its disk is slow and it could not say for long that it lives', async () => {
    const [first, second] = [await serverOf(), await serverOf()];
    const id = await approve(first);
    await passing(1_000);
    let free = (): void => {};
    first.sink.onAppend = () => new Promise((resolve) => (free = resolve));
    const verdict = giveVerdict(first, id);
    await time.tickAsync(0);
    first.isCutOff = true;
    await passing(60_000);
    expect([open().length, await verdicts(), second.late]).to.deep.equal([1, [], []]);
    expect(await rejection(Promise.all([second.rows.approvals.get(id), passing(3_000)]))).to.include({ code: 'audit_unavailable' });
    first.isCutOff = false;
    first.sink.onAppend = () => {};
    free();
    await verdict;
    await passing(10_000);
    expect([open().length, (await verdicts()).map(({ writer }) => writer), second.late]).to.deep.equal([0, ['w0'], []]);
    expect((await second.rows.approvals.get(id))?.status).to.equal('approved');
  });

  it('of a server whose log opened again is written by the one that took it over, and by no other', async () => {
    const [first, second] = [await serverOf(), await serverOf()];
    const id = await approve(first);
    await passing(1_000);
    // its log is let go, and opened again only after the other one has taken over
    first.sink.onAppend = () => {
      throw new Error('EIO');
    };
    const { open: reopen } = first.sink;
    let free = (): void => {};
    first.sink.open = async (writer) => {
      await new Promise<void>((resolve) => (free = resolve));
      return reopen.call(first.sink, writer);
    };
    const { approvals } = store;
    const { replace } = approvals;
    let commit = (): void => {};
    approvals.replace = async (...args) => {
      await new Promise<void>((resolve) => (commit = resolve));
      return replace.apply(approvals, args);
    };
    const verdict = rejection(giveVerdict(first, id) as Promise<unknown>);
    await time.tickAsync(0);
    // the log fails over something else while the verdict is committed, so that its record is told to a log that is not open
    await rejection(first.rows.approvals.insert(recordOf({ expiresAtMs: Date.now() + 3_600_000 })) as Promise<unknown>);
    await time.tickAsync(0);
    commit();
    await time.tickAsync(0);
    approvals.replace = replace;
    first.isCutOff = true;
    await passing(60_000);
    expect([open().length, (await verdicts()).map(({ writer }) => writer), second.late.includes(id)]).to.deep.equal([0, ['w1'], true]);
    first.isCutOff = false;
    first.sink.onAppend = () => {};
    first.sink.open = (writer) => reopen.call(first.sink, writer);
    free();
    await passing(20_000);
    expect(await verdict).to.include({ code: 'audit_unavailable' });
    expect((await verdicts()).map(({ writer }) => writer)).to.deep.equal(['w1']);
  });

  it('of a server whose log cannot be read here is left to it', async () => {
    const first = await serverOf(new MemoryLogs());
    await passing(500);
    const second = await serverOf();
    const id = await approve(first);
    first.sink.onAppend = () => {
      throw new Error('EIO');
    };
    await rejection(giveVerdict(first, id) as Promise<unknown>);
    await killed(first);
    await passing(60_000);
    expect([open().length, (await verdicts()).length, second.late]).to.deep.equal([1, 0, []]);
  });

  it('takes what a command of the operator has left, at once where it is asked for, and only where a log is kept', async () => {
    const raw = store.forTenant('default');
    const rows = HostOutbox.rowsOf(store, raw, signedTenantStore(raw, { stateKey, tenantId: 'default' }), {
      stateKey,
      tenantId: 'default',
    });
    const key = storedRecord({ id: 'k1', body: JSON.stringify({ createdBy: 'host:ada', scopes: ['decide'], hash: 'h' }) });
    expect(await rows.records.insert(key)).to.equal(true);
    expect(open()).to.deep.equal([]);
    const server = await serverOf();
    const id = await approve(server);
    const command = HostOutbox.rowsOf(store, raw, signedTenantStore(raw, { stateKey, tenantId: 'default' }), {
      stateKey,
      tenantId: 'default',
    });
    await passing(500);
    await giveVerdict({ ...server, rows: command }, id);
    expect(open()).to.have.length(1);
    expect((await server.rows.approvals.get(id))?.status).to.equal('approved');
    expect((await verdicts()).length).to.equal(1);
    await giveVerdict({ ...server, rows: command }, await approve(server));
    expect((await server.rows.approvals.page?.({}))?.cards).to.have.length(2);
    await passing(1_000);
    expect([open().length, (await verdicts()).length]).to.deep.equal([0, 2]);
  });

  it('writes nothing that was put there without the state key, and reports it once', async () => {
    const server = await serverOf();
    const id = await approve(server);
    const entry = approvalRecords.ended({ decisionId: id, agentId: 'bot', toolName: 'refund' }, 'expired', {});
    const forger = new OutboxRows({ stateKey: new SecretString('another key, that is as long as it must be'), tenantId: 'default' });
    const stranger = new OutboxRows({ stateKey, tenantId: 'other' });
    const { records } = store.forTenant('default');
    const own = logs.writers()[0] as string;
    for (const rows of [forger, stranger]) records.insert(rows.make(entry, { logId: own, from: 0 }, Date.now()));
    const good = new OutboxRows({ stateKey, tenantId: 'default' }).make(entry, { logId: 'host', from: 0 }, Date.now());
    for (const changed of [
      { index1: 'dec_other' },
      { index2: 'x' },
      { body: good.body.replace('expired', 'withdrawn') },
      { id: 'chg_other' },
      { mac: '' },
    ])
      records.insert({ ...good, id: `${good.id}${Object.keys(changed)[0]}`, ...changed });
    const diagnostics = await diagnosed(async () => {
      await server.rows.approvals.get(id);
      await passing(20_000);
    });
    const codes = securityCodes(diagnostics);
    expect(new Set(codes)).to.deep.equal(new Set(['audit_row_tampered']));
    expect(codes.length).to.be.at.most(7);
    expect((await auditRecords(logs)).filter(({ kind }) => kind === 'ended')).to.deep.equal([]);
  });
});
