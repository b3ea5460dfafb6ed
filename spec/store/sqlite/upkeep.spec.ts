import { expect } from 'chai';
import type { DatabaseSync } from 'node:sqlite';
import { EQUAL_QUERY } from '../../../lib/store/sqlite/SqliteTaskStore.js';
import { DUE_QUERIES } from '../../../lib/store/sqlite/dueTasks.js';
import type { StateStore } from '../../../lib/store/StateStore.js';
import type { StoreChange } from '../../../lib/store/TaskStore.js';
import { recordOf } from '../../support/approvalRecords.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { pendingTask } from '../../support/tasks.js';
import { needsSqlite, sqliteFiles } from './sqliteFiles.js';
import { inStatus, NOW } from '../taskInStatus.js';
import { until } from '../../support/until.js';
import { originOf } from '../taskStoreLeases.js';
import { quickestMs } from '../../support/pace.js';

describe('A SQLite store that is kept for long', () => {
  needsSqlite();
  const { open, bare } = sqliteFiles();

  describe('withdraws an approval whose task was never recorded', () => {
    const sweep = (store: StateStore): unknown => store.tasks.sweep({ nowMs: Date.now(), maxRuns: 1, limit: 100 });
    const old = { createdAtMs: Date.now() - 61_000, expiresAtMs: Date.now() + 60_000 };

    it('once its process, which records tasks, is dead', async () => {
      const [one, two] = [open(), open()];
      two.tasks.insert(pendingTask());
      const [lone, young, late] = [recordOf(old), recordOf({ ...old, createdAtMs: Date.now() }), recordOf(old)];
      for (const record of [lone, young, late]) await two.approvals.insert(record);
      two.tasks.insert(pendingTask({ decisionId: late.decisionId }));
      sweep(one);
      expect(one.approvals.get(lone.decisionId)).to.include({ status: 'pending' });
      two.tasks.heartbeat(0, Date.now());
      sweep(one);
      expect(one.approvals.get(lone.decisionId)).to.include({ status: 'withdrawn', version: 2 });
      for (const record of [young, late]) expect(one.approvals.get(record.decisionId)).to.include({ status: 'pending' });
    });

    it('but not that of a process which never recorded one: its callers are elsewhere', () => {
      const [one, desk] = [open(), open()];
      const record = recordOf(old);
      desk.approvals.insert(record);
      desk.tasks.heartbeat(0, Date.now());
      sweep(one);
      expect(one.approvals.get(record.decisionId)).to.include({ status: 'pending' });
    });
  });

  describe('with rows that somebody else changed', () => {
    /** What `work` reports, by the code of each. */
    const codes = async (work: () => unknown): Promise<string[]> => securityCodes(await diagnosed(work));
    const edits = [
      ['a text without its id', `json_remove(body, '$.taskId')`],
      ['a text without its version', `json_remove(body, '$.version')`],
      ['a text of another kind', `'[]'`],
      ['a text that is not JSON', `'{'`],
      ['the id of another task', `json_set(body, '$.taskId', 'other')`],
    ] as const;

    for (const [what, body] of edits)
      it(`ends the executions of the others, and reports ${what}`, async () => {
        const store = open();
        const tasks = [];
        for (let i = 0; i < 3; i++) tasks.push(await inStatus(store.tasks, 'executing', {}, 0));
        const [first, second] = tasks.map(({ taskId }) => taskId) as [string, string];
        bare().exec(`UPDATE task SET lease_until = 0, body = ${body} WHERE task_id = '${first}'`);
        const ended: string[] = [];
        const sweep = async (): Promise<void> => {
          for (let i = 0; i < 3; i++) {
            const { unknown } = await store.tasks.sweep({ nowMs: Date.now() + 10, maxRuns: 1, limit: 1 });
            ended.push(...unknown.map(({ taskId }) => taskId));
          }
        };
        expect(await codes(sweep)).to.deep.equal(['stored_task_tampered']);
        expect(ended).to.have.length(2).and.include(second);
      });

    for (const [what, body] of edits)
      it(`hands out the others that are due, and reports ${what}`, async () => {
        const store = open();
        const [one, two] = [await inStatus(store.tasks, 'approved'), await inStatus(store.tasks, 'approved')];
        bare().exec(`UPDATE task SET body = ${body} WHERE task_id = '${one.taskId}'`);
        const due = { nowMs: Date.now() + 10, idleMs: 0, againMs: 60_000, keys: [one.guardKey], poll: false, limit: 10 };
        let found: readonly { taskId: string }[] = [];
        expect(await codes(async () => (found = await store.tasks.due(due)))).to.deep.equal(['stored_task_tampered']);
        expect(found.map(({ taskId }) => taskId)).to.deep.equal([two.taskId]);
        // neither is looked at again before its time
        expect(await codes(async () => (found = await store.tasks.due(due)))).to.deep.equal([]);
        expect(found).to.deep.equal([]);
      });

    it('goes on saying that this process lives, where a text says that another one executes its task', async () => {
      const store = open();
      const [one, two] = [await inStatus(store.tasks, 'executing', {}, 1_000), await inStatus(store.tasks, 'executing', {}, 1_000)];
      bare().exec(`UPDATE task SET body = json_set(body, '$.executorId', 'other') WHERE task_id = '${one.taskId}'`);
      await store.tasks.heartbeat(60_000, Date.now());
      const { unknown } = await store.tasks.sweep({ nowMs: Date.now() + 2_000, maxRuns: 1, limit: 10 });
      expect(unknown.map(({ taskId }) => taskId)).to.deep.equal([one.taskId]);
      expect(await store.tasks.get(two.taskId)).to.include({ status: 'executing' });
    });
  });

  it('keeps 10,000 changes for an hour, and tells who fell behind what each task and approval has become', async () => {
    const [one, two] = [open(), open()];
    const first = await inStatus(one.tasks, 'pending');
    const seen: StoreChange[] = [];
    const stop = await two.tasks.watch((change) => seen.push(change));
    const task = await inStatus(one.tasks, 'approved');
    const record = recordOf();
    one.approvals.insert(record);
    // in the same breath: the watcher has not looked in between
    bare().exec('DELETE FROM change');
    await until(() => seen.length >= 2);
    expect(seen).to.deep.equal([
      { kind: 'task', taskId: task.taskId, version: 2, status: 'approved', from: undefined },
      { kind: 'approval', decisionId: record.decisionId, version: 1 },
    ]);
    one.tasks.transition(first.taskId, ['pending'], { to: 'approved' }, 1);
    await until(() => seen.length >= 3);
    expect(seen.slice(2)).to.deep.equal([{ kind: 'task', taskId: first.taskId, version: 2, status: 'approved', from: 'pending' }]);
    await stop();

    const db = bare();
    const left = (): unknown => db.prepare('SELECT count(*) AS n FROM change').get();
    db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10100)
      INSERT INTO change (kind, id, version, status, written_by, at) SELECT 'task', 'x', 1, 'pending', 'o', ${Date.now()} FROM n`);
    one.tasks.heartbeat(1_000, Date.now());
    expect(left()).to.include({ n: 10_000 });
    db.exec(`UPDATE change SET at = ${Date.now() - 3_600_001}`);
    one.tasks.heartbeat(1_000, Date.now());
    expect(left()).to.include({ n: 0 });
  });

  it('is quick with 100,000 pending tasks, because no question reads them all', async function () {
    this.timeout(60_000);
    const store = open();
    const db = bare();
    await fill(store, db, 100_000);
    const task = await inStatus(store.tasks, 'approved', { origin: originOf('dead') });
    const query = { nowMs: Date.now(), idleMs: 1e9, againMs: 0, keys: ['refund'], poll: false, limit: 100 };
    expect(quickestMs(100, () => expect(store.tasks.due(query)).to.deep.equal([task]))).to.be.lessThan(100);
    expect(quickestMs(100, () => expect(store.tasks.findOpen({ ...task, guardKey: 'none' })).to.equal(undefined))).to.be.lessThan(100);
    expect(quickestMs(500, () => expect(store.tasks.counts()).to.include({ pending: 100_000, approved: 1 }))).to.be.lessThan(500);
    const plans = { ...DUE_QUERIES, equal: EQUAL_QUERY };
    for (const [name, sql] of Object.entries(plans)) {
      const steps = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[];
      const ofTask = steps.map((s) => s.detail).filter((d) => / task\b/.test(d));
      expect(ofTask, name).to.have.length.greaterThan(0);
      for (const step of ofTask) expect(step, name).to.match(/^SEARCH task USING (COVERING )?INDEX task_/);
    }
  });

  /** Adds that many pending tasks of a live owner, in one statement. */
  async function fill(store: StateStore, db: DatabaseSync, count: number): Promise<void> {
    await store.tasks.heartbeat(600_000, Date.now());
    const { taskId, decisionId } = await inStatus(store.tasks, 'pending', {
      origin: originOf(store.tasks.ownerId),
      expiresAtMs: NOW + 1e9,
    });
    db.exec(`BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count - 1})
      INSERT INTO task (task_id, decision_id, status, version, guard_key, agent_id, tool_name, mode, original_digest, session_digest, owner_id, resumable,
        created_at, updated_at, expires_at, next_check_at, decided, lease_until, executor_id, seq, body)
      SELECT task_id || i, decision_id || i, status, version, guard_key, agent_id, tool_name, mode, original_digest, session_digest, owner_id, resumable,
        created_at, updated_at, expires_at, next_check_at, decided, lease_until, executor_id, seq, replace(replace(body, '${taskId}', '${taskId}' || i), '${decisionId}', '${decisionId}' || i)
      FROM task, n WHERE task_id = '${taskId}';
      INSERT OR IGNORE INTO task_decision (decision_id, ord) SELECT decision_id, ord FROM task; COMMIT`);
  }
});
