import { expect } from 'chai';
import fc from 'fast-check';
import sinon from 'sinon';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { MemoryCounterStore } from '../../../lib/store/counter/MemoryCounterStore.js';
import { countedSuite, seed, volume } from '../../support/assurance.js';
import { builtCall, BuiltLog, builtSource, decided, entering, settled } from '../../support/builtLogs.js';
import type { BuiltCall, Over } from '../../support/builtLogs.js';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const LIMIT = { by: ['tenant', 'agent', 'tool'], calls: 2, hash: 'c'.repeat(64), id: 'cap', windowMs: HOUR };
const SLIDING = { ...LIMIT, isSliding: true };

/** The middle of a window of an hour. */
const atMiddle = (log: BuiltLog): BuiltLog => log.wait(HOUR - (log.at % HOUR) + HOUR / 2);
const run = (log: BuiltLog, over: Over = {}, call: BuiltCall = builtCall()): BuiltLog =>
  settled(entering(decided(log, call, { limits: [LIMIT], ...over }), call), call);
const many = (log: BuiltLog, n: number, over: Over = {}, waitMs = 0): BuiltLog => {
  for (let i = 0; i < n; i++) run(log.wait(waitMs), over);
  return log;
};
const withheld = (log: BuiltLog): BuiltLog => {
  const call = builtCall();
  return settled(entering(decided(log, call, { limits: [LIMIT, { id: 'named', hash: LIMIT.hash }] }), call), call, { outcome: 'withheld' });
};

type Make = (log: BuiltLog) => unknown;

const HOSTILE: readonly (readonly [what: string, codes: readonly string[], make: Make])[] = [
  ['a third run in a window of two', ['limit_exceeded'], (log) => many(atMiddle(log), 3)],
  ['a third run in a sliding window of two', ['limit_exceeded'], (log) => many(log, 3, { limits: [SLIDING] }, 20 * MINUTE)],
  ['a run under a limit of none', ['limit_exceeded'], (log) => many(atMiddle(log), 1, { limits: [{ ...LIMIT, calls: 0 }] })],
  ['each run beyond a limit', ['limit_exceeded', 'limit_exceeded'], (log) => many(atMiddle(log), 4)],
  ['a run that is beyond the second of its limits', ['limit_exceeded'], (log) => many(atMiddle(log), 3, { limits: [{ ...LIMIT, id: 'wide', calls: 9 }, LIMIT] })],
  ['changed calls beyond a limit', ['limit_exceeded'], (log) => many(atMiddle(log), 3, { effect: 'sanitize' })],
  ['runs of all tools beyond a limit by agent', ['limit_exceeded'], (log) => {
    const limits = [{ ...LIMIT, by: ['agent'] }];
    run(atMiddle(log), { limits });
    for (const toolName of ['a', 'b']) {
      const call = builtCall({}, { toolName });
      run(log, { limits }, call);
    }
  }],
  ['runs beyond a limit beside one that was stopped', ['limit_exceeded'], (log) => many(withheld(many(atMiddle(log), 1)), 2)],
  ['a third run in a window of two, after windows of nine', ['limit_exceeded'], (log) => many(atMiddle(many(atMiddle(log), 9, { limits: [{ ...LIMIT, calls: 9 }] })), 3)],
  ['a call in a call, counted once', ['limit_reused'], (log) => {
    const call = builtCall();
    entering(entering(decided(log, call, { limits: [LIMIT] }), call), call, { reused: true });
    settled(log, call);
  }],
  ['runs that were decided in another order, beyond a limit', ['limit_exceeded'], (log) => {
    const calls = [builtCall(), builtCall(), builtCall()];
    for (const call of calls) decided(log.wait(HOUR), call, { limits: [{ ...SLIDING, windowMs: 24 * HOUR }] });
    for (const call of calls.reverse()) settled(entering(log, call), call);
  }],
]; // prettier-ignore

