import { expect } from 'chai';
import { SecretString } from '../../../lib/common/SecretString.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { ApprovalCard, ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { SignedApprovalStore } from '../../../lib/store/SignedApprovalStore.js';
import { signedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import type { SignedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { recordOf } from '../../support/approvalRecords.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { storedRecord } from '../../support/storedRecords.js';
import { needsSqlite, sqliteFiles } from '../sqlite/sqliteFiles.js';

const stateKey = new SecretString('k'.repeat(32));

function signed(store: ServerStore, tenantId: string): SignedTenantStore {
  return signedTenantStore(store.forTenant(tenantId, { forOthers: true }), { stateKey, tenantId });
}

describe('signedTenantStore', () => {
  it('believes what programs without a server have signed, in `default` alone', async () => {
    const store = new MemoryStateStore();
    const program = new SignedApprovalStore(store.approvals, stateKey);
    const record = recordOf();
    await program.insert(record);
    expect(await signed(store, 'default').approvals.get(record.decisionId)).to.include({ decisionId: record.decisionId });
    const other = recordOf();
    await signed(store, 'default').approvals.insert(other);
    expect(await program.get(other.decisionId)).to.include({ decisionId: other.decisionId });

    // the state key itself signs nothing of another tenant
    const acme = recordOf();
    await new SignedApprovalStore(store.forTenant('acme').approvals, stateKey).insert(acme);
    expect(
      securityCodes(await diagnosed(async () => expect(await signed(store, 'acme').approvals.get(acme.decisionId)).to.equal(undefined))),
    ).to.deep.equal(['approval_signature_invalid']);
  });

  it('signs records', async () => {
    const store = new MemoryStateStore();
    const { records } = signed(store, 'acme');
    const record = storedRecord();
    await records.insert(record);
    expect(store.forTenant('acme').records.get('key', record.id))
      .to.have.property('mac')
      .that.matches(/^[\w-]{43}$/);
    expect(await signed(store, 'acme').records.get('key', record.id)).to.include({ body: record.body });
  });

  it('has no pages and keys of idempotency of its own where the store has none', async () => {
    const store = new SignedApprovalStore(new MemoryApprovalStore(), stateKey);
    const records = Array.from({ length: 3 }, (_, i) => recordOf({ createdAtMs: i, idempotency: { key: 'a', fingerprint: 'f' } }));
    for (const record of records) expect(await store.insert(record)).to.equal(true);
    expect((await store.page({ limit: 2 })).cards.map(({ createdAtMs }) => createdAtMs)).to.deep.equal([2, 1]);
    expect(await store.ofIdempotencyKey('bot', 'a')).to.equal(undefined);
  });
});

describe('Signed approvals of tenants that someone changes by SQL', () => {
  needsSqlite();
  const { open, bare } = sqliteFiles();

  it('are there for no other tenant, and under no other idempotency key', async () => {
    const store = open();
    const [acme, other] = [signed(store, 'acme').approvals, signed(store, 'other').approvals];
    const [one, two] = ['one', 'two'].map((key) => recordOf({ idempotency: { key, fingerprint: key } })) as [
      ApprovalRecord,
      ApprovalRecord,
    ];
    for (const record of [one, two]) await acme.insert(record);
    expect(await acme.ofIdempotencyKey?.('bot', 'one')).to.include({ decisionId: one.decisionId });
    bare().exec("UPDATE approval SET idempotency_key = 'three' WHERE idempotency_key = 'one'");
    bare().exec("UPDATE approval SET idempotency_key = 'one' WHERE idempotency_key = 'two'");
    const codes = securityCodes(
      await diagnosed(async () => {
        for (const key of ['one', 'two', 'three']) expect(await acme.ofIdempotencyKey?.('bot', key), key).to.equal(undefined);
      }),
    );
    expect(codes).to.deep.equal(['approval_row_swapped', 'approval_row_swapped']);
    for (const tenantId of ['other', 'default']) {
      bare().exec(`UPDATE approval SET tenant_id = '${tenantId}'`);
      const { approvals } = signed(store, tenantId);
      expect(await approvals.get(one.decisionId)).to.equal(undefined);
      expect(await approvals.list({})).to.deep.equal([]);
      expect((await approvals.page?.({}))?.cards).to.deep.equal([]);
      expect(await approvals.ofIdempotencyKey?.('bot', 'one')).to.equal(undefined);
    }
    expect(await other.get(two.decisionId)).to.equal(undefined);
  });

  it('show in a page what their record says, or nothing; the page is filled up', async () => {
    const store = open();
    const { approvals } = signed(store, 'acme');
    const made: ApprovalRecord[] = Array.from({ length: 8 }, (_, i) => recordOf({ createdAtMs: i, reason: `reason ${i}` }));
    for (const record of made) await approvals.insert(record);
    const shown = async (): Promise<string[]> =>
      ((await approvals.page?.({ limit: 4 }))?.cards ?? []).map(({ reason, status }) => `${reason} ${status}`);
    const plain = ['reason 7 pending', 'reason 6 pending', 'reason 5 pending', 'reason 4 pending'];
    expect(await shown()).to.deep.equal(plain);
    const change = (i: number, set: string): void => bare().exec(`UPDATE approval SET ${set} WHERE decision_id = '${made[i]?.decisionId}'`);
    const cardOf = (i: number): ApprovalCard =>
      JSON.parse(
        (bare().prepare(`SELECT card FROM approval WHERE decision_id = '${made[i]?.decisionId}'`).get() as { card: string }).card,
      ) as ApprovalCard;

    // a card that was written, cut off, replaced by another one's or is not there: that of the record is shown
    change(7, `card = '${JSON.stringify({ ...cardOf(7), reason: 'harmless' })}'`);
    change(6, 'card = NULL');
    change(5, `card = '${JSON.stringify({ ...cardOf(5), mac: undefined })}'`);
    expect(await shown()).to.deep.equal(plain);
    // a record of before, whose card is not of its version
    const approved: ApprovalRecord = { ...(made[4] as ApprovalRecord), status: 'approved', version: 2 };
    const before = cardOf(4);
    await approvals.replace(approved, 1);
    change(4, `card = '${JSON.stringify(before)}', card_version = 1`);
    expect(await shown()).to.deep.equal([...plain.slice(0, 3), 'reason 4 approved']);
    // records that cannot be believed are left out
    for (const i of [7, 5]) change(i, `card = NULL, body = replace(body, 'over the', 'under the'), agent_id = 'x'`);
    for (const i of [7, 5]) change(i, `body = replace(body, 'reason ${i}', 'harmless')`);
    change(6, `card = 'no JSON'`);
    expect(await shown()).to.deep.equal(['reason 4 approved', 'reason 3 pending', 'reason 2 pending', 'reason 1 pending']);
  });

  it('are withdrawn by the store without a signature, which pages show too', async () => {
    const store = open();
    const { approvals } = signed(store, 'acme');
    const record = recordOf();
    await approvals.insert(record);
    // as the store does it by itself
    await store.forTenant('acme').approvals.replace({ ...record, status: 'withdrawn', version: 2 }, 1);
    expect((await approvals.page?.({}))?.cards[0]).to.include({ status: 'withdrawn', version: 2 });
  });

  it('begin once, by pages that are kept for each tenant', async () => {
    const store = open();
    for (const tenantId of ['default', 'acme']) {
      const { approvals } = signed(store, tenantId);
      const record = recordOf({ status: 'approved', createdAtMs: Date.now(), expiresAtMs: Date.now() + 60_000 });
      await approvals.insert(record);
      const begun = { ...record, begun: { claimToken: 'one', atMs: 1 }, version: 2 };
      const row = bare().prepare(`SELECT * FROM approval WHERE decision_id = '${record.decisionId}'`).get() as Record<string, string>;
      expect(await approvals.replace(begun, 1)).to.equal(true);
      // the row is put back to what it was
      bare().exec(
        `UPDATE approval SET version = 1, card_version = 1, body = '${row['body']?.replaceAll("'", "''")}' WHERE decision_id = '${record.decisionId}'`,
      );
      const codes = securityCodes(
        await diagnosed(async () =>
          expect(await signed(store, tenantId).approvals.replace({ ...begun, begun: { claimToken: 'two', atMs: 2 } }, 1)).to.equal(false),
        ),
      );
      expect(codes).to.deep.equal(['approval_rolled_back']);
    }
    const pages = (table: string): number => (bare().prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;
    expect([pages('begun_page'), pages('record_head')]).to.deep.equal([1, 1]);
  });

  it('let the desk of each tenant decide its own alone', async () => {
    const store = open();
    const [acme, other] = ['acme', 'other'].map((tenantId) => new ApprovalDesk(signed(store, tenantId).approvals)) as [
      ApprovalDesk,
      ApprovalDesk,
    ];
    const record = recordOf({ createdAtMs: Date.now(), expiresAtMs: Date.now() + 60_000 });
    await signed(store, 'acme').approvals.insert(record);
    const error = await other.approve(record.decisionId, { by: 'bob', digest: record.digest }).then(String, (thrown: Error) => thrown);
    expect(error).to.include({ name: 'VerdictError' });
    expect((await acme.approve(record.decisionId, { by: 'bob', digest: record.digest })).status).to.equal('approved');
  });
});
