import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import type { Awaitable } from '../../lib/common/awaitable.js';
import { MemoryTaskStore } from '../../lib/store/memory/MemoryTaskStore.js';
import type { TaskStore } from '../../lib/store/TaskStore.js';
import { countedSuite } from '../support/assurance.js';
import { diagnosed } from '../support/diagnosed.js';
import { rejection } from '../support/rejection.js';
import { schedulerSetup } from '../support/schedulerSetup.js';
import { SlowTaskStore } from '../support/SlowTaskStore.js';

const MINUTE = 60_000;

/** Fails the n-th operation after it is armed: before it did anything, or after. */
class FaultyStore extends SlowTaskStore {
  readonly done: string[] = [];
  failAt = Infinity;
  after = false;
  armed = false;

  protected override async slowly<T>(name: string, work: () => Awaitable<T>): Promise<T> {
    if (!this.armed) return super.slowly(name, work);
    this.done.push(name);
    const fails = this.done.length === this.failAt;
    if (fails && !this.after) throw new Error(`store down at ${name}`);
    const result = await super.slowly(name, work);
    if (fails) throw new Error(`store down after ${name}`);
    return result;
  }
}

/** The same at once: a synchronous store, such as SQLite's, throws. */
function throwingStore(failAt: number): TaskStore & { armed: boolean; done: string[] } {
  const store = new MemoryTaskStore();
  const state = { armed: false, done: [] as string[] };
  return new Proxy(store, {
    get(target, key) {
      if (key in state) return state[key as keyof typeof state];
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        if (state.armed) state.done.push(String(key));
        if (state.armed && state.done.length === failAt) throw new Error(`store down at ${String(key)}`);
        return Reflect.apply(value, target, args);
      };
    },
    set: (_, key, value) => Reflect.set(state, key, value),
  }) as never;
}

