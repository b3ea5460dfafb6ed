import { expect } from 'chai';
import type { TaskStatus } from '../../lib/model/Task.js';
import { isFinished, isLegalEdge, TASK_STATUSES } from '../../lib/model/Task.js';

describe('Task', () => {
  // rule 37, written out: whatever is not here is no edge
  const edges: Readonly<Record<TaskStatus, readonly TaskStatus[]>> = {
    pending: ['approved', 'denied', 'timeout', 'cancelled', 'failed'],
    approved: ['executing', 'denied', 'timeout', 'cancelled', 'pending'],
    executing: ['completed', 'failed', 'unknown', 'approved'],
    unknown: ['completed', 'failed'],
    completed: [],
    failed: [],
    denied: [],
    timeout: [],
    cancelled: [],
  };

  it('has the nine statuses', () => {
    expect(TASK_STATUSES).to.have.members(Object.keys(edges)).and.have.length(9);
  });

  for (const from of Object.keys(edges) as TaskStatus[]) {
    it(`goes from ${from} to ${edges[from].join(', ') || 'nowhere'} only`, () => {
      expect(TASK_STATUSES.filter((to) => isLegalEdge(from, to))).to.have.members([...edges[from]]);
      expect(isLegalEdge(from, 'APPROVED' as TaskStatus)).to.equal(false);
    });
  }

  it('is finished where it goes nowhere; unknown is not', () => {
    expect(TASK_STATUSES.filter(isFinished)).to.have.members(['completed', 'failed', 'denied', 'timeout', 'cancelled']);
  });
});
