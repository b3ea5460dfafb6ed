import { expect } from 'chai';
import { resolutionChange } from '../../../lib/approval/task/manualTask.js';
import type { UnknownResolution } from '../../../lib/approval/task/manualTask.js';
import { TaskStateError } from '../../../lib/model/errors/SetupErrors.js';

describe('resolutionChange', () => {
  it('says who settled it how, and when', () => {
    const word = { by: 'ann', reason: 'looked it up' };
    const resolution = (how: string) => ({ how, by: 'ann', reason: 'looked it up', atMs: 7 });
    expect(resolutionChange('t', { outcome: 'done', ...word }, 7)).to.deep.equal({
      to: 'completed',
      result: undefined,
      resolution: resolution('done'),
    });
    for (const [how, what] of [
      ['retry', 'had it called again'],
      ['abandon', 'abandoned it'],
    ] as const) {
      const change = resolutionChange('t', { outcome: how, ...word }, 7);
      expect(change).to.deep.include({ to: 'failed', resolution: resolution(how) });
      expect(change).to.have.nested.property('error.code', 'outcome_unknown');
      expect((change as { error: { message: string } }).error.message).to.contain(`ann ${what}`);
    }
  });

  it('takes no word of nobody, and none that it does not know', () => {
    for (const by of [undefined, '', ' ', 5, 'x'.repeat(257)])
      expect(() => resolutionChange('t', { outcome: 'done', by } as unknown as UnknownResolution, 7)).to.throw(TaskStateError, '`by`');
    expect(() => resolutionChange('t', { outcome: 'done', by: 'ann', reason: 5 } as unknown as UnknownResolution, 7)).to.throw(
      TaskStateError,
    );
    expect(() => resolutionChange('t', { outcome: 'undo' as 'done', by: 'ann' }, 7)).to.throw(TaskStateError, "'abandon'.");
    expect(() => resolutionChange('t', { outcome: 'retri' as 'retry', by: 'ann' }, 7)).to.throw(TaskStateError, "did you mean 'retry'?");
  });
});
