// node asker.js <folder> <store as JSON> <kind> <place>: a program with an audit log whose call waits for a person, is approved and runs, and whose other call
// is taken back. It is killed at a place between the commit of a change of that kind and its record.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditBatch } from '../../../lib/audit/sink/AuditSink.js';
import { JsonlSink } from '../../../lib/audit/sink/jsonl/JsonlSink.js';
import { diskFiles } from '../../../lib/audit/sink/jsonl/AuditFiles.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { isPending } from '../../../lib/model/PendingApproval.js';
import type { PendingApproval } from '../../../lib/model/PendingApproval.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { POLICIES, stateStore } from '../setting.js';
import type { StoreAt } from '../setting.js';

const [folder = '', storeAt = '', kind = '', place = ''] = process.argv.slice(2);

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  for (;;);
}

class DyingSink extends JsonlSink {
  override async append(batch: AuditBatch): Promise<void> {
    const isIt = batch.lines.some((line) => line.includes(`"kind":"${kind}"`));
    if (isIt && place === 'before the record') die();
    await super.append(batch);
    if (isIt && place === 'before the row is deleted') die();
  }
}

/** The kind of the change that makes a record what it is. */
function changeOf({ status, verdicts, consumed, begun }: ApprovalRecord): string {
  if (begun !== undefined) return 'begun';
  if (consumed !== undefined) return 'consumed';
  if (status === 'withdrawn') return 'ended';
  return verdicts.length > 0 ? 'verdict' : 'opened';
}

const store = await stateStore(JSON.parse(storeAt) as StoreAt);
for (const method of ['insert', 'replace', 'replaceBegun'] as const) {
  const { approvals } = store;
  const change = approvals[method]?.bind(approvals) as ((record: ApprovalRecord, ...rest: unknown[]) => Promise<boolean>) | undefined;
  if (change === undefined) continue;
  approvals[method] = async (record: ApprovalRecord, ...rest: unknown[]): Promise<boolean> => {
    const isMade = await change(record, ...rest);
    if (isMade && place === 'after the commit' && changeOf(record) === kind) die();
    return isMade;
  };
}

const sink = new DyingSink(join(folder, 'audit'), 1_048_576, diskFiles);
const log = auditLog({ sink, origin: 'spec.example/asker', key: readFileSync(join(folder, 'key.pem'), 'utf8') });
const aegis = AegisModule.create({
  policies: POLICIES,
  agentId: 'asker',
  store,
  stateKey: 'state-key-for-specs-0123456789abcdef',
  journal: log,
});
const pay = guard(async (cents: number): Promise<number | PendingApproval<number>> => cents, {
  toolName: 'pay',
  params: ['cents'],
  approval: 'defer',
  module: aegis,
});
await aegis.ready();
const withdrawn = await pay(1);
const [first] = await aegis.approvals.list();
if (isPending(withdrawn)) await withdrawn.cancel();
const pending = await pay(2);
const record = (await aegis.approvals.list()).find(({ decisionId }) => decisionId !== first?.decisionId);
await aegis.approvals.approve(record?.decisionId ?? '', { by: 'bob', digest: record?.digest, reason: 'as agreed' });
if (isPending(pending)) await pending.completed;
await aegis.close();
await log.close();
