import { expect } from 'chai';
import type { Awaitable } from '../../../lib/common/awaitable.js';
import { SecretString } from '../../../lib/common/SecretString.js';
import { GrantRows } from '../../../lib/decision/grant/GrantRows.js';
import type { Grant } from '../../../lib/model/terms/Grant.js';
import type { SignableRecordStore, StoredRecord } from '../../../lib/store/RecordStore.js';
import { SignedRecordStore } from '../../../lib/store/signing/SignedRecordStore.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { counted, volume } from '../../support/assurance.js';
import { eachOf } from '../../support/eachOf.js';

const WORKERS = 64;
let made = 0;

/** A grant of 10 uses. */
export function grantOf(more: Partial<Grant> = {}): Grant {
  made += 1;
  return {
    id: `grt_${made}`,
    version: 1,
    agentId: 'bot',
    toolName: 'refund',
    guardKey: 'refund',
    requester: 'bot',
    params: { amount: 40 },
    session: null,
    facts: {},
    loosened: { params: {}, session: {}, facts: {} },
    lifts: [{ id: 'refund', hash: 'h' }],
    maxUses: 10,
    used: 0,
    createdAtMs: 1_000,
    expiresAtMs: 10_000,
    by: 'rita',
    fromDecision: 'dec_1',
    ...more,
  };
}

