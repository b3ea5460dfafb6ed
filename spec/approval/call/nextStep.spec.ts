import { expect } from 'chai';
import { nextStep } from '../../../lib/approval/call/nextStep.js';
import type { Answer, CallState, Step, StepRules } from '../../../lib/approval/call/nextStep.js';
import type { DecisionStatus } from '../../../lib/model/Decision.js';
import { TASK_STATUSES } from '../../../lib/model/Task.js';
import type { Task, TaskStatus } from '../../../lib/model/Task.js';
import { pendingTask } from '../../support/tasks.js';

const START = Date.UTC(2026, 0, 1);
const EXPIRES = START + 60_000;
const TIMES = {
  'at the start': START,
  'before the last read': EXPIRES - 1_001,
  'at the last read': EXPIRES - 1_000,
  'just before the end': EXPIRES - 1,
  'at the end': EXPIRES,
  'long after the end': EXPIRES + 86_400_000,
} as const;
const task = pendingTask({ createdAtMs: START, expiresAtMs: EXPIRES });
const { decisionId } = task;
const status = (state: string, more: object = {}): Answer => ({
  kind: 'status',
  status: { decisionId, state, ...more } as unknown as DecisionStatus,
});
const ANSWERS: Readonly<Record<string, Answer>> = {
  followed: { kind: 'followed' },
  due: { kind: 'due', asking: false },
  'due while asking': { kind: 'due', asking: true },
  pending: status('pending'),
  approved: status('approved', { by: 'ann' }),
  denied: status('denied', { by: 'ann', reason: 'no' }),
  expired: status('expired'),
  malformed: status('malformed', { reason: 'it is a text' }),
  'of another decision': { kind: 'status', status: { decisionId: 'another', state: 'approved' } },
  'no status': { kind: 'status', status: undefined },
  streamEnded: { kind: 'streamEnded' },
  failed: { kind: 'failed' },
};
const RULES: StepRules = { pushed: false, polls: true, maxAttempts: 50 };

interface Case {
  readonly call: CallState;
  readonly nowMs: number;
  readonly answer: Answer;
  readonly rules: StepRules;
}

function* cases(): Generator<Case> {
  for (const is of TASK_STATUSES)
    for (const phase of ['waiting', 'busy', 'ended'] as const)
      for (const background of [false, true])
        for (const [polls, undecided] of [
          [1, 1],
          [50, 49],
          [50, 50],
        ] as const)
          for (const nowMs of Object.values(TIMES))
            for (const answer of Object.values(ANSWERS))
              for (const pushed of [false, true])
                for (const may of [false, true])
                  for (const maxAttempts of [50, undefined])
                    yield {
                      call: callOf(is, { phase, background, polls, undecided }),
                      nowMs,
                      answer,
                      rules: { pushed, polls: may, maxAttempts },
                    };
}

function callOf(is: TaskStatus, more: Partial<CallState> = {}): CallState {
  return { task: { ...task, status: is } as Task, phase: 'waiting', background: true, polls: 2, undecided: 2, ...more };
}

const step = (answer: Answer, more: Partial<CallState> = {}, nowMs = START, rules: Partial<StepRules> = {}): Step =>
  nextStep({ ...callOf('pending'), ...more }, nowMs, answer, { ...RULES, ...rules });

/** What a step is, without the errors in it. */
const nameOf = (of: Step): string => (of.kind === 'end' ? of.resolution.change.to : of.kind);

