import { expect } from 'chai';
import type { Task } from '../../lib/model/Task.js';
import { pendingTask } from '../support/tasks.js';
import { check } from './checker.js';

/** A task of the store in the end, made by `w1`, whose store handle is `h1`. */
function taskAs(status: Task['status'], more: Record<string, unknown> = {}, idempotent = false): Task {
  const origin = { ownerId: 'h1', resumable: true, originalParams: {}, argumentCount: 1, signature: 's', idempotent };
  const fields = { ...pendingTask(), taskId: 't', decisionId: 'd', runs: 1, version: 4, updatedAtMs: 9_000, origin };
  return { ...fields, status, ...more } as unknown as Task;
}

/** All that is as it should be: approved, run once, completed, told. */
const GOOD = [
  'ready w1 h1 1000',
  'inserted w1 t d',
  'approving ann d',
  'approved ann d',
  'claimed w1 t k',
  'event w1 t 3 executing',
  'start w1 7 t d',
  'end w1 7 t d',
  'settled w1 t k completed',
  'event w1 t 4 completed',
  'left w1',
];
const without = (word: string): string[] => GOOD.filter((line) => !line.startsWith(word));
const before = (word: string, ...lines: string[]): string[] => GOOD.flatMap((line) => (line.startsWith(word) ? [...lines, line] : [line]));
const untilWord = (word: string): string[] =>
  GOOD.slice(
    0,
    GOOD.findIndex((line) => line.startsWith(word)),
  );
const faultsOf = (lines: readonly string[], tasks: readonly Task[], maxRuns?: number): readonly string[] =>
  check(lines, tasks, maxRuns).faults;

