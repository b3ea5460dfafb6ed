import { expect } from 'chai';
import type { Awaitable } from '../../lib/common/awaitable.js';
import { SecretString } from '../../lib/common/SecretString.js';
import type { ApprovalRecord } from '../../lib/store/ApprovalStore.js';
import type { RecordStore } from '../../lib/store/RecordStore.js';
import { SignedRecordStore } from '../../lib/store/signing/SignedRecordStore.js';
import type { ServerStore } from '../../lib/store/StateStore.js';
import { recordOf } from '../support/approvalRecords.js';
import { storedRecord } from '../support/storedRecords.js';
import { behavesLikeApprovalStore } from './behavesLikeApprovalStore.js';
import { behavesLikeRecordStore } from './behavesLikeRecordStore.js';

const stateKey = new SecretString('k'.repeat(32));

/** The contract of stores that a server can use. `make` gives an empty store, open; it is closed by its own `close`. */
export function behavesLikeServerStore(name: string, make: () => Awaitable<ServerStore>): void {
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
        ...{ kind: 'key', part, version, body: `v${version}` },
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
