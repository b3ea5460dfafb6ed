import { expect } from 'chai';
import { LOAD_LIMITS, LoadGate } from '../../../lib/server/front/LoadGate.js';
import type { LoadLimits } from '../../../lib/server/front/LoadGate.js';
import { Tally } from '../../../lib/server/front/Tally.js';

describe('What tenants hold at a time', () => {
  it('stays below a limit for each and one for all', () => {
    const tally = new Tally(10, 6);
    const give = tally.take('a', 4) as () => void;
    expect(tally.take('a', 3)).to.equal('tenant');
    const giveMore = tally.take('a', 2) as () => void;
    expect(tally.take('b', 5)).to.equal('server');
    const giveOther = tally.take('b', 4) as () => void;
    expect([tally.all, tally.tenants]).to.deep.equal([10, 2]);
    give();
    expect([tally.all, tally.tenants]).to.deep.equal([6, 2]);
    giveMore();
    giveOther();
    expect([tally.all, tally.tenants]).to.deep.equal([0, 0]);
  });
});

describe('The gate of a server under load', () => {
  let now = 0;
  let delayMs = 0;
  let looks = 0;
  const shed: string[] = [];
  const gate = (limits: Partial<LoadLimits> = {}): LoadGate =>
    new LoadGate(
      { ...LOAD_LIMITS, ...limits },
      () => now,
      (reason) => shed.push(reason),
      {
        percentile: () => delayMs * 1e6,
        reset: () => {
          looks += 1;
        },
      },
    );
  beforeEach(() => {
    now = 0;
    delayMs = 0;
    looks = 0;
    shed.length = 0;
  });

  it('refuses what one tenant has in flight beyond its share, and all tenants beyond the whole', () => {
    const load = gate({ inFlight: 3, inFlightPerTenant: 2 });
    const leave = load.enter('a');
    load.enter('a');
    expect(() => load.enter('a'))
      .to.throw()
      .that.includes({ status: 503, code: 'overloaded', retryAfterS: 1 });
    load.enter('b');
    expect(load.inFlight).to.equal(3);
    expect(() => load.enter('b'))
      .to.throw()
      .with.property('code', 'overloaded');
    leave();
    load.enter('a');
    expect(shed).to.deep.equal(['tenant', 'server']);
  });

  it('refuses bodies beyond a number of bytes', () => {
    const load = gate({ bodyBytes: 100, bodyBytesPerTenant: 60 });
    load.receive('a', 60);
    expect(() => load.receive('a', 1))
      .to.throw()
      .with.property('code', 'overloaded');
    const given = load.receive('b', 40);
    expect(() => load.receive('c', 1))
      .to.throw()
      .with.property('code', 'overloaded');
    given();
    load.receive('c', 40);
    expect(shed).to.deep.equal(['tenant', 'server']);
  });

  it('sheds new decisions once the loop has been late for two seconds, until it is not', () => {
    const load = gate();
    delayMs = 201;
    load.admitDecision();
    expect(looks).to.equal(0);
    now = 1_000;
    load.admitDecision();
    now = 1_500;
    load.admitDecision();
    expect(looks).to.equal(1);
    now = 2_000;
    expect(() => load.admitDecision())
      .to.throw()
      .with.property('code', 'overloaded');
    delayMs = 200;
    now = 3_000;
    load.admitDecision();
    expect(shed).to.deep.equal(['loop']);
    load.close();
  });

  it('is not shut by one late second', () => {
    const load = gate();
    for (let second = 1; second < 20; second++) {
      now = second * 1_000;
      delayMs = second % 2 === 0 ? 500 : 1;
      load.admitDecision();
    }
    expect(shed).to.deep.equal([]);
  });

  it('measures the real event loop, and stops', async () => {
    const load = new LoadGate(
      { ...LOAD_LIMITS, loopDelayMs: 0, lateForMs: 0 },
      () => now,
      (reason) => shed.push(reason),
    );
    await new Promise((resolve) => setTimeout(resolve, 60));
    now = 2_000;
    expect(() => load.admitDecision())
      .to.throw()
      .with.property('code', 'overloaded');
    load.close();
  });
});
