import { AssertionError } from 'node:assert';
import { canonicalText } from '../common/data/canonical.js';
import { escapeText } from '../common/data/escapeText.js';
import type { Effect } from '../model/Decision.js';
import type { Params } from '../model/Params.js';
import { takeSnapshot } from '../model/snapshot/takeSnapshot.js';
import type { LimitCode, TestedOutcome } from '../policy/limit/TestedLimits.js';
import type { AppliedPolicy, DenyCode } from '../policy/PolicyEngine.js';
import { policyAsker } from './policyAsker.js';
import type { PoliciesUnderTest, TestCall, TestedCall } from './policyAsker.js';
import { checkedOptions } from '../model/checkedOptions.js';
import type { OptionKinds } from '../common/readOptions.js';

/** Expectations of any decision. A field that is left out is not compared. */
export interface ExpectedDecision {
  /** The ids of exactly the forbids that determined the decision, in any order. */
  readonly violations?: readonly string[] | undefined;
  /** The ids of exactly the policies that determined the decision, permits too, in any order. */
  readonly policies?: readonly string[] | undefined;
}

/** Expectations of a denial. */
export interface ExpectedDenial extends ExpectedDecision {
  /** A text that the reason holds, or an expression that it matches. */
  readonly reason?: string | RegExp | undefined;
  /** The outcome's code. */
  readonly code?: DenyCode | LimitCode | undefined;
}

/** Expectations of a call whose params policies change. */
export interface ExpectedSanitize extends ExpectedDecision {
  /** The complete params that the tool would run with. */
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** A text that the message holds, or an expression that it matches. */
  readonly message?: string | RegExp | undefined;
}

/** Expectations of a call that needs a person. */
export interface ExpectedApproval extends ExpectedSanitize {
  /** A text that the reason holds, or an expression that it matches. */
  readonly reason?: string | RegExp | undefined;
  /** The ids of the policies that each need a verdict, in any order. */
  readonly approvals?: readonly string[] | undefined;
}

const EXPECTED: OptionKinds<ExpectedDecision> = { violations: 'strings', policies: 'strings' };
const CHANGED = { params: 'object', message: 'text|object' };
const EXPECTED_OF: Readonly<Record<Effect, string>> = {
  allow: 'toAllow()',
  deny: 'toDeny()',
  sanitize: 'toSanitize()',
  approval_needed: 'toNeedApproval()',
};
const SAID: Readonly<Record<Effect, string>> = {
  allow: 'allow',
  deny: 'deny',
  sanitize: 'sanitize',
  approval_needed: 'ask for approval of',
};

/** The decision of policies on one call. Each assertion throws an AssertionError that shows the actual decision, and returns the same object. */
export class PolicyExpectation {
  /** The engine's own answer, with what limits make of it. */
  readonly outcome: TestedOutcome;
  readonly #call: TestCall;
  readonly #params: Params;

  /** @internal */
  constructor(call: TestCall, { outcome, params }: TestedCall) {
    this.outcome = outcome;
    this.#call = call;
    this.#params = params;
  }

  /** The effect that was decided. */
  get effect(): Effect {
    return this.outcome.effect;
  }

  /** The reason that the caller is told. */
  get reason(): string | undefined {
    return 'reason' in this.outcome ? this.outcome.reason : undefined;
  }

  /** The message that says why the params were changed. */
  get message(): string | undefined {
    return 'message' in this.outcome ? this.outcome.message : undefined;
  }

  /** The `@reason` of each policy that determined the decision, where it has one. */
  get reasons(): readonly string[] {
    return this.outcome.policies.flatMap(({ reason }) => reason ?? []);
  }

  /** The complete params that the tool would run with; undefined for a denial. */
  get params(): Params | undefined {
    if (this.outcome.effect === 'deny') return undefined;
    return ('params' in this.outcome ? this.outcome.params : undefined) ?? this.#params;
  }

  /** The policies that determined the decision, permits too. */
  get policies(): readonly AppliedPolicy[] {
    return this.outcome.policies;
  }

  /** The forbids that determined the decision, also those with an `@effect`. */
  get violations(): readonly AppliedPolicy[] {
    return this.outcome.policies.filter(({ effect }) => effect !== 'permit');
  }

  /** Asserts that the call runs unchanged. @throws AssertionError */
  toAllow(expected: ExpectedDecision = {}): this {
    return this.#check('allow', expected);
  }

