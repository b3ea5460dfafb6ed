import { expect } from 'chai';
import { AssertionError } from 'node:assert';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError, UnsupportedParamError } from '../../lib/index.js';
import { CedarPolicyEngine } from '../../lib/policy/engine/CedarPolicyEngine.js';
import { ReloadablePolicies } from '../../lib/policy/live/ReloadablePolicies.js';
import type { PolicyEngine } from '../../lib/policy/PolicyEngine.js';
import { expectDecision } from '../../lib/testing/index.js';
import type { TestCall } from '../../lib/testing/index.js';

const TEXT = `
  @id("shop") permit (principal, action in [Aegis::Action::"refund", Aegis::Action::"money"], resource);
  @id("leads") permit (principal in Aegis::Role::"lead", action == Aegis::Action::"close", resource) when { principal.tier > 1 };
  @id("huge") @reason("refunds over 1000 are not made") forbid (principal, action, resource)
    when { context.input has amount && context.input.amount > 1000 };
  @id("large") @effect("approval_needed") @reason("refunds over 100 need a person") forbid (principal, action, resource)
    when { context.input has amount && context.input.amount > 100 };
  @id("mail") @effect("sanitize") @sanitize("mask_email /note") @reason("no addresses") forbid (principal, action, resource)
    when { context.input has note && context.input.note like "*@*" };
  @id("night") forbid (principal, action, resource) when { context.system.now < datetime("2000-01-01") };
  @id("blocked") forbid (principal, action, resource) when { context.facts has blocked || context.session has blocked };`;
const POLICIES = { text: TEXT };