/** The contract of grants in a store. `make` gives an empty store, open; it is closed by its own `close`. */
export function behavesLikeGrantRows(name: string, make: () => Awaitable<ServerStore>): void {
  describe(name, () => {
    let store: ServerStore;
    let nowMs: number;
    let raw: SignableRecordStore;
    /** As another process has it. */
    const handle = (): GrantRows => {
      const { records } = store.forTenant('default');
      return new GrantRows(
        new SignedRecordStore(records, { stateKey: new SecretString('k'.repeat(32)), tenantId: 'default' }),
        () => nowMs,
      );
    };
    beforeEach(async () => {
      store = await make();
      nowMs = 2_000;
      raw = store.forTenant('default').records;
    });
    afterEach(() => store.close());

    it('keeps a grant as it is', async () => {
      const [one, other] = [handle(), handle()];
      const grant = grantOf({ params: { text: 'a\u{1f600}"\\', list: [1, { x: null }] }, reason: 'why', name: 'Rita', anyRequester: true });
      expect(await one.insert(grant)).to.equal(true);
      expect(await other.insert(grant)).to.equal(false);
      expect(await other.get(grant.id)).to.deep.equal(grant);
      expect(await other.get('grt_none')).to.equal(undefined);
      expect(await other.use('grt_none')).to.equal(undefined);
      expect(await other.revoke('grt_none', { by: 'bob', atMs: 1 })).to.equal(undefined);
    });

    it('lists those of one agent, tool or person, and those that cover calls', async () => {
      const rows = handle();
      const [a, b, c, d] = [
        grantOf({ createdAtMs: 1 }),
        grantOf({ createdAtMs: 2, agentId: 'other' }),
        grantOf({ createdAtMs: 3, toolName: 'x', by: 'bob' }),
        grantOf({ createdAtMs: 4, maxUses: 1 }),
      ] as [Grant, Grant, Grant, Grant];
      for (const grant of [a, b, c, d]) await rows.insert(grant);
      await rows.use(d.id);
      const ids = async (query: Parameters<GrantRows['list']>[0]): Promise<string[]> => (await rows.list(query)).map(({ id }) => id);
      expect(await ids({})).to.deep.equal([a.id, b.id, c.id, d.id]);
      expect(await ids({ agentId: 'bot' })).to.deep.equal([a.id, c.id, d.id]);
      expect(await ids({ agentId: 'bot', toolName: 'refund' })).to.deep.equal([a.id, d.id]);
      expect(await ids({ by: 'bob' })).to.deep.equal([c.id]);
      expect(await ids({ active: true })).to.deep.equal([a.id, b.id, c.id]);
      expect((await handle().activeFor('bot', 'refund')).map(({ id }) => id)).to.deep.equal([a.id]);
      nowMs = 10_000;
      expect(await ids({ active: true })).to.deep.equal([]);
    });

    it('has as many uses as it says, until its time has passed or it is revoked', async () => {
      const [one, other] = [handle(), handle()];
      const [counts, over, ended] = [grantOf({ maxUses: 2 }), grantOf(), grantOf()] as [Grant, Grant, Grant];
      for (const grant of [counts, over, ended]) await one.insert(grant);
      expect((await one.use(counts.id))?.used).to.equal(1);
      expect((await other.use(counts.id))?.used).to.equal(2);
      expect(await one.use(counts.id)).to.equal(undefined);
      // a list that is old by now asks too much of nobody: the use reads the grant itself
      expect((await other.activeFor('bot', 'refund')).some(({ id }) => id === ended.id)).to.equal(true);
      const first = await one.revoke(ended.id, { by: 'bob', atMs: 3 });
      expect(first).to.deep.include({ isNew: true });
      expect(await other.use(ended.id)).to.equal(undefined);
      expect(await other.revoke(ended.id, { by: 'eve', atMs: 4 })).to.deep.equal({ grant: first?.grant, isNew: false });
      nowMs = 9_999;
      expect((await one.use(over.id))?.used).to.equal(1);
      nowMs = 10_000;
      expect(await one.use(over.id)).to.equal(undefined);
    });

    it('knows of a grant of its own at once, and drops what ended long ago', async () => {
      const rows = handle();
      expect(await rows.activeFor('bot', 'refund')).to.deep.equal([]);
      const grant = grantOf();
      await rows.insert(grant);
      expect(await rows.activeFor('bot', 'refund')).to.have.lengthOf(1);
      nowMs = 10_000 + 91 * 86_400_000;
      for (let i = 0; i < 32; i++) await rows.insert(grantOf({ expiresAtMs: nowMs + 1 }));
      expect(await rows.get(grant.id)).to.equal(undefined);
    });

    it(`lets ${WORKERS} workers use it exactly as often as it says`, async function () {
      this.timeout(300_000);
      const uses = volume(1_000);
      const grant = grantOf({ maxUses: uses });
      const handles = Array.from({ length: 4 }, handle);
      await handles[0]?.insert(grant);
      let used = 0;
      const work = async (rows: GrantRows): Promise<void> => {
        for (;;) {
          try {
            if ((await rows.use(grant.id)) === undefined) return;
            used += 1;
          } catch {
            // the row was too busy: nothing was used
          }
        }
      };
      await Promise.all(Array.from({ length: WORKERS }, (_, i) => work(handles[i % 4] as GrantRows)));
      counted({ what: `${name}: uses by ${WORKERS} workers`, cases: uses, wrong: Math.abs(used - uses) });
      expect(used).to.equal(uses);
      expect((await handle().get(grant.id))?.used).to.equal(uses);
    });

    it('is never used after its revocation has returned', async function () {
      this.timeout(300_000);
      const rounds = volume(1_000);
      let wrong = 0;
      await eachOf(rounds, async () => {
        const [one, other] = [handle(), handle()];
        const grant = grantOf({ maxUses: 1_000 });
        await one.insert(grant);
        let used = 0;
        let isRevoked = false;
        const using = (async () => {
          for (let n = 0; n < 4; n++) {
            const before = isRevoked;
            if ((await one.use(grant.id)) === undefined) return;
            used += 1;
            if (before) wrong += 1;
          }
        })();
        await other.revoke(grant.id, { by: 'bob', atMs: 1 });
        isRevoked = true;
        await using;
        if ((await one.use(grant.id)) !== undefined) wrong += 1;
        if ((await other.get(grant.id))?.used !== used) wrong += 1;
      });
      counted({ what: `${name}: a revocation against uses`, cases: rounds, wrong });
      expect(wrong).to.equal(0);
    });

    it('gives no right to who writes the store without the key', async () => {
      const rows = handle();
      const [used, revoked, gone] = [grantOf({ maxUses: 1 }), grantOf(), grantOf()] as [Grant, Grant, Grant];
      for (const grant of [used, revoked, gone]) await rows.insert(grant);
      const early = new Map<string, StoredRecord>();
      for (const { id } of [used, revoked]) early.set(id, (await raw.get('grant', id)) as StoredRecord);
      await rows.use(used.id);
      await rows.revoke(revoked.id, { by: 'bob', atMs: 1 });
      const put = async (row: StoredRecord): Promise<void> => {
        const there = (await raw.get('grant', row.id)) as StoredRecord;
        await raw.delete('grant', row.id, there.version);
        await raw.insert({ ...row, version: 1 });
      };
      // put back, with what it said before
      for (const row of early.values()) await put(row);
      // edited
      const kept = (await raw.get('grant', gone.id)) as StoredRecord;
      await put({ ...kept, body: kept.body.replace('"maxUses":10', '"maxUses":1000') });
      // made up
      await raw.insert({ ...kept, id: 'grt_forged', version: 1 });
      let rights = 0;
      for (const one of [rows, handle()]) {
        for (const id of [used.id, revoked.id, gone.id, 'grt_forged']) if ((await one.use(id)) !== undefined) rights += 1;
        rights += (await one.activeFor('bot', 'other')).length;
      }
      rights += (await handle().activeFor('bot', 'refund')).length;
      counted({ what: `${name}: rows put back, edited or made up`, cases: 4, wrong: rights });
      expect(rights).to.equal(0);
    });
  });
}