describe('nextStep', () => {
  describe('in every status, with every answer, at every time', () => {
    let all: readonly (Case & { readonly step: Step })[];
    before(function () {
      this.timeout(30_000);
      all = [...cases()].map((of) => ({ ...of, step: nextStep(of.call, of.nowMs, of.answer, of.rules) }));
    });
    after(() => (all = []));
    type Walked = Case & { readonly step: Step };

    /** That a law holds for all steps of a kind, of which there are some. */
    function holds(is: (of: Walked) => boolean, law: (of: Walked) => boolean): void {
      const found = all.filter(is);
      expect(found).to.not.have.length(0);
      const broken = found.find((of) => !law(of));
      expect(broken).to.equal(undefined);
    }

    it('walks them all', () => {
      expect(all).to.have.length(TASK_STATUSES.length * 3 * 2 * 3 * 6 * 12 * 2 * 2 * 2);
    });

    it('runs only what is approved, followed, waiting, due and not over', () => {
      holds(
        ({ step: { kind } }) => kind === 'run',
        ({ call: { task: of, phase, background }, nowMs, answer }) =>
          of.status === 'approved' && phase === 'waiting' && background && answer === ANSWERS['due'] && nowMs < EXPIRES,
      );
    });

    it('takes for a yes only what says so of this decision', () => {
      holds(
        ({ step: { kind } }) => kind === 'approve',
        ({ step: is, answer }) => answer === ANSWERS['approved'] && is.kind === 'approve' && is.status.by === 'ann',
      );
    });

    it('does nothing about what has ended', () => {
      holds(
        ({ call }) => call.phase === 'ended',
        ({ step: is }) => is.kind === 'none',
      );
    });

    it('asks only about what waits in the background, is due, and is not over', () => {
      holds(
        ({ step: { kind } }) => kind === 'ask',
        ({ call: { task: of, phase, background }, nowMs, answer }) =>
          of.status !== 'approved' && phase === 'waiting' && background && answer === ANSWERS['due'] && nowMs < EXPIRES,
      );
    });

    it('never waits beyond the end', () => {
      holds(
        ({ step: { kind } }) => kind === 'wait',
        ({ step: is, nowMs }) => is.kind === 'wait' && is.untilMs <= Math.max(EXPIRES, nowMs),
      );
    });

    it('ends by time only at the end, or with the last answer of a polled service that it is pending, and says so to the service', () => {
      holds(
        ({ step: is, answer }) => nameOf(is) === 'timeout' && answer !== ANSWERS['expired'],
        ({ step: is, nowMs, call, answer, rules }) => {
          const last = answer === ANSWERS['pending'] && rules.polls && !rules.pushed;
          const spent = last && call.background && call.undecided >= (rules.maxAttempts ?? Infinity);
          return is.kind === 'end' && is.notify === 'expire' && (nowMs >= EXPIRES || spent);
        },
      );
    });

    it('ends with what the service says, which it does not have to be told', () => {
      const ends = { denied: 'denied', expired: 'timeout', malformed: 'failed', 'of another decision': 'failed', 'no status': 'failed' };
      for (const [answer, to] of Object.entries(ends)) {
        holds(
          (of) => of.answer === ANSWERS[answer] && of.call.phase !== 'ended',
          ({ step: is }) => is.kind === 'end' && is.resolution.change.to === to && is.notify === undefined,
        );
      }
    });

    it('changes nothing of the call', () => {
      for (const { call, nowMs, answer, rules } of all.filter((_, i) => i % 500 === 0)) {
        const copy = structuredClone(call);
        nextStep(call, nowMs, answer, rules);
        expect(call).to.deep.equal(copy);
      }
    });
  });

  it('polls a followed call after its delay, and reads what is pushed or approved at once', () => {
    const lastRead = EXPIRES - 1_000;
    expect(step({ kind: 'followed' })).to.deep.equal({ kind: 'wait', untilMs: lastRead, afterDelay: true });
    const now = { kind: 'wait', untilMs: START, afterDelay: false };
    expect(step({ kind: 'followed' }, {}, START, { pushed: true })).to.deep.equal(now);
    expect(step({ kind: 'followed' }, { task: { ...task, status: 'approved' } as Task })).to.deep.equal(now);
    expect(step({ kind: 'followed' }, { background: false })).to.deep.equal({ kind: 'wait', untilMs: EXPIRES, afterDelay: false });
  });

  it('reads a status for the last time a second before the end; one that is short from the start in its middle', () => {
    expect(step(status('pending'), {}, START, { pushed: true })).to.include({ untilMs: EXPIRES - 1_000, afterDelay: false });
    const short = { task: { ...task, expiresAtMs: START + 800 }, polls: 0 };
    expect(step(status('pending'), short, START, { pushed: true })).to.include({ untilMs: START + 400 });
    expect(step(status('pending'), { ...short, polls: 2 }, START, { pushed: true })).to.include({ untilMs: START + 800 });
  });

  it('waits for the deadline where nothing can be asked, and after the last read', () => {
    const deadline = { kind: 'wait', untilMs: EXPIRES, afterDelay: false };
    expect(step(status('pending'), {}, START, { polls: false })).to.deep.equal(deadline);
    expect(step(status('pending'), {}, EXPIRES - 1_000)).to.deep.equal(deadline);
    expect(step({ kind: 'due', asking: true })).to.deep.equal(deadline);
    expect(step({ kind: 'failed' }, { background: false })).to.deep.equal(deadline);
  });

  it('ends after the last attempt at a polled service, and at none that is pushed or durable', () => {
    expect(nameOf(step(status('pending'), { undecided: 50 }))).to.equal('timeout');
    expect(nameOf(step(status('pending'), { undecided: 49 }))).to.equal('wait');
    expect(nameOf(step(status('pending'), { undecided: 50 }, START, { pushed: true }))).to.equal('wait');
    expect(nameOf(step(status('pending'), { undecided: 50 }, START, { maxAttempts: undefined }))).to.equal('wait');
  });

  it('never ends by attempts because of what is no answer', () => {
    for (const kind of ['followed', 'failed', 'streamEnded'] as const)
      expect(step({ kind }, { polls: 200, undecided: 50 })).to.deep.equal({ kind: 'wait', untilMs: EXPIRES - 1_000, afterDelay: true });
    expect(nameOf(step(status('pending'), { polls: 200, undecided: 49 }))).to.equal('wait');
  });

  it('tries again after a failure: the next poll, or an approved call after a delay, or the end where the time is over', () => {
    expect(step({ kind: 'failed' })).to.deep.equal({ kind: 'wait', untilMs: EXPIRES - 1_000, afterDelay: true });
    const approved = { task: { ...task, status: 'approved' } as Task };
    for (const rules of [{}, { pushed: true }])
      expect(step({ kind: 'failed' }, approved, START, rules)).to.deep.equal({ kind: 'wait', untilMs: EXPIRES, afterDelay: true });
    expect(step({ kind: 'failed' }, {}, EXPIRES)).to.deep.equal({ kind: 'wait', untilMs: EXPIRES, afterDelay: true });
  });

  it('polls what was pending when the stream of statuses ended, and leaves the rest alone', () => {
    expect(step({ kind: 'streamEnded' })).to.include({ kind: 'wait', afterDelay: true });
    expect(step({ kind: 'streamEnded' }, { phase: 'busy' }).kind).to.equal('none');
    expect(step({ kind: 'streamEnded' }, { task: { ...task, status: 'approved' } as Task }).kind).to.equal('none');
  });

  it('says how it ends in the words of its task and its caller', () => {
    const denied = step(status('denied', { by: 'ann', reason: 'too much' }));
    expect(denied).to.deep.include({ kind: 'end' });
    if (denied.kind === 'end') {
      expect(denied.resolution.error).to.include({ name: 'ForbiddenError', message: "Tool 'refund' was refused by a person: too much" });
      expect(denied.resolution.change).to.deep.include({ to: 'denied', deniedBy: 'ann' });
    }
  });
});
