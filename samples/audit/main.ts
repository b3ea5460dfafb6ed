// A log that proves what ran: a call is allowed, one is denied, a person approves one; the log is verified against a head that was kept outside. Then someone
// changes one byte of it, and someone else cuts off its end.
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AegisModule, guard } from 'aegislib';
import { AuditKey, auditLog, jsonlFolder, verifyAudit } from 'aegislib/audit';
import { show } from '../show.js';

const folder = mkdtempSync(join(tmpdir(), 'aegis-audit-'));
const key = AuditKey.generate();
/** In place of another machine: a writer of the log cannot write here. */
const outside: string[] = [];
const log = auditLog({
  sink: jsonlFolder(folder),
  origin: 'acme.example/payments',
  key,
  onCheckpoint: (note) => outside.push(note),
});
const aegis = AegisModule.create({
  policies: {
    text: `@id("all") permit (principal, action, resource);
      @id("people-pay") @effect("approval_needed") @reason("a person decides on payments")
      forbid (principal, action == Aegis::Action::"pay", resource);
      @id("no-wipe") @reason("nothing is wiped") forbid (principal, action == Aegis::Action::"wipe", resource);`,
  },
  agentId: 'agent',
  journal: log,
});
aegis.approvals.on('requested', ({ decisionId, digest }) => {
  setImmediate(() => void aegis.approvals.approve(decisionId, { by: 'ann', digest, reason: 'the invoice is right' }));
});

const tool = (toolName: string) =>
  guard(async (what: string) => `${toolName} ${what}`, { module: aegis, toolName, params: ['what'], approval: 'wait' });
show('allow', 'green', await tool('read')('orders'));
await tool('wipe')('orders').catch((error: Error) => show('deny', 'red', error.message));
show('approved', 'cyan', await tool('pay')('invoice 7'));
await aegis.close();
await log.close();

const records = join(folder, 'w0', 'records-000000.jsonl');
const verify = async (label: string): Promise<void> => {
  const { integrity, completeness, law, counts } = await verifyAudit(jsonlFolder(folder).source, { keys: [key.publicKey], heads: outside });
  const answers = Object.entries({ integrity, completeness, law }).map(([name, { ok }]) => `${name} ${ok ? 'ok' : 'broken'}`);
  show(label, integrity.ok && completeness.ok && law.ok ? 'green' : 'red', answers.join(', '));
  if (label === 'verify') show(label, 'gray', `${counts.decisions} decisions, ${counts.approvals} approval, ${counts.runs} runs`);
  for (const { message } of [...integrity.findings, ...completeness.findings].slice(0, 1)) show(label, 'red', message);
};
await verify('verify');

const whole = readFileSync(records);
const changed = Buffer.from(whole);
const at = changed.indexOf('"wipe"') + 1;
changed[at] = 'p'.charCodeAt(0);
writeFileSync(records, changed);
await verify('changed');

writeFileSync(records, whole);
truncateSync(records, whole.lastIndexOf('\n', whole.length - 2) + 1);
await verify('cut');
rmSync(folder, { recursive: true });
