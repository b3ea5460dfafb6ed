import { expect } from 'chai';
import { sizeOf } from '../../lib/model/snapshot/sizeOf.js';
import { storedSummary, summaryFrom } from '../../lib/store/storedSummary.js';
import { taskSummary } from '../../lib/store/taskSummary.js';
import { pendingTask } from '../support/tasks.js';

const LIMIT = 4_096;

describe('The summary of a task', () => {
  const fields = (count: number, value: (i: number) => unknown): Record<string, unknown> =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`field${i}`, value(i)]));

  it('has a small session and small metadata whole', () => {
    const [session, metadata] = [{ user_id: 'ann', roles: ['a', { deep: true }] }, { text: 'x'.repeat(4_000) }];
    expect(taskSummary(pendingTask({ session, metadata }), 'c')).to.deep.include({ session, metadata, cursor: 'c' });
    expect(taskSummary(pendingTask({ session: null }), 'c')).to.include({ session: null });
  });

  it('has the first of many short fields, as far as they fit together', () => {
    for (const value of [(i: number) => `${i}`.padEnd(200, 'x'), (i: number) => i, (i: number) => i % 2 === 0, () => 'ß'.repeat(256)]) {
      const all = fields(1_000, value);
      const { session, metadata } = taskSummary(pendingTask({ session: all, metadata: all }), '');
      for (const part of [session, metadata] as readonly Record<string, unknown>[]) {
        const names = Object.keys(part);
        expect(names).to.deep.equal(Object.keys(all).slice(0, names.length));
        expect(part).to.deep.equal(fields(names.length, value));
        expect(sizeOf(part)).to.be.within(LIMIT / 4, LIMIT);
      }
    }
  });

  it('is made of a row that somebody wrote by hand', () => {
    for (const error of ['other', 1, { name: 'E' }])
      expect(taskSummary({ ...pendingTask(), error } as never, 'c')).to.have.nested.property('error.message', 'undefined');
  });

  it('leaves out what is long or nested where not all of it fits, and keeps the short fields after that', () => {
    const metadata = {
      user: 'ann',
      text: 'x'.repeat(5_000),
      ['n'.repeat(300)]: 1,
      list: [1],
      more: { a: 1 },
      nothing: null,
      callId: 'c1',
      n: 7n,
    };
    expect(taskSummary(pendingTask({ metadata }), '').metadata).to.deep.equal({ user: 'ann', callId: 'c1', n: 7n });
  });

  it('is the same after it was stored', () => {
    const task = pendingTask({ session: { at: new Date(5), big: 7n, ...fields(500, (i) => i) }, metadata: { a: null } });
    expect(summaryFrom(storedSummary(task), 'c')).to.deep.equal(taskSummary(task, 'c'));
  });
});
