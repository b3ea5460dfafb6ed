import { expect } from 'chai';
import { policySnapshot } from '../../lib/testing/index.js';
import type { SnapshotCall } from '../../lib/testing/index.js';

const PERMIT = '@id("shop") permit (principal, action == Aegis::Action::"refund", resource);';
const FORBIDS = `
  @id("huge") @reason("too much") forbid (principal, action, resource) when { context.input has amount && context.input.amount > 1000 };
  @id("large") @effect("approval_needed") forbid (principal, action, resource) when { context.input has amount && context.input.amount > 100 };
  @id("mail") @effect("sanitize") @sanitize("mask_email /note") @reason("no addresses") forbid (principal, action, resource)
    when { context.input has note && context.input.note like "*@*" };
  @id("old") forbid (principal, action, resource) when { context.system.now < datetime("2000-01-01") };
  @id("future") forbid (principal, action, resource) when { context.system.now > datetime("2025-06-01") };`;
const CALLS: readonly SnapshotCall[] = [
  { name: 'a small refund', ...refund({ amount: 10, id: 'x' }) },
  { name: 'a huge refund', ...refund({ amount: 5000 }) },
  refund({ note: 'a@example.com', amount: 500 }),
  refund({ note: 'a@example.com' }),
  { agentId: 'bot', toolName: 'drop' },
  { name: 'long ago\u001b', ...refund({}), nowMs: 0 },
];

describe('policySnapshot', () => {
  it('names the policies that are only watched', () => {
    const until = new Date(Date.now() + 60_000).toISOString();
    const text = `${PERMIT} @id("w") @effect("approval_needed") @observe("true") @observe_until("${until}") forbid (principal, action, resource);`;
    const snapshot = policySnapshot({ text }, [refund({})]);
    expect(snapshot.split('\n')).to.deep.equal(['bot calls refund', '  with {}', '  allow', '  by: permit shop', '  observed: w', '']);
  });

  it('says what is decided of each call', () => {
    expect(policySnapshot({ text: PERMIT + FORBIDS }, CALLS).split('\n')).to.deep.equal([
      'a small refund',
      '  with {"amount":10,"id":"x"}',
      '  allow',
      '  by: permit shop',
      '',
      'a huge refund',
      '  with {"amount":5000}',
      '  deny (forbidden)',
      '  reason: too much',
      '  by: deny huge',
      '',
      'bot calls refund',
      '  with {"amount":500,"note":"a@example.com"}',
      '  approval_needed',
      '  reason: A person has to approve this call.',
      '  message: no addresses',
      '  params: {"amount":500,"note":"[email]"}',
      '  by: approval_needed large, permit shop, sanitize mail',
      '',
      'bot calls refund',
      '  with {"note":"a@example.com"}',
      '  sanitize',
      '  message: no addresses',
      '  params: {"note":"[email]"}',
      '  by: permit shop, sanitize mail',
      '',
      'bot calls drop',
      '  with {}',
      '  deny (no_permit)',
      '  reason: No policy permits this call.',
      '',
      'long ago\\u{1b}',
      '  with {}',
      '  deny (forbidden)',
      '  reason: A policy forbids this call.',
      '  by: deny old',
      '',
    ]);
  });

  it('is the same text for the same decisions, however the policies are written down', () => {
    expect(policySnapshot({ text: `// the same\n${FORBIDS}\n${PERMIT}` }, CALLS)).to.equal(
      policySnapshot({ text: PERMIT + FORBIDS }, CALLS),
    );
  });

  it('changes where a decision does', () => {
    expect(policySnapshot({ text: PERMIT }, CALLS)).to.not.equal(policySnapshot({ text: PERMIT + FORBIDS }, CALLS));
  });

  it('is empty without calls', () => {
    expect(policySnapshot({ text: PERMIT }, [])).to.equal('');
  });
});

function refund(params: Record<string, unknown>): SnapshotCall {
  return { agentId: 'bot', toolName: 'refund', params };
}
