import { expect } from 'chai';
import { soundTask } from '../../lib/store/task/soundTask.js';
import type { TaskColumns } from '../../lib/store/task/soundTask.js';
import { originOf, pendingTask } from '../support/tasks.js';
import { diagnosed } from '../support/diagnosed.js';
import type { Task } from '../../lib/model/Task.js';

const TASK = pendingTask();
const EXECUTING = { ...TASK, status: 'executing', version: 3, claimToken: 't', executorId: 'e', leaseUntilMs: 1, startedAtMs: 1 } as Task;
const columnsOf = ({ taskId, decisionId, status, version }: Task): TaskColumns => ({
  task_id: taskId,
  decision_id: decisionId,
  status,
  version,
});

describe('soundTask', () => {
  /** What is made of a task whose text was changed, and what is reported. */
  const read = async (task: Task, text: unknown, more: Partial<TaskColumns> = {}): Promise<unknown> => {
    let found: unknown;
    const seen = await diagnosed(() => {
      found = soundTask({ ...columnsOf(task), ...more }, () => text as Task);
    });
    return [found, seen.map((d) => (d.kind === 'security' ? [d.code, d.subject?.decisionId, d.actor?.kind] : d.kind))];
  };
  const TAMPERED = [undefined, [['stored_task_tampered', TASK.decisionId, 'store']]];

  it('gives what a store wrote, at every status', async () => {
    for (const task of [
      TASK,
      EXECUTING,
      { ...TASK, session: { user: 'ann' } },
      { ...TASK, status: 'failed', error: { name: 'E', message: '', code: 'c' } } as Task,
    ])
      expect(await read(task, task)).to.deep.equal([task, []]);
    expect(await read(TASK, TASK, { version: '1' })).to.deep.equal([TASK, []]);
  });

  it('reports a text that is not JSON, or not a task', async () => {
    const seen = await diagnosed(() => {
      expect(soundTask(columnsOf(TASK), () => JSON.parse('{') as Task)).to.equal(undefined);
    });
    expect(seen).to.have.length(1);
    for (const text of [null, 1, 'x', {}, []]) expect(await read(TASK, text)).to.deep.equal(TAMPERED);
  });

  it('reports each field that is missing, or of another kind', async () => {
    for (const field of Object.keys(TASK).filter((key) => !['reason', 'retryOf', 'origin'].includes(key)))
      for (const value of [undefined, true, ...(field === 'session' ? [] : [null])])
        expect(await read(TASK, { ...TASK, [field]: value }), field).to.deep.equal(TAMPERED);
    for (const leaseUntilMs of [undefined, null, 'x'])
      expect(await read(EXECUTING, { ...EXECUTING, leaseUntilMs })).to.deep.equal(TAMPERED);
    const origin = originOf('store_1');
    for (const odd of [null, 'x', {}, { ...origin, ownerId: undefined }, { ...origin, resumable: 1 }])
      expect(await read(TASK, { ...TASK, origin: odd })).to.deep.equal(TAMPERED);
    expect(await read(TASK, { ...TASK, origin })).to.deep.equal([{ ...TASK, origin }, []]);
    for (const error of [null, 'x', 1]) expect(await read(TASK, { ...TASK, error })).to.deep.equal(TAMPERED);
    expect(await read(TASK, { ...TASK, status: 'expired' }, { status: 'expired' })).to.deep.equal(TAMPERED);
  });

  it('reports columns that say something else than the text', async () => {
    for (const more of [{ task_id: 'other' }, { status: 'approved' }, { version: 2 }, { version: 'x' }])
      expect(await read(TASK, TASK, more), JSON.stringify(more)).to.deep.equal(TAMPERED);
    expect(await read(TASK, { ...TASK, decisionId: 'other' })).to.deep.equal(TAMPERED);
  });

  it('compares what a store keeps of a long text', () => {
    const row = { ...columnsOf(TASK), task_id: `${TASK.taskId}!`, decision_id: `${TASK.decisionId}!` };
    expect(
      soundTask(
        row,
        () => TASK,
        (text) => `${text}!`,
      ),
    ).to.equal(TASK);
  });
});
