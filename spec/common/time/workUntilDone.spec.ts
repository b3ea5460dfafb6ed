import { expect } from 'chai';
import sinon from 'sinon';
import { workUntilDone } from '../../../lib/common/time/workUntilDone.js';

const SECOND = 1_000;

describe('workUntilDone', () => {
  let time: sinon.SinonFakeTimers;
  beforeEach(() => {
    time = sinon.useFakeTimers();
  });
  afterEach(() => time.restore());

  /** Fails so many times; `at` says when each try was. */
  const failing = (times: number, isOver: () => boolean = () => false) => {
    const at: number[] = [];
    const failures: unknown[] = [];
    const work = (): Promise<void> => {
      at.push(Date.now());
      return at.length <= times ? Promise.reject(new Error(`failure ${at.length}`)) : Promise.resolve();
    };
    const done = workUntilDone(work, { failed: (error) => failures.push(String(error)), isOver });
    return { at, failures, done };
  };

  it('does at once what works, and does it once', async () => {
    const { at, failures, done } = failing(0);
    await done;
    await time.tickAsync(100_000 * SECOND);
    expect([at, failures]).to.deep.equal([[0], []]);
  });

  it('does what fails again, each time after twice as long, until it works', async () => {
    const { at, failures, done } = failing(3);
    await time.tickAsync(7 * SECOND);
    await done;
    expect(at).to.deep.equal([0, 1, 3, 7].map((s) => s * SECOND));
    expect(failures).to.deep.equal(['Error: failure 1', 'Error: failure 2', 'Error: failure 3']);
    await time.tickAsync(100_000 * SECOND);
    expect(at).to.have.length(4);
  });

  it('takes what throws for a failure', async () => {
    let tries = 0;
    const work = (): void => {
      tries += 1;
      if (tries === 1) throw new Error('at once');
    };
    const done = workUntilDone(work, { failed: () => {}, isOver: () => false });
    await time.tickAsync(SECOND);
    await done;
    expect(tries).to.equal(2);
  });

  it('gives up once it would have to wait for more than an hour', async () => {
    const { at, failures, done } = failing(Infinity);
    await time.tickAsync(100_000 * SECOND);
    await done;
    expect([at.length, failures.length]).to.deep.equal([12, 12]);
    expect(time.countTimers()).to.equal(0);
  });

  it('ends where it need not be done any more, and reports nothing of that', async () => {
    for (const tries of [0, 1]) {
      let over = tries === 0;
      const { at, failures, done } = failing(Infinity, () => over);
      over = true;
      await time.tickAsync(100_000 * SECOND);
      await done;
      expect([at.length, failures]).to.deep.equal([tries, []]);
    }
    let over = false;
    const { at, failures, done } = failing(Infinity, () => over);
    await time.tickAsync(SECOND);
    over = true;
    await time.tickAsync(100_000 * SECOND);
    await done;
    expect([at.length, failures.length]).to.deep.equal([2, 2]);
  });
});
