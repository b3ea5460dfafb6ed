import { expect } from 'chai';
import { PendingWrites } from '../../../lib/approval/task/PendingWrites.js';
import type { TaskOutcome } from '../../../lib/store/TaskStore.js';
import { rejection } from '../../support/rejection.js';

describe('PendingWrites', () => {
  const outcome: TaskOutcome = { to: 'completed', result: 1 };

  function setup() {
    const settled: string[] = [];
    const refuses = new Set<string>();
    const late = new PendingWrites({
      settle: async (taskId, token, given) => {
        if (refuses.has(taskId)) throw new Error(`no room for ${taskId}`);
        expect(given).to.equal(outcome);
        settled.push(`${taskId} ${token}`);
      },
      release: async (taskId, token) => settled.push(`${taskId} ${token}, given back`),
    });
    return { late, settled, refuses };
  }

  it('are recorded once, in the order they came', async () => {
    const { late, settled } = setup();
    await late.flush();
    late.add('a', 't1', outcome);
    late.add('b', 't2', outcome);
    late.add('c', 't3', undefined);
    await late.flush();
    await late.flush();
    expect(settled).to.deep.equal(['a t1', 'b t2', 'c t3, given back']);
  });

  it('are not kept from it by one that fails again and again', async () => {
    const { late, settled, refuses } = setup();
    for (const taskId of ['a', 'b', 'c']) late.add(taskId, 't', outcome);
    refuses.add('a').add('b');
    expect(await rejection(late.flush())).to.include({ message: 'no room for a' });
    expect(settled).to.deep.equal(['c t']);
    refuses.clear();
    await late.flush();
    expect(settled).to.deep.equal(['c t', 'a t', 'b t']);
  });
});
