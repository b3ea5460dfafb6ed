import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import { MemoryLogs, MemorySink } from '../../../lib/audit/sink/MemorySink.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import type { DataPlaneOptions } from '../../../lib/server/DataPlaneOptions.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { AUDITED_POLICIES, AUDIT_KEY, FailingSink, auditedPlane, auditRecords } from '../../support/auditedPlane.js';
import { servedInbox } from '../../support/servedInbox.js';
import { servePlane } from '../../support/servePlane.js';
import { until } from '../../support/until.js';

const ASKING = { text: AUDITED_POLICIES };
const SILENT = { text: '@id("all") permit (principal, action, resource);' };
const newLog = (): ReturnType<typeof auditLog> => auditLog({ sink: new MemorySink(), origin: 'spec.example/plane', key: AUDIT_KEY });

describe('The option `audit` of a Data Plane', () => {
  it('is refused where it cannot be one', () => {
    const module = AegisModule.create({ policies: ASKING });
    const storeOfOthers = new Proxy(new MemoryStateStore(), {
      get(target, key) {
        if (key !== 'forTenant') return Reflect.get(target, key) as unknown;
        return () => ({ approvals: new MemoryStateStore().approvals, records: { get: () => undefined } });
      },
    });
    const cases: readonly (readonly [Partial<DataPlaneOptions>, string])[] = [
      [{ policies: ASKING, audit: false }, "policy 'refund' asks for an approval"],
      [{ tenants: { acme: { policies: ASKING } }, audit: false } as never, "policy 'refund' of tenant 'acme' asks for an approval"],
      [{ policies: SILENT, audit: {} as never }, 'audit: must be what auditLog(…) returns, or false'],
      [{ policies: SILENT, audit: true as never }, 'audit: must be what auditLog(…) returns, or false'],
      [{ policies: SILENT, audit: 'x' as never }, 'audit: must be'],
      [{ module, store: new MemoryStateStore(), audit: newLog() } as never, 'must be the log that the module has as its `journal`'],
      [{ policies: SILENT, store: storeOfOthers, audit: newLog(), stateKey: 'k'.repeat(32) }, 'insertsBeside'],
    ];
    for (const [options, message] of cases) expect(() => createDataPlane(options as DataPlaneOptions), message).to.throw(message);
  });

  it('false opens no approval that a reload asks for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'aegis-audit-off-'));
    writeFileSync(join(folder, 'all.cedar'), SILENT.text);
    {
      await using plane = await servePlane({ policies: folder, audit: false });
      const key = await plane.keyFor();
      const body = { agent_id: 'bot', tool: { name: 'refund', params: {} }, session: null };
      const decide = async (): Promise<unknown> => {
        const { status, json } = await plane.ask('POST', '/v1/decision', { key, body });
        return [status, (json as Record<string, unknown>)['error']];
      };
      expect(await decide()).to.deep.equal([200, undefined]);
      writeFileSync(join(folder, 'more.cedar'), ASKING.text.replace(SILENT.text, ''));
      await until(async () => ((await decide()) as readonly unknown[])[0] !== 200);
      expect(await decide()).to.deep.equal([503, 'audit_unavailable']);
    }
    rmSync(folder, { recursive: true });
  });

  it('`best-effort` answers although the log cannot be written', async () => {
    const sink = new FailingSink();
    await using plane = await auditedPlane({ sink, mode: 'best-effort' });
    sink.onAppend = () => {
      throw new Error('EIO');
    };
    expect((await plane.decide('read')).status).to.equal(200);
    const { json } = await plane.decide('refund');
    await plane.verdict(json['decision_id'] as string);
    expect((await plane.status(json['decision_id'] as string)).json['outcome']).to.equal('approved');
    sink.onAppend = () => {};
  });

  it('`required` answers no decision that cannot be recorded, says so at /readyz, and goes on once it can', async () => {
    const sink = new FailingSink();
    await using plane = await auditedPlane({ sink });
    sink.onAppend = () => {
      throw new Error('EIO');
    };
    for (const tool of ['read', 'drop', 'refund']) {
      const { status, json } = await plane.decide(tool);
      expect([status, json['error']]).to.deep.equal([503, 'audit_unavailable']);
    }
    expect((await plane.ask('GET', '/readyz')).status).to.equal(503);
    sink.onAppend = () => {};
    for (let left = 300; left > 0 && (await plane.decide('read')).status !== 200; left--)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await plane.ask('GET', '/readyz')).status).to.equal(200);
    expect((await auditRecords(sink.source)).some(({ kind }) => kind === 'decided')).to.equal(true);
  });

  it('is shown to auditors and admins on the page Audit; an approval and the history say where its records are', async () => {
    const logs = new MemoryLogs();
    const audit = auditLog({ sink: new MemorySink(logs), origin: 'spec.example/plane', key: AUDIT_KEY });
    const inbox = await servedInbox({ audit } as never);
    const approver = await inbox.person('ann');
    const auditor = await inbox.person('bob', { roles: ['auditor'] });
    const id = await inbox.ask('read', { file: 'a' });
    const other = await inbox.ask('read', { file: 'b' });
    const before = await approver.get(`/a/${id}`);
    expect(before.text).to.not.include('<dt>Audit log</dt>');
    const digest = /name="digest" value="(\w+)"/.exec(before.text)?.[1] ?? '';
    const version = /name="version" value="(\d+)"/.exec(before.text)?.[1] ?? '';
    expect((await approver.post(`/v1/approvals/${id}/verdict`, { verdict: 'approve', digest, version })).status).to.equal(303);
    expect((await inbox.call('POST', `/v1/decision/${other}/withdraw`)).status).to.be.below(300);
    await audit.flush();
    const records = await auditRecords(logs);
    const placeOf = async (one: string, kind: string): Promise<void> => {
      const seq = records.find((record) => record.kind === kind && 'decisionId' in record && record.decisionId === one)?.seq ?? -1;
      expect(seq).to.be.greaterThan(0);
      const wanted = `<dt>Audit log</dt><dd>log w0 #${seq} ${kind}</dd>`;
      await until(async () => (await auditor.get(`/a/${one}`)).text.includes(wanted));
      const { text } = await auditor.get(`/a/${one}`);
      expect(text).to.include(`npx aegis audit show LOG --decision ${one}`).and.include('id="record"');
      expect((await auditor.get('/history')).text).to.include(`<a href="/a/${one}#record">log w0 #${seq}</a>`);
    };
    await placeOf(id, 'verdict');
    await placeOf(other, 'ended');
    const { status, text } = await auditor.get('/audit');
    expect(status).to.equal(200);
    expect(text).to.include('It is being written.').and.include('npx aegis audit verify').and.include('aria-current="page">Audit</a>');
    expect((await approver.get('/audit')).status).to.equal(403);
    expect(before.text).to.not.include('>Audit</a>');
    await inbox.close();
    const without = await servedInbox();
    const admin = await without.person('eve', { roles: ['admin'] });
    expect((await admin.get('/audit')).text).to.include('This server keeps no audit log.');
    const unlogged = await without.ask('read', { file: 'a' });
    for (const path of [`/a/${unlogged}`, '/history']) expect((await admin.get(path)).text).to.not.match(/log w\d|aegis audit show/);
    await without.close();
  });
});
