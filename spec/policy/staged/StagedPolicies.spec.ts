import { expect } from 'chai';
import { setImmediate as turn } from 'node:timers/promises';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import type { PolicyCall } from '../../../lib/policy/PolicyEngine.js';
import { checkedSample, promoteOptions, StagedPolicies } from '../../../lib/policy/staged/StagedPolicies.js';
import { callOf, engineOf, PERMIT_ALL } from '../../support/policyCalls.js';
import { ALLOW } from '../../support/scriptedPolicies.js';

const NO = '@id("no") forbid (principal, action == Aegis::Action::"drop", resource);';
const staged = (sample = 1): StagedPolicies => new StagedPolicies(engineOf(PERMIT_ALL + NO), 'before', sample);
const drop: PolicyCall = callOf({}, { toolName: 'drop', nowMs: 5 });

describe('StagedPolicies', () => {
  it('decide a call again in a later turn, or when they are asked for the report', async () => {
    const policies = staged();
    policies.take(drop, ALLOW, 'before');
    policies.take(callOf(), ALLOW, 'before');
    await turn();
    policies.take(drop, ALLOW, 'before');
    const report = policies.report();
    expect(report).to.deep.include({ hash: policies.hash, against: 'before', sample: 1, skipped: 0, compared: 3 });
    expect(report.rows).to.deep.equal([
      { kind: 'stricter', toolName: 'drop', from: 'allow', to: 'deny', before: [], after: ['no'], calls: 2, firstAtMs: 5, lastAtMs: 5 },
    ]);
  });

  it('compare a share of the calls, evenly', () => {
    for (const [sample, compared] of [
      [1, 100],
      [0.5, 50],
      [0.3, 30],
      [0.01, 1],
    ] as const) {
      const policies = staged(sample);
      for (let i = 0; i < 100; i++) policies.take(drop, ALLOW, 'before');
      // sums of fractions are not exact
      expect(policies.report().compared, String(sample)).to.be.within(compared - 1, compared);
    }
  });

  it('skip what comes faster than it is compared, and count it', async () => {
    const policies = staged();
    for (let i = 0; i < 5_000; i++) policies.take(drop, ALLOW, 'before');
    expect(policies.report()).to.include({ compared: 4_096, skipped: 904 });
    for (let i = 0; i < 4_096; i++) policies.take(drop, ALLOW, 'before');
    for (let i = 0; i < 1_000 && policies.waiting > 0; i++) await turn();
    expect(policies.waiting).to.equal(0);
    expect(policies.report()).to.include({ compared: 8_192, skipped: 904 });
  });

  it('begin again when other policies come into force', () => {
    const policies = staged();
    policies.take(drop, ALLOW, 'before');
    policies.take(drop, ALLOW, 'other');
    expect(policies.report()).to.include({ against: 'other', compared: 1 });
  });

  it('forget what waits when they are dropped', () => {
    const policies = staged();
    policies.take(drop, ALLOW, 'before');
    policies.stop();
    expect(policies.report().compared).to.equal(0);
  });
});

describe('The conditions of a promotion', () => {
  it('have defaults', () => {
    expect(promoteOptions({ hash: 'h', by: 'ann' })).to.deep.equal({ hash: 'h', by: 'ann', maxNewlyAllowed: 0, minDecisions: 1_000 });
    expect(checkedSample()).to.equal(1);
  });

  const sound = { hash: 'h', by: 'ann' };
  const bad: readonly (readonly [what: string, given: object])[] = [
    ['no hash', { by: 'ann' }],
    ['no one', { hash: 'h' }],
    ['an empty name', { ...sound, by: '  ' }],
    ['a name too long', { ...sound, by: 'a'.repeat(257) }],
    ['a fraction', { ...sound, maxNewlyAllowed: 0.5 }],
    ['less than none', { ...sound, minDecisions: -1 }],
    ['no number', { ...sound, minDecisions: '5' }],
    ['NaN', { ...sound, maxNewlyAllowed: NaN }],
    ['Infinity', { ...sound, maxNewlyAllowed: Infinity }],
    ['an unknown option', { ...sound, maxNewly: 1 }],
  ];
  for (const [what, given] of bad)
    it(`are refused: ${what}`, () => expect(() => promoteOptions(given as never)).to.throw(ConfigError, 'promote()'));

  for (const sample of [0, -1, 1.1, NaN, '1', null])
    it(`are refused: a sample of ${String(sample)}`, () => expect(() => checkedSample(sample as never)).to.throw(ConfigError, 'sample'));
});
