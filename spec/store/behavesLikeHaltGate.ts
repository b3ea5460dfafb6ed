import { expect } from 'chai';
import type { Awaitable } from '../../lib/common/awaitable.js';
import { nextId } from '../../lib/common/nextId.js';
import { SecretString } from '../../lib/common/SecretString.js';
import type { Task } from '../../lib/model/Task.js';
import type { ApprovalRecord, BegunPage } from '../../lib/store/ApprovalStore.js';
import { HALT_KIND } from '../../lib/store/RecordStore.js';
import type { RecordStore } from '../../lib/store/RecordStore.js';
import { SignedApprovalStore } from '../../lib/store/SignedApprovalStore.js';
import { SignedRecordStore } from '../../lib/store/signing/SignedRecordStore.js';
import type { ServerStore } from '../../lib/store/StateStore.js';
import type { StoreChange } from '../../lib/store/TaskStore.js';
import { recordOf } from '../support/approvalRecords.js';
import { storedRecord } from '../support/storedRecords.js';
import { until } from '../support/until.js';
import { inStatus } from './taskInStatus.js';

const stateKey = new SecretString('k'.repeat(32));

/** The contract of stores whose claims, and changes of approvals, wait for halts. `make` gives two handles on one empty store; one handle where there is only one. */
export function behavesLikeHaltGate(name: string, make: () => Awaitable<readonly [ServerStore, ServerStore]>): void {
  describe(`${name}, whose claims wait for halts`, () => {
    let one: ServerStore;
    let two: ServerStore;
    beforeEach(async () => ([one, two] = await make()));
    afterEach(async () => {
      await one.close();
      if (two !== one) await two.close();
    });
    const order = async (records: RecordStore, more: object = {}): Promise<void> => {
      expect(await records.insert(storedRecord({ kind: HALT_KIND, ...more }))).to.equal(true);
    };
    const claim = (task: Task, haltChanges: number | undefined, store: ServerStore = one): Awaitable<Task | undefined> =>
      store.tasks.claim({ taskId: task.taskId, token: nextId('t'), digest: task.digest, nowMs: Date.now(), leaseMs: 60_000, haltChanges });

    it('counts each change of a halt, of its own tenant, in whichever way it is made', async () => {
      const { records } = one.forTenant('default');
      const counts: unknown[] = [];
      const count = async (): Promise<void> => void counts.push(await two.forTenant('default').records.haltChanges?.());
      await count();
      await order(records, { id: 'a' });
      await count();
      await records.replace(storedRecord({ kind: HALT_KIND, id: 'a', version: 2 }), 1);
      await count();
      await records.delete(HALT_KIND, 'a', 2);
      await count();
      await records.commit(
        { how: 'insert', record: storedRecord({ kind: HALT_KIND, id: 'b' }) },
        { kind: HALT_KIND, part: 1, version: 1, body: 'x' },
        0,
      );
      await count();
      await order(records, { id: 'c' });
      await records.discard?.(HALT_KIND, ['c']);
      await count();
      expect(counts).to.deep.equal([0, 1, 2, 3, 4, 6]);
      await records.insert(storedRecord());
      await order(one.forTenant('acme').records);
      await count();
      expect(counts.at(-1)).to.equal(6);
      expect(await one.forTenant('acme').records.haltChanges?.()).to.equal(1);
      const signed = new SignedRecordStore(records, { stateKey, tenantId: 'default' });
      expect(await signed.haltChanges()).to.equal(6);
    });

    it('claims a task only where the halts were changed as often as the caller knows', async () => {
      const tasks = [];
      for (let i = 0; i < 5; i++) tasks.push(await inStatus(one.tasks, 'approved'));
      const [before, unaware, behind, ahead, after] = tasks as [Task, Task, Task, Task, Task];
      expect(await claim(before, 0)).to.include({ status: 'executing' });
      await order(two.forTenant('default').records);
      expect(await claim(unaware, undefined)).to.include({ status: 'executing' });
      expect(await claim(behind, 0)).to.equal(undefined);
      expect(await claim(ahead, 2)).to.equal(undefined);
      expect((await one.tasks.get(behind.taskId))?.status).to.equal('approved');
      expect(await claim(after, 1)).to.include({ status: 'executing' });
      expect(await claim(behind, 1)).to.include({ status: 'executing' });
      // of another tenant
      await order(two.forTenant('acme').records);
      expect(await claim(ahead, 1)).to.include({ status: 'executing' });
    });

    for (const tenantId of ['default', 'acme'])
      it(`changes an approval of ${tenantId} only where the halts were changed as often as the caller knows`, async () => {
        const { approvals, records } = one.forTenant(tenantId);
        const [first, second]: ApprovalRecord[] = [recordOf(), recordOf()];
        for (const record of [first, second]) expect(await approvals.insert(record as ApprovalRecord)).to.equal(true);
        const next = (record: ApprovalRecord | undefined, version: number): ApprovalRecord => ({
          ...(record as ApprovalRecord),
          status: 'approved',
          consumed: { token: 't', atMs: 1 },
          version: version + 1,
        });
        const replaced = async (record: ApprovalRecord | undefined, version: number, haltChanges: number): Promise<boolean> =>
          approvals.replace(next(record, version), version, undefined, [], { haltChanges });
        expect(await replaced(first, 1, 0)).to.equal(true);
        await order(two.forTenant(tenantId).records);
        expect(await replaced(first, 2, 0)).to.equal(false);
        expect(await replaced(first, 2, 1)).to.equal(true);
        expect(await replaced(first, 2, 1)).to.equal(false);
        expect(await records.haltChanges?.()).to.equal(1);
        if (approvals.replaceBegun === undefined) return;
        const page: BegunPage = { page: 3, version: 1, body: 'x' };
        const begun = (haltChanges: number): Awaitable<boolean> | undefined =>
          approvals.replaceBegun?.(next(second, 1), 1, page, undefined, [], { haltChanges });
        expect([await begun(0), await approvals.begunPage?.(3)]).to.deep.equal([false, undefined]);
        expect(await begun(1)).to.equal(true);
      });

    it('does so for approvals that are signed', async () => {
      const { approvals, records } = one.forTenant('acme');
      const signed = new SignedApprovalStore(approvals, stateKey);
      const record = recordOf();
      expect(await signed.insert(record)).to.equal(true);
      const consumed: ApprovalRecord = { ...record, status: 'approved', consumed: { token: 't', atMs: 1 }, version: 2 };
      await order(records);
      const replace = async (next: ApprovalRecord, haltChanges: number): Promise<boolean> =>
        signed.replace(next, next.version - 1, undefined, [], { haltChanges });
      expect([await replace(consumed, 0), await replace(consumed, 1)]).to.deep.equal([false, true]);
      const begun: ApprovalRecord = { ...consumed, begun: { claimToken: 'c', atMs: 2 }, version: 3 };
      expect([await replace(begun, 0), await replace(begun, 1)]).to.deep.equal([false, true]);
    });

    it('tells the other handles', async () => {
      if (one === two) return;
      const told: StoreChange[] = [];
      const leave = await two.tasks.watch((change) => told.push(change));
      await order(one.forTenant('acme').records);
      await one.forTenant('acme').records.insert(storedRecord());
      await until(() => told.length > 0);
      await leave();
      expect(told).to.deep.equal([{ kind: 'halt', tenantId: 'acme' }]);
    });
  });
}