  /** Asserts that the call does not run. @throws AssertionError */
  toDeny(expected: ExpectedDenial = {}): this {
    return this.#check('deny', expected, { reason: 'text|object', code: 'text' });
  }

  /** Asserts that the call runs with changed params. @throws AssertionError */
  toSanitize(expected: ExpectedSanitize = {}): this {
    return this.#check('sanitize', expected, CHANGED);
  }

  /** Asserts that the call runs only after people have approved it. @throws AssertionError */
  toNeedApproval(expected: ExpectedApproval = {}): this {
    return this.#check('approval_needed', expected, { ...CHANGED, reason: 'text|object', approvals: 'strings' });
  }

  #check(effect: Effect, given: ExpectedDenial & ExpectedApproval, kinds: Readonly<Record<string, string>> = {}): this {
    const expected = checkedOptions<ExpectedDenial & ExpectedApproval>(EXPECTED_OF[effect], given, { ...EXPECTED, ...kinds } as never);
    const { outcome } = this;
    const ids = (policies: readonly AppliedPolicy[]): string[] => policies.map(({ id }) => id);
    const differences = [
      ...(effect === outcome.effect ? [] : [`effect: expected ${effect}, got ${outcome.effect}`]),
      ...differs('code', expected.code, 'code' in outcome ? outcome.code : undefined),
      ...differs('reason', expected.reason, this.reason),
      ...differs('message', expected.message, this.message),
      ...differs('params', expected.params, this.params),
      ...differs('violations', sorted(expected.violations), sorted(ids(this.violations))),
      ...differs('policies', sorted(expected.policies), sorted(ids(this.policies))),
      ...differs('approvals', sorted(expected.approvals), sorted('approvals' in outcome ? ids(outcome.approvals) : undefined)),
    ];
    if (differences.length === 0) return this;
    const { agentId, toolName } = this.#call;
    const detail = 'detail' in outcome && outcome.detail !== undefined ? [`detail: ${outcome.detail}`] : [];
    const facts = [...detail, `params: ${text(this.#params)}`, `policies: ${shown(this.policies)}`];
    const head = `expected policies to ${SAID[effect]} '${toolName}' for agent '${agentId}', but they ${SAID[outcome.effect]} it`;
    const why = this.reason === undefined ? '' : `: ${this.reason}`;
    throw new AssertionError({
      message: [
        effect === outcome.effect
          ? `the decision on '${toolName}' for agent '${agentId}' has the expected effect, but differs`
          : `${head}${why}`,
        ...[...differences, ...facts].map((line) => `  ${line}`),
      ]
        .map(escapeText)
        .join('\n'),
      actual: outcome,
      expected: { effect, ...expected },
      operator: 'expectDecision',
    });
  }
}

/**
 * Asks policies about one call, and returns their decision to inspect or to assert. Only policies are asked: test with the guard itself what a guard refuses before
 * the decision (a schema, a null) or after it.
 *
 * @param policies a path, URL or `{ text }`, an engine, or an object that has one
 * @throws ConfigError for policies that do not load
 * @throws UnsupportedParamError for params that no guard accepts
 * @example expectDecision('./policies', { agentId: 'shop', toolName: 'refund', params: { amount: 5000 } }).toDeny({ reason: /too much/ });
 */
export function expectDecision(policies: PoliciesUnderTest, call: TestCall): PolicyExpectation {
  return new PolicyExpectation(call, policyAsker(policies)(call));
}

function differs(field: string, expected: unknown, actual: unknown): readonly string[] {
  if (expected === undefined) return [];
  if (expected instanceof RegExp) {
    const matches = typeof actual === 'string' && new RegExp(expected).test(actual);
    return matches ? [] : [`${field}: expected a match of ${String(expected)}, got ${text(actual)}`];
  }
  const wanted = text(expected);
  return wanted === text(actual) ? [] : [`${field}: expected ${wanted}, got ${text(actual)}`];
}

/** A text that is equal for two values exactly if a guard treats them as equal. */
function text(value: unknown): string {
  return value === undefined ? 'nothing' : canonicalText(takeSnapshot(value).value);
}

function sorted(ids: readonly string[] | undefined): readonly string[] | undefined {
  return ids && [...ids].sort();
}

function shown(policies: readonly AppliedPolicy[]): string {
  return policies.length === 0 ? 'none matched' : policies.map(({ id, effect }) => `${effect} ${id}`).join(', ');
}
