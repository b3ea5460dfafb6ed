import { expect } from 'chai';
import type { AuditRecord } from '../../../lib/audit/record/AuditRecord.js';
import { MemoryLogs, MemorySink } from '../../../lib/audit/sink/MemorySink.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import type { AuditLog } from '../../../lib/audit/writer/AuditLog.js';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { HostClient } from '../../../lib/cli/server/HostClient.js';
import { SecretString } from '../../../lib/common/SecretString.js';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { PLAIN_CLIENT } from '../../support/plainClient.js';
import type { JournalEvent } from '../../../lib/model/Journal.js';
import { publishDiagnostic } from '../../../lib/model/diagnostics.js';
import { HostOutbox } from '../../../lib/server/audit/HostOutbox.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import type { DataPlaneOptions } from '../../../lib/server/DataPlaneOptions.js';
import type { ApprovalRecord, Verdict } from '../../../lib/store/ApprovalStore.js';
import { signedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { AUDITED_POLICIES, AUDITED_STATE_KEY, AUDIT_KEY, FailingSink, auditRecords } from '../../support/auditedPlane.js';
import { needsSqlite, sqliteFiles } from '../../store/sqlite/sqliteFiles.js';
import { postgresServer } from '../../support/postgresServer.js';
import { PostgresStores } from '../../support/postgresStores.js';
import { rejection } from '../../support/rejection.js';
import { servePlane } from '../../support/servePlane.js';
import type { ServedPlane } from '../../support/servePlane.js';
import { until } from '../../support/until.js';

const BASE = 'b'.repeat(64);
const CLIENT = { 'x-aegis-capabilities': PLAIN_CLIENT.join(','), 'x-aegis-binding': BASE };

interface Mounted extends AsyncDisposable {
  readonly module: AegisModule;
  readonly log: AuditLog;
  readonly sink: FailingSink;
  readonly plane: ServedPlane;
  readonly host: HostClient;
  /** What another journal of the module is told. */
  readonly told: readonly JournalEvent[];
  /** Calls the tool `refund` in this process. */
  readonly refund: (cents: number) => Promise<string>;
  /** What waits. */
  pending(): Promise<{ readonly decisionId: string; readonly digest: string }>;
  records(): Promise<readonly AuditRecord[]>;
  close(): Promise<void>;
}

async function mounted(options: Partial<DataPlaneOptions> = {}, store: ServerStore = new MemoryStateStore()): Promise<Mounted> {
  const sink = new FailingSink();
  const log = auditLog({ sink, origin: 'spec.example/shop', key: AUDIT_KEY });
  const told: JournalEvent[] = [];
  const module = AegisModule.create({
    policies: { text: AUDITED_POLICIES },
    agentId: 'shop',
    store,
    stateKey: AUDITED_STATE_KEY,
    journal: [log, { note: (event) => void told.push(event) }],
  });
  const plane = await servePlane({ module, store, stateKey: AUDITED_STATE_KEY, ...options } as DataPlaneOptions);
  const refund = guard(async (cents: number) => `paid ${cents}`, { module, toolName: 'refund', params: ['cents'], approval: 'wait' });
  const close = async (): Promise<void> => {
    await plane.close();
    await module.close();
    await log.close();
  };
  return {
    module,
    log,
    sink,
    plane,
    told,
    refund,
    host: new HostClient(plane.url, new SecretString(AUDITED_STATE_KEY), { tenantId: 'default', user: 'ada' }),
    async pending() {
      await until(async () => (await module.approvals.list({ status: 'pending' })).length > 0);
      const [{ decisionId = '', digest = '' } = {}] = await module.approvals.list({ status: 'pending' });
      return { decisionId, digest };
    },
    records: () => auditRecords(sink.source),
    close,
    [Symbol.asyncDispose]: close,
  };
}

const kindsOf = (records: readonly AuditRecord[], id: string): readonly string[] =>
  records.flatMap((record) => ('decisionId' in record && record.decisionId === id ? [record.kind] : []));

describe('The audit log of a module, with a Data Plane beside it', () => {
  const isWhole = async (store: ServerStore): Promise<void> => {
    const its = await mounted({}, store);
    const running = its.refund(7);
    const { decisionId, digest } = await its.pending();
    await its.host.ask('POST', `/v1/approvals/${decisionId}/verdict`, { verdict: 'approve', digest, reason: 'because' });
    expect(await running).to.equal('paid 7');
    const denied = its.refund(8).catch((error: unknown) => error);
    const second = await its.pending();
    await its.host.ask('POST', `/v1/approvals/${second.decisionId}/verdict`, { verdict: 'deny', digest: second.digest });
    expect(await denied).to.be.instanceOf(Error);
    await its.plane.keyFor({ name: 'other' });
    await until(async () => kindsOf(await its.records(), decisionId).includes('settled'));
    await its.close();
    const records = await its.records();
    expect(records[0]).to.include({ kind: 'started' }).and.not.include({ source: 'server' });
    expect(kindsOf(records, decisionId)).to.deep.equal([
      'opened',
      'decided',
      'verdict',
      'decided',
      'consumed',
      'begun',
      'entering',
      'settled',
    ]);
    expect(kindsOf(records, second.decisionId)).to.deep.equal(['opened', 'decided', 'verdict']);
    expect(records.find(({ kind }) => kind === 'verdict')).to.include({ by: 'host:ada', assurance: 'host', approved: true });
    expect(records.flatMap((record) => (record.kind === 'authority' ? [record.act] : []))).to.deep.equal(['key.created']);
    expect(records.filter(({ kind }) => kind === 'policies')).to.have.length(1);
    expect(records.filter((record) => 'tenantId' in record)).to.deep.equal([]);
    // every other journal is told all of it, as without a server
    expect(its.told.filter(({ kind }) => kind === 'verdict')).to.have.length(2);
    const report = await verifyAudit(its.sink.source, { keys: [AUDIT_KEY.publicKey] });
    for (const part of [report.integrity, report.completeness, report.law]) expect(part.findings).to.deep.equal([]);
    expect(report.counts).to.include({ approvals: 2, runs: 1, notWitnessed: 0, open: 0 });
  };

  it('has what people decide at the server and what the module runs, each once; and it is lawful', () => isWhole(new MemoryStateStore()));

  const isClosedBetween = async (store: ServerStore): Promise<void> => {
    const its = await mounted({}, store);
    const running = its.refund(7);
    const { decisionId, digest } = await its.pending();
    let free = (): void => {};
    let isHeld = false;
    its.sink.onAppend = () => {
      isHeld = true;
      return new Promise((resolve) => (free = resolve));
    };
    const approving = Promise.resolve(its.module.approvals.approve(decisionId, { by: 'bob', digest }));
    await until(() => isHeld);
    const closing = its.plane.close();
    its.sink.onAppend = () => {};
    free();
    await approving;
    await closing;
    expect(await running).to.equal('paid 7');
    await its.close();
    expect(kindsOf(await its.records(), decisionId).toSorted()).to.deep.equal(
      ['opened', 'decided', 'verdict', 'decided', 'consumed', 'begun', 'entering', 'settled'].toSorted(),
    );
    const { integrity, completeness, law } = await verifyAudit(its.sink.source, { keys: [AUDIT_KEY.publicKey] });
    for (const part of [integrity, completeness, law]) expect(part.findings).to.deep.equal([]);
  };

  it('has a verdict once that is being recorded while the server is closed', () => isClosedBetween(new MemoryStateStore()));

  describe('on SQLite', () => {
    needsSqlite();
    const { open } = sqliteFiles();
    it('has all of it once', () => isWhole(open()));
    it('has a verdict once that is being recorded while the server is closed', () => isClosedBetween(open()));
  });

  describe('on PostgreSQL', () => {
    let stores: PostgresStores | undefined;
    before(async function () {
      stores = new PostgresStores(await postgresServer(this));
    });
    after(() => stores?.end());
    it('has all of it once', async () => isWhole(await (stores as PostgresStores).open()));
  });

  it('has what other programs ask of the server: their decisions, approvals, uses and ends, each once', async () => {
    const its = await mounted();
    const key = await its.plane.keyFor({ sessionTrusted: true });
    const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
      const { status, json } = await its.plane.ask('POST', path, { key, body, headers: CLIENT });
      expect(status).to.be.below(300);
      return json as Record<string, unknown>;
    };
    const decide = (name: string): Promise<Record<string, unknown>> =>
      post('/v1/decision', { agent_id: 'bot', tool: { name, params: { a: 1 } }, session: null });
    for (const tool of ['read', 'drop']) await decide(tool);
    const id = (await decide('refund'))['decision_id'] as string;
    const digest = canonicalDigest({ a: 1 });
    await its.host.ask('POST', `/v1/approvals/${id}/verdict`, { verdict: 'approve', digest, reason: 'because' });
    await post(`/v1/decision/${id}/consume`, { digest, bindingBase: BASE, token: 'task-1' });
    await post(`/v1/decision/${id}/begin`, { token: 'task-1', claimToken: 'claim-1' });
    await post(`/v1/decision/${id}/outcome`, { token: 'task-1', status: 'completed' });
    const withdrawn = (await decide('refund'))['decision_id'] as string;
    await its.plane.ask('POST', `/v1/decision/${withdrawn}/withdraw`, { key });
    await its.close();
    const records = await its.records();
    expect(kindsOf(records, id)).to.deep.equal(['opened', 'decided', 'verdict', 'consumed', 'begun', 'settled']);
    expect(records.find(({ kind }) => kind === 'settled')).to.include({ reported: true, outcome: 'completed' });
    expect(kindsOf(records, withdrawn)).to.have.members(['opened', 'decided', 'ended']);
    expect(records.filter(({ kind }) => kind === 'decided')).to.have.length(4);
    const report = await verifyAudit(its.sink.source, { keys: [AUDIT_KEY.publicKey] });
    for (const part of [report.integrity, report.completeness, report.law]) expect(part.findings).to.deep.equal([]);
    expect(report.counts).to.include({ approvals: 2, notWitnessed: 1 });
  });

  it('is written before anything is told: a verdict whose record cannot be written is told and used nowhere, and written once later', async () => {
    await using its = await mounted();
    const running = its.refund(9);
    const { decisionId, digest } = await its.pending();
    its.sink.onAppend = () => {
      throw new Error('EIO');
    };
    const given = its.host.ask('POST', `/v1/approvals/${decisionId}/verdict`, { verdict: 'approve', digest, reason: 'because' });
    expect(String(await rejection(given))).to.match(/503|recorded/);
    expect(kindsOf(await its.records(), decisionId)).to.not.include('verdict');
    expect(its.told.filter(({ kind }) => kind === 'entering')).to.deep.equal([]);
    its.sink.onAppend = () => {};
    // where the log had failed before, the verdict was not made at all: it is given again
    await until(async () => {
      const found = await Promise.resolve(its.module.approvals.get(decisionId)).catch(() => undefined);
      if (found?.status === 'approved') return true;
      await its.host
        .ask('POST', `/v1/approvals/${decisionId}/verdict`, { verdict: 'approve', digest, reason: 'because' })
        .catch(() => undefined);
      return false;
    });
    expect(await running).to.equal('paid 9');
    expect(kindsOf(await its.records(), decisionId).filter((kind) => kind === 'verdict')).to.deep.equal(['verdict']);
  });

  it('is written by the module alone before the server and after it; a call that comes first opens the server', async () => {
    const store = new MemoryStateStore();
    const logs = new MemoryLogs();
    const log = auditLog({ sink: new MemorySink(logs), origin: 'spec.example/shop', key: AUDIT_KEY });
    const module = AegisModule.create({ policies: { text: AUDITED_POLICIES }, agentId: 'shop', store, journal: log });
    const refund = guard(async (cents: number) => cents, { module, toolName: 'refund', params: ['cents'], approval: 'wait' });
    const ids: string[] = [];
    const refunded = async (cents: number): Promise<void> => {
      const running = refund(cents);
      await until(async () => (await module.approvals.list({ status: 'pending' })).length > 0);
      const [{ decisionId = '', digest = '' } = {}] = await module.approvals.list({ status: 'pending' });
      ids.push(decisionId);
      await module.approvals.approve(decisionId, { by: 'bob', digest });
      expect(await running).to.equal(cents);
    };
    await refunded(1);
    const plane = createDataPlane({ module, store });
    await refunded(2);
    await plane.close({ idleMs: 0 });
    await refunded(3);
    await module.close();
    await log.close();
    const records = await auditRecords(logs);
    for (const id of ids)
      expect([...kindsOf(records, id)].sort()).to.deep.equal(
        ['opened', 'decided', 'verdict', 'decided', 'consumed', 'begun', 'entering', 'settled'].sort(),
      );
    const report = await verifyAudit(logs, { keys: [AUDIT_KEY.publicKey] });
    for (const part of [report.integrity, report.completeness, report.law]) expect(part.findings).to.deep.equal([]);
    expect(report.counts).to.include({ approvals: 3, runs: 3 });
  });

  it('says once what looks forged, also where the module reports it', async () => {
    const its = await mounted();
    publishDiagnostic({ kind: 'security', code: 'approval_unknown', message: 'from elsewhere', actor: { kind: 'store' } });
    await rejection(its.module.approvals.approve('dec_unknown', { by: 'bob', digest: 'a'.repeat(64) }));
    await its.module.approvals.consume({ decisionId: 'dec_unknown', digest: 'a'.repeat(64), token: 't' } as never);
    await its.close();
    const codes = (await its.records()).flatMap((record) => (record.kind === 'security' ? [record.code] : []));
    expect(codes.length).to.equal(1 + its.told.filter(({ kind }) => kind === 'security').length);
  });

  it('takes what a command of the operator has left, which knows of no module', async () => {
    const store = new MemoryStateStore();
    const its = await mounted({}, store);
    const running = its.refund(5).catch((error: unknown) => error);
    const { decisionId } = await its.pending();
    const host = { stateKey: new SecretString(AUDITED_STATE_KEY), tenantId: 'default' };
    const raw = store.forTenant('default', { forOthers: true });
    const { approvals } = HostOutbox.rowsOf(store, raw, signedTenantStore(raw, host), host);
    const before = (await approvals.get(decisionId)) as ApprovalRecord;
    const no: Verdict = { approve: false, by: 'host:ada', atMs: Date.now(), policies: ['refund'], assurance: 'host' };
    const after = { ...before, status: 'denied', verdicts: [no], version: before.version + 1 } as const;
    expect(await approvals.replace(after, before.version)).to.equal(true);
    expect((await its.module.approvals.get(decisionId))?.status).to.equal('denied');
    await its.module.approvals.onChange(decisionId);
    expect(await running).to.be.instanceOf(Error);
    await its.close();
    const records = await its.records();
    expect(kindsOf(records, decisionId)).to.deep.equal(['opened', 'decided', 'verdict']);
    expect(records.filter((record) => 'tenantId' in record)).to.deep.equal([]);
  });

  it('is refused where it is not that of the module', () => {
    const store = new MemoryStateStore();
    const newLog = (): AuditLog => auditLog({ sink: new MemorySink(), origin: 'spec.example/shop', key: AUDIT_KEY });
    const moduleOf = (...logs: AuditLog[]): AegisModule =>
      AegisModule.create({ policies: { text: AUDITED_POLICIES }, store, journal: logs });
    const [one, other] = [newLog(), newLog()];
    const cases: readonly (readonly [object, string | undefined])[] = [
      [{ module: moduleOf(), audit: one }, 'must be the log that the module has'],
      [{ module: moduleOf(other), audit: one }, 'must be the log that the module has'],
      [{ module: moduleOf(one, other) }, 'has several audit logs'],
      [{ module: moduleOf(one), audit: false }, 'cannot be false: the module has an audit log'],
      [{ module: moduleOf(), audit: false }, "policy 'refund' asks for an approval"],
      [{ module: moduleOf(one), audit: {} }, 'must be what auditLog(…) returns, or false'],
      [
        { module: AegisModule.create({ policies: { text: AUDITED_POLICIES }, journal: one, approvalStore: new MemoryApprovalStore() }) },
        'insertsBeside',
      ],
      [{ module: moduleOf(one, other), audit: other }, undefined],
      [{ module: moduleOf(one), audit: one }, undefined],
      [{ module: moduleOf() }, undefined],
    ];
    for (const [options, message] of cases) {
      const make = (): unknown => createDataPlane({ store, ...options } as never);
      if (message === undefined) expect(make).to.not.throw();
      else expect(make, message).to.throw(message);
    }
  });
});
