import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemorySink } from '../../../lib/audit/sink/MemorySink.js';
import { jsonlFolder } from '../../../lib/audit/sink/jsonl/jsonlFolder.js';
import type { AuditSink } from '../../../lib/audit/sink/AuditSink.js';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { rejection } from '../../support/rejection.js';

const POLICIES = `@id("all") permit (principal, action, resource);
  @id("ask") @effect("approval_needed") @approvers("leads") forbid (principal, action == Aegis::Action::"pay", resource);
  @id("mask") @effect("sanitize") @sanitize("set /note \\"-\\"") forbid (principal, action == Aegis::Action::"write", resource) when { context.input.note != "-" };
  @id("no") @reason("never") forbid (principal, action == Aegis::Action::"wipe", resource);`;

/** Lets a module do all that it can, and closes it and its log. */
async function work(sink: AuditSink, key: AuditKey): Promise<string[]> {
  const heads: string[] = [];
  const log = auditLog({ sink, origin: 'acme.example/pay', key, onCheckpoint: (note) => heads.push(note) });
  const module = AegisModule.create({
    policies: { text: POLICIES },
    agentId: 'shop-agent',
    journal: log,
    approverGroups: { leads: ['bob', 'cat'] },
  });
  const tool = (toolName: string): ((note: string) => Promise<string>) =>
    guard(async (note: string) => note, { module, toolName, params: ['note'], approval: 'wait' });
  const [read, write, wipe, pay] = ['read', 'write', 'wipe', 'pay'].map(tool) as [
    ReturnType<typeof tool>,
    ReturnType<typeof tool>,
    ReturnType<typeof tool>,
    ReturnType<typeof tool>,
  ];
  const failing = guard(() => Promise.reject(new Error('broken')), { module, toolName: 'fail', params: [] });
  expect(await read('a')).to.equal('a');
  expect(await write('a')).to.equal('-');
  await rejection(wipe('a'));
  await rejection(failing());
  await module.decide({ toolName: 'read', params: { note: 'a' } });
  for (const [note, approve] of [
    ['yes', true],
    ['no', false],
  ] as const) {
    const call = pay(note).then(String, () => 'refused');
    let found = await module.approvals.list();
    while (found.length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      found = await module.approvals.list();
    }
    const [{ decisionId = '', digest = '' } = {}] = found;
    await module.approvals[approve ? 'approve' : 'deny'](decisionId, { by: 'bob', digest, reason: 'as agreed' });
    expect(await call).to.equal(approve ? note : 'refused');
  }
  await module.close();
  await log.close();
  return heads;
}

describe('A log that the library wrote', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'aegis-written-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [what, sinkOf] of [
    ['in memory', () => new MemorySink()],
    ['in a folder', () => jsonlFolder(join(folder, 'audit'))],
  ] as const)
    it(`is good in all that is verified, ${what}`, async () => {
      const [sink, key] = [sinkOf(), AuditKey.generate()];
      await work(sink, key);
      const heads = await work(sink, key);
      const report = await verifyAudit(sink.source, { keys: [key.publicKey], heads: heads.slice(-1) });
      for (const verdict of [report.integrity, report.completeness, report.law]) expect(verdict.findings).to.deep.equal([]);
      expect(report.ok).to.equal(true);
      expect(report.counts).to.include({ decisions: 12, approvals: 4, runs: 8, notWitnessed: 0, approvedElsewhere: 0, open: 0 });
      expect(report.counts.openings).to.be.greaterThan(12);
      expect(report.logs.map(({ writer, closed }) => [writer, closed])).to.deep.equal([['w0', true]]);
    });

  it('says which records were touched, after a change of one byte in its file', async () => {
    const file = join(folder, 'audit', 'w0', 'records-000000.jsonl');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('"outcome":"failed"', '"outcome":"Failed"'));
    const seq = text.split('\n').findIndex((line) => line.includes('"outcome":"failed"'));
    const { integrity } = await verifyAudit(jsonlFolder(join(folder, 'audit')).source);
    expect(integrity.findings.map(({ code }) => code)).to.include('malformed');
    expect(integrity.findings.find(({ code }) => code === 'malformed')?.seq).to.equal(seq);
  });
});
