import { expect } from 'chai';
import type { Awaitable } from '../../lib/common/awaitable.js';
import { SecretString } from '../../lib/common/SecretString.js';
import type { ApprovalPageQuery, ApprovalRecord, BegunPage } from '../../lib/store/ApprovalStore.js';
import type { RecordHead, RecordStore, StoredRecord } from '../../lib/store/RecordStore.js';
import { SignedRecordStore } from '../../lib/store/signing/SignedRecordStore.js';
import type { ServerStore } from '../../lib/store/StateStore.js';
import { recordOf } from '../support/approvalRecords.js';
import { storedRecord } from '../support/storedRecords.js';
import { behavesLikeApprovalStore } from './behavesLikeApprovalStore.js';
import type { StoreClock } from './behavesLikeCounterStore.js';
import { behavesLikeCounterStore } from './behavesLikeCounterStore.js';
import { behavesLikeRecordStore } from './behavesLikeRecordStore.js';

const stateKey = new SecretString('k'.repeat(32));

/**
 * The contract of stores that a server can use. `make` gives an empty store, open; it is closed by its own `close`.
 *
 * @param clock moves the time of the store that was made last; by itself that of this process
 */
export function behavesLikeServerStore(name: string, make: () => Awaitable<ServerStore>, clock?: StoreClock): void {
  const opened: ServerStore[] = [];
  const fresh = async (): Promise<ServerStore> => {
    const store = await make();
    opened.push(store);
    return store;
  };
  const closeAll = async (): Promise<void> => {
    for (const store of opened.splice(0)) await store.close();
  };

  describe(`${name}, for one tenant`, () => {
    afterEach(closeAll);
    behavesLikeRecordStore('records', async () => (await fresh()).forTenant('acme').records);
    behavesLikeRecordStore('signed records', async () => signedRecords(await fresh(), 'acme'));
    behavesLikeApprovalStore('approvals', async () => (await fresh()).forTenant('acme', { forOthers: true }).approvals, { many: false });
    behavesLikeCounterStore('counters', fresh, clock);
  });

  describe(`${name}, as a ServerStore`, () => {
    let store: ServerStore;
    beforeEach(async () => (store = await fresh()));
    afterEach(closeAll);

    it('gives everything that is kept without a server to the tenant `default`, and takes it from there', async () => {
      const [before, after] = [recordOf(), recordOf()];
      const { approvals } = store.forTenant('default', { forOthers: true });
      expect(await store.approvals.insert(before)).to.equal(true);
      expect(await approvals.insert(after)).to.equal(true);
      for (const one of [store.approvals, approvals]) {
        expect(await one.list({})).to.deep.equal([before, after]);
        expect(await one.countPending('bot', 'refund')).to.equal(2);
      }
      expect(await approvals.replace({ ...before, status: 'approved', version: 2 }, 1)).to.equal(true);
      expect((await store.approvals.get(before.decisionId))?.status).to.equal('approved');
    });

    it('lets no tenant see, count, change, end or list an approval of another one', async () => {
      const tenants = ['default', 'acme', 'Acme', 'acme.', '0'];
      const records = tenants.map(() => recordOf({ agentId: 'bot', toolName: 'refund', expiresAtMs: 100 }));
      const stores = tenants.map((tenantId) => store.forTenant(tenantId).approvals);
      for (const [i, record] of records.entries()) expect(await stores[i]?.insert(record)).to.equal(true);
      const verdicts = [{ approve: false, by: 'bob', atMs: 5, policies: [] }];
      const denied: ApprovalRecord[] = tenants.map(() => recordOf({ status: 'denied', verdicts, version: 2 }));
      for (const [i, record] of denied.entries()) {
        expect(await stores[i]?.insert({ ...record, status: 'pending', verdicts: [], version: 1 })).to.equal(true);
        expect(await stores[i]?.replace(record, 1)).to.equal(true);
      }
      for (const [i, own] of stores.entries()) {
        for (const [j, record] of records.entries()) {
          if (i === j) continue;
          expect(await own.get(record.decisionId)).to.equal(undefined);
          expect(await own.replace({ ...record, status: 'approved', version: 2 }, 1)).to.equal(false);
          // an id is unique across all tenants
          expect(await own.insert({ ...record, status: 'approved' })).to.equal(false);
        }
        expect(await own.list({ status: 'pending' })).to.deep.equal([records[i]]);
        expect(await own.list({ overdueAtMs: 100, agentId: 'bot', toolName: 'refund' })).to.deep.equal([records[i]]);
        expect(await own.countPending('bot', 'refund')).to.equal(1);
        expect(await own.listDenied('bot', 'refund', 0)).to.deep.equal([denied[i]]);
      }
      expect(await stores[1]?.prune(100)).to.equal(1);
      expect((await Promise.all(records.map(({ decisionId }, i) => stores[i]?.get(decisionId)))).map((r) => r === undefined)).to.deep.equal(
        [false, true, false, false, false],
      );
    });

    it('lets no tenant reach a record of another one', async () => {
      const [acme, other] = [store.forTenant('acme').records, store.forTenant('other').records];
      const [mine, theirs] = [
        storedRecord({ id: 'same', body: '1' }),
        storedRecord({ id: 'same', body: '2', index1: 'x', deleteAfterMs: 1 }),
      ];
      expect([await acme.insert(mine), await other.insert(theirs)]).to.deep.equal([true, true]);
      expect([(await acme.get('key', 'same'))?.body, (await other.get('key', 'same'))?.body]).to.deep.equal(['1', '2']);
      const head = { kind: 'key', part: 1, version: 1, body: 'acme' };
      expect(await acme.commit({ how: 'insert', record: storedRecord({ id: 'two' }) }, head, 0)).to.equal(true);
      expect([await other.head('key', 1), await other.heads('key'), await other.ids('key')]).to.deep.equal([undefined, [], ['same']]);
      expect(await other.getAll('key', ['same', 'two'])).to.deep.equal([theirs]);
      expect((await acme.list({ kind: 'key', index1: 'x' })).records).to.deep.equal([]);
      expect(await acme.prune('key', 10)).to.equal(0);
      expect(await acme.delete('key', 'two', 1)).to.equal(true);
      expect(await other.delete('key', 'same', 1)).to.equal(true);
      expect(await acme.get('key', 'same')).to.deep.equal(mine);
    });

    it('writes a record and the list that it is in together, or neither', async () => {
      const { records } = store.forTenant('acme');
      const record = storedRecord({ id: 'a' });
      const head = (version: number, part = 1): { kind: string; part: number; version: number; body: string } => ({
        kind: 'key',
        part,
        version,
        body: `v${version}`,
      });
      expect(await records.commit({ how: 'insert', record }, head(2), 1)).to.equal(false);
      expect(await records.commit({ how: 'replace', record: { ...record, version: 2 } }, head(1), 0)).to.equal(false);
      expect([await records.get('key', 'a'), await records.head('key', 1)]).to.deep.equal([undefined, undefined]);
      expect(await records.commit({ how: 'insert', record }, head(1), 0)).to.equal(true);
      expect(await records.commit({ how: 'insert', record }, head(2), 1)).to.equal(false);
      expect(await records.commit({ how: 'insert', record: storedRecord({ id: 'b' }) }, head(1), 0)).to.equal(false);
      expect(await records.head('key', 1)).to.deep.equal(head(1));
      const next = { ...record, version: 2, body: '2' };
      expect(await records.commit({ how: 'replace', record: next }, head(7), 1)).to.equal(true);
      expect(await records.commit({ how: 'delete', kind: 'key', ids: ['a', 'gone'] }, head(1), 0)).to.equal(false);
      expect([await records.get('key', 'a'), await records.heads('key')]).to.deep.equal([next, [head(7)]]);
      expect(await records.commit({ how: 'delete', kind: 'key', ids: ['a', 'gone'] }, head(8), 7)).to.equal(true);
      expect(await records.commit({ how: 'delete', kind: 'key', ids: ['a'] }, head(1, 2), 0)).to.equal(true);
      expect([await records.ids('key'), await records.heads('key')]).to.deep.equal([[], [head(8), head(1, 2)]]);
      const many = Array.from({ length: 32 }, (_, i) =>
        records.commit({ how: 'insert', record: storedRecord({ id: `m${i}` }) }, head(9), 8),
      );
      expect((await Promise.all(many)).filter(Boolean)).to.have.length(1);
      expect(await records.ids('key')).to.have.length(1);
    });

    const keyed = (key: string, more: Partial<ApprovalRecord> = {}): ApprovalRecord =>
      recordOf({ idempotency: { key, fingerprint: 'f' }, ...more });

    it('inserts records together with a change of an approval or of another record, or neither', async () => {
      const { approvals, records } = store.forTenant('acme');
      expect([approvals.insertsBeside, records.insertsBeside]).to.deep.equal([true, true]);
      let made = 0;
      const beside = (): StoredRecord[] => [
        storedRecord({ kind: 'note', id: `n${++made}` }),
        storedRecord({ kind: 'note', id: `n${++made}` }),
      ];
      const noted = async (): Promise<readonly string[]> => (await records.ids('note')).toSorted();
      const record = recordOf();
      const next = (version: number): ApprovalRecord => ({ ...record, version });
      const page = (version: number): BegunPage => ({ page: 3, version, body: '{}' });
      const head = (version: number): RecordHead => ({ kind: 'key', part: 2, version, body: '{}' });
      const key = storedRecord({ id: 'k1' });
      const done: readonly (() => Awaitable<boolean>)[] = [
        () => approvals.insert(record, undefined, beside()),
        () => approvals.replace(next(2), 1, undefined, beside()),
        () => approvals.replace({ ...next(3), status: 'approved' }, 2, undefined, beside()),
        () =>
          approvals.replaceBegun === undefined
            ? approvals.replace({ ...next(4), status: 'approved' }, 3, undefined, beside())
            : approvals.replaceBegun({ ...next(4), status: 'approved' }, 3, page(1), undefined, beside()),
        () => records.insert(key, beside()),
        () => records.replace({ ...key, version: 2 }, 1, beside()),
        () => records.commit({ how: 'replace', record: { ...key, version: 3 } }, head(1), 0, beside()),
      ];
      for (const [i, change] of done.entries()) {
        expect(await change(), `change ${i}`).to.equal(true);
        expect((await noted()).length, `change ${i}`).to.equal(2 * (i + 1));
        // the same again is none
        expect(await change(), `change ${i} again`).to.equal(false);
        expect((await noted()).length, `change ${i} again`).to.equal(2 * (i + 1));
      }
      await records.discard?.('note', ['n1', 'n2', 'gone']);
      expect((await noted()).length).to.equal(12);
      const instead = storedRecord({ kind: 'place', id: 'n3' });
      for (let again = 0; again < 2; again++) await records.discard?.('note', ['n5'], [instead]);
      expect([(await noted()).length, await records.ids('place')]).to.deep.equal([11, ['n3']]);
      expect(await store.forTenant('other').records.ids('note')).to.deep.equal([]);
      expect((await approvals.get(record.decisionId))?.version).to.equal(4);
    });

    it('takes an idempotency key once for each agent of a tenant, for the life of the approval, and finds what it opened', async () => {
      const acme = store.forTenant('acme', { forOthers: true }).approvals;
      for (const key of ['a', 'A', ' ', "'", '%', 'x'.repeat(512), `${'x'.repeat(511)}y`, '"#', '__proto__']) {
        const record = keyed(key, { expiresAtMs: 100 });
        expect(await acme.ofIdempotencyKey?.('bot', key)).to.equal(undefined);
        expect(await acme.insert(record)).to.equal(true);
        expect(await acme.insert(keyed(key))).to.equal(false);
        expect(await acme.insert(keyed(key, { status: 'denied', toolName: 'other' }))).to.equal(false);
        expect(await acme.ofIdempotencyKey?.('bot', key)).to.deep.equal(record);
        // another agent and another tenant have keys of their own
        expect(await acme.ofIdempotencyKey?.('agent', key)).to.equal(undefined);
        expect(await acme.insert(keyed(key, { agentId: 'agent', expiresAtMs: 1_000 }))).to.equal(true);
        expect(await store.forTenant('other').approvals.insert(keyed(key))).to.equal(true);
        const next: ApprovalRecord = { ...record, status: 'denied', version: 2 };
        expect(await acme.replace(next, 1)).to.equal(true);
        expect(await acme.insert(keyed(key))).to.equal(false);
        expect(await acme.ofIdempotencyKey?.('bot', key)).to.deep.equal(next);
      }
      expect(await acme.prune(100)).to.equal(9);
      expect(await acme.ofIdempotencyKey?.('bot', 'a')).to.equal(undefined);
      expect(await acme.insert(keyed('a'))).to.equal(true);
    });

    it('gives an idempotency key to one of 64 at once', async () => {
      const { approvals } = store.forTenant('default', { forOthers: true });
      const records = Array.from({ length: 64 }, () => keyed('same'));
      const done = await Promise.all(records.map((record, i) => (i % 2 === 0 ? approvals : store.approvals).insert(record)));
      expect(done.filter(Boolean)).to.have.length(1);
      expect(await approvals.ofIdempotencyKey?.('bot', 'same')).to.deep.equal(records[done.indexOf(true)]);
      expect(await approvals.list({})).to.have.length(1);
    });

    it('counts what is pending up to one more than the cap', async () => {
      const { approvals } = store.forTenant('acme');
      for (let i = 0; i < 4; i++) await approvals.insert(recordOf());
      const counts = await Promise.all([0, 1, 2, 3, 4, 5, Infinity].map((cap) => approvals.countPending('bot', 'refund', cap)));
      expect(counts).to.deep.equal([1, 2, 3, 4, 4, 4, 4]);
    });

    it('keeps approvals longer where it is asked to, for every handle', async () => {
      const kept = store.forTenant('default', { keepMs: 1_000 }).approvals;
      const [once, decided] = [recordOf({ expiresAtMs: 100 }), recordOf({ expiresAtMs: 100 })];
      await kept.insert(once);
      await store.approvals.insert(decided);
      // also where another handle opened it
      expect(await kept.replace({ ...decided, status: 'approved', version: 2 }, 1)).to.equal(true);
      expect(await store.approvals.replace({ ...once, status: 'expired', version: 2 }, 1)).to.equal(true);
      for (const { approvals } of [store, store.forTenant('default')]) expect(await approvals.prune(1_099)).to.equal(0);
      expect((await kept.list({})).map(({ status }) => status)).to.deep.equal(['expired', 'approved']);
      expect(await store.approvals.prune(1_100)).to.equal(2);
    });

    it('gives pages of cards, newest or oldest first, with the first params only, and those cut', async () => {
      const { approvals } = store.forTenant('acme', { forOthers: true });
      const made: ApprovalRecord[] = [];
      for (let i = 0; i < 9; i++) {
        const record = recordOf({
          createdAtMs: i,
          agentId: `a${i % 3}`,
          toolName: `t${i % 2}`,
          reason: i === 4 ? 'Über LIMIT' : 'x'.repeat(i * 100),
          params: { note: `${'y'.repeat(90)}never shown`, a: 1, b: [2], c: null, d: 'never shown' },
          policies: [{ id: 'p', hash: 'h', severity: 'high', approvers: ['leads'] }],
        });
        made.push(record);
        expect(await approvals.insert(record)).to.equal(true);
      }
      await store.approvals.insert(recordOf());
      const verdict = { approve: true, by: 'bob', name: 'Bob', atMs: 7, policies: ['p'] };
      const approved: ApprovalRecord = { ...(made[4] as ApprovalRecord), status: 'approved', verdicts: [verdict], version: 2 };
      expect(await approvals.replace(approved, 1)).to.equal(true);
      const used: ApprovalRecord = { ...approved, consumed: { token: 't', atMs: 1 }, version: 3 };
      expect((await approvals.replaceBegun?.(used, 2, { page: 1, version: 1, body: 'b' })) ?? (await approvals.replace(used, 2))).to.equal(
        true,
      );

      const all = async (query: ApprovalPageQuery): Promise<number[]> => {
        const seen: number[] = [];
        for (let cursor: string | undefined; ;) {
          const page = await approvals.page?.({ ...query, cursor });
          expect(page?.cards.length ?? 0).to.be.at.most(query.limit ?? 50);
          seen.push(...(page?.cards ?? []).map((card) => made.findIndex(({ decisionId }) => decisionId === card.decisionId)));
          if (page?.cursor === undefined) return seen;
          cursor = page.cursor;
        }
      };
      for (const limit of [1, 2, 3, 4, 8, 9, 10]) {
        expect(await all({ limit }), `${limit} a page`).to.deep.equal([8, 7, 6, 5, 4, 3, 2, 1, 0]);
        expect(await all({ limit, status: 'pending', agentId: 'a1' })).to.deep.equal([7, 1]);
        expect(await all({ limit, status: 'approved' })).to.deep.equal([4]);
        expect(await all({ limit, toolName: 't1', agents: ['a0', 'a1', 'x'] })).to.deep.equal([7, 3, 1]);
        expect(await all({ limit, q: 'BER limit' })).to.deep.equal([4]);
        expect(await all({ limit, q: 'ANN' })).to.have.length(9);
        expect(await all({ limit, q: (made[2] as ApprovalRecord).decisionId })).to.deep.equal([2]);
        expect(await all({ limit, q: 'never shown' })).to.deep.equal([]);
        expect(await all({ limit, agents: [] })).to.deep.equal([]);
        expect(await all({ limit, order: 'oldest' })).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8]);
        expect(await all({ limit, order: 'oldest', status: 'pending', toolName: 't0' })).to.deep.equal([0, 2, 6, 8]);
        expect(await all({ limit, q: 'BOB' })).to.deep.equal([4]);
        expect(await all({ limit, q: 'p' })).to.have.length(9);
        expect(await all({ limit, q: (made[0] as ApprovalRecord).digest.slice(0, 10) })).to.have.length(9);
        expect(await all({ limit, q: (made[0] as ApprovalRecord).digest.slice(1, 11) })).to.deep.equal([]);
        expect(await all({ limit, decidedBy: 'bob' })).to.deep.equal([4]);
        expect(await all({ limit, decidedBy: 'bo' })).to.deep.equal([]);
        expect(await all({ limit, sinceMs: 3, untilMs: 6 })).to.deep.equal([5, 4, 3]);
      }
      for (const cursor of ['', 'x', '-1', '0', "1' OR 1", '9'.repeat(30), ':'])
        for (const order of ['newest', 'oldest'] as const)
          expect(await approvals.page?.({ cursor, order }), cursor).to.deep.equal({ cards: [] });

      const card = (await approvals.page?.({ status: 'approved' }))?.cards[0];
      expect(card).to.deep.equal({
        decisionId: used.decisionId,
        agentId: 'a1',
        toolName: 't0',
        requester: 'ann',
        requesterKnown: true,
        reason: 'Über LIMIT',
        digest: used.digest,
        refusals: 0,
        policies: [{ id: 'p', severity: 'high', approvers: ['leads'], approved: true }],
        summary: [
          { name: 'note', text: `"${'y'.repeat(79)}…`, cut: 23 },
          { name: 'a', text: '1' },
          { name: 'b', text: '[2]' },
          { name: 'c', text: 'null' },
        ],
        unlisted: 1,
        createdAtMs: 4,
        expiresAtMs: 60_000,
        status: 'approved',
        version: 3,
        consumed: true,
        decided: { by: 'bob', name: 'Bob', atMs: 7 },
      });
      expect(Object.isFrozen(card)).to.equal(true);
      const cards = (await approvals.page?.({}))?.cards ?? [];
      expect(JSON.stringify(cards)).to.not.include('never');
      expect(cards[0]?.reason).to.equal(`${'x'.repeat(500)}…`);
    });

    it('refuses a tenant that cannot be one, and options that it has not', () => {
      for (const id of ['', 'a b', 'a/b', 'ä', 'x'.repeat(65), undefined as unknown as string, "a'; --"])
        expect(() => store.forTenant(id), String(id))
          .to.throw('must be 1 to 64 letters, digits')
          .with.property('name', 'ConfigError');
      expect(() => store.forTenant('acme', { forOther: true } as object)).to.throw("did you mean 'forOthers'?");
      for (const keepMs of [-1, NaN, '1' as unknown as number])
        expect(() => store.forTenant('acme', { keepMs }))
          .to.throw('keepMs')
          .with.property('name', 'ConfigError');
    });
  });
}

/** The records of a tenant, signed. */
export function signedRecords(store: ServerStore, tenantId: string, key: SecretString = stateKey): RecordStore {
  return new SignedRecordStore(store.forTenant(tenantId).records, { stateKey: key, tenantId });
}
