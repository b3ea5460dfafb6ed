import { expect } from 'chai';
import { assert, asyncProperty, constantFrom, array } from 'fast-check';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import type { DecisionStatus } from '../../lib/model/Decision.js';
import { requestOf } from '../support/callRequests.js';
import { diagnosed, securityCodes } from '../support/diagnosed.js';
import type { PendingApproval } from '../../lib/model/PendingApproval.js';
import { TaskStateError } from '../../lib/model/errors/SetupErrors.js';
import { rejection } from '../support/rejection.js';
import { schedulerSetup } from '../support/schedulerSetup.js';
import type { SchedulerSetup } from '../support/schedulerSetup.js';
import type { State, StatusScript } from '../support/scriptedDecisions.js';
import { pendingTask } from '../support/tasks.js';
import { SharedMemoryStore } from '../support/SharedMemoryStore.js';
import type { Task } from '../../lib/model/Task.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const TEN_YEARS = 10 * 365.25 * DAY;

describe('ApprovalScheduler', () => {
  let time: SinonFakeTimers;
  let start: number;
  beforeEach(() => {
    time = useFakeTimers({ now: Date.UTC(2026, 0, 1) });
    start = Date.now();
  });
  afterEach(() => time.restore());

  const inAnHour = (): { expiresAtMs: number } => ({ expiresAtMs: Date.now() + HOUR });
  const askedAfter = ({ service }: SchedulerSetup): number[] => service.askedAt.map((at) => at - start);

  describe('polling', () => {
    it('asks after 2, 2, 4, 8 … seconds, 60 at the most', async () => {
      const setup = schedulerSetup();
      await setup.submit({ expiresAtMs: start + DAY });
      await time.tickAsync(200_000);
      const gaps = askedAfter(setup).map((at, i, all) => (at - (all[i - 1] ?? 0)) / 1_000);
      expect(gaps.slice(0, 8)).to.deep.equal([2, 2, 4, 8, 16, 32, 60, 60]);
    });

    it('takes the delays and the jitter it is given', async () => {
      const draws = [0, 0.5, 0.999_999, 0];
      const setup = schedulerSetup({
        polling: { initialDelayMs: 1_000, maxDelayMs: 5_000, jitterRatio: 0.5 },
        random: () => draws.shift() ?? 0.5,
      });
      await setup.submit(inAnHour());
      await time.tickAsync(30_000);
      const gaps = askedAfter(setup).map((at, i, all) => at - (all[i - 1] ?? 0));
      expect(gaps.slice(0, 6)).to.deep.equal([500, 1_000, 3_000, 2_000, 5_000, 5_000]);
    });

    it('never asks sooner than 100 ms after', async () => {
      const setup = schedulerSetup({ polling: { initialDelayMs: 1, maxDelayMs: 5_000, jitterRatio: 0.5 }, random: () => 0 });
      await setup.submit(inAnHour());
      await time.tickAsync(320);
      expect(askedAfter(setup)).to.deep.equal([100, 200, 300]);
    });

    it('waits longer after a network error, as after an answer, and goes on', async () => {
      const script: StatusScript = (decisionId, n) => {
        if (n === 0) throw new Error('connection refused');
        if (n === 1) return Promise.reject(new Error('connection reset'));
        return { decisionId, state: n === 2 ? 'pending' : 'approved' };
      };
      const warned: unknown[] = [];
      const logger = { debug() {}, info() {}, error() {}, warn: (fields: object) => warned.push(fields) };
      const setup = schedulerSetup({ service: { status: script }, logger });
      const { handle, task } = await setup.submit(inAnHour());
      await time.tickAsync(HOUR / 2);
      expect(await handle.completed).to.equal('done');
      expect(askedAfter(setup)).to.deep.equal([2_000, 4_000, 8_000, 16_000]);
      expect((await setup.registry.getTask(task.taskId))?.attemptCount).to.equal(4);
      expect(warned).to.deep.equal([
        { taskId: task.taskId, error: 'Error' },
        { taskId: task.taskId, error: 'Error' },
      ]);
    });

    it('times out after maxAttempts that were answered as pending, and tells the service', async () => {
      const setup = schedulerSetup({
        polling: { maxAttempts: 3 },
        service: { status: (decisionId) => ({ decisionId, state: 'pending' }) },
      });
      const { handle, task, path, runs } = await setup.submit(inAnHour());
      await time.tickAsync(HOUR / 2);
      const error = await rejection(handle.completed);
      expect(error).to.include({ name: 'ApprovalTimeoutError', taskId: task.taskId, decisionId: task.decisionId });
      expect(error.message).to.contain('3 polls');
      expect(path).to.deep.equal(['pending', 'timeout']);
      expect(setup.service.asked).to.deep.equal([...Array<string>(3).fill(`status ${task.decisionId}`), `expire ${task.decisionId}`]);
      expect(runs).to.have.length(0);
    });

    for (const first of [0, 1, 2])
      it(`runs what was approved while the service was away for more polls than maxAttempts, after ${first} answers`, async () => {
        const status: StatusScript = (decisionId, n) => {
          if (n < first) return { decisionId, state: 'pending' };
          if (n < first + 7) throw new Error('down');
          return { decisionId, state: 'approved' };
        };
        const setup = schedulerSetup({ polling: { maxAttempts: 3 }, service: { status } });
        const { handle, runs, path } = await setup.submit(inAnHour());
        await time.tickAsync(HOUR - 1);
        expect(path).to.deep.equal(['pending', 'approved', 'executing', 'completed']);
        expect([await handle.completed, runs.length, setup.service.count('expire')]).to.deep.equal(['done', 1, 0]);
        expect(setup.service.count('status')).to.equal(first + 8);
      });

    it('counts what is answered between failures, and waits longer after each of both', async () => {
      const status: StatusScript = (decisionId, n) => {
        if (n % 2 === 1) throw new Error('down');
        return { decisionId, state: 'pending' };
      };
      const setup = schedulerSetup({ polling: { maxAttempts: 3 }, service: { status } });
      const { handle } = await setup.submit(inAnHour());
      await time.tickAsync(HOUR / 2);
      expect((await rejection(handle.completed)).message).to.contain('3 polls');
      // the last one tells it of the end
      expect(askedAfter(setup)).to.deep.equal([2_000, 4_000, 8_000, 16_000, 32_000, 32_000]);
    });

    it('ends at its deadline, and no sooner, what a service never answers', async () => {
      const status: StatusScript = () => {
        throw new Error('down');
      };
      const setup = schedulerSetup({ polling: { maxAttempts: 1 }, service: { status } });
      const { handle, path, runs } = await setup.submit(inAnHour());
      await time.tickAsync(HOUR - 1);
      expect(path).to.deep.equal(['pending']);
      await time.tickAsync(1);
      expect(await rejection(handle.completed)).to.include({ name: 'ApprovalTimeoutError' });
      expect(runs).to.have.length(0);
    });

    it('does not count what it asks while statuses are pushed, and ends nothing because the stream of them was lost', async () => {
      const setup = schedulerSetup({ polling: { maxAttempts: 2 }, service: { pushes: true } });
      const { handle, task, runs, path } = await setup.submit({ ...inAnHour(), offers: ['events'] });
      for (let lost = 0; lost < 5; lost++) {
        // as after each start of its server
        for (let n = 0; n < 3; n++) {
          setup.service.pushAnswer('resync');
          await time.tickAsync(10);
        }
        setup.service.endPush(new Error('lost'));
        await time.tickAsync(1_600);
        expect(path).to.deep.equal(['pending']);
      }
      expect(setup.service.count('status')).to.be.at.least(15);
      setup.service.push(task.decisionId, 'approved');
      await time.tickAsync(100);
      expect([await handle.completed, runs.length]).to.deep.equal(['done', 1]);
    });

    it('does not let maxAttempts end a task of a durable store, nor one that is pushed', async () => {
      const durable = Object.assign(schedulerSetupStore(), { durable: true });
      for (const options of [{ store: durable }, { service: { pushes: true } }]) {
        const setup = schedulerSetup({ polling: { maxAttempts: 1 }, ...options });
        const { handle } = await setup.submit(inAnHour());
        await time.tickAsync(HOUR / 2);
        expect(handle.status).to.equal('pending');
        await setup.scheduler.shutdown();
      }
    });

    it('is not done where it is switched off; the deadline still holds', async () => {
      const setup = schedulerSetup({ polling: { enabled: false } });
      expect(setup.scheduler.canAsk()).to.equal(false);
      expect(schedulerSetup({ polling: { enabled: false }, service: { pushes: true } }).scheduler.canAsk()).to.equal(true);
      const { handle } = await setup.submit(inAnHour());
      await time.tickAsync(HOUR);
      expect(setup.service.count('status')).to.equal(0);
      expect(await rejection(handle.completed)).to.include({ name: 'ApprovalTimeoutError' });
    });

    it('reads the status a last time just before the end', async () => {
      const at: Record<number, State> = { 59_000: 'approved' };
      const setup = schedulerSetup({
        polling: { initialDelayMs: 50_000, maxDelayMs: 300_000 },
        service: { status: (decisionId) => ({ decisionId, state: at[Date.now() - start] ?? 'pending' }) },
      });
      const { handle } = await setup.submit({ expiresAtMs: start + 60_000 });
      await time.tickAsync(59_000);
      expect(await handle.completed).to.equal('done');
      expect(askedAfter(setup)).to.deep.equal([50_000, 59_000]);
    });

    it('reads an approval that is shorter than the first delay in its middle', async () => {
      const setup = schedulerSetup({ service: { status: (decisionId) => ({ decisionId, state: 'approved' }) } });
      const { handle } = await setup.submit({ expiresAtMs: start + 400 });
      await time.tickAsync(400);
      expect(await handle.completed).to.equal('done');
      expect(askedAfter(setup)).to.deep.equal([200]);
    });

    it('asks 64 questions at once at the most, or as many as it is told, and then the others', async () => {
      for (const maxConcurrentPolls of [undefined, 5]) {
        const status: StatusScript = async (decisionId) => {
          await new Promise((resolve) => setTimeout(resolve, 50));
          return { decisionId, state: 'approved' };
        };
        const setup = schedulerSetup({ maxConcurrentPolls, service: { status } });
        const calls = await Promise.all(Array.from({ length: 300 }, () => setup.submit(inAnHour())));
        await time.tickAsync(10_000);
        expect(setup.service.mostUnderWay).to.equal(maxConcurrentPolls ?? 64);
        for (const { runs } of calls) expect(runs).to.have.length(1);
        expect(setup.service.count('status')).to.equal(300);
      }
    });

    it('does not let methods that run long keep others from being asked', async () => {
      const setup = schedulerSetup({
        maxConcurrentPolls: 2,
        service: { status: async (decisionId) => ({ decisionId, state: 'approved' }) },
      });
      const calls = [];
      for (let i = 0; i < 10; i++) calls.push(await setup.submit(inAnHour(), { run: async () => new Promise(() => {}) }));
      await time.tickAsync(10_000);
      expect(calls.map((c) => c.path.at(-1))).to.deep.equal(Array(10).fill('executing'));
    });

    it('keeps every deadline while questions that are never answered take all places', async () => {
      const setup = schedulerSetup({ maxConcurrentPolls: 2, service: { status: async () => new Promise(() => {}) } });
      const calls = [];
      for (let i = 0; i < 10; i++) calls.push(await setup.submit({ expiresAtMs: start + 60_000 + i }));
      await time.tickAsync(60_020);
      expect(calls.map((c) => c.path.at(-1))).to.deep.equal(Array(10).fill('timeout'));
      // the place of what has ended goes to the next
      expect(setup.service.count('status')).to.be.greaterThan(2);
      expect(setup.scheduler.queueSize).to.equal(0);
    });

    it('takes no answer that comes after the end', async () => {
      let answer: (status: DecisionStatus) => void = () => {};
      const setup = schedulerSetup({ service: { status: async () => new Promise((resolve) => (answer = resolve)) } });
      const { handle, task, runs, path, settled } = await setup.submit(inAnHour());
      await time.tickAsync(2_000);
      expect(await handle.cancel()).to.equal(true);
      answer({ decisionId: task.decisionId, state: 'approved' });
      await time.tickAsync(HOUR);
      expect([path, runs.length, settled.length]).to.deep.equal([['pending', 'cancelled'], 0, 1]);
    });
  });

  describe('push', () => {
    it('is listened to from the start, and nothing is polled but once at once and once before the end', async () => {
      const setup = schedulerSetup({ service: { pushes: true } });
      const { task } = await setup.submit(inAnHour());
      await time.tickAsync(HOUR - 1);
      expect(setup.service.asked).to.deep.equal(['watch', `status ${task.decisionId}`, `status ${task.decisionId}`]);
      expect(askedAfter(setup)).to.deep.equal([0, 0, HOUR - 1_000]);
    });

    it('runs a call as soon as its approval is pushed', async () => {
      const setup = schedulerSetup({ service: { pushes: true } });
      const { handle, task, path } = await setup.submit(inAnHour());
      await time.tickAsync(5_000);
      setup.service.push('dec-other', 'denied');
      setup.service.push(task.decisionId, 'approved', { by: 'bob' });
      expect(await handle.completed).to.equal('done');
      expect(path).to.deep.equal(['pending', 'approved', 'executing', 'completed']);
    });

    it('misses no verdict that came before anybody listened: it asks at once', async () => {
      const setup = schedulerSetup({ service: { pushes: true, status: (decisionId) => ({ decisionId, state: 'approved' }) } });
      const { handle } = await setup.submit(inAnHour());
      await time.tickAsync(1);
      expect(await handle.completed).to.equal('done');
    });

    for (const how of ['ends', 'fails'] as const) {
      it(`that ${how} is replaced by polling, until the next call listens again`, async () => {
        const setup = schedulerSetup({ service: { pushes: true } });
        const { task, handle } = await setup.submit(inAnHour());
        await time.tickAsync(10_000);
        const seen = await diagnosed(async () => {
          setup.service.endPush(how === 'fails' ? new Error('stream reset') : undefined);
          await time.tickAsync(1_000);
        });
        expect(seen.length).to.equal(how === 'fails' ? 1 : 0);
        setup.service.script = (decisionId) => ({ decisionId, state: decisionId === task.decisionId ? 'approved' : 'pending' });
        await time.tickAsync(2_000);
        expect(await handle.completed).to.equal('done');
        const next = await setup.submit(inAnHour());
        await time.tickAsync(1);
        expect(setup.service.count('watch')).to.equal(2);
        setup.service.push(next.task.decisionId, 'approved');
        expect(await next.handle.completed).to.equal('done');
      });
    }

    it('that cannot be started is replaced by polling too', async () => {
      const setup = schedulerSetup({ service: { pushes: true, status: (decisionId) => ({ decisionId, state: 'approved' }) } });
      Object.assign(setup.service, {
        watch: () => {
          throw new Error('no stream');
        },
      });
      const seen = await diagnosed(async () => {
        const { handle } = await setup.submit(inAnHour());
        await time.tickAsync(2_000);
        expect(await handle.completed).to.equal('done');
      });
      expect(seen.map((d) => d.kind === 'callback' && d.where)).to.deep.equal(['watching the decision service']);
    });

    it('of what is no status ends the pushing, and no approval', async () => {
      const setup = schedulerSetup({ service: { pushes: true } });
      const { handle } = await setup.submit(inAnHour());
      await time.tickAsync(1);
      setup.service.push(null as never, null as never);
      await time.tickAsync(1);
      expect(handle.status).to.equal('pending');
      expect(setup.scheduler.queueSize).to.equal(1);
    });

    it('and a poll that answer together run the call once', async () => {
      for (const first of ['push', 'poll'] as const) {
        let answer: (status: DecisionStatus) => void = () => {};
        let again: () => void = () => {};
        const setup = schedulerSetup({
          service: {
            pushes: true,
            status: async () => new Promise((resolve) => (answer = resolve)),
            reevaluate: async (_, decisionId) => {
              await new Promise<void>((resolve) => (again = resolve));
              return { effect: 'allow', decisionId };
            },
          },
        });
        const { entry, handle, task, runs, settled } = await setup.submit(inAnHour());
        await time.tickAsync(1);
        const both = [
          () => setup.service.push(task.decisionId, 'approved'),
          () => answer({ decisionId: task.decisionId, state: 'approved' }),
        ];
        for (const tell of first === 'push' ? both : both.reverse()) {
          tell();
          await time.tickAsync(1);
          // from the first answer on it is being run, and whoever redeems it waits for that
          expect([first, entry.phase]).to.deep.equal([first, 'busy']);
        }
        again();
        expect(await handle.completed).to.equal('done');
        expect([runs.length, settled.length, setup.service.count('reevaluate')]).to.deep.equal([1, 1, 1]);
      }
    });
  });

  describe('the deadline', () => {
    it('ends what nobody decided, as timeout and no person’s no, and tells the service', async () => {
      const setup = schedulerSetup();
      const { handle, task, path, settled, runs } = await setup.submit({ expiresAtMs: start + 10_000 });
      await time.tickAsync(9_999);
      expect(path).to.deep.equal(['pending']);
      await time.tickAsync(1);
      const error = await rejection(handle.completed);
      expect(error).to.include({ name: 'ApprovalTimeoutError', code: 'approval_timeout' });
      expect(path).to.deep.equal(['pending', 'timeout']);
      expect(settled).to.deep.equal([[undefined, error]]);
      expect(setup.service.asked.at(-1)).to.equal(`expire ${task.decisionId}`);
      expect(runs).to.have.length(0);
      expect([setup.scheduler.queueSize, time.countTimers()]).to.deep.equal([0, 0]);
    });

    it('can be further away than the 24.8 days that a timer can wait', async () => {
      const setup = schedulerSetup({ service: { pushes: true } });
      const { path } = await setup.submit({ expiresAtMs: start + 100 * DAY });
      await time.tickAsync(100 * DAY - 1);
      expect(path).to.deep.equal(['pending']);
      await time.tickAsync(1);
      expect(path).to.deep.equal(['pending', 'timeout']);
    });

    for (const by of [-TEN_YEARS, -HOUR, HOUR, TEN_YEARS]) {
      it(`is never put off by moving the wall clock by ${by / HOUR} h, and what it was moved for is not run late`, async () => {
        const setup = schedulerSetup({ service: { pushes: true } });
        const { task, runs, path } = await setup.submit({ expiresAtMs: start + 60_000 });
        await time.tickAsync(1_000);
        time.setSystemTime(start + by);
        await time.tickAsync(59_000);
        expect(path).to.deep.equal(['pending', 'timeout']);
        setup.service.push(task.decisionId, 'approved');
        await time.tickAsync(HOUR);
        expect(runs).to.have.length(0);
      });

      it(`of an approval made after the wall clock was moved by ${by / HOUR} h and back holds too`, async () => {
        const setup = schedulerSetup({ service: { pushes: true } });
        time.setSystemTime(start + by);
        setup.scheduler.now();
        time.setSystemTime(start);
        const { path } = await setup.submit({ expiresAtMs: setup.scheduler.now() + 60_000 });
        await time.tickAsync(59_999);
        expect(path).to.deep.equal(['pending']);
        await time.tickAsync(1);
        expect(path).to.deep.equal(['pending', 'timeout']);
      });
    }

    it('also ends what was approved but cannot be run', async () => {
      const setup = schedulerSetup({
        service: { status: (decisionId) => ({ decisionId, state: 'approved' }), reevaluate: async () => new Promise(() => {}) },
      });
      const { handle, path, runs } = await setup.submit({ expiresAtMs: start + 10_000 });
      await time.tickAsync(10_000);
      expect(await rejection(handle.completed)).to.include({ name: 'ApprovalTimeoutError' });
      expect([path, runs.length]).to.deep.equal([['pending', 'approved', 'timeout'], 0]);
    });

    it('does not end what is executing', async () => {
      let finish: (value: string) => void = () => {};
      const setup = schedulerSetup({ service: { status: (decisionId) => ({ decisionId, state: 'approved' }) } });
      const { handle, path } = await setup.submit(
        { expiresAtMs: start + 10_000 },
        { run: async () => new Promise<string>((r) => (finish = r)) },
      );
      await time.tickAsync(9_000);
      expect(time.countTimers()).to.equal(0);
      await time.tickAsync(HOUR);
      expect(path).to.deep.equal(['pending', 'approved', 'executing']);
      finish('late but whole');
      expect(await handle.completed).to.equal('late but whole');
    });
  });

  describe('a status', () => {
    const answers: Record<string, [answer: unknown, path: string[], error: Record<string, unknown>, message: string]> = {
      'of denied': [
        { state: 'denied', by: 'bob', reason: 'no' },
        ['denied'],
        { name: 'ForbiddenError', code: 'approval_denied' },
        'by a person: no',
      ],
      'of denied without a word': [{ state: 'denied' }, ['denied'], { name: 'ForbiddenError', code: 'approval_denied' }, 'was refused.'],
      'of expired': [{ state: 'expired' }, ['timeout'], { name: 'ApprovalTimeoutError' }, 'it was not decided in time'],
      'of invalid': [{ state: 'invalid', reason: 'odd' }, ['failed'], { name: 'DecisionUnavailableError', reason: 'malformed' }, 'odd'],
      'that nobody knows': [{ state: 'APPROVED' }, ['failed'], { name: 'DecisionUnavailableError' }, 'cannot have this status'],
      'without a state': [{}, ['failed'], { name: 'DecisionUnavailableError' }, 'cannot have this status'],
      'for another decision': [
        { decisionId: 'dec-x', state: 'approved' },
        ['failed'],
        { name: 'DecisionUnavailableError' },
        'another decision',
      ],
      'that is nothing': [undefined, ['failed'], { name: 'DecisionUnavailableError' }, 'another decision'],
      'that is null': [null, ['failed'], { name: 'DecisionUnavailableError' }, 'another decision'],
      'that is a text': ['approved', ['failed'], { name: 'DecisionUnavailableError' }, 'another decision'],
    };
    for (const [what, [answer, path, error, message]] of Object.entries(answers)) {
      for (const wait of [false, true]) {
        it(`${what} ends the call ${wait ? 'later' : 'at once'}, without running it`, async () => {
          const setup = schedulerSetup({
            service: {
              status: (decisionId) => {
                const status = typeof answer === 'object' && answer !== null ? { decisionId, ...answer } : answer;
                return (wait ? Promise.resolve(status) : status) as DecisionStatus;
              },
            },
          });
          const call = await setup.submit(inAnHour());
          await time.tickAsync(2_000);
          const thrown = await rejection(call.handle.completed);
          expect(thrown).to.include(error);
          expect(thrown.message).to.contain(message);
          expect(call.path).to.deep.equal(['pending', ...path]);
          expect(call.settled).to.deep.equal([[undefined, thrown]]);
          expect(call.runs).to.have.length(0);
        });
      }
    }

    it('of approved names who approved in the task', async () => {
      const setup = schedulerSetup({ service: { status: (decisionId) => ({ decisionId, state: 'approved', by: 'bob' }) } });
      const { task } = await setup.submit(inAnHour());
      await time.tickAsync(2_000);
      expect(await setup.registry.getTask(task.taskId)).to.include({ status: 'completed', approvedBy: 'bob', result: 'done' });
    });

    it('of denied names who refused in the task', async () => {
      const setup = schedulerSetup({ service: { status: (decisionId) => ({ decisionId, state: 'denied', by: 'eve' }) } });
      const { task } = await setup.submit(inAnHour());
      await time.tickAsync(2_000);
      expect(await setup.registry.getTask(task.taskId)).to.include({ status: 'denied', deniedBy: 'eve' });
    });

    it('that is final stands, whatever is pushed after it; another one is a security event', async () => {
      let finish: () => void = () => {};
      const setup = schedulerSetup({ service: { pushes: true } });
      const { handle, task, runs, path } = await setup.submit(inAnHour(), { run: async () => new Promise<void>((r) => (finish = r)) });
      await time.tickAsync(1);
      const seen = await diagnosed(async () => {
        for (const state of ['approved', 'denied', 'approved', 'expired', 'pending'] as const) setup.service.push(task.decisionId, state);
        await time.tickAsync(10);
        finish();
        await handle.completed;
      });
      expect(securityCodes(seen)).to.deep.equal(['status_changed_after_final', 'status_changed_after_final']);
      expect([runs.length, path]).to.deep.equal([1, ['pending', 'approved', 'executing', 'completed']]);
    });

    it('of any sequence moves forward only: the first final one wins (T15)', async () => {
      const states: State[] = ['pending', 'approved', 'denied', 'expired', 'invalid'];
      const ends: Partial<Record<State, string>> = { approved: 'completed', denied: 'denied', expired: 'timeout', invalid: 'failed' };
      let sequences = 0;
      for (const sequence of sequencesOf(states, 4)) {
        sequences += 1;
        for (const pushes of [false, true]) {
          const setup = schedulerSetup({
            service: { pushes, status: (decisionId, n) => ({ decisionId, state: pushes ? 'pending' : (sequence[n] ?? 'pending') }) },
          });
          const { task, runs, path, settled } = await setup.submit(inAnHour());
          await time.tickAsync(1);
          if (pushes) for (const state of sequence) setup.service.push(task.decisionId, state);
          await time.tickAsync(HOUR);
          const first = sequence.find((s) => s !== 'pending');
          expect(path.at(-1), sequence.join()).to.equal(first === undefined ? 'timeout' : ends[first]);
          expect([runs.length, settled.length], sequence.join()).to.deep.equal([first === 'approved' ? 1 : 0, 1]);
        }
      }
      expect(sequences).to.equal(5 + 25 + 125 + 625);
    }).timeout(60_000);

    it('of longer sequences, of errors and slow answers among them, moves forward only too', async () => {
      await assert(
        asyncProperty(
          array(constantFrom<State | 'error' | 'slow'>('pending', 'approved', 'denied', 'expired', 'error', 'slow'), { maxLength: 6 }),
          async (sequence) => {
            const setup = schedulerSetup({
              service: {
                status: async (decisionId, n) => {
                  const answer = sequence[n] ?? 'pending';
                  if (answer === 'error') throw new Error('down');
                  if (answer !== 'slow') return { decisionId, state: answer };
                  await new Promise((resolve) => setTimeout(resolve, 5_000));
                  return { decisionId, state: 'pending' };
                },
              },
            });
            const { runs, path, settled } = await setup.submit(inAnHour());
            await time.tickAsync(HOUR);
            const first = sequence.find((s) => s === 'approved' || s === 'denied' || s === 'expired');
            expect(path.at(-1)).to.equal({ approved: 'completed', denied: 'denied', expired: 'timeout' }[first ?? 'expired']);
            expect([runs.length, settled.length]).to.deep.equal([first === 'approved' ? 1 : 0, 1]);
          },
        ),
        { numRuns: 150 },
      );
    }).timeout(30_000);
  });

  describe('cancel', () => {
    it('ends what is pending, tells the service and resolves to whether it did', async () => {
      const setup = schedulerSetup();
      const { handle, task, path, settled } = await setup.submit(inAnHour());
      expect(await handle.cancel()).to.equal(true);
      expect(await handle.cancel()).to.equal(false);
      const error = await rejection(handle.completed);
      expect(error).to.include({ name: 'ApprovalCancelledError', taskId: task.taskId });
      expect([path, settled]).to.deep.equal([['pending', 'cancelled'], [[undefined, error]]]);
      expect(setup.service.asked).to.deep.equal([`withdraw ${task.decisionId}`]);
      expect(time.countTimers()).to.equal(0);
    });

    it('with an error ends the call with that very error', async () => {
      const setup = schedulerSetup();
      const { handle, entry } = await setup.submit(inAnHour());
      const error = new RangeError('my reason');
      expect(await setup.scheduler.cancel(entry, error)).to.equal(true);
      expect(await rejection(handle.completed)).to.equal(error);
    });

    for (const fault of ['throws', 'rejects'] as const) {
      it(`does not mind a service that ${fault} when told`, async () => {
        const withdraw = (): Promise<void> => {
          if (fault === 'throws') throw new Error('down');
          return Promise.reject(new Error('down'));
        };
        const setup = schedulerSetup({ service: { withdraw } });
        const { handle } = await setup.submit(inAnHour());
        const seen = await diagnosed(async () => {
          expect(await handle.cancel()).to.equal(true);
          await time.tickAsync(1);
        });
        expect(seen).to.have.length(1);
      });
    }

    it('by way of the registry ends the call as well', async () => {
      const setup = schedulerSetup();
      const calls = [await setup.submit(inAnHour()), await setup.submit(inAnHour()), await setup.submit(inAnHour())];
      await setup.registry.updateStatus(calls[0]!.task.taskId, 'denied', { reason: 'by hand' });
      await setup.registry.deleteTask(calls[1]!.task.taskId);
      await setup.registry.clearAll();
      const errors = await Promise.all(calls.map((c) => rejection(c.handle.completed)));
      expect(errors.map((e) => e.name)).to.deep.equal(['ForbiddenError', 'ApprovalCancelledError', 'ApprovalCancelledError']);
      expect(errors[0]?.message).to.equal('by hand');
      expect(calls.map((c) => c.settled.length)).to.deep.equal([1, 1, 1]);
      expect([setup.scheduler.queueSize, time.countTimers()]).to.deep.equal([0, 0]);
    });
  });

  describe('a call that is held', () => {
    it('never runs by itself, approved or not, and ends at its deadline', async () => {
      const setup = schedulerSetup({ service: { pushes: true } });
      const other = await setup.submit(inAnHour());
      const { task, runs, path } = await setup.hold(inAnHour());
      await time.tickAsync(1);
      setup.service.push(task.decisionId, 'approved');
      await time.tickAsync(HOUR - 2);
      expect([path, runs.length]).to.deep.equal([['pending', 'approved'], 0]);
      expect(setup.service.count(`status ${task.decisionId}`)).to.equal(0);
      await time.tickAsync(1);
      expect([path.at(-1), runs.length, other.path.at(-1)]).to.deep.equal(['timeout', 0, 'timeout']);
    });

    it('is redeemed by asking once, and runs now if it is approved, through the run it is given', async () => {
      for (const wait of [false, true]) {
        let state: State = 'pending';
        const setup = schedulerSetup({
          service: { status: (decisionId) => (wait ? Promise.resolve({ decisionId, state }) : { decisionId, state }) },
        });
        const { entry, handle, runs, path } = await setup.hold(inAnHour());
        await setup.scheduler.redeem(entry, () => 'wrong');
        expect([path, entry.outcome]).to.deep.equal([['pending'], undefined]);
        state = 'approved';
        await setup.scheduler.redeem(entry, (params) => ({ mine: params }));
        expect(await handle.completed).to.deep.equal({ mine: { amount: 1 } });
        expect([runs.length, setup.service.count('status')]).to.deep.equal([0, 2]);
      }
    });

    it('is run once by 64 that redeem it at once; all of them see how it ended', async () => {
      for (const wait of [false, true]) {
        const setup = schedulerSetup({
          service: {
            status: (decisionId) => (wait ? Promise.resolve({ decisionId, state: 'approved' }) : { decisionId, state: 'approved' }),
            consume: async () => true,
          },
        });
        const { entry, handle } = await setup.hold(inAnHour());
        let runs = 0;
        const redeemed = await Promise.all(
          Array.from({ length: 64 }, async () => {
            await setup.scheduler.redeem(entry, async () => (runs += 1));
            // one is running it; the others are told to wait for that one
            return entry.outcome ?? entry.phase;
          }),
        );
        expect(await handle.completed).to.equal(1);
        expect([runs, setup.service.count('consume'), setup.service.count('status')]).to.deep.equal([1, 1, 1]);
        for (const seen of redeemed) expect(seen === 'busy' || (seen as { ok: boolean }).ok).to.equal(true);
      }
    });

    it('tells every one of 64 that redeem it at once when nobody has decided', async () => {
      let answer: () => void = () => {};
      const setup = schedulerSetup({
        service: { status: async (decisionId) => new Promise((resolve) => (answer = () => resolve({ decisionId, state: 'pending' }))) },
      });
      const { entry } = await setup.hold(inAnHour());
      const redeemed = Promise.all(Array.from({ length: 64 }, async () => setup.scheduler.redeem(entry, () => 'wrong')));
      await time.tickAsync(1);
      answer();
      await redeemed;
      expect([entry.phase, entry.outcome, setup.service.count('status')]).to.deep.equal(['waiting', undefined, 1]);
    });

    it('stays held when it could not be decided afresh: the next who redeems it runs it', async () => {
      let down = true;
      const setup = schedulerSetup({
        service: {
          status: (decisionId) => ({ decisionId, state: 'approved' }),
          reevaluate: (_, decisionId) => {
            if (down) throw new Error('down');
            return { effect: 'allow', decisionId };
          },
        },
      });
      const { entry, path, runs } = await setup.hold(inAnHour());
      let redeemed = 0;
      await setup.scheduler.redeem(entry, () => (redeemed += 1));
      down = false;
      await time.tickAsync(HOUR / 2);
      expect([path, runs.length, redeemed]).to.deep.equal([['pending', 'approved'], 0, 0]);
      await setup.scheduler.redeem(entry, () => (redeemed += 1));
      expect([path.at(-1), runs.length, redeemed, setup.service.count('status')]).to.deep.equal(['completed', 0, 1, 1]);
    });

    it('runs by itself once it is followed, at once where it is approved already', async () => {
      for (const enabled of [true, false]) {
        const setup = schedulerSetup({
          polling: { enabled },
          service: { status: (decisionId) => ({ decisionId, state: 'approved' }), consume: () => true },
        });
        const { entry, runs, handle } = await setup.hold(inAnHour());
        await setup.registry.transition(entry.task.taskId, ['pending'], { to: 'approved' });
        expect(runs).to.have.length(0);
        setup.scheduler.follow(entry);
        setup.scheduler.follow(entry);
        await time.tickAsync(1);
        expect([runs.length, handle.status]).to.deep.equal([1, 'completed']);
      }
    });
  });

  it('starts to listen before anything is submitted, when it is told to', async () => {
    const setup = schedulerSetup({ service: { pushes: true } });
    setup.scheduler.start();
    setup.scheduler.start();
    expect(setup.service.asked).to.deep.equal(['watch']);
  });

  it('follows what is submitted, and gives its handle', async () => {
    const { scheduler, registry } = schedulerSetup({ service: { status: (decisionId) => ({ decisionId, state: 'approved' }) } });
    const task = pendingTask();
    await registry.record(task);
    const held = scheduler.hold(task, { request: requestOf(), run: () => 'ran', admit: (params) => params });
    const handle = scheduler.submit(held.handle);
    await time.tickAsync(2_000);
    expect(await handle.completed).to.equal('ran');
  });

  describe('submit', () => {
    it('takes what is held in it, and nothing else', async () => {
      const [setup, another] = [schedulerSetup(), schedulerSetup()];
      const [held, foreign] = [await setup.hold(inAnHour()), await another.hold(inAnHour())];
      const forged = { ...held.handle, taskId: held.task.taskId, decisionId: held.task.decisionId } as unknown as PendingApproval;
      const copied = Object.create(held.handle) as PendingApproval;
      for (const wrong of [foreign.handle, forged, copied, held.task, null, undefined, held.task.taskId, () => held.handle])
        expect(() => setup.scheduler.submit(wrong as PendingApproval)).to.throw(TaskStateError, 'does not wait in this module');
      expect(held.entry.background).to.equal(false);
      expect(setup.scheduler.submit(held.handle)).to.equal(held.handle);
      expect(held.entry.background).to.equal(true);
    });

    it('does nothing more for one that is submitted again, or has ended', async () => {
      const setup = schedulerSetup({ service: { status: (decisionId) => ({ decisionId, state: 'approved' }) } });
      const { handle, runs } = await setup.submit(inAnHour());
      setup.scheduler.submit(handle);
      await time.tickAsync(10_000);
      setup.scheduler.submit(handle);
      await time.tickAsync(10_000);
      expect([runs.length, handle.status]).to.deep.equal([1, 'completed']);
    });

    it('runs nothing that only a repeated call redeems', async () => {
      const setup = schedulerSetup({ service: { status: (decisionId) => ({ decisionId, state: 'approved' }) } });
      const { handle, runs } = await setup.hold({ ...inAnHour(), mode: 'throw' });
      expect(() => setup.scheduler.submit(handle)).to.throw(TaskStateError, "mode 'throw' never runs in the background");
      await time.tickAsync(HOUR);
      expect(runs).to.deep.equal([]);
    });
  });

  it('asks and runs nothing when one that has ended, or is running, is redeemed or followed', async () => {
    const setup = schedulerSetup({ service: { status: (decisionId) => ({ decisionId, state: 'approved' }) } });
    const ended = await setup.hold(inAnHour());
    await ended.handle.cancel();
    const running = await setup.hold(inAnHour());
    void setup.scheduler.redeem(running.entry, async () => new Promise(() => {}));
    const asked = setup.service.count('status');
    for (const { entry } of [ended, running]) {
      await setup.scheduler.redeem(entry, () => 'wrong');
      if (entry === ended.entry) setup.scheduler.follow(entry);
    }
    await time.tickAsync(HOUR);
    expect(setup.service.count('status')).to.equal(asked);
    expect([ended.path.at(-1), running.path.at(-1)]).to.deep.equal(['cancelled', 'executing']);
  });

  it('lets the next be asked while one that was approved by push is decided afresh, though its own question hangs', async () => {
    const setup = schedulerSetup({
      maxConcurrentPolls: 1,
      service: { pushes: true, status: async () => new Promise(() => {}), reevaluate: async () => new Promise(() => {}) },
    });
    const [first, second] = [await setup.submit(inAnHour()), await setup.submit(inAnHour())];
    await time.tickAsync(1);
    expect(setup.service.count(`status ${second.task.decisionId}`)).to.equal(0);
    setup.service.push(first.task.decisionId, 'approved');
    await time.tickAsync(1);
    expect(setup.service.count(`status ${second.task.decisionId}`)).to.equal(1);
  });

  it('tells its queue, oldest first, with the attempts so far', async () => {
    const setup = schedulerSetup();
    const calls = [await setup.submit(inAnHour()), await setup.submit(inAnHour()), await setup.hold(inAnHour())];
    expect(setup.scheduler.queueSize).to.equal(3);
    expect(setup.scheduler.pendingTasks().map((t) => t.taskId)).to.deep.equal(calls.map((c) => c.task.taskId));
    await time.tickAsync(4_000);
    expect(setup.scheduler.pendingTasks().map((t) => t.attemptCount)).to.deep.equal([2, 2, 0]);
    await calls[0]!.handle.cancel();
    expect(setup.scheduler.pendingTasks().map((t) => t.taskId)).to.deep.equal(calls.slice(1).map((c) => c.task.taskId));
  });

  it('ends a call whose task is gone from the store, instead of waiting for ever', async () => {
    const setup = schedulerSetup();
    const { handle, task, settled } = await setup.submit({ expiresAtMs: start + 10_000 });
    setup.store.delete(task.taskId, ['pending']);
    await time.tickAsync(10_000);
    expect(await rejection(handle.completed)).to.include({ name: 'TaskStateError', taskId: task.taskId });
    expect([settled.length, setup.scheduler.queueSize]).to.deep.equal([1, 0]);
  });

  it('ends a call whose task somebody else ended in the store', async () => {
    const setup = schedulerSetup({ service: { status: (decisionId) => ({ decisionId, state: 'approved' }) } });
    const { handle, task, runs } = await setup.submit({ expiresAtMs: start + 10_000 });
    setup.store.transition(task.taskId, ['pending'], { to: 'denied', error: { name: 'ForbiddenError', message: 'elsewhere' } }, start);
    expect(await handle.cancel()).to.equal(false);
    expect(await rejection(handle.completed)).to.include({ name: 'ForbiddenError', message: 'elsewhere' });
    expect([runs.length, setup.scheduler.queueSize]).to.deep.equal([0, 0]);
  });

  describe('goOn', () => {
    const durable = (): SchedulerSetup =>
      schedulerSetup({ store: new SharedMemoryStore().tasks, service: { status: (decisionId) => ({ decisionId, state: 'approved' }) } });
    const approveBehind = ({ store }: SchedulerSetup, taskId: string): Task =>
      store.transition(taskId, ['pending'], { to: 'approved' }, start) as Task;

    it('runs what the store knows to be approved, once', async () => {
      const setup = durable();
      const { entry, task, runs } = await setup.submit();
      const approved = approveBehind(setup, task.taskId);
      for (let i = 0; i < 3; i++) void setup.scheduler.catchUp(entry, approved);
      await time.tickAsync(1);
      for (let i = 0; i < 3; i++) void setup.scheduler.catchUp(entry, approved);
      await time.tickAsync(1_000);
      expect(runs).to.have.length(1);
    });

    it('asks about what is pending', async () => {
      const setup = durable();
      const { entry, task, runs } = await setup.submit();
      await setup.scheduler.catchUp(entry, task);
      await time.tickAsync(1);
      expect([setup.service.count('status'), runs.length]).to.deep.equal([1, 1]);
    });

    it('never runs what its caller redeems, but watches over its end', async () => {
      const setup = durable();
      const { entry, task, runs, handle } = await setup.hold();
      void setup.scheduler.catchUp(entry, approveBehind(setup, task.taskId));
      await time.tickAsync(60_000);
      expect(await rejection(handle.completed)).to.include({ name: 'ApprovalTimeoutError' });
      expect(runs).to.deep.equal([]);
    });
  });

  it('runs what is approved though the answer to its approval was lost', async () => {
    for (const background of [true, false]) {
      const store = new SharedMemoryStore();
      const setup = schedulerSetup({ store: store.tasks, service: { status: (decisionId) => ({ decisionId, state: 'approved' }) } });
      const { entry, handle, runs } = background ? await setup.submit() : await setup.hold();
      store.faults.fail('transition', { when: 'after' });
      await diagnosed(async () => {
        const redeem = async (): Promise<void> => setup.scheduler.redeem(entry, entry.call.run.bind(entry.call));
        if (!background) await redeem().catch(() => {});
        await time.tickAsync(20_000);
        if (!background) await redeem();
      });
      expect([await handle.completed, runs.length]).to.deep.equal(['done', 1]);
    }
  });

  function* sequencesOf(states: readonly State[], longest: number): Generator<State[]> {
    for (const first of states) {
      yield [first];
      if (longest > 1) for (const rest of sequencesOf(states, longest - 1)) yield [first, ...rest];
    }
  }

  function schedulerSetupStore() {
    return schedulerSetup().store;
  }
});
