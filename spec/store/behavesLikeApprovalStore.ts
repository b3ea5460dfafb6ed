import { expect } from 'chai';
import type { Awaitable } from '../../lib/common/awaitable.js';
import type { ApprovalRecord, ApprovalStore, Verdict } from '../../lib/store/ApprovalStore.js';
import { recordOf } from '../support/approvalRecords.js';
import { changeAll, notFrozen } from '../support/changes.js';
import { eachOf } from '../support/eachOf.js';

/**
 * The contract of approval stores. `make` gives an empty store, open; what it opened is closed by the store's own `close`.
 *
 * @param many whether to try what takes a thousand records
 */
export function behavesLikeApprovalStore(
  name: string,
  make: () => Awaitable<ApprovalStore>,
  { many = true }: { readonly many?: boolean } = {},
): void {
  describe(`${name}, as an ApprovalStore`, () => {
    let store: ApprovalStore;
    beforeEach(async () => (store = await make()));
    afterEach(() => store.close?.());

    const add = async (more: Partial<ApprovalRecord> = {}): Promise<ApprovalRecord> => {
      const record = recordOf(more);
      expect(await store.insert(record)).to.equal(true);
      return record;
    };
    const decide = async (record: ApprovalRecord, status: ApprovalRecord['status'], atMs = 10): Promise<ApprovalRecord> => {
      const verdict: Verdict = { approve: status === 'approved', by: 'bob', atMs, policies: ['limit'] };
      const next = {
        ...record,
        status,
        verdicts: status === 'approved' || status === 'denied' ? [verdict] : [],
        version: record.version + 1,
      };
      expect(await store.replace(next, record.version)).to.equal(true);
      return next;
    };

    it('gives back every field as it was recorded', async () => {
      const record = await add({
        params: { text: 'ü\u0000"', at: new Date(5), big: 12n ** 30n, list: [1, null, { a: false }] },
        facts: { verb: 'SELECT' },
        message: 'shortened',
        opaque: ['file'],
        policies: [{ id: 'p', hash: 'h', approvers: ['leads'], selfApproval: true, reason: 'r', severity: 'high' }],
      });
      expect(await store.get(record.decisionId)).to.deep.equal(record);
      expect(await store.get('another')).to.equal(undefined);
    });

    it('hands out deep-frozen copies: nothing that is done to them, or to what was given, changes a record (A7)', async () => {
      const nested = { list: [{ a: 1 }], at: new Date(5) };
      const given = { params: { nested }, facts: { f: { g: [1] } }, policies: [{ id: 'p', hash: 'h', approvers: ['leads'] }] };
      const record = await add(given);
      const before = await store.get(record.decisionId);
      const denied = await decide(await add({ ...given, toolName: 'other' }), 'denied');
      const reads = [
        async () => store.get(record.decisionId),
        async () => (await store.list({ status: 'pending' }))[0],
        async () => (await store.listDenied(denied.agentId, denied.toolName, 0))[0],
      ];
      for (const read of reads) {
        const [first, second] = [await read(), await read()];
        expect(notFrozen(first)).to.deep.equal([]);
        expect(changeAll(first)).to.be.greaterThan(50);
        expect(await read()).to.deep.equal(second);
      }
      changeAll(record);
      expect(await store.get(before!.decisionId)).to.deep.equal(before);
    });

    it('takes a decisionId once', async () => {
      const record = await add();
      expect(await store.insert(recordOf({ decisionId: record.decisionId, agentId: 'other' }))).to.equal(false);
      expect(await store.get(record.decisionId)).to.deep.equal(record);
      const both = await Promise.all(Array.from({ length: 64 }, () => store.insert(recordOf({ decisionId: 'same' }))));
      expect(both.filter(Boolean)).to.have.length(1);
    });

    it('replaces a record only at the version that was read', async () => {
      const record = await add();
      const next: ApprovalRecord = { ...record, status: 'approved', version: 2 };
      expect(await store.replace(next, 0)).to.equal(false);
      expect(await store.replace(next, 2)).to.equal(false);
      expect(await store.replace({ ...next, decisionId: 'another' }, 1)).to.equal(false);
      expect(await store.get(record.decisionId)).to.deep.equal(record);
      expect(await store.replace(next, 1)).to.equal(true);
      expect(await store.replace(next, 1)).to.equal(false);
      expect(await store.get(record.decisionId)).to.deep.equal(next);
    });

    it('lets one of 64 at once replace it', async () => {
      const record = await add();
      const done = await Promise.all(
        Array.from({ length: 64 }, (_, i) => store.replace({ ...record, consumed: { token: `t${i}`, atMs: 1 }, version: 2 }, 1)),
      );
      expect(done.filter(Boolean)).to.have.length(1);
      expect((await store.get(record.decisionId))?.consumed?.token).to.equal(`t${done.indexOf(true)}`);
    });

    it('lists by status, agent, tool and end, oldest first independently of what the caller wrote, up to the limit', async () => {
      const made: ApprovalRecord[] = [];
      // ids, reasons and tools in an order that is not the one they came in
      for (let i = 0; i < 12; i++) {
        const decisionId = `dec-${'mzalqbxcydwe'[i]}`;
        made.push(
          await add({
            decisionId,
            reason: `${99 - i}`,
            agentId: `a${i % 2}`,
            toolName: `t${2 - (i % 3)}`,
            createdAtMs: i,
            expiresAtMs: 100 - i,
          }),
        );
      }
      await decide(made[4]!, 'denied');
      const ids = async (query: Parameters<ApprovalStore['list']>[0]): Promise<number[]> =>
        (await store.list(query)).map((r) => made.findIndex((m) => m.decisionId === r.decisionId));
      expect(await ids({})).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
      expect(await ids({ agentId: 'a0', toolName: 't1' })).to.deep.equal([4, 10]);
      expect(await ids({ agentId: 'a0', toolName: 't1', status: 'pending' })).to.deep.equal([10]);
      expect(await ids({ status: 'denied' })).to.deep.equal([4]);
      expect(await ids({ status: 'pending', overdueAtMs: 91 })).to.deep.equal([9, 10, 11]);
      expect(await ids({ overdueAtMs: 92, limit: 2 })).to.deep.equal([8, 9]);
      expect(await ids({ overdueSinceMs: 90, overdueAtMs: 92 })).to.deep.equal([8, 9]);
      expect(await ids({ status: 'pending', overdueSinceMs: 97.5 })).to.deep.equal([0, 1, 2]);
      expect(await ids({ limit: 3 })).to.deep.equal([0, 1, 2]);
      expect(await ids({ agentId: 'nobody' })).to.deep.equal([]);
    });

    if (many)
      it('gives 1,000 at the most unless asked for more', async () => {
        await eachOf(1_001, () => add());
        expect(await store.list({})).to.have.length(1_000);
        expect(await store.list({ limit: 2_000 })).to.have.length(1_001);
      });

    it('counts what is pending for one agent and tool, and confuses no two of them', async () => {
      const record = await add({ agentId: 'a', toolName: 't' });
      await add({ agentId: 'a', toolName: 't' });
      await add({ agentId: 'b', toolName: 't' });
      await add({ agentId: 'a t', toolName: 't' });
      expect(await store.countPending('a', 't')).to.equal(2);
      expect(await store.countPending('a', 'u')).to.equal(0);
      expect(await store.countPending('t', 'a')).to.equal(0);
      const partly = { ...record, version: 2, verdicts: [{ approve: true, by: 'bob', atMs: 1, policies: ['one'] }] };
      await store.replace(partly, 1);
      expect(await store.countPending('a', 't')).to.equal(2);
      for (const status of ['approved', 'withdrawn'] as const)
        await decide(status === 'approved' ? partly : { ...partly, version: 3 }, status);
      expect(await store.countPending('a', 't')).to.equal(1);
    });

    it('lists what people refused since a time, newest last', async () => {
      const records: ApprovalRecord[] = [];
      for (let i = 0; i < 6; i++) records.push(await add({ agentId: i === 5 ? 'other' : 'a', toolName: 't' }));
      const order = [3, 0, 4, 1, 5];
      for (const [at, i] of order.entries()) await decide(records[i]!, 'denied', at * 10);
      await decide(records[2]!, 'expired');
      const ids = async (sinceMs: number): Promise<number[]> =>
        (await store.listDenied('a', 't', sinceMs)).map((r) => records.findIndex((m) => m.decisionId === r.decisionId));
      expect(await ids(0)).to.deep.equal([3, 0, 4, 1]);
      expect(await ids(10)).to.deep.equal([0, 4, 1]);
      expect(await ids(31)).to.deep.equal([]);
      expect(await store.listDenied('a', 'u', 0)).to.deep.equal([]);
    });

    if (many)
      it('remembers the newest 1,000 refusals', async () => {
        await eachOf(1_003, async (i) => decide(await add(), 'denied', i));
        const denied = await store.listDenied('bot', 'refund', 0);
        expect(denied).to.have.length(1_000);
        expect([denied[0], denied.at(-1)].map((r) => r?.verdicts[0]?.atMs)).to.deep.equal([3, 1_002]);
      });

    it('forgets what ended by a time, decided or not, and keeps the rest, so that nothing is used or opened twice', async () => {
      const old = { expiresAtMs: 100 };
      const gone = [await add(old), await decide(await add(old), 'approved'), await decide(await add(old), 'denied')];
      const kept = [await add({ expiresAtMs: 101 }), await decide(await add({ expiresAtMs: 101 }), 'denied')];
      expect(await store.prune(99)).to.equal(0);
      expect(await store.prune(100)).to.equal(gone.length);
      for (const { decisionId } of gone) expect(await store.get(decisionId)).to.equal(undefined);
      for (const record of kept) {
        expect(await store.get(record.decisionId)).to.deep.equal(record);
        expect(await store.insert(recordOf({ decisionId: record.decisionId }))).to.equal(false);
      }
      expect(await store.countPending('bot', 'refund')).to.equal(1);
      expect((await store.listDenied('bot', 'refund', 0)).map((r) => r.decisionId)).to.deep.equal([kept[1]!.decisionId]);
      expect(await store.prune(100)).to.equal(0);
    });

    it('forgets the only refusal of an agent and a tool, and remembers the next', async () => {
      await decide(await add({ expiresAtMs: 100 }), 'denied');
      expect(await store.prune(100)).to.equal(1);
      expect(await store.listDenied('bot', 'refund', 0)).to.deep.equal([]);
      const next = await decide(await add({ expiresAtMs: 200 }), 'denied');
      expect((await store.listDenied('bot', 'refund', 0)).map((r) => r.decisionId)).to.deep.equal([next.decisionId]);
    });
  });
}
