import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { dirname } from 'node:path';
import type { StateStore } from '../../../lib/store/StateStore.js';
import { recordOf } from '../../support/approvalRecords.js';
import { counted } from '../../support/assurance.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { pendingTask } from '../../support/tasks.js';
import { needsSqlite, sqliteFiles } from './sqliteFiles.js';

const STORE = new URL('../../../lib/store/sqlite/index.js', import.meta.url).href;
const TASKS = new URL('../../support/tasks.js', import.meta.url).href;

/** A process of its own that opens the store, does that to it (`store` and `id` are in reach), and says so; it stays until it is killed. */
async function worker(path: string, id: string, work: string): Promise<() => Promise<void>> {
  const program = `const { sqliteStore } = await import(${JSON.stringify(STORE)}); const { pendingTask } = await import(${JSON.stringify(TASKS)});
    const store = sqliteStore(${JSON.stringify(path)}); const id = ${JSON.stringify(id)}; store.open();
    ${work}
    console.log('done'); setInterval(() => {}, 1_000);`;
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), ended.then(() => Promise.reject(new Error('the worker failed')))]);
  return async () => {
    child.kill('SIGKILL');
    await ended;
  };
}

/** Uses the approval up, and runs the call to its end. */
const RUN = `const task = store.tasks.get(id); const record = store.approvals.get(task.decisionId); const nowMs = Date.now();
  if (!store.approvals.replace({ ...record, consumed: { token: id, atMs: nowMs }, version: record.version + 1 }, record.version)) throw new Error('not used');
  const claimed = store.tasks.claim({ taskId: id, token: 't', digest: task.digest, nowMs, leaseMs: 60_000 });
  if (claimed === undefined || store.tasks.settle(id, 't', { to: 'completed', result: 1 }, nowMs) === undefined) throw new Error('not run');`;

/** Other writes, so that the run is not all that there is in the -wal. */
const MORE = `for (let i = 0; i < 10; i++) store.tasks.insert(pendingTask({ metadata: { filler: 'x'.repeat(2_000) } }));`;

