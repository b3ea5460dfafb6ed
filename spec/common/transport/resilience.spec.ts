import { expect } from 'chai';
import fc from 'fast-check';
import sinon from 'sinon';
import { Deadline } from '../../../lib/common/transport/Deadline.js';
import {
  CircuitBreaker,
  CircuitOpenError,
  parseRetryAfter,
  Resilience,
  RetryBudget,
  retryDelay,
} from '../../../lib/common/transport/resilience.js';
import type { Outcome } from '../../../lib/common/transport/resilience.js';
import { countedSuite } from '../../support/assurance.js';

describe('resilience', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  function deadline(timeoutMs = 10_000, signal?: AbortSignal): Deadline {
    return new Deadline({ timeoutMs, timeoutError: () => new Error('time is up'), signal, abortError: () => new Error('aborted') });
  }

  const overloaded: Outcome<string> = { kind: 'overloaded', error: new Error('503') };
  const throttled: Outcome<string> = { kind: 'throttled', error: new Error('429') };
  const answered: Outcome<string> = { kind: 'answered', value: 'yes' };

  /** Runs to the end of the fake time it takes. */
  async function outcomeOf(running: Promise<string>): Promise<string> {
    const settled = running.then(
      (value) => value,
      (error: Error) => `failed: ${error.message || error.name}`,
    );
    await clock.runAllAsync();
    return settled;
  }

  describe('retryDelay', () => {
    it('is full jitter over a doubling backoff, capped at 20 s', () => {
      expect([0, 1, 2, 3].map((n) => retryDelay(n, undefined, () => 0.5))).to.deep.equal([50, 100, 200, 400]);
      expect(retryDelay(30, undefined, () => 0.999)).to.be.lessThan(20_000);
      expect(retryDelay(0, undefined, () => 0)).to.equal(0);
    });

    for (const after of [-5_000, 0, 1, 99, -Infinity]) {
      it(`waits at least 100 ms where the server says ${after} ms (trap D)`, () => expect(retryDelay(0, after, () => 0)).to.equal(100));
    }
    for (const after of [99_999_999_000, Infinity, 2 ** 60]) {
      it(`waits at most 60 s and jitter where the server says ${after} ms (trap D)`, () => {
        expect(retryDelay(0, after, () => 0)).to.equal(60_000);
        expect(retryDelay(0, after, () => 0.999)).to.be.lessThan(60_100);
      });
    }
    it('honours what lies between', () => expect(retryDelay(0, 2_000, () => 0.5)).to.equal(2_050));
    it('falls back to backoff for NaN', () => expect(retryDelay(0, Number.NaN, () => 0.5)).to.equal(50));
  });

  describe('parseRetryAfter', () => {
    const date = 'Wed, 21 Oct 2015 07:28:00 GMT';
    const table: readonly (readonly [string | null, number | undefined])[] = [
      ['5', 5_000],
      [' 5 ', 5_000],
      ['0', 0],
      ['-5', -5_000],
      ['99999999', 99_999_999_000],
      ['Wed, 21 Oct 2015 07:28:10 GMT', 10_000],
      ['Wed, 21 Oct 2015 07:27:50 GMT', -10_000],
      ['1e300', undefined],
      ['NaN', undefined],
      ['', undefined],
      ['soon', undefined],
      ['Wed, never', undefined],
      ['1.5', undefined],
      ['0x10', undefined],
      [null, undefined],
    ];
    for (const [header, expected] of table) {
      it(`reads ${String(header)} as ${expected}`, () => expect(parseRetryAfter(header, date)).to.equal(expected));
    }
    it("measures a date against the server's clock, whatever ours says", () => {
      clock.setSystemTime(0);
      expect(parseRetryAfter('Wed, 21 Oct 2015 07:28:10 GMT', date)).to.equal(10_000);
    });
    it('measures it against ours where the server has none, or nonsense', () => {
      clock.setSystemTime(Date.parse('Wed, 21 Oct 2015 07:28:08 GMT'));
      expect(parseRetryAfter('Wed, 21 Oct 2015 07:28:10 GMT', null)).to.equal(2_000);
      expect(parseRetryAfter('Wed, 21 Oct 2015 07:28:10 GMT', 'today')).to.equal(2_000);
    });
    it('takes the year 9999 without overflowing', () => {
      expect(retryDelay(0, parseRetryAfter('Fri, 31 Dec 9999 23:59:59 GMT', date), () => 0)).to.equal(60_000);
    });
  });

  describe('RetryBudget', () => {
    it('allows 50 retries, then one for ten successes', () => {
      const budget = new RetryBudget();
      let spent = 0;
      while (budget.spend()) spent += 1;
      expect(spent).to.equal(50);
      for (let i = 0; i < 9; i++) budget.earn();
      expect(budget.spend()).to.equal(false);
      budget.earn();
      expect(budget.spend()).to.equal(true);
    });

    it('never saves up more than it started with', () => {
      const budget = new RetryBudget();
      for (let i = 0; i < 10_000; i++) budget.earn();
      let spent = 0;
      while (budget.spend()) spent += 1;
      expect(spent).to.equal(50);
    });
  });

  describe('CircuitBreaker', () => {
    function open(breaker: CircuitBreaker): void {
      for (let i = 0; i < 10; i++) breaker.enter()?.('down');
    }

    it('opens after 10 failures in a row, not before', () => {
      const breaker = new CircuitBreaker(() => 0);
      for (let i = 0; i < 9; i++) breaker.enter()?.('down');
      breaker.enter()?.('up');
      for (let i = 0; i < 9; i++) breaker.enter()?.('down');
      expect(breaker.enter()).to.be.a('function');
      breaker.enter()?.('down');
      expect(breaker.enter()).to.equal(undefined);
    });

    it('lets one probe through after 1 to 2 s; its success closes it', () => {
      for (const [random, ms] of [
        [0, 1_000],
        [0.999, 1_999],
      ] as const) {
        const breaker = new CircuitBreaker(() => random);
        open(breaker);
        clock.tick(ms - 1);
        expect(breaker.enter()).to.equal(undefined);
        clock.tick(2);
        const probe = breaker.enter();
        expect(probe).to.be.a('function');
        expect(breaker.enter(), 'a second probe').to.equal(undefined);
        probe?.('up');
        expect([breaker.enter(), breaker.enter()].every((leave) => leave !== undefined)).to.equal(true);
      }
    });

    it('opens again where the probe fails, and lets another go where it was given up', () => {
      const breaker = new CircuitBreaker(() => 0);
      open(breaker);
      clock.tick(1_000);
      breaker.enter()?.('down');
      expect(breaker.enter()).to.equal(undefined);
      clock.tick(1_000);
      breaker.enter()?.('unknown');
      expect(breaker.enter()).to.be.a('function');
    });

    it('ignores answers to what was sent before it opened', () => {
      const breaker = new CircuitBreaker(() => 0);
      const early = [breaker.enter(), breaker.enter()];
      open(breaker);
      early[0]?.('up');
      expect(breaker.enter()).to.equal(undefined);
      clock.tick(1_000);
      breaker.enter()?.('up');
      early[1]?.('down');
      expect(breaker.enter()).to.be.a('function');
    });

    it('is not moved by the wall clock', () => {
      const breaker = new CircuitBreaker(() => 0);
      open(breaker);
      clock.setSystemTime(10 ** 13);
      expect(breaker.enter()).to.equal(undefined);
      clock.setSystemTime(0);
      clock.tick(1_000);
      expect(breaker.enter()).to.be.a('function');
    });
  });

  describe('Resilience', () => {
    it('retries until it is answered', async () => {
      const attempt = sinon.stub<[], Promise<Outcome<string>>>();
      attempt.onCall(0).resolves(overloaded).onCall(1).resolves(throttled).onCall(2).resolves(answered);
      expect(await outcomeOf(new Resilience(() => 0.5).run<string>(attempt, 2, deadline()))).to.equal('yes');
      expect(attempt.callCount).to.equal(3);
    });

    it('gives up after the retries with the last error', async () => {
      const attempt = sinon.stub<[], Promise<Outcome<string>>>().resolves(overloaded);
      expect(await outcomeOf(new Resilience(() => 0.5).run<string>(attempt, 2, deadline()))).to.equal('failed: 503');
      expect(attempt.callCount).to.equal(3);
    });

    it('does not retry what is thrown', async () => {
      const attempt = sinon.stub<[], Promise<Outcome<string>>>().rejects(new Error('400'));
      expect(await outcomeOf(new Resilience(() => 0.5).run<string>(attempt, 5, deadline()))).to.equal('failed: 400');
      expect(attempt.callCount).to.equal(1);
    });

    it('does not wait where the wait would outlast the deadline', async () => {
      const attempt = sinon.stub<[], Promise<Outcome<string>>>().resolves({ ...overloaded, retryAfterMs: 5_000 });
      const started = performance.now();
      const failed = new Resilience(() => 0).run(attempt, 2, deadline(3_000)).catch((error: Error) => error.message);
      expect(await failed).to.equal('503');
      expect([attempt.callCount, performance.now() - started]).to.deep.equal([1, 0]);
    });

    it('ends at the deadline, also where an attempt ignores it', async () => {
      const running = new Resilience().run<string>(() => new Promise(() => undefined), 2, deadline(300));
      expect(await outcomeOf(running)).to.equal('failed: time is up');
      expect(performance.now()).to.equal(300);
    });

    it('counts timeouts as failures of the service, aborts as nothing', async () => {
      const resilience = new Resilience(() => 0);
      const hang = (): Promise<Outcome<string>> => new Promise(() => undefined);
      for (let i = 0; i < 20; i++) {
        const controller = new AbortController();
        const running = outcomeOf(resilience.run(hang, 0, deadline(300, controller.signal)));
        controller.abort();
        expect(await running).to.equal('failed: aborted');
      }
      for (let i = 0; i < 10; i++) expect(await outcomeOf(resilience.run(hang, 0, deadline(300)))).to.equal('failed: time is up');
      expect(await outcomeOf(resilience.run(hang, 0, deadline(300)))).to.contain('circuit breaker');
    });

    it('does not open for 429 nor for errors that are answers', async () => {
      const resilience = new Resilience(() => 0);
      for (let i = 0; i < 30; i++) {
        await outcomeOf(resilience.run<string>(async () => throttled, 0, deadline()));
        await outcomeOf(resilience.run<string>(() => Promise.reject(new Error('400')), 0, deadline()));
      }
      expect(await outcomeOf(resilience.run<string>(async () => answered, 0, deadline()))).to.equal('yes');
    });

    it('ends its retries with the last error when the breaker opens on the way', async () => {
      const resilience = new Resilience(() => 0);
      const attempt = sinon.stub<[], Promise<Outcome<string>>>().resolves(overloaded);
      const running = resilience.run(attempt, 20, deadline()).catch((error: Error) => error.message);
      await clock.tickAsync(100);
      expect(await running).to.equal('503');
      expect(attempt.callCount).to.equal(10);
      const refused = await resilience.run(attempt, 20, deadline()).catch((error: unknown) => error);
      expect(refused).to.be.instanceOf(CircuitOpenError);
    });
  });

  describe('in a storm of 1,000 calls/s', () => {
    let offered = 0;
    let extra = 0;
    countedSuite('storm: 1,000 calls/s into 30 s of 503, a tenth extra at most, 95 % through within 5 s', () => ({
      cases: offered,
      beside: { 'extra requests in the outages': extra },
    }));
    interface Counts {
      offered: number;
      requests: number;
      succeeded: number;
    }

    /** Offers 1,000 calls a second for a while to a service that answers 20 ms later. */
    async function storm(resilience: Resilience, seconds: number, serve: () => Outcome<string>): Promise<Counts> {
      const counts: Counts = { offered: 0, requests: 0, succeeded: 0 };
      const attempt = async (): Promise<Outcome<string>> => {
        counts.requests += 1;
        await new Promise((resolve) => setTimeout(resolve, 20));
        return serve();
      };
      for (let ms = 0; ms < seconds * 1_000; ms += 20) {
        for (let i = 0; i < 20; i++) {
          counts.offered += 1;
          const limit = deadline();
          void resilience
            .run(attempt, 2, limit)
            .then(
              () => (counts.succeeded += 1),
              () => undefined,
            )
            .finally(() => limit.end());
        }
        await clock.tickAsync(20);
      }
      return counts;
    }

    for (const random of [() => 0, () => 0.5, () => 0.999]) {
      it(`into 30 s of 503, at most a tenth extra is sent, and 95 % get through within 5 s (random ${random()})`, async function () {
        this.timeout(30_000);
        const resilience = new Resilience(random);
        await storm(resilience, 2, () => answered);
        const outage = await storm(resilience, 30, () => overloaded);
        offered += outage.offered;
        extra += Math.max(0, outage.requests - outage.offered);
        expect(outage.requests - outage.offered).to.be.at.most(outage.offered * 0.1);
        expect(outage.requests, 'the breaker spares the service').to.be.lessThan(outage.offered * 0.05);
        expect(outage.succeeded).to.be.lessThan(50);
        await storm(resilience, 4, () => answered);
        const recovered = await storm(resilience, 1, () => answered);
        expect(recovered.succeeded).to.be.at.least(recovered.offered * 0.95);
      });
    }

    it('at any rate of failures, at most a tenth and 50 extra are sent', async function () {
      this.timeout(60_000);
      await fc.assert(
        fc.asyncProperty(fc.double({ min: 0.02, max: 0.98, noNaN: true }), fc.integer(), async (rate, seed) => {
          const random = mulberry(seed);
          const counts = await storm(new Resilience(random), 3, () => (random() < rate ? overloaded : answered));
          expect(counts.requests - counts.offered).to.be.at.most(counts.offered * 0.1 + 50);
        }),
        { numRuns: 12 },
      );
    });

    function mulberry(seed: number): () => number {
      let state = seed;
      return () => {
        state = (state + 0x6d2b79f5) | 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
      };
    }
  });
});
