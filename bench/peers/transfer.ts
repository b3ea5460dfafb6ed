// One set of policies and the requests they are asked about: what every peer has to answer alike before it is timed.

/** The policies of policy.bench.ts: a role, agents, a tool; conditions on numbers, texts, a set and fields that may be missing. */
export const POLICIES = `
@id("allow-transfer") permit (principal in Aegis::Role::"finance", action == Aegis::Action::"transfer", resource);
@id("allow-transfer-ops") permit (principal == Aegis::Agent::"ops", action == Aegis::Action::"transfer", resource) when { context.input.amount < 10 };
@id("no-negative") forbid (principal, action == Aegis::Action::"transfer", resource) when { context.input.amount <= 0 };
@id("no-huge") forbid (principal, action == Aegis::Action::"transfer", resource) when { context.input.amount > 1000000 };
@id("no-foreign") forbid (principal, action == Aegis::Action::"transfer", resource) when { context.input.iban like "XX*" };
@id("only-eur") forbid (principal, action == Aegis::Action::"transfer", resource) unless { context.input.currency == "EUR" };
@id("no-sandbox") forbid (principal, action == Aegis::Action::"transfer", resource) when { context.session has env && context.session.env == "sandbox" };
@id("ask-large") @effect("approval_needed") @reason("large") forbid (principal, action == Aegis::Action::"transfer", resource) when { context.input.amount > 10000 };
@id("no-memo") forbid (principal, action == Aegis::Action::"transfer", resource) when { context.input has memo && context.input.memo like "*password*" };
@id("no-blocked") forbid (principal, action == Aegis::Action::"transfer", resource) when { ["a", "b", "c"].contains(context.input.iban) };
`;
export const POLICY_COUNT = 10;

/** Policies on other tools: `count` of them. */
export function otherPolicies(count: number): string {
  return Array.from(
    { length: count },
    (_, i) => `@id("other-${i}") permit (principal, action == Aegis::Action::"tool-${i}", resource) when { context.input.n > ${i} };`,
  ).join('\n');
}

export const AGENTS: Readonly<Record<string, { readonly roles: readonly string[] }>> = { agent: { roles: ['finance'] } };

export type Effect = 'allow' | 'deny' | 'approval_needed';

export interface Transfer {
  readonly iban: string;
  readonly amount: number;
  readonly currency: string;
  readonly memo?: string;
}

export interface Request {
  readonly agentId: string;
  readonly toolName: string;
  readonly input: Transfer;
  readonly session: Readonly<Record<string, string>>;
  readonly effect: Effect;
}

const USUAL: Transfer = { iban: 'DE02120300000000202051', amount: 250, currency: 'EUR' };
const SESSION = { user_id: 'u-1', env: 'production' };

function ask(effect: Effect, input: Partial<Transfer> = {}, more: Partial<Request> = {}): Request {
  return { agentId: 'agent', toolName: 'transfer', input: { ...USUAL, ...input }, session: SESSION, effect, ...more };
}

const ops = { agentId: 'ops' };
const sandbox = { session: { user_id: 'u-1', env: 'sandbox' } };

/** Every policy decides one of them, and the bounds are met from both sides. */
export const REQUESTS: readonly Request[] = [
  ask('allow'),
  ask('allow', { amount: 1 }),
  ask('deny', { amount: 0 }),
  ask('deny', { amount: -1 }),
  ask('allow', { amount: 10_000 }),
  ask('approval_needed', { amount: 10_001 }),
  ask('approval_needed', { amount: 1_000_000 }),
  ask('deny', { amount: 1_000_001 }),
  ask('deny', { iban: 'XX02120300000000202051' }),
  ask('allow', { iban: 'DEXX' }),
  ask('deny', { amount: 20_000, iban: 'XX1' }),
  ask('deny', { currency: 'USD' }),
  ask('deny', { currency: 'eur' }),
  ask('deny', {}, sandbox),
  ask('allow', {}, { session: { user_id: 'u-2' } }),
  ask('allow', { memo: 'rent' }),
  ask('deny', { memo: 'my password is 1234' }),
  ask('approval_needed', { amount: 50_000, memo: 'a house' }),
  ask('deny', { iban: 'b' }),
  ask('allow', { iban: 'd' }),
  ask('allow', { amount: 9 }, ops),
  ask('deny', { amount: 10 }, ops),
  ask('deny', { amount: 50_000 }, ops),
  ask('deny', { amount: 5, iban: 'XX1' }, ops),
  ask('deny', {}, { agentId: 'stranger' }),
  ask('deny', {}, { toolName: 'refund' }),
];
