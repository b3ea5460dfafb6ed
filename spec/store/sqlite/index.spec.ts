import { expect } from 'chai';
import { join } from 'node:path';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import type { StateStore } from '../../../lib/store/StateStore.js';
import type { TaskStore } from '../../../lib/store/TaskStore.js';
import { recordOf } from '../../support/approvalRecords.js';
import { pendingTask } from '../../support/tasks.js';
import { behavesLikeApprovalStore } from '../behavesLikeApprovalStore.js';
import { behavesLikeStateStore } from '../behavesLikeStateStore.js';
import { behavesLikeTaskStore } from '../behavesLikeTaskStore.js';
import { needsSqlite, sqliteFiles } from './sqliteFiles.js';
import { inStatus } from '../taskInStatus.js';

describe('sqliteStore', () => {
  needsSqlite();
  let folder = '';
  let count = 0;
  /** The file of each store, and of its tasks. */
  const paths = new WeakMap<object, string>();
  before(() => (folder = mkdtempSync(join(tmpdir(), 'aegis-sqlite-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const openedAt = (path: string): StateStore => {
    const store = sqliteStore(path, { pollMs: 20 });
    for (const one of [store, store.tasks]) paths.set(one, path);
    return store;
  };
  const fresh = (): StateStore => openedAt(join(folder, `${(count += 1)}.db`));
  const pathOf = (store: object): string => paths.get(store) as string;
  const tasks = (store: StateStore): TaskStore => {
    store.tasks.open?.();
    return store.tasks;
  };

  behavesLikeTaskStore('SqliteTaskStore', () => tasks(fresh()), {
    another: (store) => tasks(openedAt(pathOf(store))),
    reopen: (store) => {
      store.close?.();
      return tasks(openedAt(pathOf(store)));
    },
  });
  behavesLikeApprovalStore('SqliteApprovalStore', () => {
    const { approvals } = fresh();
    approvals.open?.();
    return approvals;
  });
  const open = (store: StateStore): StateStore => {
    store.open();
    return store;
  };
  behavesLikeStateStore(
    'sqliteStore',
    () => open(fresh()),
    (store) => open(openedAt(pathOf(store))),
  );
});

describe('A SQLite store', () => {
  needsSqlite();
  const { path, open, bare } = sqliteFiles();

  it('answers at once', () => {
    const { tasks, approvals } = open();
    const task = pendingTask();
    expect(tasks.insert(task)).to.deep.equal({ outcome: 'created', task });
    expect(tasks.transition(task.taskId, ['pending'], { to: 'approved' }, 1)).to.include({ status: 'approved' });
    const record = recordOf();
    expect([approvals.insert(record), approvals.get(record.decisionId)]).to.deep.equal([true, record]);
  });

  it('takes a file: URL, and every time to look between 10 and 10,000 ms', () => {
    const store = sqliteStore(pathToFileURL(path('by url.db')), { pollMs: 10_000 });
    store.open();
    store.close();
    for (const pollMs of [9, 10_001, NaN]) expect(() => sqliteStore(path(), { pollMs })).to.throw('10 to 10,000');
  });

  it('lists summaries without a look at the bodies (B2)', async () => {
    const { tasks } = open();
    for (let i = 0; i < 5; i++) await tasks.insert(pendingTask({ metadata: { i } }));
    bare().exec("UPDATE task SET body = 'not read'");
    expect((await tasks.listSummaries({ status: 'pending' })).map(({ metadata }) => metadata['i'])).to.deep.equal([0, 1, 2, 3, 4]);
    const plan = bare().prepare('EXPLAIN QUERY PLAN SELECT ord, card FROM task_card WHERE ord > 5 ORDER BY ord LIMIT 5').all();
    expect(JSON.stringify(plan)).to.match(/USING INTEGER PRIMARY KEY/);
  });

  it('keeps what a method returned as plain data, and gives the task as it is kept', async () => {
    const { tasks } = open();
    const task = (await inStatus(tasks, 'executing')) as { taskId: string; claimToken: string };
    const result = { when: new Date(1), size: 5n, all: new Map([['a', new Set([1])]]), no: (): void => {}, gone: undefined };
    const ended = await tasks.settle(task.taskId, task.claimToken, { to: 'completed', result }, 1);
    expect(ended).to.have.deep.property('result', { when: new Date(1), size: 5n, all: [['a', [1]]] });
    expect(await tasks.get(task.taskId)).to.deep.equal(ended);
    expect(Object.isFrozen(ended)).to.equal(true);
    const other = (await inStatus(tasks, 'executing')) as { taskId: string; claimToken: string };
    const nothing = await tasks.settle(other.taskId, other.claimToken, { to: 'completed', result: undefined }, 1);
    expect(nothing).to.have.property('result', undefined);
    expect(await tasks.get(other.taskId)).to.deep.equal(nothing);
  });

  it('is closed as a whole, or by both its halves, as often as one likes; then nothing goes', () => {
    const whole = open();
    whole.close();
    whole.close();
    expect(() => whole.tasks.get('t'))
      .to.throw('not open')
      .with.property('name', 'ShutdownError');
    expect(() => whole.tasks.insert(pendingTask())).to.throw('not open');
    const halves = sqliteStore(path());
    halves.tasks.open?.();
    halves.approvals.open?.();
    halves.tasks.close?.();
    halves.tasks.close?.();
    expect(halves.approvals.get('d')).to.equal(undefined);
    halves.approvals.close?.();
    expect(() => halves.approvals.get('d')).to.throw('not open');
  });

  it('is another handle when it is opened again', () => {
    const store = open();
    const { ownerId } = store.tasks;
    store.close();
    store.open();
    expect(store.tasks.ownerId).to.not.equal(ownerId);
    expect(store.tasks.isLive(ownerId, Date.now())).to.equal(false);
    expect(store.tasks.isLive(store.tasks.ownerId, Date.now())).to.equal(true);
  });

  it('takes time from the latest that anybody gave, so that a clock set back extends nothing', async () => {
    const [one, two] = [open(), open()];
    const now = Date.now();
    const later = now + 3_600_000;
    expect(one.tasks.heartbeat(60_000, later)).to.equal(later);
    expect(two.tasks.heartbeat(0, now)).to.equal(later);
    expect(two.tasks.isLive(two.tasks.ownerId, now)).to.equal(false);
    expect(two.tasks.isLive(one.tasks.ownerId, now)).to.equal(true);
    // it ends in a minute, that is an hour ago
    const { taskId, digest } = await inStatus(two.tasks, 'approved', { expiresAtMs: now + 60_000 });
    expect(two.tasks.claim({ taskId, token: 't', digest, nowMs: now, leaseMs: 1_000 })).to.equal(undefined);
    expect(
      (await two.tasks.due({ nowMs: now, idleMs: 1e12, againMs: 0, keys: ['refund'], poll: false, limit: 9 })).map((t) => t.taskId),
    ).to.deep.equal([taskId]);
  });

  it('fails with an error of its own where another program holds the file, and goes on afterwards', function () {
    this.timeout(20_000);
    const { tasks } = open();
    const other = bare();
    other.exec('BEGIN IMMEDIATE');
    expect(() => tasks.insert(pendingTask()))
      .to.throw()
      .that.includes({ name: 'StoreError', code: 'store_failed' })
      .with.nested.property('cause.errcode', 5);
    other.exec('ROLLBACK');
    expect(tasks.insert(pendingTask())).to.include({ outcome: 'created' });
  });

  it('undoes what it could not commit, and goes on', () => {
    const { tasks } = open();
    const task = pendingTask();
    tasks.insert(task);
    const other = bare();
    other.exec("CREATE TRIGGER full BEFORE UPDATE ON task BEGIN SELECT raise(ABORT, 'disk full'); END");
    expect(() => tasks.transition(task.taskId, ['pending'], { to: 'approved' }, 1))
      .to.throw()
      .with.property('name', 'StoreError');
    other.exec('DROP TRIGGER full');
    expect(other.prepare("SELECT count(*) AS n FROM change WHERE status = 'approved'").get()).to.include({ n: 0 });
    expect(tasks.transition(task.taskId, ['pending'], { to: 'approved' }, 1)).to.include({ status: 'approved' });
  });
});
