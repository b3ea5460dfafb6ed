import { expect } from 'chai';
import { TASK_STATUSES } from '../../lib/model/Task.js';
import type { DuplicateCallQuery, TaskStore } from '../../lib/store/TaskStore.js';
import { pendingTask } from '../support/tasks.js';
import { ERROR, inStatus, LATER, NOW } from './taskInStatus.js';

/** How a store finds the task of an approval, and that of an equal call. */
export function findsTasks(of: () => TaskStore): void {
  describe('ofDecision', () => {
    it('finds the task by its approval and by every earlier one', async () => {
      const task = await inStatus(of(), 'approved');
      expect(await of().ofDecision(task.decisionId)).to.deep.equal(task);
      expect(await of().ofDecision('another')).to.equal(undefined);
      const decisionId = `${task.decisionId}-again`;
      const again = { to: 'pending', decisionId, params: {}, digest: 'd', reason: undefined, expiresAtMs: NOW + 36_000_000 } as const;
      const asked = await of().transition(task.taskId, ['approved'], again, LATER);
      for (const id of [decisionId, task.decisionId]) expect(await of().ofDecision(id)).to.deep.equal(asked);
    });

    it('finds none that was deleted', async () => {
      const task = await inStatus(of(), 'cancelled');
      await of().prune({ keep: 0, finishedBeforeMs: 0 });
      expect(await of().ofDecision(task.decisionId)).to.equal(undefined);
    });
  });

  describe('findOpen', () => {
    const query = (task: DuplicateCallQuery): DuplicateCallQuery => {
      const { guardKey, agentId, originalDigest, sessionDigest, mode } = task;
      return { guardKey, agentId, originalDigest, sessionDigest, mode };
    };

    it('finds the oldest of two', async () => {
      const [first] = [await inStatus(of(), 'approved'), await inStatus(of(), 'pending')];
      expect(await of().findOpen(query(first))).to.deep.equal(first);
    });

    for (const field of ['guardKey', 'agentId', 'originalDigest', 'sessionDigest', 'mode'] as const) {
      it(`finds none where ${field} differs`, async () => {
        const task = await inStatus(of(), 'pending');
        expect(await of().findOpen(query(task))).to.deep.equal(task);
        expect(await of().findOpen({ ...query(task), [field]: field === 'mode' ? 'throw' : 'else' })).to.equal(undefined);
      });
    }

    for (const status of TASK_STATUSES) {
      const open = status === 'pending' || status === 'approved';
      it(`${open ? 'finds' : 'does not find'} one that is ${status}`, async () => {
        const task = await inStatus(of(), status);
        expect(await of().findOpen(query(task))).to.deep.equal(open ? task : undefined);
      });
    }

    it('finds the next one when the oldest is over', async () => {
      const [first, second] = [await inStatus(of(), 'pending'), await inStatus(of(), 'pending')];
      await of().transition(first.taskId, ['pending'], { to: 'cancelled', error: ERROR }, LATER);
      expect(await of().findOpen(query(first))).to.deep.equal(second);
    });
  });

  it('gives back where a task came from', async () => {
    const origin = {
      ownerId: of().ownerId,
      resumable: true,
      originalParams: { at: new Date(7), big: 5n, $aegis: 'date', value: 1 },
      target: 'Till',
      argumentCount: 2,
      signature: 'sig',
      idempotent: true,
    };
    const task = pendingTask({ origin });
    await of().insert(task);
    expect(await of().get(task.taskId)).to.deep.equal(task);
    expect(await of().transition(task.taskId, ['pending'], { to: 'approved' }, LATER)).to.deep.include({ origin });
  });
}
