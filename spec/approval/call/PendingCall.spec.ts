import { expect } from 'chai';
import { HeldCall } from '../../../lib/approval/call/PendingCall.js';
import type { Task } from '../../../lib/model/Task.js';
import { requestOf } from '../../support/callRequests.js';
import { pendingTask } from '../../support/tasks.js';

describe('PendingCall', () => {
  it('knows the error behind what its task recorded, whoever else tried to end it at the same time', () => {
    const { entry, ended } = setup();
    const errors = [new Error('a'), new Error('b'), new RangeError('a'), Object.assign(new Error('a'), { code: 'c' })];
    const summaries = errors.map(({ name, message, code }: Error & { code?: string }) => ({
      name,
      message,
      ...(code === undefined ? {} : { code }),
    }));
    for (const status of ['cancelled', 'timeout'] as const) {
      for (const [i, error] of errors.entries()) entry.noteError(status, summaries[i]!, status === 'cancelled' ? error : `${i}`);
    }
    for (const [i, error] of errors.entries()) {
      // a store gives back what it wrote, not the same object
      expect(entry.errorNoted(ended('cancelled', { ...summaries[i]! }))).to.deep.include({ error });
      expect(entry.errorNoted(ended('timeout', { ...summaries[i]! }))).to.deep.include({ error: `${i}` });
      expect(entry.errorNoted(ended('denied', { ...summaries[i]! }))).to.equal(undefined);
    }
    expect(entry.errorNoted(ended('cancelled', { name: 'Error', message: 'of somebody else' }))).to.equal(undefined);
    expect(entry.errorNoted(pendingTask())).to.equal(undefined);
  });

  it('ends once: later ends are ignored', () => {
    const settled: unknown[] = [];
    const { entry } = setup((result, error) => settled.push([result, error]));
    const told: unknown[] = [];
    entry.whenEnded((outcome) => told.push(outcome));
    entry.end({ ok: true, value: 1 });
    entry.end({ ok: false, error: new Error('late') });
    expect([entry.phase, entry.outcome, told, settled]).to.deep.equal([
      'ended',
      { ok: true, value: 1 },
      [{ ok: true, value: 1 }],
      [[1, undefined]],
    ]);
  });

  function setup(onSettled?: (result: unknown, error: unknown) => unknown) {
    const task = pendingTask();
    const call = { task, request: requestOf(), run: () => 1, admit: (params: object) => params as never, onSettled };
    const entry = new HeldCall<unknown>(call.task, call, async () => true);
    const ended = (status: Task['status'], error: object): Task => ({ ...task, status, error }) as Task;
    return { entry, ended };
  }
});