const LAWFUL: readonly (readonly [what: string, make: Make])[] = [
  ['two runs in a window of two', (log) => many(atMiddle(log), 2)],
  ['two runs in each window', (log) => many(atMiddle(many(atMiddle(log), 2)), 2)],
  ['two runs in each sliding window', (log) => many(log, 9, { limits: [SLIDING] }, HOUR / 2)],
  ['runs near the end of a window', (log) => many(log.wait(2 * HOUR - (log.at % HOUR) - 30_000), 4)],
  ['runs near the beginning of a window', (log) => many(log.wait(2 * HOUR - (log.at % HOUR) + 30_000), 4)],
  ['windows that are shorter than clocks may differ', (log) => many(log, 9, { limits: [{ ...LIMIT, windowMs: 2 * MINUTE }] })],
  ['what a limit counts by a param or by the session', (log) => many(atMiddle(log), 9, { limits: [{ id: 'cap', hash: LIMIT.hash }] })],
  ['calls that were stopped before their methods', (log) => many(withheld(withheld(withheld(atMiddle(log)))), 2)],
  ['a limit that was raised', (log) => many(many(atMiddle(log), 2), 2, { limits: [{ ...LIMIT, calls: 4 }] })],
  ['a limit that was lowered', (log) => run(many(atMiddle(log), 1, { limits: [{ ...LIMIT, calls: 4 }] }))],
  ['calls of a writer that has begun anew: its counters may have been in memory', (log) => {
    many(atMiddle(log), 2);
    log.add('started', { source: 'library', version: '1.0.0', mode: 'required', publicKey: log.key.publicKey.toString() });
    many(log.add('policies', { hash: 'b'.repeat(64) }), 2);
  }],
  ['a call whose run was stopped when its window was over', (log) => {
    const calls = [builtCall(), builtCall()];
    for (const call of calls) entering(decided(log, call, { limits: [SLIDING] }), call);
    many(log.wait(2 * HOUR), 2, { limits: [SLIDING] });
    for (const call of calls) settled(log, call, { outcome: 'withheld' });
  }],
  ['calls that were decided, and not entered', (log) => { for (let i = 0; i < 5; i++) decided(atMiddle(log), builtCall(), { limits: [{ ...LIMIT, windowMs: 24 * HOUR }] }); }],
]; // prettier-ignore

describe('The law of limits', () => {
  let cases = 0;
  afterEach(() => (cases += 1));
  countedSuite('logs of limits: what ran beyond them is found, what fitted is not', () => ({ cases }));

  for (const [what, codes, make] of HOSTILE)
    it(`finds ${what}`, async () => {
      const { law, integrity } = await verified(make);
      expect(law.findings.map(({ code }) => code)).to.deep.equal(codes);
      expect(integrity.findings).to.deep.equal([]);
    });

  for (const [what, make] of LAWFUL)
    it(`finds nothing wrong with ${what}`, async () => {
      expect((await verified(make)).law.findings).to.deep.equal([]);
    });

  it('counts what a server allowed, which it does not give back', async () => {
    const log = new BuiltLog('w0', { source: 'server' });
    atMiddle(log);
    for (let i = 0; i < 3; i++) decided(log, builtCall(), { limits: [LIMIT], tenantId: 'acme' });
    decided(log, builtCall(), { limits: [LIMIT], tenantId: 'other' });
    expect((await report(log)).law.findings.map(({ code }) => code)).to.include('limit_exceeded');
    expect((await report(log)).law.findings.filter(({ code }) => code === 'limit_exceeded')).to.have.length(1);
  });

  it('finds no run of a log too many that counters have counted, at any times and with clocks that differ by a minute', async () => {
    const clock = sinon.useFakeTimers({ now: 1_750_000_000_000, toFake: ['Date'] });
    let runs = 0;
    try {
      const steps = fc.array(fc.record({ afterMs: fc.nat(20 * MINUTE), skewMs: fc.integer({ min: -30_000, max: 30_000 }) }), {
        minLength: 20,
        maxLength: 80,
      });
      const property = fc.asyncProperty(
        steps,
        fc.constantFrom('fixed', 'sliding'),
        fc.integer({ min: 1, max: 6 }),
        async (all, kind, calls) => {
          const counters = new MemoryCounterStore();
          const log = new BuiltLog();
          clock.setSystemTime(log.at);
          for (const { afterMs, skewMs } of all) {
            clock.tick(afterMs);
            const key = { key: 'k', cost: 1, limit: calls, windowMs: HOUR, kind } as const;
            const outcome = counters.take({ token: `t${runs}`, takes: [key] });
            if (!outcome.ok) continue;
            runs += 1;
            const call = builtCall();
            const at = Date.now() + skewMs;
            decided(log, call, { at, limits: [kind === 'fixed' ? { ...LIMIT, calls } : { ...SLIDING, calls }] });
            settled(entering(log, call, { at }), call, { at });
          }
          expect((await report(log)).law.findings).to.deep.equal([]);
        },
      );
      await fc.assert(property, { numRuns: volume(1_000), seed });
    } finally {
      clock.restore();
    }
    expect(runs).to.be.above(100);
  });

  it('forgets what is out of every window', async () => {
    const log = new BuiltLog();
    many(log, 3_000, { limits: [{ ...SLIDING, calls: 9, windowMs: 5 * MINUTE }] }, MINUTE);
    expect((await report(log)).law.findings).to.deep.equal([]);
    many(log, 10, { limits: [{ ...SLIDING, calls: 9, windowMs: 5 * MINUTE }] });
    expect((await report(log)).law.findings).to.have.length(4);
  });
});

function report(log: BuiltLog): ReturnType<typeof verifyAudit> {
  log.sign();
  return verifyAudit(builtSource(log), { heads: [log.head], keys: [log.key.publicKey.toString()] });
}

function verified(make: Make): ReturnType<typeof verifyAudit> {
  const log = new BuiltLog();
  make(log);
  return report(log);
}
