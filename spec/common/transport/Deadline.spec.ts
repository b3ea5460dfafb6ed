import { defaultMaxListeners, getEventListeners, getMaxListeners, setMaxListeners } from 'node:events';
import { expect } from 'chai';
import sinon from 'sinon';
import { Deadline } from '../../../lib/common/transport/Deadline.js';

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error as Error,
  );
}

describe('Deadline', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  function setup(signal?: AbortSignal): Deadline {
    return new Deadline({
      timeoutMs: 300,
      timeoutError: () => new Error('time is up'),
      signal,
      abortError: (reason) => new Error('aborted', { cause: reason }),
    });
  }

  it('ends the work when time is up', async () => {
    const deadline = setup();
    const ended = failure(deadline.race(new Promise(() => undefined)));
    await clock.tickAsync(299);
    expect(deadline.signal.aborted).to.equal(false);
    expect(deadline.remainingMs()).to.equal(1);
    await clock.tickAsync(1);
    expect((await ended).message).to.equal('time is up');
    expect([deadline.timedOut, deadline.remainingMs()]).to.deep.equal([true, 0]);
  });

  it('lets many wait for one signal without a warning, keeps a limit that the program has set, and takes a signal of another kind', () => {
    const { signal } = new AbortController();
    for (const [before, after] of [
      [defaultMaxListeners, 1_500],
      [3, 3],
    ] as const) {
      setMaxListeners(before, signal);
      setup(signal).end();
      expect(getMaxListeners(signal)).to.equal(after);
    }
    let abort: (() => void) | undefined;
    const foreign = {
      aborted: false,
      addEventListener: (_: string, listener: () => void) => (abort = listener),
      removeEventListener: () => {},
    };
    const deadline = setup(foreign as never);
    abort?.();
    expect(deadline.signal.aborted).to.equal(true);
    deadline.end();
  });

  it('does not care about jumps of the wall clock', async () => {
    const deadline = setup();
    clock.setSystemTime(10 ** 12);
    expect(deadline.remainingMs()).to.equal(300);
    deadline.end();
  });

  it("ends it when the caller's signal is aborted, and detaches from it", async () => {
    const controller = new AbortController();
    const deadline = setup(controller.signal);
    expect(getEventListeners(controller.signal, 'abort')).to.have.length(1);
    const ended = failure(deadline.sleep(1_000));
    controller.abort('why');
    const error = await ended;
    expect([error.message, error.cause]).to.deep.equal(['aborted', 'why']);
    expect(deadline.timedOut).to.equal(false);
    expect(getEventListeners(controller.signal, 'abort')).to.have.length(0);
    expect(clock.countTimers()).to.equal(0);
  });

  it('starts ended where the signal is aborted already', async () => {
    const deadline = setup(AbortSignal.abort('why'));
    expect((deadline.signal.reason as Error).message).to.equal('aborted');
    expect((await failure(deadline.race(Promise.resolve(1)))).message).to.equal('aborted');
    expect(clock.countTimers()).to.equal(0);
  });

  it('keeps its first reason', () => {
    const deadline = setup();
    deadline.interrupt(new Error('first'));
    deadline.interrupt(new Error('second'));
    clock.tick(1_000);
    expect((deadline.signal.reason as Error).message).to.equal('first');
    expect(deadline.timedOut).to.equal(false);
  });

  it('leaves nothing behind after end()', async () => {
    const controller = new AbortController();
    const deadline = setup(controller.signal);
    expect(await deadline.race(Promise.resolve(7))).to.equal(7);
    const slept = deadline.sleep(100);
    await clock.tickAsync(100);
    await slept;
    deadline.end();
    expect(getEventListeners(controller.signal, 'abort')).to.have.length(0);
    expect(getEventListeners(deadline.signal, 'abort')).to.have.length(0);
    expect(clock.countTimers()).to.equal(0);
  });

  it('ignores what a promise does after the end', async () => {
    const deadline = setup();
    const late = failure(deadline.race(new Promise((_, reject) => setTimeout(() => reject(new Error('late')), 400))));
    await clock.tickAsync(1_000);
    expect((await late).message).to.equal('time is up');
  });
});
