import { expect } from 'chai';
import type { AuditRecord, NewRecord, VerdictRecord } from '../../../lib/audit/record/AuditRecord.js';
import { commitmentOf } from '../../../lib/audit/record/commitment.js';
import type { NewOpening } from '../../../lib/audit/record/OpenRecord.js';
import { MemoryLogs, MemorySink } from '../../../lib/audit/sink/MemorySink.js';
import type { AuditReport } from '../../../lib/audit/verify/report/AuditReport.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import { sha256 } from '../../../lib/common/data/canonical.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { guard } from '../../../lib/guard/guard.js';
import type { DataPlane } from '../../../lib/server/createDataPlane.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import type { VerdictProof } from '../../../lib/store/ApprovalStore.js';
import { counted } from '../../support/assurance.js';
import { AUDIT_KEY, auditRecords } from '../../support/auditedPlane.js';
import { PageClient } from '../../support/PageClient.js';
import { SoftAuthenticator } from '../../support/SoftAuthenticator.js';
import type { SignedResponse } from '../../support/SoftAuthenticator.js';
import { until } from '../../support/until.js';

const POLICIES = `@id("all") permit (principal, action, resource);
@id("sql") @effect("approval_needed") @severity("critical") @reason("Statements need a person") forbid (principal, action == Aegis::Action::"sql", resource);`;
const STATE_KEY = 'state-key-for-specs-0123456789abcdef';

interface World {
  readonly logs: MemoryLogs;
  /** Asks, and resolves to the id of the approval. */
  readonly ask: (origin: string, plane: DataPlane) => Promise<string>;
  readonly plane: DataPlane;
  close(): Promise<void>;
}

