import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { runInChild } from '../../support/runInChild.js';
import { needsSqlite, sqliteFiles } from './sqliteFiles.js';
import { inStatus, NOW } from '../taskInStatus.js';

const MODULE = JSON.stringify(new URL('../../../lib/store/sqlite/index.js', import.meta.url).href);
const TASKS = JSON.stringify(new URL('../../support/tasks.js', import.meta.url).href);

describe('A SQLite store of several processes', () => {
  needsSqlite();
  const { path, open, bare } = sqliteFiles();

  it('lets each task be claimed by one, and none finds it busy', async function () {
    this.timeout(40_000);
    const { tasks } = open();
    const ids: string[] = [];
    for (let i = 0; i < 300; i++) ids.push((await inStatus(tasks, 'approved')).taskId);
    const program = `const { sqliteStore } = await import(${MODULE});
      const store = sqliteStore(${JSON.stringify(path())}); store.open();
      const won = [];
      for (const task of store.tasks.list({ limit: 1000 })) {
        const token = process.pid + task.taskId;
        if (store.tasks.claim({ taskId: task.taskId, token, digest: task.digest, nowMs: ${NOW}, leaseMs: 60000 }) === undefined) continue;
        won.push(task.taskId);
        store.tasks.settle(task.taskId, token, { to: 'completed', result: process.pid }, ${NOW});
      }
      store.close();
      console.log(JSON.stringify(won));`;
    const ended = await Promise.all(
      Array.from({ length: 3 }, () => runInChild(program, { timeoutMs: 30_000, nodeArgs: ['--disable-warning=ExperimentalWarning'] })),
    );
    expect(ended.map((e) => [e.code, e.stderr])).to.deep.equal(Array(3).fill([0, '']));
    const won = ended.flatMap((e) => JSON.parse(e.stdout) as string[]);
    expect(won.slice().sort()).to.deep.equal(ids.slice().sort());
    for (const task of await tasks.list({})) expect(task).to.include({ status: 'completed', runs: 1 });
  });

  it('loses nothing that was answered when a process is killed while it writes', async function () {
    this.timeout(40_000);
    for (let round = 0; round < 5; round++) {
      const acknowledged = await killedWhileWriting(path(), 40 + 30 * round);
      const { tasks } = open();
      expect(acknowledged.length).to.be.greaterThan(0);
      for (const taskId of acknowledged) expect(await tasks.get(taskId)).to.include({ status: 'approved' });
    }
    expect(bare().prepare('PRAGMA integrity_check').get()).to.include({ integrity_check: 'ok' });
  });
});

/** Ids that a process wrote out after their task was approved, until it was killed in the middle of it. */
async function killedWhileWriting(path: string, lines: number): Promise<readonly string[]> {
  const program = `const { sqliteStore } = await import(${MODULE}); const { pendingTask } = await import(${TASKS});
    const { writeSync } = await import('node:fs');
    const store = sqliteStore(${JSON.stringify(path)}); store.open();
    for (;;) {
      const task = pendingTask(); store.tasks.insert(task);
      store.tasks.transition(task.taskId, ['pending'], { to: 'approved' }, 1);
      writeSync(1, task.taskId + '\\n');
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
    if (text.split('\n').length > lines) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.once('close', resolve));
  return text.split('\n').slice(0, -1);
}
