import { expect } from 'chai';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { CommitGroup } from '../../../lib/store/sqlite/CommitGroup.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { openingOf, recordOf } from '../../support/approvalRecords.js';
import { needsSqlite, sqlite, sqliteFiles } from './sqliteFiles.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('CommitGroup', () => {
  /** A group over transactions that count: each is a list of what was done in it, and `fail` says which of them does not commit. */
  function grouped(fail: (nth: number) => boolean = () => false): {
    readonly group: CommitGroup;
    readonly committed: string[][];
    readonly doing: (name: string) => () => string;
    readonly begun: () => number;
  } {
    const committed: string[][] = [];
    let open: string[] = [];
    let begun = 0;
    const group = new CommitGroup((work) => {
      open = [];
      begun += 1;
      const result = work();
      if (fail(begun)) throw new Error(`commit ${begun} failed`);
      committed.push(open);
      return result;
    });
    const doing = (name: string) => (): string => {
      open.push(name);
      if (name.startsWith('bad')) throw new Error(`${name} failed`);
      return name.toUpperCase();
    };
    return { group, committed, doing, begun: () => begun };
  }

  it('commits what comes alone at once, and answers without a tick', async () => {
    const { group, committed, doing } = grouped();
    for (const name of ['a', 'b', 'c']) {
      expect(group.run(doing(name))).to.equal(name.toUpperCase());
      await turn();
    }
    expect(committed).to.deep.equal([['a'], ['b'], ['c']]);
    expect(() => group.run(doing('bad'))).to.throw('bad failed');
  });

  it('commits the first of a turn at once, the others together, and in a busy next turn all together', async () => {
    const { group, committed, doing } = grouped();
    const first = ['a', 'b', 'c'].map((name) => group.run(doing(name)));
    expect(committed).to.deep.equal([['a']]);
    expect(await Promise.all(first)).to.deep.equal(['A', 'B', 'C']);
    expect(committed).to.deep.equal([['a'], ['b', 'c']]);
    const second = ['d', 'e'].map((name) => group.run(doing(name)));
    expect(committed).to.have.length(2);
    expect(await Promise.all(second)).to.deep.equal(['D', 'E']);
    expect(await group.run(doing('f'))).to.equal('F');
    expect(committed.slice(2)).to.deep.equal([['d', 'e'], ['f']]);
    // one alone: calm again
    expect(group.run(doing('g'))).to.equal('G');
    await turn();
  });

  it('answers none before it is committed', async () => {
    const { group, committed, doing } = grouped();
    const answered: string[] = [];
    void group.run(doing('a'));
    const later = ['b', 'c'].map(async (name) => {
      await group.run(doing(name));
      answered.push(`${name} of ${committed.length} commits`);
    });
    await Promise.resolve();
    expect(answered).to.deep.equal([]);
    await Promise.all(later);
    expect(answered).to.deep.equal(['b of 2 commits', 'c of 2 commits']);
  });

  for (const nth of [0, 1, 2, 3])
    it(`refuses only the one that fails, the ${nth + 1}. of four`, async () => {
      const { group, committed, doing } = grouped();
      void group.run(doing('a'));
      const names = ['b', 'c', 'd', 'e'].map((name, i) => (i === nth ? `bad-${name}` : name));
      const settled = await Promise.allSettled(names.map((name) => group.run(doing(name))));
      expect(settled.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as Error).message))).to.deep.equal(
        names.map((name, i) => (i === nth ? `${name} failed` : name.toUpperCase())),
      );
      expect(committed.flat()).to.deep.equal(['a', ...names.filter((_, i) => i !== nth)]);
    });

  it('refuses all of a group that cannot be committed, and tries none again', async () => {
    const { group, committed, doing, begun } = grouped((nth) => nth === 2);
    void group.run(doing('a'));
    const settled = await Promise.allSettled(['b', 'c'].map((name) => group.run(doing(name))));
    expect(settled.map((one) => one.status === 'rejected' && (one.reason as Error).message)).to.deep.equal([
      'commit 2 failed',
      'commit 2 failed',
    ]);
    expect([committed, begun()]).to.deep.equal([[['a']], 2]);
    expect(await group.run(doing('d'))).to.equal('D');
  });

  it('commits what waits when it is told to', async () => {
    const { group, committed, doing } = grouped();
    const all = ['a', 'b', 'c'].map((name) => group.run(doing(name)));
    group.flush();
    expect(committed).to.deep.equal([['a'], ['b', 'c']]);
    expect(await Promise.all(all)).to.deep.equal(['A', 'B', 'C']);
  });
});