/** Signs up, and gives a verdict on the page with the passkey, as a browser does. */
async function approveOnPage({ plane, ask }: World): Promise<string> {
  const origin = `http://localhost:${(await plane.listen({ port: 0 })).port}`;
  await plane.ready();
  const device = new SoftAuthenticator(origin);
  const client = new PageClient(origin, device);
  const secret = (await plane.createSetupLink())?.url.hash.slice(1) as string;
  await client.open('/bootstrap');
  await client.submit('/bootstrap', { secret, name: 'Root' });
  await client.submit('/bootstrap');
  const id = await ask(origin, plane);
  await client.open(`/a/${id}`);
  const action = `/v1/approvals/${id}/verdict`;
  const { fields = {} } = client.forms().find((form) => form.action === action) ?? {};
  const body = { verdict: 'approve', digest: fields['digest'], version: Number(fields['version']), reason: 'it is what we agreed on' };
  const cookie = [...client.cookies].map((pair) => pair.join('=')).join('; ');
  const answer = await fetch(`${origin}/v1/approvals/${id}/challenge`, {
    method: 'POST',
    headers: { cookie, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify(body),
  });
  const asked = (await answer.json()) as { readonly nonce: string; readonly public_key: object };
  const signed: SignedResponse = device.get(asked.public_key);
  const page = await client.post(action, {
    ...fields,
    verdict: 'approve',
    reason: body.reason,
    proof_credential: signed.id,
    proof_nonce: asked.nonce,
    proof_client_data: signed.response.clientDataJSON,
    proof_authenticator_data: signed.response.authenticatorData,
    proof_signature: signed.response.signature,
  });
  expect([page.status, page.path], page.text).to.deep.equal([200, `/a/${id}`]);
  return id;
}

function serverWorld(): World {
  const logs = new MemoryLogs();
  const audit = auditLog({ sink: new MemorySink(logs), origin: 'spec.example/plane', key: AUDIT_KEY });
  const plane = createDataPlane({ policies: { text: POLICIES }, stateKey: STATE_KEY, audit });
  return {
    logs,
    plane,
    async ask(origin) {
      const key = (await plane.createKey({ name: 'agent', scopes: ['decide'] })).key.reveal();
      const call = { agent_id: 'bot', tool: { name: 'sql', params: { sql: 'DROP TABLE a' } }, session: { user_id: 'lee' } };
      const headers = { 'x-api-key': key, 'content-type': 'application/json', connection: 'close' };
      const asked = await fetch(`${origin}/v1/decision`, { method: 'POST', headers, body: JSON.stringify(call) });
      return ((await asked.json()) as { decision_id: string }).decision_id;
    },
    close: async () => void (await plane.close({ idleMs: 0 })),
  };
}

function moduleWorld(): World {
  const logs = new MemoryLogs();
  const log = auditLog({ sink: new MemorySink(logs), origin: 'spec.example/shop', key: AUDIT_KEY });
  const store = new MemoryStateStore();
  const module = AegisModule.create({ policies: { text: POLICIES }, agentId: 'shop', store, stateKey: STATE_KEY, journal: log });
  const sql = guard(async (text: string) => text.length, { module, toolName: 'sql', params: ['sql'], approval: 'wait' });
  const plane = createDataPlane({ module, store, stateKey: STATE_KEY });
  let running: Promise<number> | undefined;
  return {
    logs,
    plane,
    async ask() {
      running = sql('DROP TABLE a');
      await until(async () => (await module.approvals.list({ status: 'pending' })).length > 0);
      return (await module.approvals.list({ status: 'pending' }))[0]?.decisionId ?? '';
    },
    async close() {
      expect(await running).to.equal(12);
      await plane.close({ idleMs: 0 });
      await module.close();
      await log.close();
    },
  };
}

type Change = (record: VerdictRecord & { readonly proof: VerdictProof }) => Partial<VerdictRecord>;

/** A log that says the same but for its verdict, written and signed by whoever has the key: only the law can tell. */
async function rewritten(logs: MemoryLogs, isServer: boolean, change: Change, statementOf = (text: string) => text): Promise<AuditReport> {
  const openings = new Map<number, NewOpening>();
  for await (const { seq, at: _at, ...opening } of logs.openings('w0')) openings.set(seq, opening as NewOpening);
  const copies = new MemoryLogs();
  const log = auditLog({ sink: new MemorySink(copies), origin: 'spec.example/other', key: AUDIT_KEY });
  if (isServer) log.writeForServer();
  for (const { v: _v, seq, at: _at, writer: _writer, ...record } of await auditRecords(logs)) {
    if (record.kind === 'started' || record.kind === 'closed') continue;
    const opening = openings.get(seq);
    if (record.kind !== 'verdict') {
      await log.write(record as NewRecord, opening);
      continue;
    }
    const { salt = '', values } = opening as NewOpening;
    const statement = statementOf(values['statement'] ?? '');
    const committed = commitmentOf('statement', salt, sha256(statement));
    const given = { ...record, statement: committed, ...change(record as never) } as NewRecord;
    await log.write(given, { ...opening, values: { ...values, statement } } as NewOpening);
  }
  await log.close();
  return verifyAudit(copies, { keys: [AUDIT_KEY.publicKey] });
}

const flipped = (text: string, at = 20): string => {
  const bytes = Buffer.from(text, 'base64url');
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes.toString('base64url');
};
const inClientData = (proof: VerdictProof, from: RegExp, to: (found: string) => string): string =>
  Buffer.from(Buffer.from(proof.clientDataJSON, 'base64url').toString().replace(from, to)).toString('base64url');

const CHANGES: Readonly<Record<string, Change>> = {
  'another signature': ({ proof }) => ({ proof: { ...proof, signature: flipped(proof.signature) } }),
  'another challenge': ({ proof }) => ({
    proof: { ...proof, clientDataJSON: inClientData(proof, /(?<="challenge":")./, (first) => (first === '_' ? '-' : '_')) },
  }),
  'another origin': ({ proof }) => ({ proof: { ...proof, clientDataJSON: inClientData(proof, /localhost/, () => 'evil.example') } }),
  'no person verified': ({ proof }) => ({ proof: { ...proof, authenticatorData: flipped(proof.authenticatorData, 32) } }),
  'another counter': ({ proof }) => ({ proof: { ...proof, authenticatorData: flipped(proof.authenticatorData, 36) } }),
  'another passkey': ({ proof }) => ({ proof: { ...proof, credential: flipped(proof.credential) } }),
  'another person': () => ({ by: 'person-of-another-name' }),
  'no signature': () => ({ proof: undefined }),
};

for (const [name, start, isServer] of [
  ['a server', serverWorld, true],
  ['a module, with a server beside it', moduleWorld, false],
] as const)
  describe(`A verdict that was signed with a passkey, in the log of ${name}`, () => {
    let logs: MemoryLogs;
    let id: string;
    before(async () => {
      const its = start();
      id = await approveOnPage(its);
      await its.close();
      ({ logs } = its);
    });

    it('is verified with the log alone', async () => {
      const report = await verifyAudit(logs, { keys: [AUDIT_KEY.publicKey] });
      for (const part of [report.integrity, report.completeness, report.law]) expect(part.findings).to.deep.equal([]);
      expect(report.counts).to.include({ approvals: 1, signatures: 1, erasedStatements: 0 });
      const records: readonly AuditRecord[] = await auditRecords(logs);
      const verdicts = records.filter((record) => record.kind === 'verdict');
      expect(verdicts).to.have.length(1);
      expect(verdicts[0]).to.include({ decisionId: id, approved: true, assurance: 'passkey' });
      const credential = records.find((record) => record.kind === 'credential');
      expect(credential).to.include({ act: 'registered', person: verdicts[0]?.by, credential: verdicts[0]?.proof?.credential });
      expect(JSON.stringify(records)).to.not.match(/DROP TABLE|agreed on/);
    });

    it('is found where it was changed, also by someone who has the key of the log', async () => {
      const same = await rewritten(logs, isServer, () => ({}));
      expect(same.law.findings).to.deep.equal([]);
      expect(same.counts.signatures).to.equal(1);
      let tried = 0;
      for (const [what, change] of Object.entries(CHANGES)) {
        const { integrity, law } = await rewritten(logs, isServer, change);
        expect(integrity.findings, what).to.deep.equal([]);
        expect(law.ok, what).to.equal(false);
        expect(
          law.findings.map(({ code }) => code),
          what,
        ).to.include(what === 'no signature' ? 'verdict_unsigned' : 'verdict_signature');
        tried += 1;
      }
      for (const [from, to] of [
        ['"sql"', '"sqm"'],
        ['"approve"', '"deny"'],
        ['{', '{ '],
      ] as const) {
        const { integrity, law } = await rewritten(
          logs,
          isServer,
          () => ({}),
          (text) => text.replace(from, to),
        );
        expect([integrity.ok, law.findings[0]?.code], from).to.deep.equal([true, 'verdict_signature']);
        tried += 1;
      }
      counted({ what: `verdicts with another proof than was given, in the log of ${name}`, cases: tried, wrong: 0 });
    });
  });
