import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AuditRecord } from '../../../lib/audit/record/AuditRecord.js';
import { jsonlFolder } from '../../../lib/audit/sink/jsonl/jsonlFolder.js';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { auditRecords } from '../../support/auditedPlane.js';
import { POLICIES, stateStore } from '../setting.js';
import type { StoreAt } from '../setting.js';
import type { StoreHere } from '../stores.js';

const PROGRAM = fileURLToPath(new URL('asker.js', import.meta.url));
const KINDS = ['opened', 'verdict', 'consumed', 'begun', 'ended'] as const;
const PLACES = ['after the commit', 'before the record', 'before the row is deleted'] as const;

/** A program is killed at each point between a change of an approval and its record. The next one writes what is missing, and nothing twice. */
export function losesNothing(here: StoreHere): void {
  describe(`A program with an audit log and a store in ${here.name}`, () => {
    before(async function () {
      await here.start(this);
    });
    after(() => here.end());
    for (const kind of KINDS)
      for (const place of PLACES)
        it(`that is killed ${place} of a record of the kind ${kind} loses no record, and writes none twice`, async () => {
          const folder = mkdtempSync(join(tmpdir(), 'aegis-audit-rows-'));
          try {
            const at: StoreAt = here.make() ?? { kind: 'sqlite', at: join(folder, 'state.db') };
            const key = AuditKey.generate();
            writeFileSync(join(folder, 'key.pem'), key.toPem(), { mode: 0o600 });
            expect(await killed(folder, at, kind, place)).to.equal('SIGKILL');
            await restarted(folder, at, key);
            await judge(folder, at, key);
          } finally {
            rmSync(folder, { recursive: true, force: true });
          }
        });
  });
}

function killed(folder: string, at: StoreAt, kind: string, place: string): Promise<string | null> {
  const child = spawn(process.execPath, [PROGRAM, folder, JSON.stringify(at), kind, place], { stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((resolve, reject) => child.once('error', reject).once('close', (_, signal) => resolve(signal)));
}

async function restarted(folder: string, at: StoreAt, key: AuditKey): Promise<void> {
  const log = auditLog({ sink: jsonlFolder(join(folder, 'audit')), origin: 'spec.example/asker', key });
  const aegis = AegisModule.create({
    policies: POLICIES,
    agentId: 'asker',
    store: await stateStore(at),
    stateKey: 'state-key-for-specs-0123456789abcdef',
    journal: log,
  });
  await aegis.ready();
  await aegis.close();
  await log.close();
}

/** Everything that the store says of its approvals is in the log, once. */
async function judge(folder: string, at: StoreAt, key: AuditKey): Promise<void> {
  const { source } = jsonlFolder(join(folder, 'audit'));
  const store = await stateStore(at);
  await store.open();
  try {
    const approvals = (
      await Promise.all((['pending', 'approved', 'withdrawn'] as const).map(async (status) => store.approvals.list({ status })))
    ).flat();
    expect(approvals).to.not.be.empty;
    const records = await auditRecords(source);
    const inLog = (kind: AuditRecord['kind'], id: string): number =>
      records.filter((record) => record.kind === kind && 'decisionId' in record && record.decisionId === id).length;
    for (const { decisionId, status, verdicts, consumed, begun } of approvals)
      expect(KINDS.map((kind) => inLog(kind, decisionId))).to.deep.equal([
        1,
        verdicts.length,
        consumed === undefined ? 0 : 1,
        begun === undefined ? 0 : 1,
        status === 'withdrawn' ? 1 : 0,
      ]);
    expect((await store.forTenant?.('default').records.list({ kind: 'audit-event' }))?.records).to.deep.equal([]);
    const heads: string[] = [];
    for (const writer of await source.writers()) for await (const note of source.checkpoints(writer)) heads.push(note);
    const report = await verifyAudit(source, { keys: [key.publicKey], heads: heads.slice(-1), store: { approvals: () => approvals } });
    expect([report.integrity, report.completeness, report.law].flatMap(({ findings }) => findings)).to.deep.equal([]);
    expect(report.ok).to.equal(true);
  } finally {
    await store.close();
  }
}