describe('expectDecision', () => {
  it('says what is decided, and why', () => {
    const denied = expectDecision(POLICIES, refund({ amount: 5000 }));
    expect(denied).to.include({ effect: 'deny', reason: 'refunds over 1000 are not made', message: undefined, params: undefined });
    expect(denied.reasons).to.include('refunds over 1000 are not made');
    expect(denied.violations.map(({ id }) => id)).to.deep.equal(['huge']);
    expect(denied.outcome).to.have.property('code', 'forbidden');

    const allowed = expectDecision(POLICIES, refund({ amount: 1 }));
    expect(allowed).to.include({ effect: 'allow', reason: undefined, message: undefined });
    expect({ ...allowed.params }).to.deep.equal({ amount: 1 });
    expect(allowed.reasons).to.deep.equal([]);
    expect([allowed.violations, allowed.policies.map(({ id }) => id)]).to.deep.equal([[], ['shop']]);

    const changed = expectDecision(POLICIES, refund({ note: 'ask ann@example.com' }));
    expect(changed).to.include({ effect: 'sanitize', message: 'no addresses' });
    expect({ ...changed.params }).to.deep.equal({ note: 'ask [email]' });

    const asked = expectDecision(POLICIES, refund({ amount: 500 }));
    expect(asked).to.include({ effect: 'approval_needed', reason: 'refunds over 100 need a person', message: undefined });
    expect({ ...asked.params }).to.deep.equal({ amount: 500 });
  });

  it('passes where the decision is the expected one, and can be asked on', () => {
    const reason = 'refunds over 1000 are not made';
    expectDecision(POLICIES, refund({ amount: 1 }))
      .toAllow()
      .toAllow({ violations: [], policies: ['shop'] });
    expectDecision(POLICIES, refund({ amount: 5000 }))
      .toDeny()
      .toDeny({ reason, code: 'forbidden' })
      .toDeny({ reason: /over \d+/g });
    expectDecision(POLICIES, refund({ note: 'a@example.com' })).toSanitize({ params: { note: '[email]' }, message: /addr/ });
    expectDecision(POLICIES, refund({ amount: 500, note: 'a@example.com' })).toNeedApproval({
      reason: /a person/,
      params: { note: '[email]', amount: 500 },
      message: 'no addresses',
      approvals: ['large'],
      violations: ['mail', 'large'],
    });
  });

  it('gives policies all that a call may have', () => {
    const close: TestCall = { agentId: 'a', toolName: 'close' };
    expectDecision(POLICIES, close).toDeny({ code: 'no_permit', violations: [] });
    expectDecision(POLICIES, { ...close, roles: ['lead'], attributes: { tier: 2 } }).toAllow();
    expectDecision(POLICIES, { ...close, attributes: { tier: 2 } }).toDeny();
    expectDecision(POLICIES, { ...refund({}), facts: { blocked: true } }).toDeny({ violations: ['blocked'] });
    expectDecision(POLICIES, { ...refund({}), session: { blocked: 1 } }).toDeny({ violations: ['blocked'] });
    expectDecision(POLICIES, { ...refund({}), nowMs: 0 }).toDeny({ violations: ['night'] });
    expectDecision(POLICIES, { agentId: 'a', toolName: 'pay' }).toDeny();
    expectDecision(POLICIES, { agentId: 'a', toolName: 'pay', groups: ['money'] }).toAllow();
    const text =
      '@id("a") permit (principal, action, resource); @id("r") @effect("sanitize") @sanitize("remove /x") forbid (principal, action, resource) when { context.input has x };';
    expectDecision({ text }, refund({ x: 1 })).toDeny();
    expectDecision({ text }, { ...refund({ x: 1 }), removable: ['x'] }).toSanitize({ params: {} });
  });

  it('takes policies from anywhere', () => {
    const folder = mkdtempSync(join(tmpdir(), 'aegis-expect-'));
    try {
      const file = join(folder, 'shop.cedar');
      writeFileSync(file, TEXT);
      for (const source of [folder, file, pathToFileURL(file)]) expectDecision(source, refund({ amount: 5000 })).toDeny();
    } finally {
      rmSync(folder, { recursive: true });
    }
    const live = new ReloadablePolicies({ source: POLICIES, agents: { a: { roles: ['lead'], attributes: { tier: 3 } } } });
    const close = { agentId: 'a', toolName: 'close' };
    for (const policies of [live, live.engine]) {
      expectDecision(policies, close).toAllow();
      expectDecision(policies, { ...close, roles: [] }).toDeny();
    }
    live.close();
  });

  it('takes an engine of your own, which knows its agents', () => {
    const engine: PolicyEngine = {
      hash: 'h',
      evaluate: ({ agentId }) => ({ effect: 'deny', code: 'no_permit', reason: agentId, policies: [] }),
    };
    expectDecision(engine, refund({})).toDeny({ reason: 'bot' });
    for (const more of [{ roles: [] }, { attributes: {} }])
      expect(() => expectDecision(engine, { ...refund({}), ...more })).to.throw(ConfigError, /roles, attributes/);
  });

  it('fails for policies that do not load, and params that no guard takes', () => {
    expect(() => expectDecision({ text: 'permit' }, refund({}))).to.throw(ConfigError, /policies:1/);
    expect(() => expectDecision('./nowhere', refund({}))).to.throw(ConfigError);
    expect(() => expectDecision(POLICIES, refund({ amount: new Map() }))).to.throw(UnsupportedParamError, /amount/);
  });

  it('says in one readable error what is decided instead', () => {
    const denied = expectDecision(POLICIES, refund({ amount: 5000 }));
    expect(messageOf(() => denied.toAllow())).to.equal(
      [
        "expected policies to allow 'refund' for agent 'bot', but they deny it: refunds over 1000 are not made",
        '  effect: expected allow, got deny',
        '  params: {"amount":5000}',
        '  policies: deny huge',
      ].join('\n'),
    );
    const allowed = expectDecision(POLICIES, refund({ amount: 1 }));
    expect(messageOf(() => allowed.toNeedApproval({ reason: /person/, approvals: ['b', 'a'] }))).to.equal(
      [
        "expected policies to ask for approval of 'refund' for agent 'bot', but they allow it",
        '  effect: expected approval_needed, got allow',
        '  reason: expected a match of /person/, got nothing',
        '  approvals: expected ["a","b"], got nothing',
        '  params: {"amount":1}',
        '  policies: permit shop',
      ].join('\n'),
    );
  });

  it('says which part of the right effect is another one', () => {
    const denied = expectDecision(POLICIES, refund({ amount: 5000 }));
    expect(messageOf(() => denied.toDeny({ reason: 'no', code: 'no_permit', violations: ['x'], policies: [] }))).to.equal(
      [
        "the decision on 'refund' for agent 'bot' has the expected effect, but differs",
        '  code: expected "no_permit", got "forbidden"',
        '  reason: expected "no", got "refunds over 1000 are not made"',
        '  violations: expected ["x"], got ["huge"]',
        '  policies: expected [], got ["huge"]',
        '  params: {"amount":5000}',
        '  policies: deny huge',
      ].join('\n'),
    );
    expect(messageOf(() => denied.toDeny({ reason: /^over/ }))).to.include('a match of /^over/, got "refunds over 1000');
  });

  it('shows what a policy failed of, which callers are not told', () => {
    const text = '@id("a") permit (principal, action, resource) when { context.input.amount > 1 };';
    const { message } = caught(() => expectDecision({ text }, refund({ amount: 'x' })).toAllow());
    expect(message).to.match(/detail: /);
    expect(messageOf(() => expectDecision({ text: TEXT }, { agentId: 'a', toolName: 'nothing' }).toAllow())).to.include(
      'policies: none matched',
    );
  });

  it('throws what every runner shows well, and hides nothing in it', () => {
    const error = caught(() => expectDecision(POLICIES, refund({ note: 'x\u202e\u001b[2J@' })).toAllow());
    expect(error).to.be.instanceOf(AssertionError);
    expect(error).to.include({ code: 'ERR_ASSERTION', operator: 'expectDecision', generatedMessage: false });
    expect(error.expected).to.deep.equal({ effect: 'allow' });
    expect(error.message).to.include('\\u{202e}');
    expect(error.message).to.not.match(/[\u001b\u202e]/);
  });

  it('loads nothing again for an engine', () => {
    const engine = CedarPolicyEngine.load({ sources: [{ file: 'a', text: TEXT }] });
    for (let i = 0; i < 100; i++) expectDecision(engine, refund({ amount: i })).toAllow();
  });
});

function refund(params: Record<string, unknown>): TestCall {
  return { agentId: 'bot', toolName: 'refund', params };
}

function caught(assertion: () => unknown): AssertionError {
  try {
    assertion();
  } catch (error) {
    return error as AssertionError;
  }
  throw new Error('it passed');
}

function messageOf(assertion: () => unknown): string {
  return caught(assertion).message;
}