describe('A SQLite store that has lost what was committed (A3)', () => {
  needsSqlite();
  const { path, open, bare } = sqliteFiles();
  const count = { cases: 0, wrong: 0 };
  after(() => {
    if (count.cases > 0)
      counted({ what: 'A3 a part of the store deleted, cut or put back: run again or unnoticed; whole: reported', ...count });
  });

  /** An approved, unused task in a file that was closed cleanly. */
  const approved = (): string => {
    const store = open();
    const task = pendingTask();
    store.approvals.insert(recordOf({ decisionId: task.decisionId, status: 'approved' }));
    store.tasks.insert(task);
    store.tasks.transition(task.taskId, ['pending'], { to: 'approved' }, Date.now());
    store.close();
    return task.taskId;
  };

  /** Opens it as the next process would, and tells whether the call can run again, and what was reported. */
  const reopened = async (
    taskId: string,
  ): Promise<{ readonly runsAgain: boolean; readonly codes: readonly string[]; readonly status: string }> => {
    let store: StateStore | undefined;
    const seen = await diagnosed(() => void (store = open()));
    const task = await store?.tasks.get(taskId);
    const record = await store?.approvals.get(task?.decisionId ?? '');
    const claim = { taskId, token: 'again', digest: task?.digest ?? '', nowMs: Date.now(), leaseMs: 1_000 };
    const runsAgain = record?.status === 'approved' && record.consumed === undefined && (await store?.tasks.claim(claim)) !== undefined;
    store?.close();
    return { runsAgain, codes: securityCodes(seen), status: task?.status ?? 'none' };
  };

  const remove = (...ends: readonly string[]): void => ends.forEach((end) => rmSync(path(`aegis.db${end}`), { force: true }));
  const removeAll = (): void => {
    for (const name of readdirSync(dirname(path()))) if (name.startsWith('aegis.db-')) rmSync(path(name));
  };
  const cut = (part: number): void => truncateSync(path('aegis.db-wal'), Math.floor(statSync(path('aegis.db-wal')).size * part));

  const losses: readonly (readonly [what: string, lose: (backup: string) => void])[] = [
    ['the -wal and -shm were deleted', () => remove('-wal', '-shm')],
    ['the -wal alone was deleted', () => remove('-wal')],
    ['everything beside the file was deleted', removeAll],
    ['the -wal was emptied', () => cut(0)],
    ['the -wal was emptied, and the mark deleted', () => (cut(0), remove('-commits'))],
    ['the -wal was cut to its header', () => truncateSync(path('aegis.db-wal'), 32)],
    ['the -wal was cut to a tenth', () => cut(0.1)],
    ['the -wal was cut to a tenth, and the -shm deleted', () => (cut(0.1), remove('-shm'))],
    ['the -wal was overwritten', () => writeFileSync(path('aegis.db-wal'), Buffer.alloc(statSync(path('aegis.db-wal')).size))],
    ['a backup was written over the file in place', (backup) => (copyFileSync(backup, path()), remove('-wal', '-shm'))],
    ['a backup was moved into place', (backup) => (remove('', '-wal', '-shm'), copyFileSync(backup, path()))],
  ];
  for (const [what, lose] of losses)
    it(`runs nothing again where ${what}, and says so once`, async () => {
      const taskId = approved();
      copyFileSync(path(), path('backup.db'));
      const kill = await worker(path(), taskId, MORE + RUN);
      await kill();
      lose(path('backup.db'));
      const found = await reopened(taskId);
      count.cases += 1;
      if (found.runsAgain || found.codes.length !== 1) count.wrong += 1;
      expect(found).to.deep.equal({ runsAgain: false, codes: ['store_restored'], status: 'unknown' });
      expect(await reopened(taskId)).to.deep.equal({ runsAgain: false, codes: [], status: 'unknown' });
    });

  it('notices a backup that was written over a file which was closed cleanly', async () => {
    const taskId = approved();
    copyFileSync(path(), path('backup.db'));
    const store = open();
    const task = await store.tasks.get(taskId);
    await store.tasks.claim({ taskId, token: 't', digest: task!.digest, nowMs: Date.now(), leaseMs: 1_000 });
    store.close();
    copyFileSync(path('backup.db'), path());
    expect(await reopened(taskId)).to.deep.equal({ runsAgain: false, codes: ['store_restored'], status: 'unknown' });
    expect(await reopened(taskId))
      .to.include({ runsAgain: false, status: 'unknown' })
      .and.to.have.property('codes').that.is.empty;
  });

  it('notices it through a link to the file', async () => {
    const taskId = approved();
    symlinkSync(path(), path('link.db'));
    const kill = await worker(path('link.db'), taskId, RUN);
    await kill();
    removeAll();
    const seen = await diagnosed(() => void open('link.db'));
    expect(securityCodes(seen)).to.deep.equal(['store_restored']);
  });

  it('notices a copy of the file without its -wal', async () => {
    const taskId = approved();
    const kill = await worker(path(), taskId, RUN);
    copyFileSync(path(), path('copy.db'));
    await kill();
    const seen = await diagnosed(() => void open('copy.db'));
    expect(securityCodes(seen)).to.deep.equal(['store_restored']);
    expect(await open('copy.db').tasks.get(taskId)).to.include({ status: 'unknown' });
  });

  it('says nothing after a kill, whenever it comes and whatever else is deleted, as long as the -wal is whole', async () => {
    const harmless: readonly (readonly [work: string, after: () => void])[] = [
      ['', () => {}],
      [RUN, () => {}],
      [RUN + MORE, () => {}],
      [RUN, () => remove('-shm')],
      [RUN, () => remove('-commits')],
      [RUN, () => remove('-commits', '-shm')],
      [RUN, () => writeFileSync(path('aegis.db-commits'), 'no mark')],
      // another program that reads the file puts the -wal into it
      [RUN, () => (bare().exec('SELECT count(*) FROM task'), bare().close())],
      [RUN, () => (bare().exec('PRAGMA journal_mode = DELETE'), bare().close())],
    ];
    for (const [work, after] of harmless) {
      const taskId = approved();
      const kill = await worker(path(), taskId, work);
      await kill();
      after();
      const { codes, status } = await reopened(taskId);
      count.cases += 1;
      if (codes.length > 0) count.wrong += 1;
      expect(codes, `${work} ${String(after)}`).to.deep.equal([]);
      expect(status).to.equal(work === '' ? 'approved' : 'completed');
      remove('', '-wal', '-shm', '-commits');
    }
  });

  it('says nothing where several processes open a new file at once, work in it and are killed', async function () {
    this.timeout(20_000);
    const opened = await Promise.all(Array.from({ length: 5 }, async (_, i) => worker(path(), `id${i}`, MORE)));
    const [first, ...others] = opened;
    await first?.();
    const store = await diagnosed(() => open().close());
    expect(securityCodes(store)).to.deep.equal([]);
    await Promise.all(others.map((kill) => kill()));
    expect(securityCodes(await diagnosed(() => void open()))).to.deep.equal([]);
    expect(await open().tasks.list({})).to.have.length(50);
  });

  it('forgets the mark of another store that had the same name', async () => {
    approved();
    expect(existsSync(path('aegis.db-commits'))).to.equal(true);
    remove('');
    expect(securityCodes(await diagnosed(() => open().close()))).to.deep.equal([]);
    const taskId = approved();
    expect(await reopened(taskId)).to.include({ runsAgain: true });
  });

  it('lets only this user read the mark', () => {
    const store = open();
    expect(statSync(path('aegis.db-commits')).mode & 0o777).to.equal(0o600);
    store.close();
  });
});
