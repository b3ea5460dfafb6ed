import { expect } from 'chai';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { runPolicyTests } from '../../../lib/policy/engine/runPolicyTests.js';
import { engineOf } from '../../support/policyCalls.js';

const POLICIES = `
@id("allow-reads")
permit (principal is Aegis::Agent, action in Aegis::Action::"read", resource);
@id("allow-support-mail")
permit (principal in Aegis::Role::"support", action == Aegis::Action::"send_email", resource);
@id("allow-transfers")
permit (principal in Aegis::Role::"finance", action == Aegis::Action::"transfer_funds", resource);
@id("allow-drop")
permit (principal, action == Aegis::Action::"drop_table", resource);

@id("no-drop-outside-staging") @reason("drop_table is only for staging")
forbid (principal, action == Aegis::Action::"drop_table", resource)
unless { context.session has environment && context.session.environment == "staging" };

@id("mask-email-body") @effect("sanitize") @reason("addresses are masked in mail bodies")
@sanitize("mask_email /body; truncate /subject 60")
forbid (principal, action == Aegis::Action::"send_email", resource)
when { context.input has body && context.input.body like "*@*" };

@id("big-transfer") @effect("approval_needed") @reason("transfers over 1000 need a second person")
@approvers("finance-leads")
forbid (principal, action == Aegis::Action::"transfer_funds", resource)
when { context.input.amount > 1000 };
`;

const TESTS = {
  defaults: { agent: 'bot', roles: ['support', 'finance'] },
  tests: [
    { name: 'no drop in production', tool: 'drop_table', params: { table: 't' }, session: { environment: 'production' }, expect: { effect: 'deny', violations: ['no-drop-outside-staging'], reason: 'drop_table is only for staging' } },
    { name: 'drop in staging', tool: 'drop_table', session: { environment: 'staging' }, expect: { effect: 'allow', violations: [] } },
    { name: 'body is masked', tool: 'send_email', params: { to: 'a@b.co', subject: 's', body: 'ask bob@example.com' }, expect: { effect: 'sanitize', params: { to: 'a@b.co', subject: 's', body: 'ask [email]' } } },
    { name: 'mail without roles', tool: 'send_email', roles: [], params: { body: '' }, expect: { effect: 'deny', code: 'no_permit' } },
    { name: 'reads by group', tool: 'list', groups: ['read'], expect: { effect: 'allow' } },
    { name: 'big transfer', tool: 'transfer_funds', params: { amount: 5000 }, expect: { effect: 'approval_needed', violations: ['big-transfer'] } },
    { name: 'small transfer', tool: 'transfer_funds', params: { amount: 5 }, expect: { effect: 'allow' } },
    { name: 'wrong type fails closed', tool: 'transfer_funds', params: { amount: '5000' }, now: '2025-01-01T00:00:00Z', expect: { effect: 'deny' } },
  ],
}; // prettier-ignore

describe('runPolicyTests', () => {
  it('runs the tests beside the policies', () => {
    const results = runPolicyTests(engineOf(POLICIES), TESTS);
    expect(results.filter(({ passed }) => !passed)).to.deep.equal([]);
    expect(results).to.have.length(8);
  });

  it('tells what differs', () => {
    const expectation = { effect: 'allow', violations: ['x'], params: { a: 1 } };
    expect(runPolicyTests(engineOf(POLICIES), { tests: [{ name: 'n', tool: 'drop_table', expect: expectation }] })).to.deep.equal([
      {
        name: 'n',
        passed: false,
        differences: [
          'effect: expected "allow", got "deny"',
          'violations: expected ["x"], got ["no-drop-outside-staging"]',
          'params: expected {"a":1}, got nothing',
        ],
      },
    ]);
  });

  it('compares which policies were only watched', () => {
    const until = new Date(Date.now() + 60_000).toISOString();
    const engine = engineOf(
      ['a', 'b'].map((id) => `@id("${id}") @effect("approval_needed") @observe("true") @observe_until("${until}") forbid (principal, action == Aegis::Action::"pay", resource);`).join('\n') + // prettier-ignore
        '@id("all") permit (principal, action, resource);',
    );
    const results = runPolicyTests(engine, {
      tests: [
        { name: 'watched', tool: 'pay', expect: { effect: 'allow', observed: ['b', 'a'] } },
        { name: 'not watched', tool: 'read', expect: { effect: 'allow', observed: [] } },
        { name: 'after its end', tool: 'pay', now: until, expect: { effect: 'approval_needed', violations: ['a', 'b'], observed: [] } },
        { name: 'wrong', tool: 'pay', expect: { effect: 'allow', observed: [] } },
        { name: 'not asked about', tool: 'pay', expect: { effect: 'allow' } },
      ],
    });
    expect(results.map(({ differences }) => differences)).to.deep.equal([[], [], [], ['observed: expected [], got ["a","b"]'], []]);
  });

  it('refuses a file of another form, and names the place', () => {
    for (const [json, where] of [
      [null, ''],
      [{}, 'tests'],
      [{ tests: [{ name: 'n', expect: { effect: 'permit' } }] }, 'tests.0.expect.effect'],
      [{ tests: [{ name: 'n', expct: {}, expect: { effect: 'allow' } }] }, 'tests.0.expct'],
    ] as const)
      expect(() => runPolicyTests(engineOf(POLICIES), json))
        .to.throw(ConfigError)
        .with.nested.property('problems[0].where', where);
  });

  it('refuses a time that is none', () => {
    expect(() => runPolicyTests(engineOf(POLICIES), { defaults: { now: 'yesterday' }, tests: [] }))
      .to.throw(ConfigError)
      .with.property('problems')
      .that.deep.equals([{ where: 'defaults.now', message: 'Expected another value.' }]);
  });
});
