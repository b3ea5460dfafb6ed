// Mocha's timeouts find what hangs, and they are set for a quiet machine. Each test and hook gets more time: what a spec holds against a limit is
// measured by pace.ts, and how long a whole file may take by fileTimes.mjs.
import Mocha from 'mocha';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { availableParallelism, loadavg } from 'node:os';

/** How many times longer they are where nothing else is done. The load is an average over a minute: it tells late that others began. */
const AT_LEAST = 3;
/** Not everything has its share of a processor. */
const MARGIN = 1.5;

const { prototype } = Mocha.Runnable;
const { run, timeout } = prototype;
/** As the specs set them, of those that ran. */
const quietMs = new WeakMap();

/** How many times longer than on a quiet machine something may take now before it is taken for hung. */
function patience() {
  return Math.max(AT_LEAST, (MARGIN * loadavg()[0]) / availableParallelism());
}

function stretch(runnable, ms) {
  quietMs.set(runnable, ms);
  timeout.call(runnable, Math.round(ms * patience()));
}

prototype.run = function (done) {
  stretch(this, quietMs.get(this) ?? timeout.call(this));
  return run.call(this, done);
};

// a test may set it while it runs
prototype.timeout = function (...ms) {
  if (ms.length === 0) return timeout.call(this);
  timeout.apply(this, ms);
  if (quietMs.has(this)) stretch(this, timeout.call(this));
  return this;
};

// a server refuses new decisions where its event loop is late; what other programs make late is not for a spec of something else to find
const hooks = createRequire(import.meta.url)('node:perf_hooks');
const { monitorEventLoopDelay } = hooks;
hooks.monitorEventLoopDelay = (options) => {
  const delay = monitorEventLoopDelay(options);
  const percentile = delay.percentile.bind(delay);
  return Object.assign(delay, { percentile: (of) => percentile(of) / patience() });
};
syncBuiltinESMExports();
