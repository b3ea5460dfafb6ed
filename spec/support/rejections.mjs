// A promise that rejects and that nobody waits for ends a program. Mocha lets it pass, so that a spec went on as if nothing had happened, or waited for
// ever for a call that had failed: each fails the test or hook that runs, at once.
import Mocha from 'mocha';

const { prototype } = Mocha.Runnable;
const { run } = prototype;
/** Ends the test or hook that runs; what it comes to later counts no more. */
let end;
/** Between two of them, for the next one. */
let early;
/** Mocha says each a second time. */
const said = new WeakSet();

prototype.run = function (done) {
  const mine = (error) => {
    if (end !== mine) return;
    end = undefined;
    this.clearTimeout();
    done(error ?? early);
    early = undefined;
  };
  end = mine;
  return run.call(this, mine);
};

function rejected(reason, promise) {
  if (said.has(promise)) return;
  said.add(promise);
  const error =
    reason instanceof Error ? reason : new Error('a promise that nobody waited for was rejected, with something that is not an Error');
  if (end === undefined) early ??= error;
  else end(error);
}

// by hooks: each file of a parallel run ends with all listeners taken away
export const mochaHooks = {
  beforeAll() {
    process.on('unhandledRejection', rejected);
  },
  afterAll() {
    process.off('unhandledRejection', rejected);
  },
};
