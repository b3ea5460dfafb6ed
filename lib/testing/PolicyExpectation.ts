import { AssertionError } from 'node:assert';
import { canonicalText } from '../common/data/canonical.js';
import { escapeText } from '../common/data/escapeText.js';
import type { Effect } from '../model/Decision.js';
import type { Params } from '../model/Params.js';
import { takeSnapshot } from '../model/snapshot/takeSnapshot.js';
import type { AppliedPolicy, DenyCode, PolicyOutcome } from '../policy/PolicyEngine.js';
import type { TestCall, TestedCall } from './decideByPolicies.js';

/** What may be expected of any decision: what is left out is not compared. */
export interface ExpectedDecision {
  /** Ids of the forbids that mattered, in any order: these and no others. */
  readonly violations?: readonly string[] | undefined;
  /** Ids of all policies that mattered, permits too, in any order. */
  readonly policies?: readonly string[] | undefined;
}

/** What may be expected of a denial. */
export interface ExpectedDenial extends ExpectedDecision {
  /** A text that the reason holds, or an expression that it matches. */
  readonly reason?: string | RegExp | undefined;
  /** The outcome's code. */
  readonly code?: DenyCode | undefined;
}

/** What may be expected of a call that policies change. */
export interface ExpectedSanitize extends ExpectedDecision {
  /** The complete params that the tool runs with. */
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** A text that the message holds, or an expression that it matches. */
  readonly message?: string | RegExp | undefined;
}

/** What may be expected of a call that needs a person. */
export interface ExpectedApproval extends ExpectedSanitize {
  /** A text that the reason holds, or an expression that it matches. */
  readonly reason?: string | RegExp | undefined;
  /** Ids of the policies that each want a verdict, in any order. */
  readonly approvals?: readonly string[] | undefined;
}

const SAID: Readonly<Record<Effect, string>> = {
  allow: 'allow',
  deny: 'deny',
  sanitize: 'sanitize',
  approval_needed: 'need approval',
};

/** What policies decide of one call. Each method throws an AssertionError that says what they decide instead, and gives back this. */
export class PolicyExpectation {
  /** What the engine answered, as it is. */
  readonly outcome: PolicyOutcome;
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

  /** Why, as the caller is told. */
  get reason(): string | undefined {
    return 'reason' in this.outcome ? this.outcome.reason : undefined;
  }

  /** Why the params were changed. */
  get message(): string | undefined {
    return 'message' in this.outcome ? this.outcome.message : undefined;
  }

  /** The `@reason` of every policy that mattered and has one. */
  get reasons(): readonly string[] {
    return this.outcome.policies.flatMap(({ reason }) => reason ?? []);
  }

  /** The complete params that the tool would run with; undefined where it would not. */
  get params(): Params | undefined {
    if (this.outcome.effect === 'deny') return undefined;
    return ('params' in this.outcome ? this.outcome.params : undefined) ?? this.#params;
  }

  /** Every policy that mattered, permits too. */
  get policies(): readonly AppliedPolicy[] {
    return this.outcome.policies;
  }

  /** The forbids that mattered, soft ones too. */
  get violations(): readonly AppliedPolicy[] {
    return this.outcome.policies.filter(({ effect }) => effect !== 'permit');
  }

  /** Runs, as it is. */
  toAllow(expected: ExpectedDecision = {}): this {
    return this.#check('allow', expected);
  }

  /** Does not run. */
  toDeny(expected: ExpectedDenial = {}): this {
    return this.#check('deny', expected);
  }

  /** Runs, with params that policies changed. */
  toSanitize(expected: ExpectedSanitize = {}): this {
    return this.#check('sanitize', expected);
  }

  /** Runs when people have approved it. */
  toNeedApproval(expected: ExpectedApproval = {}): this {
    return this.#check('approval_needed', expected);
  }

  #check(effect: Effect, expected: ExpectedDenial & ExpectedApproval): this {
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
        effect === outcome.effect ? `the decision on '${toolName}' for agent '${agentId}' is another one` : `${head}${why}`,
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

function differs(field: string, expected: unknown, actual: unknown): readonly string[] {
  if (expected === undefined) return [];
  if (expected instanceof RegExp) {
    const matches = typeof actual === 'string' && new RegExp(expected).test(actual);
    return matches ? [] : [`${field}: expected a match of ${String(expected)}, got ${text(actual)}`];
  }
  const wanted = text(expected);
  return wanted === text(actual) ? [] : [`${field}: expected ${wanted}, got ${text(actual)}`];
}

/** Equal exactly for values that are equal to a guard. */
function text(value: unknown): string {
  return value === undefined ? 'nothing' : canonicalText(takeSnapshot(value).value);
}

function sorted(ids: readonly string[] | undefined): readonly string[] | undefined {
  return ids && [...ids].sort();
}

function shown(policies: readonly AppliedPolicy[]): string {
  return policies.length === 0 ? 'none matched' : policies.map(({ id, effect }) => `${effect} ${id}`).join(', ');
}
