import { inspect } from 'node:util';
import { expect } from 'chai';
import { AMOUNT_PARTS, amountOf, MAX_AMOUNT } from '../../../lib/model/terms/LimitTerms.js';
import { policiesOf, problemsOf } from '../../support/policyCalls.js';

const limit = (annotations: string): string => `@id("p") @effect("limit") ${annotations} forbid (principal, action, resource);`;
const problem = (annotations: string): string => problemsOf(limit(annotations)).join('\n');
const HOUR = 3_600_000;

describe('The annotations of limits', () => {
  for (const [text, terms] of [
    ['100/1d', { limit: 1_000_000, windowMs: 24 * HOUR, kind: 'fixed', by: ['tenant', 'agent', 'tool'] }],
    ['100/1d fixed', { limit: 1_000_000, windowMs: 24 * HOUR, kind: 'fixed', by: ['tenant', 'agent', 'tool'] }],
    [' 2500.5 / 30m  sliding  by agent, session/user_id ', { limit: 25_005_000, windowMs: HOUR / 2, kind: 'sliding', by: ['agent', 'session/user_id'] }], // prettier-ignore
    ['0/1s by tenant', { limit: 0, windowMs: 1_000, kind: 'fixed', by: ['tenant'] }],
    ['0.0001/366d by session', { limit: 1, windowMs: 366 * 24 * HOUR, kind: 'fixed', by: ['session'] }],
    ['900719925474/1h by session/org/id', { limit: 9_007_199_254_740_000, windowMs: HOUR, kind: 'fixed', by: ['session/org/id'] }],
  ] as const)
    it(`@limit("${text}") says how much, in which time, and what is counted apart`, () =>
      expect(policiesOf(limit(`@limit("${text}")`))[0]?.limit).to.deep.include(terms));

  it('say what a call costs, what becomes of one that does not fit, and when someone is told', () => {
    const [policy] = policiesOf(
      limit('@limit("9/1h") @cost("/a/~1b") @over("approval_needed") @warn_at("80") @approvers("leads") @quorum("2") @editable("/a")'),
    );
    expect(policy?.limit).to.deep.include({ cost: '/a/~1b', over: 'approval_needed', warnAt: 80 });
    expect(policy?.applied).to.deep.include({ effect: 'limit', approvers: ['leads'], quorum: 2, editable: ['/a'] });
    expect(policiesOf(limit('@limit("9/1h")'))[0]?.limit).to.deep.include({ over: 'deny', cost: undefined, warnAt: undefined });
  });

  const WRONG: readonly (readonly [annotation: string, ...values: string[]])[] = [
    ['limit', '', '100', '100/', '/1d', '100/1', '100/d', '100/1w', '100/0d', '100/1.5h', '-1/1d', '1e3/1d', '1.23456/1d', '100/367d', '100/8785h', '900719925475/1d',
      '100/1d rolling', '100/1d sliding fixed', '100/1d by', '100/1d by user', '100/1d by agent,', '100/1d by agent,agent', '100/1d by agent tool', '100/1d by session/',
      '100/1d by session//a', '100/1d by session/a/', '100/1d by session/__proto__', '100/1d by session/~', '100/1d by Agent', '١/1d'], // prettier-ignore
    ['cost', '', 'amount', '/__proto__', '/~'],
    ['over', '', 'ask', 'allow', 'DENY'],
    ['warn_at', '', '0', '100', '80%', '-1', '8.5', '080'],
  ];
  for (const [annotation, ...values] of WRONG)
    for (const value of values)
      it(`refuses @${annotation}("${value}")`, () =>
        expect(problem(annotation === 'limit' ? `@limit("${value}")` : `@limit("1/1d") @${annotation}("${value}")`)).to.contain(
          `@${annotation} must be`,
        ));

  for (const [annotations, meant] of [
    ['@limit("100/1d slidng")', 'sliding'],
    ['@limit("100/1d Fixed")', 'fixed'],
    ['@limit("100/1d by agents")', 'agent'],
    ['@limit("100/1d by agent,tools")', 'tool'],
    ['@limit("100/1d by sesion/user_id")', 'session'],
    ['@limit("100/1d by agent, user_id")', 'session/user_id'],
    ['@limit("100/1d by session.user_id")', 'session/user_id'],
    ['@limit("100/1d by session:user-id,agent")', 'session/user-id'],
    ['@limit("1/1d") @over("aproval_needed")', 'approval_needed'],
    ['@limit("1/1d") @over("Deny")', 'deny'],
    ['@limit("1/1d") @cost("amount")', '/amount'],
  ] as const)
    it(`say what was meant by ${annotations}`, () => expect(problem(annotations)).to.contain(`did you mean '${meant}'?`));

  for (const value of ['3/1w', '3/400d', 'x/1d', '3/1d by agent,a b', '3/1d by agent,agent', '3'])
    it(`guesses nothing for @limit("${value}")`, () => expect(problem(`@limit("${value}")`)).to.not.contain('did you mean'));

  it('say what was meant by a name', () => {
    for (const [name, meant] of [
      ['limt', '@limit'],
      ['costs', '@cost'],
      ['warn', '@warn_at'],
      ['Over', '@over'],
    ] as const)
      // prettier-ignore
      expect(problem(`@limit("1/1d") @${name}("1")`), name).to.contain(meant);
  });

  it('are for limits only', () => {
    for (const [annotation] of WRONG) {
      const text = `@id("p") @${annotation}("x") forbid (principal, action, resource);`;
      expect(problemsOf(text).join(), annotation).to.contain(`@${annotation} is only for a forbid with @effect("limit")`);
    }
    expect(problemsOf('@id("p") @effect("limit") @limit("1/1d") permit (principal, action, resource);').join()).to.contain(
      '@effect is not allowed on a permit',
    );
  });

  it('are needed by a limit', () => expect(problem('')).to.contain('@effect("limit") needs @limit("…")'));

  it('are those of an approval policy too, where people may let more run; grants never lift a limit', () => {
    for (const more of ['@approvers("a")', '@approval_timeout_s("60")', '@self_approval("true")', '@summary("a")', '@quorum("2")']) {
      expect(problem(`@limit("1/1d") ${more}`), more).to.contain('is only for a forbid with @effect("approval_needed")');
      expect(problem(`@limit("1/1d") @over("deny") ${more}`), more).to.contain('is only for a forbid with @effect("approval_needed")');
      expect(problem(`@limit("1/1d") @over("approval_needed") ${more}`), more).to.equal('');
    }
    expect(problem('@limit("1/1d") @over("approval_needed") @grantable("1 use; 1h")')).to.contain('@grantable is only for');
    expect(problem('@limit("1/1d") @sanitize("remove /a")')).to.contain('@sanitize is only for');
    const until = new Date(Date.now() + 60_000).toISOString();
    expect(problem(`@limit("1/1d") @observe("true") @observe_until("${until}")`)).to.equal('');
  });
});

