// Mocha's timeouts are set for a quiet machine. Where more programs want a processor than there are, each test gets that much more time: what a spec
// holds against a limit is measured by pace.ts, and how long a whole file may take by fileTimes.mjs.
import { availableParallelism, loadavg } from 'node:os';

export const mochaHooks = {
  beforeEach() {
    const load = loadavg()[0] / availableParallelism();
    const test = this.currentTest;
    if (load > 1 && test !== undefined && test.timeout() > 0) test.timeout(Math.round(test.timeout() * load));
  },
};