describe('A task store that fails at its n-th operation, for every n (R13)', () => {
  let time: SinonFakeTimers;
  let failed = 0;
  countedSuite('the n-th store operation of an approval fails, for every n: nothing runs without a claim, or twice', () => ({
    cases: failed,
  }));
  beforeEach(() => (time = useFakeTimers({ now: Date.UTC(2026, 0, 1) })));
  afterEach(() => time.restore());

  for (const kind of ['before it did it', 'after it did it', 'at once'] as const) {
    for (const flow of ['approve', 'approve by push', 'deny', 'expire', 'cancel', 'ask again'] as const) {
      it(`${kind}: ${flow} never runs without a claim, never runs twice, and always ends for its caller`, async () => {
        let reached = 0;
        for (let n = 1; n === 1 || reached === n - 1; n++) {
          const store =
            kind === 'at once' ? throwingStore(n) : Object.assign(new FaultyStore(), { failAt: n, after: kind === 'after it did it' });
          let fresh = 0;
          const setup = schedulerSetup({
            store,
            service: {
              pushes: flow === 'approve by push',
              status: async (decisionId, asked) => {
                if (flow === 'deny') return { decisionId, state: 'denied' };
                return {
                  decisionId,
                  state: flow === 'expire' || flow === 'cancel' || (flow === 'approve by push' && asked === 0) ? 'pending' : 'approved',
                };
              },
              reevaluate: (_, decisionId) => {
                if (flow === 'ask again' && fresh === 0) return ((fresh += 1), { effect: 'approval_needed', decisionId: 'dec-second' });
                return { effect: 'allow', decisionId };
              },
              consume: () => true,
            },
          });
          const claimed: boolean[] = [];
          const { handle, task, runs, settled } = await setup.submit(
            { expiresAtMs: Date.now() + MINUTE },
            { run: () => void claimed.push(setup.changes.at(-1)?.task.status === 'executing') },
          );
          store.armed = true;
          failed += 1;
          await time.tickAsync(100);
          if (flow === 'approve by push') setup.service.push(task.decisionId, 'approved');
          if (flow === 'cancel') await handle.cancel().catch(() => {});
          await time.tickAsync(5 * MINUTE);
          const name = `operation ${n}: ${store.done[n - 1]}`;
          expect(runs.length, name).to.be.at.most(1);
          expect(claimed, name).to.deep.equal(runs.map(() => true));
          expect(settled, name).to.have.length(1);
          const end = await handle.completed.then(
            () => 'resolved',
            (e: Error) => e.name,
          );
          if (flow === 'deny' || flow === 'expire' || flow === 'cancel') expect(runs, name).to.have.length(0);
          // whoever is told that it resolved is told the truth
          expect(end === 'resolved', name).to.equal(runs.length === 1);
          expect([setup.scheduler.queueSize, time.countTimers()], name).to.deep.equal([0, 0]);
          reached = Math.max(reached, store.done.length >= n ? n : 0);
        }
        expect(reached).to.be.greaterThan(1);
      });
    }
  }

  it('gives the caller what the method did, and reports the fault, where that cannot be recorded', async () => {
    for (const fails of [false, true]) {
      const store = new MemoryTaskStore();
      store.settle = () => {
        throw new Error('disk full');
      };
      const setup = schedulerSetup({ store, service: { status: (decisionId) => ({ decisionId, state: 'approved' }) } });
      const error = new RangeError('of the method');
      const run = (): string => {
        if (fails) throw error;
        return 'of the method';
      };
      const seen = await diagnosed(async () => {
        const { handle, settled } = await setup.submit({}, { run });
        await time.tickAsync(2_000);
        expect(await handle.completed.catch((e: unknown) => e)).to.equal(fails ? error : 'of the method');
        expect(settled).to.deep.equal([fails ? [undefined, error] : ['of the method', undefined]]);
      });
      expect(seen.map((d) => d.kind === 'callback' && d.where)).to.deep.equal(['recording an outcome']);
      expect(setup.scheduler.queueSize).to.equal(0);
    }
  });

  it('is tried again after the delay between polls, and each fault is reported', async () => {
    const store = new MemoryTaskStore();
    const setup = schedulerSetup({ store, service: { status: (decisionId) => ({ decisionId, state: 'denied' }) } });
    const { handle } = await setup.submit({ expiresAtMs: Date.now() + MINUTE });
    const transition = store.transition.bind(store);
    let tries = 0;
    store.transition = () => {
      tries += 1;
      throw new Error('locked');
    };
    const seen = await diagnosed(async () => {
      await time.tickAsync(10_000);
    });
    // at 2, 4 and 8 seconds
    expect([tries, seen.length]).to.deep.equal([3, 3]);
    store.transition = transition;
    await time.tickAsync(MINUTE / 2);
    expect(await rejection(handle.completed)).to.include({ name: 'ForbiddenError' });
  });

  it('does not use up the place of the task that could not be recorded', async () => {
    for (const later of [false, true]) {
      const store = new MemoryTaskStore();
      const setup = schedulerSetup({ store, tasks: { maxPending: 2 } });
      const insert = store.insert.bind(store);
      store.insert = () => {
        if (later) return Promise.reject(new Error('disk full')) as never;
        throw new Error('disk full');
      };
      for (let i = 0; i < 5; i++) expect((await rejection(setup.submit())).message).to.equal('disk full');
      store.insert = insert;
      await setup.submit();
      await setup.submit();
      expect(await rejection(setup.submit())).to.include({ name: 'CapacityError' });
    }
  });

  it('while it forgets finished tasks harms no call', async () => {
    const store = new MemoryTaskStore();
    const setup = schedulerSetup({ store });
    for (const prune of [
      () => {
        throw new Error('disk full');
      },
      async () => Promise.reject(new Error('disk full')),
    ]) {
      store.prune = prune as never;
      for (let i = 0; i < 70; i++) {
        const { handle, task } = await setup.submit();
        setup.store.get(task.taskId);
        expect(await handle.cancel()).to.equal(true);
      }
      await time.tickAsync(1);
    }
  });
});