describe('An amount', () => {
  for (const [value, parts] of [
    [0, 0],
    [-0, 0],
    [1, 10_000],
    [12.5, 125_000],
    [0.0001, 1],
    [99.9999, 999_999],
    [7n, 70_000],
    [682_479_576_735.956, 6_824_795_767_359_560],
    [444_355_263_540.8024, 4_443_552_635_408_024],
    [900_719_925_474.099, 9_007_199_254_740_990],
    [900_719_925_474, 9_007_199_254_740_000],
    [900_719_925_474n, 9_007_199_254_740_000],
  ] as const)
    // prettier-ignore
    it(`of ${String(value)} has ${parts} parts`, () => expect(amountOf(value)).to.equal(parts));

  for (const value of [
    -1,
    -0.5,
    NaN,
    Infinity,
    -Infinity,
    0.00001,
    1.5e-7,
    5e-324,
    1.00005,
    0.1 + 0.2,
    900_719_925_475,
    900_719_925_474.9999,
    2 ** 53,
    1e300,
    -1n,
    2n ** 64n,
    '5',
    null,
    undefined,
    true,
    [1],
    {},
    new Date(5),
  ])
    // prettier-ignore
    it(`is not ${inspect(value)}`, () => expect(amountOf(value)).to.equal(undefined));

  it('is counted in ten-thousandths', () => expect([AMOUNT_PARTS, MAX_AMOUNT]).to.deep.equal([10_000, 2 ** 53 - 1]));
});
