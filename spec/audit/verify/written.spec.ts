import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemorySink } from '../../../lib/audit/sink/MemorySink.js';
import { jsonlFolder } from '../../../lib/audit/sink/jsonl/jsonlFolder.js';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { auditedWork } from '../../support/auditedWork.js';

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
      await auditedWork(sink, key);
      const heads = await auditedWork(sink, key);
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