describe('The checker of crash tests', () => {
  it('finds nothing in a good history, and counts it', () => {
    const { faults, counts } = check(GOOD, [taskAs('completed')]);
    expect(faults).to.deep.equal([]);
    expect(counts).to.include({ kills: 0, tasks: 1, approvals: 1, starts: 1, completed: 1, unknown: 0, twice: 0, lost: 0 });
  });

  it('finds nothing in a killed execution of either kind, and counts what began again', () => {
    const killed = [...untilWord('end'), 'killed w1'];
    expect(check(killed, [taskAs('unknown', { executorId: 'h1' })])).to.deep.include({ faults: [] });
    const again = [...killed, 'ready w2 h2 1000', 'claimed w2 t k2', 'start w2 7 t d', 'end w2 7 t d', 'settled w2 t k2 completed'];
    const { faults, counts } = check(again, [taskAs('completed', { runs: 2 }, true)]);
    expect(faults).to.deep.equal([]);
    expect(counts).to.include({ kills: 1, reclaimed: 1, starts: 2 });
  });

  it('finds nothing in a denied, a failed, and a never inserted call', () => {
    expect(faultsOf(['denying ann d', 'denied ann d'], [taskAs('denied', { runs: 0 })])).to.deep.equal([]);
    expect(faultsOf([...untilWord('end'), 'threw w1 7 t d', 'settled w1 t k failed'], [taskAs('failed')])).to.deep.equal([]);
    expect(faultsOf(['approving ann d', 'approved ann d'], [])).to.deep.equal([]);
  });

  it('finds nothing in an edited call that ran as it was edited, and counts the edits', () => {
    const edited = before('approving', 'editing ann d 1000007').map((line) => line.replace('w1 7 t', 'w1 1000007 t'));
    const { faults, counts } = check(edited, [taskAs('completed', { edited: ['/n'] })]);
    expect([faults, counts.edited, counts.otherwise]).to.deep.equal([[], 1, 0]);
  });

  const bad: Readonly<Record<string, readonly [fault: RegExp, lines: readonly string[], tasks: readonly Task[]]>> = {
    'a run with what its agent had asked for, where it was edited': [
      /^otherwise: w1 ran t with 7, and d was edited to 1000007/,
      before('approving', 'editing ann d 1000007'),
      [taskAs('completed', { edited: ['/n'] })],
    ],
    'an edited run whose task does not say so': [
      /^otherwise: t is completed, and does not say/,
      before('approving', 'editing ann d 7'),
      [taskAs('completed')],
    ],
    'a run that nobody had approved': [/^without approval: w1 ran t, and nobody/, without('approv'), [taskAs('completed')]],
    'a run before the approval': [/^without approval/, before('approving', 'start w1 7 t d'), [taskAs('completed', { runs: 2 }, true)]],
    'a run that only a denial came before': [
      /^without approval/,
      without('approv').map((line) => (line.startsWith('inserted') ? 'denying ann d' : line)),
      [taskAs('completed')],
    ],
    'a run under the approval of another task': [/under d, not its own/, GOOD, [taskAs('completed', { decisionId: 'd2', history: ['d'] })]],
    'a second run of what runs once': [
      /^twice: t was entered 2 times, 1/,
      before('end', 'start w2 7 t d'),
      [taskAs('completed', { runs: 2 })],
    ],
    'a run that no claim stands for': [
      /^twice: t was entered 2 times, 1/,
      before('end', 'start w2 7 t d'),
      [taskAs('completed', {}, true)],
    ],
    'an approved task that is gone': [/^lost: d was approved, and its task is gone/, untilWord('claimed'), []],
    'an approved call that was denied all the same': [
      /^lost: d was approved, and t is denied/,
      before('claimed', 'denying ann d'),
      [taskAs('denied')],
    ],
    'an approved call that was let time out': [/^lost: d was approved, and t is timeout/, untilWord('claimed'), [taskAs('timeout')]],
    'an approved call that was cancelled': [/^lost: d was approved, and t is cancelled/, untilWord('claimed'), [taskAs('cancelled')]],
    'an approved call that failed, though its method did not throw': [
      /^lost: d was approved, and t is failed/,
      untilWord('end'),
      [taskAs('failed')],
    ],
    'a task that is gone before anybody approved it': [/^lost: t of d was inserted and is gone/, untilWord('approving'), []],
    'an outcome that is another by now': [
      /^lost: t was settled completed, and is unknown/,
      [...GOOD, 'killed w1'],
      [taskAs('unknown', { executorId: 'h1' })],
    ],
    'a task that nobody sees to': [/^unfinished: t is pending/, untilWord('approving'), [taskAs('pending', { runs: 0 })]],
    'a task that is approved for ever': [/^unfinished: t is approved/, untilWord('claimed'), [taskAs('approved', { runs: 0 })]],
    'a task that is executing for ever': [/^unfinished: t is executing/, untilWord('end'), [taskAs('executing')]],
    'a completed task whose method never came to its end': [/^made up: t is completed/, without('end'), [taskAs('completed')]],
    'a failed task whose method never threw': [/^made up: t is failed/, GOOD, [taskAs('failed')]],
    'a denied task that nobody denied': [/^made up: t is denied, and nobody/, untilWord('approving'), [taskAs('denied')]],
    'a cancelled task that ran': [/^made up: t is cancelled, and it ran/, untilWord('settled'), [taskAs('cancelled')]],
    'an unknown task that nobody had claimed': [
      /^unknown: t is unknown, and nobody had claimed/,
      untilWord('claimed'),
      [taskAs('unknown', { runs: 0 })],
    ],
    'an unknown task whose process lives': [
      /^unknown: t is unknown, and w1, which claimed it, was not killed/,
      untilWord('end'),
      [taskAs('unknown', { executorId: 'h1' })],
    ],
    'an unknown task of a process nobody knows': [
      /h9, which claimed it, was not killed/,
      untilWord('end'),
      [taskAs('unknown', { executorId: 'h9' })],
    ],
    'an unknown task whose outcome was acknowledged': [
      /its outcome was acknowledged/,
      [...GOOD, 'killed w1'],
      [taskAs('unknown', { executorId: 'h1' })],
    ],
    'an unknown task that may run again': [
      /^unknown: t may run again/,
      [...untilWord('end'), 'killed w1'],
      [taskAs('unknown', { executorId: 'h1' }, true)],
    ],
    'a process that ended by itself': [/^crashed: w2/, [...GOOD, 'crashed w2'], [taskAs('completed')]],
    'a version that was told twice': [/^told twice: w1 told version 4/, before('left', 'event w1 t 4 completed'), [taskAs('completed')]],
    'a version that was told after a later one': [
      /^told late: w1 told version 3/,
      before('left', 'event w1 t 3 executing'),
      [taskAs('completed')],
    ],
    'a last version that was not told': [/^not told: w1 told of version 3/, without('event w1 t 4'), [taskAs('completed')]],
  };
  for (const [what, [fault, lines, tasks]] of Object.entries(bad)) {
    it(`reports ${what}`, () => {
      expect(faultsOf(lines, tasks).join('\n')).to.match(new RegExp(fault.source, 'm'));
    });
  }

  it('lets what is idempotent end as unknown once it has begun as often as it may', () => {
    const lines = [...untilWord('end'), 'killed w1', 'start w1 7 t d'];
    expect(faultsOf(lines, [taskAs('unknown', { executorId: 'h1', runs: 2 }, true)], 2)).to.deep.equal([]);
    expect(faultsOf([...lines, 'start w1 7 t d'], [taskAs('unknown', { executorId: 'h1', runs: 3 }, true)], 2)).to.have.length(1);
  });
});
