import { expect } from 'chai';
import { shownTask } from '../../lib/http/shownTask.js';
import type { TaskDetail } from '../../lib/http/shownTask.js';
import type { Task } from '../../lib/index.js';

const ALL: ReadonlySet<TaskDetail> = new Set<TaskDetail>(['params', 'session', 'result', 'error', 'people']);

function taskOf(more: object): Task {
  return {
    taskId: 'task-1',
    decisionId: 'decision-1',
    status: 'pending',
    toolName: 'refund',
    agentId: 'shop',
    reason: 'over a hundred needs a person',
    createdAtMs: 0,
    updatedAtMs: 1_000,
    expiresAtMs: 2_000,
    params: { order: 'order-7', amount: 10n },
    session: { user_id: 'eve' },
    ...more,
  } as unknown as Task;
}

describe('shownTask', () => {
  it('shows ids, names, the reason and times, and no detail that was not asked for', () => {
    const task = taskOf({ status: 'completed', result: 'refunded', approvedBy: 'ann' });
    expect(shownTask(task, new Set())).to.deep.equal({
      task_id: 'task-1',
      approval_id: 'decision-1',
      status: 'completed',
      tool: 'refund',
      agent: 'shop',
      reason: 'over a hundred needs a person',
      created_at: '1970-01-01T00:00:00.000Z',
      updated_at: '1970-01-01T00:00:01.000Z',
      expires_at: '1970-01-01T00:00:02.000Z',
    });
  });

  it('says where a person edited the params, and no value', () => {
    expect(shownTask(taskOf({ edited: ['/amount'] }), new Set())).to.deep.include({ edited: ['/amount'] });
    expect(shownTask(taskOf({ edited: undefined }), new Set())).not.to.have.property('edited');
  });

  it('shows the details that a completed, a failed and a denied task have', () => {
    expect(shownTask(taskOf({ status: 'completed', result: { ok: true }, approvedBy: 'ann' }), ALL)).to.deep.include({
      params: { order: 'order-7', amount: '10' },
      session: { user_id: 'eve' },
      result: { ok: true },
      approved_by: 'ann',
    });
    const error = { code: 'method_failed', message: 'no money', stack: 'at refund' };
    expect(shownTask(taskOf({ status: 'failed', error }), ALL)['error']).to.deep.equal({ code: 'method_failed', message: 'no money' });
    expect(shownTask(taskOf({ status: 'denied', deniedBy: 'bob' }), ALL))
      .to.include({ denied_by: 'bob' })
      .and.not.have.any.keys('result');
  });

  it('shows null for a time that no date can have, and for a result that JSON leaves out', () => {
    const shown = shownTask(taskOf({ expiresAtMs: 8.64e15 + 1, result: undefined }), ALL);
    expect([shown['expires_at'], shown['result']]).to.deep.equal([null, null]);
  });

  it('says of a result that cannot be written as JSON that it cannot be shown', () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    expect(shownTask(taskOf({ result: circular }), ALL)['result']).to.equal('This value cannot be shown.');
  });
});
