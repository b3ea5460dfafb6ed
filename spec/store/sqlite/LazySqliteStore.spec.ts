import { expect } from 'chai';
import { ShutdownError } from '../../../lib/model/errors/RefusalErrors.js';
import { LazySqliteStore } from '../../../lib/store/sqlite/LazySqliteStore.js';
import { recordOf } from '../../support/approvalRecords.js';
import { pendingTask } from '../../support/tasks.js';
import { needsSqlite, sqliteFiles } from './sqliteFiles.js';

describe('LazySqliteStore', () => {
  it('is durable, and opens nothing by itself', async () => {
    const store = new LazySqliteStore('/nowhere/at/all/aegis.db');
    expect(store.tasks.durable).to.equal(true);
    expect(() => store.tasks.ownerId).to.throw(ShutdownError, 'not open');
    expect(() => store.approvals.get('dec')).to.throw(ShutdownError);
    await store.close();
    await store.tasks.close?.();
    await store.approvals.close?.();
  });

  it('says at every opening why it could not be opened, and can be closed all the same', async () => {
    const store = new LazySqliteStore('/nowhere/at/all/aegis.db');
    const opened = await Promise.allSettled([store.open(), store.tasks.open?.(), store.approvals.open?.()]);
    expect(opened.map((o) => o.status)).to.deep.equal(['rejected', 'rejected', 'rejected']);
    await store.close();
  });

  describe('on a file', () => {
    needsSqlite();
    const files = sqliteFiles();

    it('hands everything on to the store of that file', async () => {
      const store = new LazySqliteStore(files.path());
      await store.tasks.open?.();
      await store.approvals.open?.();
      const [task, record] = [pendingTask(), recordOf()];
      expect(await store.tasks.insert(task)).to.include({ outcome: 'created' });
      expect(await store.approvals.insert(record)).to.equal(true);
      expect(store.tasks.ownerId).to.be.a('string');
      expect(store.tasks.serve).to.equal(undefined);
      await store.close();
      expect(() => store.tasks.get(task.taskId)).to.throw(ShutdownError);
      await store.open();
      expect(await store.tasks.get(task.taskId)).to.deep.equal(task);
      expect(await store.approvals.get(record.decisionId)).to.deep.equal(record);
      await store.close();
    });

    it('is closed once it is open, where it is closed meanwhile', async () => {
      const store = new LazySqliteStore(files.path());
      const opening = store.open();
      await store.close();
      await opening;
      expect(() => store.tasks.ownerId).to.throw(ShutdownError);
    });
  });
});
