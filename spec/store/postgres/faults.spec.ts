import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import { setTimeout as sleep } from 'node:timers/promises';
import { nextId } from '../../../lib/common/nextId.js';
import type { ExecutingTask, Task } from '../../../lib/model/Task.js';
import type { StateStore } from '../../../lib/store/StateStore.js';
import type { StoreChange } from '../../../lib/store/TaskStore.js';
import { recordOf } from '../../support/approvalRecords.js';
import { CUTS, PostgresProxy } from '../../support/PostgresProxy.js';
import { postgresServer } from '../../support/postgresServer.js';
import { PostgresStores } from '../../support/postgresStores.js';
import { rejection } from '../../support/rejection.js';
import { pendingTask } from '../../support/tasks.js';
import { inStatus, NOW } from '../taskInStatus.js';
import { until } from '../../support/until.js';
import { originOf } from '../taskStoreLeases.js';

describe('A PostgreSQL store whose connection is lost', function () {
  this.timeout(30_000);
  let stores: PostgresStores;
  let proxy: PostgresProxy;
  let schema: string;
  /** One behind the proxy, one that nothing happens to. */
  let [far, near] = [] as unknown as [StateStore, StateStore];
  before(async function () {
    stores = new PostgresStores(await postgresServer(this));
    proxy = await PostgresProxy.start(stores.server.port);
    schema = stores.newSchema();
    near = await stores.open({ schema, queue: true });
    far = await stores.open({ schema, queue: true, connectionString: proxy.through(stores.server.url('application_name=far')) });
  });
  after(async () => {
    await stores?.end();
    await proxy?.close();
  });

  for (const cut of CUTS) {
    const where = { before: 'before it', after: 'before its answer', late: 'before it, and it arrives later' }[cut];
    describe(`cut ${where}`, () => {
      const struck = async <T>(statement: string, work: () => PromiseLike<T> | T): Promise<T> => {
        const before = proxy.cuts;
        proxy.strike(statement, cut);
        const result = await work();
        expect(proxy.cuts).to.equal(before + 1);
        // what arrives late has arrived
        if (cut === 'late') await sleep(150);
        return result;
      };

      it('records a task once, and says so', async () => {
        const task = pendingTask();
        expect(await struck('aegis insert', () => far.tasks.insert(task))).to.deep.equal({ outcome: 'created', task });
        expect(await near.tasks.get(task.taskId)).to.deep.equal(task);
      });

      it('claims once, and says who has it', async () => {
        const { taskId, digest, version } = await inStatus(near.tasks, 'approved');
        const claimed = await struck('aegis change', () =>
          far.tasks.claim({ taskId, token: 'mine', digest, nowMs: NOW, leaseMs: 36_000_000 }),
        );
        expect(claimed).to.include({ claimToken: 'mine', runs: 1, version: version + 1 });
        expect(await near.tasks.get(taskId)).to.deep.equal(claimed);
      });

      it('does not claim what another claimed in between', async () => {
        const { taskId, digest } = await inStatus(near.tasks, 'approved');
        const claim = (store: StateStore, token: string): PromiseLike<ExecutingTask | undefined> =>
          Promise.resolve(store.tasks.claim({ taskId, token, digest, nowMs: NOW, leaseMs: 36_000_000 }));
        const claims = await struck('aegis change', async () => {
          const mine = claim(far, 'mine');
          await sleep(5);
          return Promise.all([mine, claim(near, 'yours')]);
        });
        expect(claims.filter((c) => c !== undefined)).to.have.length(1);
        expect(await near.tasks.get(taskId)).to.deep.equal(claims.find((c) => c !== undefined));
      });

      it('settles once', async () => {
        const task = (await inStatus(far.tasks, 'executing')) as ExecutingTask;
        const ended = await struck('aegis change', () =>
          far.tasks.settle(task.taskId, task.claimToken, { to: 'completed', result: 7 }, NOW),
        );
        expect(ended).to.include({ status: 'completed', result: 7, version: task.version + 1 });
        expect(await near.tasks.get(task.taskId)).to.deep.equal(ended);
      });

      it('approves once, with its job', async () => {
        const task = await inStatus(near.tasks, 'pending', { origin: originOf(near.tasks.ownerId), guardKey: 'cut' });
        await inStatus(far.tasks, 'approved', { guardKey: 'cut' });
        const approved = await struck('COMMIT', () => far.tasks.transition(task.taskId, ['pending'], { to: 'approved' }, NOW));
        expect(approved).to.include({ status: 'approved', version: 2 });
        const client = await stores.client();
        const jobs = await client.query(`SELECT 1 FROM ${schema}_queue.job WHERE data->>'taskId' = $1`, [task.taskId]);
        expect(jobs.rowCount).to.equal(1);
      });

      it('asks again once, and keeps the decision taken', async () => {
        const task = await inStatus(near.tasks, 'approved');
        const change = { to: 'pending', decisionId: nextId('d'), params: {}, digest: 'd', reason: 'r', expiresAtMs: NOW + 1e6 } as const;
        const asked = await struck('aegis ask again', () => far.tasks.transition(task.taskId, ['approved'], change, NOW));
        expect(asked).to.include({ status: 'pending', decisionId: change.decisionId });
        expect(await near.tasks.ofDecision(change.decisionId)).to.deep.equal(asked);
      });

      it('deletes once', async () => {
        const { taskId } = await inStatus(near.tasks, 'denied');
        expect(await struck('DELETE', () => far.tasks.delete(taskId, ['denied']))).to.equal(true);
        expect(await far.tasks.delete(taskId, ['denied'])).to.equal(false);
      });

      it('takes an approval and its verdict once', async () => {
        const record = recordOf();
        expect(await struck('aegis ask', () => far.approvals.insert(record))).to.equal(true);
        const next = { ...record, status: 'approved' as const, version: 2 };
        expect(await struck('COMMIT', () => far.approvals.replace(next, 1))).to.equal(true);
        expect(await near.approvals.get(record.decisionId)).to.deep.equal(next);
        const used = { ...next, consumed: { token: 't', atMs: 1 }, version: 3 };
        expect(await struck('aegis replace', () => far.approvals.replace(used, 2))).to.equal(true);
        expect(await far.approvals.replace({ ...used, consumed: { token: 'u', atMs: 1 } }, 2)).to.equal(false);
      });
    });
  }

  it('finds a claim whose answer was lost, and releases it by its token and by no other', async () => {
    const { taskId, digest } = await inStatus(near.tasks, 'approved');
    proxy.strike('aegis change', 'after');
    const claim = Promise.resolve(far.tasks.claim({ taskId, token: 'lost', digest, nowMs: NOW, leaseMs: 36_000_000 }));
    const failed = rejection(claim);
    await until(async () => (await near.tasks.get(taskId))?.status === 'executing');
    proxy.refuse();
    expect(await failed).to.include({ name: 'StoreError', code: 'store_failed' });
    proxy.allow();
    expect(await far.tasks.get(taskId)).to.include({ status: 'executing', claimToken: 'lost' });
    expect(await far.tasks.release(taskId, 'another', NOW)).to.equal(undefined);
    expect(await far.tasks.release(taskId, 'lost', NOW)).to.include({ status: 'approved' });
    expect(await near.tasks.get(taskId)).to.include({ status: 'approved', runs: 0 });
  });

  it('fails with an error that tells nothing of the statement, and goes on when the server is back', async () => {
    const task = pendingTask();
    proxy.refuse();
    const error = await rejection(Promise.resolve(far.tasks.insert(task)));
    expect(error).to.include({ name: 'StoreError', code: 'store_failed' });
    expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).to.not.match(/INSERT|only-for-specs|127\.0\.0\.1/);
    proxy.allow();
    expect((await far.tasks.insert(task)).outcome).to.equal('created');
  });

  it('hears every change, also when the connection that listens is lost', async () => {
    const seen = new Set<string>();
    const stop = await far.tasks.watch((change: StoreChange) => {
      if (change.kind === 'task') seen.add(`${change.taskId} ${change.version}`);
    });
    const client = await stores.client();
    const expected: string[] = [];
    for (let i = 0; i < 60; i++) {
      const { taskId, version } = await inStatus(near.tasks, 'approved', { guardKey: 'heard' });
      expected.push(`${taskId} ${version}`);
      if (i % 15 === 7)
        await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query LIKE 'UNLISTEN%'`);
    }
    await until(() => expected.every((e) => seen.has(e)));
    expect(expected.filter((e) => !seen.has(e))).to.deep.equal([]);
    await stop();
  });

  for (const which of ['first', 'last'])
    it(`hears every change, also when its new connection is lost together with the ${which} answer that it listens`, async () => {
      const seen = new Set<string>();
      const stop = await far.tasks.watch((change: StoreChange) => {
        if (change.kind === 'task') seen.add(change.taskId);
      });
      const client = await stores.client();
      const listening = `SELECT pid FROM pg_stat_activity WHERE application_name = 'far' AND query = 'LISTEN "${schema}"'`;
      const listens = async (): Promise<boolean> => (await client.query(listening)).rowCount === 1;
      const cut = async (): Promise<boolean> =>
        (
          await client.query(
            `SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE application_name = 'far' AND query LIKE 'LISTEN%'`,
          )
        ).rowCount === 1;
      const answered = proxy.holdUntilEnd(which === 'first' ? 'LISTEN "' : `LISTEN "${schema}"`);
      expect(await cut()).to.equal(true);
      await answered;
      expect(await cut()).to.equal(true);
      await until(listens);
      expect(await listens()).to.equal(true);
      const { taskId } = await inStatus(near.tasks, 'approved', { guardKey: 'heard' });
      await until(() => seen.has(taskId));
      expect(seen).to.include(taskId);
      await stop();
    });

  it('connects anew where the answer that it listens never comes', async () => {
    const seen = new Set<string>();
    const stop = await far.tasks.watch((change: StoreChange) => {
      if (change.kind === 'task') seen.add(change.taskId);
    });
    const client = await stores.client();
    let answered = false;
    void proxy.holdUntilEnd(`LISTEN "${schema}"`).then(() => (answered = true));
    const clock = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldClearNativeTimers: true });
    try {
      await client.query(
        `SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE application_name = 'far' AND query LIKE 'LISTEN%'`,
      );
      await until(() => {
        clock.tick(50);
        return answered;
      });
      const { taskId } = await inStatus(near.tasks, 'approved', { guardKey: 'heard' });
      await until(() => {
        clock.tick(500);
        return seen.has(taskId);
      });
      expect(seen).to.include(taskId);
    } finally {
      clock.restore();
    }
    await stop();
  });

  it('goes through restarts of the server in the middle of writes, and nothing is claimed or settled twice', async function () {
    if (!stores.server.own) return this.skip();
    this.timeout(60_000);
    const won = new Map<string, string[]>();
    const settledBy = new Map<string, string>();
    const tasks: Task[] = [];
    for (let i = 0; i < 200; i++) tasks.push(await inStatus(near.tasks, 'approved', { expiresAtMs: NOW + 36_000_000 }));
    let [failures, on] = [0, true];
    const worker = async (store: StateStore, name: string): Promise<void> => {
      for (const { taskId, digest } of tasks) {
        const token = `${name} ${taskId}`;
        try {
          const mine = await store.tasks.claim({ taskId, token, digest, nowMs: Date.now(), leaseMs: 36_000_000 });
          if (mine === undefined) continue;
          won.set(taskId, [...(won.get(taskId) ?? []), token]);
          if ((await store.tasks.settle(taskId, token, { to: 'completed', result: token }, Date.now())) !== undefined)
            settledBy.set(taskId, token);
        } catch (error) {
          failures += 1;
          expect((error as Error).name).to.equal('StoreError');
        }
      }
    };
    const restarts = (async () => {
      for (let i = 0; on && i < 4; i++) {
        await stores.server.restart();
        await sleep(300);
      }
    })();
    await Promise.all([worker(near, 'a'), worker(near, 'b'), worker(far, 'c'), worker(far, 'd')]);
    on = false;
    await restarts;
    expect([...won.values()].filter((tokens) => tokens.length > 1)).to.deep.equal([]);
    for (const { taskId } of tasks) {
      const task = (await near.tasks.get(taskId)) as Task & { claimToken?: string; result?: unknown };
      const [token] = won.get(taskId) ?? [];
      // what was told is so
      if (token !== undefined) expect(task.claimToken).to.equal(token);
      if (settledBy.has(taskId)) expect(task).to.include({ status: 'completed', result: settledBy.get(taskId) });
      expect(task.runs).to.be.most(1);
    }
    expect(won.size).to.be.greaterThan(tasks.length - 1 - failures);
    expect((await near.tasks.insert(pendingTask())).outcome).to.equal('created');
  });
});
