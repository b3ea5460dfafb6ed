import { expect } from 'chai';
import type { AuditRecord } from '../../../lib/audit/record/AuditRecord.js';
import { MemorySink } from '../../../lib/audit/sink/MemorySink.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { JournalEvent } from '../../../lib/model/Journal.js';
import type { DataPlaneOptions } from '../../../lib/server/DataPlaneOptions.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { AUDITED_STATE_KEY, AUDIT_KEY, auditedPlane, auditRecords } from '../../support/auditedPlane.js';
import { servePlane } from '../../support/servePlane.js';
import { until } from '../../support/until.js';
import { receiver } from '../notify/receivers.js';

const POLICIES = `@id("all") permit (principal, action, resource);
@id("refund") @effect("approval_needed") @approvers("leads") @escalate("1: managers") @approval_timeout_s("2")
forbid (principal, action == Aegis::Action::"refund", resource);`;

const toldIn = (records: readonly AuditRecord[]): readonly AuditRecord[] =>
  records.filter(({ kind }) => kind === 'reminded' || kind === 'escalated');

describe('The log of what people are told of approvals that wait', () => {
  it('has who was reminded and which groups were added, once, and so has the journal of the server', async () => {
    await using hook = await receiver();
    const told: JournalEvent[] = [];
    const webhook = { url: hook.url, secret: `whsec_${Buffer.alloc(32).toString('base64')}`, allowPrivate: true };
    const notify = { webhooks: [webhook] };
    await using plane = await auditedPlane({
      policies: { text: POLICIES },
      publicUrl: 'https://aegis.example',
      notify,
      journal: { note: (event) => void told.push(event) },
    } as Partial<DataPlaneOptions>);
    const { json } = await plane.decide('refund', { cents: 7 });
    const id = json['decision_id'] as string;
    const has = async (kind: string): Promise<boolean> => (await auditRecords(plane.sink.source)).some((record) => record.kind === kind);
    await until(async () => (await has('reminded')) && (await has('escalated')));
    const call = { agentId: 'bot', toolName: 'refund', decisionId: id };
    const records = toldIn(await auditRecords(plane.sink.source));
    const [escalated, reminded] = records.toSorted((a, b) => (a.kind < b.kind ? -1 : 1));
    expect(escalated).to.deep.include({ kind: 'escalated', ...call, tenantId: 'default', groups: ['managers'], afterMs: 1_000 });
    expect(reminded).to.deep.include({ kind: 'reminded', ...call, tenantId: 'default', percent: 50 });
    // the journal hears of it right after the row
    await until(() => told.filter(({ kind }) => kind === 'escalated').length > 0);
    expect(told.filter(({ kind }) => kind === 'escalated')).to.deep.equal([
      { kind: 'escalated', ...call, groups: ['managers'], afterMs: 1_000 },
    ]);
    expect(JSON.stringify(records)).not.to.contain('cents');
    await plane.close();
    const { law, integrity } = await verifyAudit(plane.sink.source, { keys: [AUDIT_KEY.publicKey] });
    expect([...law.findings, ...integrity.findings]).to.deep.equal([]);
  });

  it('has the groups that were added also where no channel tells anyone; of a module once, beside what it writes itself', async () => {
    const sink = new MemorySink();
    const log = auditLog({ sink, origin: 'spec.example/shop', key: AUDIT_KEY });
    const told: JournalEvent[] = [];
    const store = new MemoryStateStore();
    const module = AegisModule.create({
      policies: { text: POLICIES },
      agentId: 'shop',
      store,
      stateKey: AUDITED_STATE_KEY,
      journal: [log, { note: (event) => void told.push(event) }],
    });
    const plane = await servePlane({ module, store, stateKey: AUDITED_STATE_KEY } as DataPlaneOptions);
    const refund = guard(async (cents: number) => cents, { module, toolName: 'refund', params: ['cents'], approval: 'wait' });
    const denied = refund(7).catch((error: unknown) => error);
    expect(await denied).to.be.instanceOf(Error);
    await plane.close();
    await module.close();
    await log.close();
    const records = toldIn(await auditRecords(sink.source));
    expect(records).to.have.length(1);
    expect(records[0]).to.deep.include({ kind: 'escalated', agentId: 'shop', groups: ['managers'], afterMs: 1_000 });
    expect(records[0]).not.to.have.property('tenantId');
    expect(told.filter(({ kind }) => kind === 'escalated')).to.have.length(1);
    const { law, integrity } = await verifyAudit(sink.source, { keys: [AUDIT_KEY.publicKey] });
    expect([...law.findings, ...integrity.findings]).to.deep.equal([]);
  });
});
