import { expect } from 'chai';
import { postgresSink } from '../../../lib/audit/sink/postgres/postgresSink.js';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import { AegisModule, guard, isPending } from '../../../lib/index.js';
import type { PendingApproval } from '../../../lib/index.js';
import { counted } from '../../support/assurance.js';
import { postgresServer } from '../../support/postgresServer.js';
import { PostgresStores } from '../../support/postgresStores.js';
import { rejection } from '../../support/rejection.js';
import { until } from '../../support/until.js';

const POLICIES = `
@id("all") permit (principal, action, resource);
@id("ask") @effect("approval_needed") @editable("/note") forbid (principal, action, resource) when { context.input.note like "*asked*" };
@id("never") @reason("never") forbid (principal, action, resource) when { context.input.note like "*never*" };
`;

describe('Erasing in PostgreSQL', () => {
  let stores: PostgresStores;
  before(async function () {
    stores = new PostgresStores(await postgresServer(this));
  });
  after(() => stores?.end());

  it('leaves no value of a call in any table, where its log and its store are in one schema and every call is over', async () => {
    const schema = stores.newSchema();
    const store = await stores.open({ schema });
    const [sink, key] = [postgresSink({ connectionString: stores.server.url(), schema }), AuditKey.generate()];
    const log = auditLog({ sink, key, origin: 'acme.example/pay', mode: 'required' });
    const module = AegisModule.create({
      agentId: 'bot',
      policies: { text: POLICIES },
      store,
      stateKey: 'state-key-for-specs-0123456789abcdef',
      journal: log,
      facts: () => ({ hint: 'canary-fact' }),
    });
    const send = guard(
      async (note: string, deep: { readonly list: readonly string[] }): Promise<string> => {
        if (note.includes('fails')) throw new Error('it failed');
        return `sent to ${deep.list.length}`;
      },
      { key: 'erased.send', toolName: 'send', params: ['note', 'deep'], module, approval: 'defer', session: () => ({ user_id: 'una' }) },
    );
    const deep = { list: ['canary-deep'] };
    const asked = async (note: string): Promise<PendingApproval<string>> => {
      const pending = await send(`canary-param asked ${note}`, deep);
      if (!isPending<string>(pending)) throw new Error('it did not wait');
      return pending;
    };
    const digestOf = async ({ decisionId }: PendingApproval): Promise<string> => (await module.approvals.get(decisionId))?.digest as string;
    const [used, failed, edited, denied, cancelled] = [
      await asked('used'),
      await asked('fails'),
      await asked('edited'),
      await asked('denied'),
      await asked('cancelled'),
    ];
    await send('canary-param at once', deep);
    await rejection(send('canary-param never', deep) as Promise<unknown>);
    const yes = async (pending: PendingApproval): Promise<unknown> =>
      module.approvals.approve(pending.decisionId, { by: 'bob', digest: await digestOf(pending) });
    await yes(used);
    await yes(failed);
    const set = { '/note': 'canary-edit asked' };
    await module.approvals.amend(edited.decisionId, { by: 'ann', digest: await digestOf(edited), set });
    await yes(edited);
    await module.approvals.deny(denied.decisionId, { by: 'bob' });
    await cancelled.cancel();
    await used.completed;
    await rejection(failed.completed);
    await edited.completed;
    await rejection(denied.completed);
    await rejection(cancelled.completed);
    await log.flush();

    const client = await stores.client();
    const tables = (
      await client.query<{ name: string }>('SELECT table_name AS name FROM information_schema.tables WHERE table_schema = $1', [schema])
    ).rows.map(({ name }) => name);
    const found = async (): Promise<readonly string[]> => {
      const rows: string[] = [];
      for (const name of tables) {
        const all = await client.query<{ text: string }>(`SELECT t::text AS text FROM ${schema}."${name}" AS t`);
        rows.push(...all.rows.flatMap(({ text }) => [...text.matchAll(/canary-[a-z]+/g)].map(([canary]) => `${name}: ${canary}`)));
      }
      return [...new Set(rows)].sort();
    };
    // what they are for: before, the openings have all of them
    expect(await found()).to.include.members(['deep', 'edit', 'fact', 'param'].map((name) => `audit_opening: canary-${name}`));
    await until(async () => (await found()).every((place) => place.startsWith('audit_opening')));
    const count = await log.erase({ user: 'UNA', by: 'ann' });
    expect(count).to.be.greaterThan(10);
    expect(await found()).to.deep.equal([]);
    expect(tables.length).to.be.greaterThan(8);
    counted({ what: 'tables of PostgreSQL looked through for erased values', cases: tables.length, wrong: 0 });
    await module.close();
    await log.close();
    const verified = postgresSink({ connectionString: stores.server.url(), schema });
    const { integrity, law, counts } = await verifyAudit(verified.source, { keys: [key.publicKey] });
    expect([integrity.findings, law.findings]).to.deep.equal([[], []]);
    expect(counts.runs).to.equal(4);
    await verified.close();
  });
});
