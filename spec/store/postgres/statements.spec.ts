import { expect } from 'chai';
import { changingValues } from '../../../lib/store/postgres/rows.js';
import { ApprovalStatements, named, TaskStatements } from '../../../lib/store/postgres/statements.js';
import type { Statement } from '../../../lib/store/postgres/statements.js';
import { recordOf } from '../../support/approvalRecords.js';
import { pendingTask } from '../../support/tasks.js';

describe('The statements of a PostgreSQL store', () => {
  it('number their values in the order in which the text names them first', () => {
    const statement = named('SELECT :b, :a::text, :b FROM t WHERE x::int = :c_d', 'a name');
    expect(statement({ a: 1, b: [2], c_d: null, more: 3 })).to.deep.equal({
      name: 'a name',
      text: 'SELECT $1, $2::text, $1 FROM t WHERE x::int = $3',
      values: [[2], 1, null],
    });
    expect(named('SELECT 1')({})).to.deep.equal({ text: 'SELECT 1', values: [] });
  });

  it('refuse a value that was not given, which PostgreSQL would take for NULL', () => {
    expect(() => named('SELECT :version')({})).to.throw(TypeError, ':version');
    expect(() => named('SELECT :constructor')({})).to.throw(TypeError, ':constructor');
  });

  it('carry as many values as they have placeholders', () => {
    const [task, record, mark] = [pendingTask(), recordOf(), { stamp: 's', ownerId: 'o' }];
    const next = { ...task, status: 'approved' as const, version: 2 };
    const [tasks, approvals] = [new TaskStatements('s'), new ApprovalStatements('s')];
    const all: Statement[] = [
      tasks.read('t'),
      tasks.taken(task),
      tasks.insert(task, mark),
      tasks.change(task, next, mark),
      tasks.change(task, next, mark, 7),
      tasks.overwrite('1', task, next, mark),
      tasks.askAgain(next, task, mark),
      approvals.insert(record, mark),
      approvals.replace(record, 1, mark),
      approvals.overwrite('1', record, mark),
      approvals.withdrawOrphan(record, 1, mark),
      approvals.markDecided('d'),
    ];
    for (const { text, values } of all) {
      const placeholders = new Set([...text.matchAll(/\$(\d+)/g)].map(([, n]) => Number(n)));
      expect([...placeholders].sort((a, b) => a - b)).to.deep.equal(values.map((_, i) => i + 1));
      expect(text).to.not.match(/[^:]:[a-z]/);
    }
  });

  it('write a change only where the version is the one that was read, and tell of it', () => {
    const task = pendingTask();
    const next = { ...task, status: 'approved' as const, version: 2 };
    const { text, values } = new TaskStatements('s').change(task, next, { stamp: 'w', ownerId: 'me' });
    const at = (name: RegExp): unknown => values[Number(name.exec(text)?.[1]) - 1];
    expect(at(/ version = \$(\d+) AND /)).to.equal(1);
    expect(at(/SET .*? version = \$(\d+),/)).to.equal(2);
    expect(at(/ body = \$(\d+),/)).to.equal(changingValues(next).body);
    expect(at(/pg_notify\('s', \$(\d+)\)/)).to.equal(JSON.stringify(['task', task.taskId, 2, 'approved', 'pending', 'me']));
  });
});