describe('Approvals that are opened at the same time in a SQLite file', () => {
  needsSqlite();
  const { path, open, bare } = sqliteFiles();

  /** Has `on` see each statement of node:sqlite from now on, before it runs; a throw of it is an error of SQLite. */
  async function watching<T>(on: (sql: string) => void, work: () => Promise<T>): Promise<T> {
    const proto = (sqlite as NonNullable<typeof sqlite>).DatabaseSync.prototype;
    const [exec, prepare] = [proto.exec, proto.prepare];
    proto.exec = function (this: DatabaseSync, sql: string) {
      on(sql);
      exec.call(this, sql);
    };
    proto.prepare = function (this: DatabaseSync, sql: string): StatementSync {
      const statement = prepare.call(this, sql);
      const run = statement.run.bind(statement) as StatementSync['run'];
      statement.run = ((...values: never[]) => {
        on(sql);
        return run(...values);
      }) as StatementSync['run'];
      return statement;
    };
    try {
      return await work();
    } finally {
      proto.exec = exec;
      proto.prepare = prepare;
    }
  }

  it('share their commits, and are in the file before they are answered', async () => {
    const { approvals } = open();
    const other = bare();
    const count = other.prepare('SELECT count(*) AS n FROM approval WHERE decision_id = ?');
    let commits = 0;
    const seen = await watching(
      (sql) => (commits += sql === 'COMMIT' ? 1 : 0),
      () =>
        Promise.all(
          Array.from({ length: 64 }, async () => {
            const record = recordOf();
            const inserted = await approvals.insert(record);
            return [inserted, (count.get(record.decisionId) as { n: number }).n];
          }),
        ),
    );
    expect(seen).to.deep.equal(Array.from({ length: 64 }, () => [true, 1]));
    expect(commits).to.equal(2);
  });

  it('answer as if they came one after another: the same id, and the same version, is taken once', async () => {
    const { approvals } = open();
    const record = recordOf();
    const inserted = await Promise.all(Array.from({ length: 8 }, () => approvals.insert(record)));
    expect(inserted.filter(Boolean)).to.have.length(1);
    const next = { ...record, version: 2 } as const;
    const replaced = await Promise.all(
      (['approved', 'denied', 'expired', 'withdrawn'] as const).map((status) => approvals.replace({ ...next, status }, 1)),
    );
    expect(replaced).to.deep.equal([true, false, false, false]);
    expect(approvals.get(record.decisionId)).to.include({ status: 'approved', version: 2 });
  });

  it('hold the cap of pending ones, though none of them is committed yet', async () => {
    const desk = new ApprovalDesk(open().approvals, { maxPendingPerTool: 5 });
    const opening = (i: number): ReturnType<typeof openingOf> => openingOf({ originalDigest: `digest ${i}` });
    const settled = await Promise.allSettled(Array.from({ length: 12 }, async (_, i) => desk.open(opening(i))));
    expect(settled.filter(({ status }) => status === 'fulfilled')).to.have.length(5);
    expect(await desk.list()).to.have.length(5);
    await Promise.all((await desk.list()).slice(0, 2).map(({ decisionId }) => desk.end(decisionId, 'withdrawn')));
    expect(await desk.open(opening(20))).to.include({ kind: 'opened' });
  });

  it('are in the file when it is closed in the same turn', async () => {
    const store = open();
    const records = [recordOf(), recordOf(), recordOf()];
    const inserted = records.map((record) => store.approvals.insert(record));
    store.close();
    expect(await Promise.all(inserted)).to.deep.equal([true, true, true]);
    expect(bare(path().split('/').at(-1)).prepare('SELECT count(*) AS n FROM approval').get()).to.deep.include({ n: 3 });
  });

  it('are refused, or in the file, whichever statement fails: never answered without being there', async () => {
    let [points, lost, refused] = [0, 0, 0];
    for (let failAt = 1; ; failAt++) {
      const store = open(`fails-${failAt}.db`);
      let [nth, hasFailed] = [0, false];
      const records = Array.from({ length: 4 }, () => recordOf());
      const settled = await watching(
        () => {
          if (++nth !== failAt) return;
          hasFailed = true;
          throw Object.assign(new Error('disk I/O error'), { errcode: 10 });
        },
        () => Promise.allSettled(records.map(async (record) => store.approvals.insert(record))),
      );
      if (!hasFailed) break;
      points += 1;
      for (const [i, one] of settled.entries()) {
        const { decisionId } = records[i] as (typeof records)[0];
        const isThere = store.approvals.get(decisionId) !== undefined;
        if (one.status === 'rejected') refused += 1;
        if ((one.status === 'fulfilled') !== isThere) lost += 1;
      }
      expect(await store.approvals.insert(recordOf())).to.equal(true);
      store.close();
    }
    console.log(
      `      ${points} statements failed in turn: ${refused} inserts refused, ${lost} answered otherwise than they are in the file`,
    );
    expect(points).to.be.at.least(14);
    expect(lost).to.equal(0);
  });
});
