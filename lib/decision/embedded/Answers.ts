import { nextId, randomId } from '../../common/nextId.js';
import type { Decision, DecisionRequest, Violation } from '../../model/Decision.js';
import { EVIDENCE, newSalt } from '../../model/DecisionEvidence.js';
import type { DecisionEvidence } from '../../model/DecisionEvidence.js';
import { isDenialCode } from '../../model/terms/DenialCode.js';
import type { AppliedPolicy, PolicyEngine, PolicyOutcome } from '../../policy/PolicyEngine.js';
import type { LimitDenial } from '../limit/LimitGate.js';
import type { Facts } from './approvalRequestFor.js';

/** Why limits or policies deny a call. */
type Why = Pick<LimitDenial, 'reason' | 'policies' | 'retryAtMs'> & { readonly code: string };
/** What a journal learns besides. */
export type Shown = { readonly [K in 'salt' | 'code' | 'approval' | 'limits']?: DecisionEvidence[K] | undefined };

const POLICY: Violation = { type: 'policy', message: 'a policy forbids it' };
const LIMIT: Violation = { type: 'limit', message: 'a limit is reached' };
const NOTHING_MORE: Shown = Object.freeze({});

/** What the caller and a journal learn of decisions. */
export class Answers {
  readonly #exposePolicies: boolean;
  readonly #isJournaled: boolean;

  /** @param exposePolicies whether callers learn the ids of policies */
  constructor(exposePolicies: boolean, isJournaled: boolean) {
    this.#exposePolicies = exposePolicies;
    this.#isJournaled = isJournaled;
  }

  /** The denial of a call. */
  denied(request: DecisionRequest, outcome: PolicyOutcome, facts: Facts, engine: PolicyEngine, why: Why): Decision {
    const { code, reason, retryAtMs } = why;
    const violations = this.violations(why.policies, code === 'limit_reached' ? LIMIT : undefined);
    const retry = retryAtMs === undefined ? {} : { retryAtMs };
    const decision = { effect: 'deny', decisionId: idFor(request), reason, violations, ...retry, policySetHash: engine.hash } as const;
    return this.shown(decision, outcome, facts, { code });
  }

  /** The decision with the policies that are only watched, and with what a journal learns of it, where there is one. */
  shown(given: Decision, outcome: PolicyOutcome, facts: Facts, { salt, code, approval, limits }: Shown = NOTHING_MORE): Decision {
    const decision = given.effect === 'deny' && isDenialCode(code) ? { ...given, code } : given;
    const observed = decision.effect === 'deny' || outcome.effect === 'deny' ? undefined : outcome.observed;
    const told = observed === undefined ? decision : { ...decision, ...this.#observedBy(observed) };
    if (!this.#isJournaled) return told;
    const policies = outcome.policies.map(({ id, hash }) => ({ id, hash }));
    const asking = outcome.effect === 'approval_needed' ? outcome.approvals : undefined;
    return { ...told, [EVIDENCE]: { salt: salt ?? newSalt(), policies, asking, observed: told.observed, code, facts, approval, limits } };
  }

  /** What the caller, and so perhaps a model, learns: reasons that the policies' author wrote; policy ids only if the module says so. */
  violations(policies: readonly AppliedPolicy[], { type, message }: Violation = POLICY): readonly Violation[] {
    return policies
      .filter((p) => p.effect !== 'permit')
      .map((p) => ({ type, message: p.reason ?? message, ...(this.#exposePolicies ? { condition: p.id } : {}) }));
  }

  /** The policies that are only watched. The caller learns of them only if the module shows policies. */
  #observedBy(observed: readonly AppliedPolicy[]): Pick<Decision, 'observed' | 'policyEvaluations'> {
    const names = observed.map(({ id, hash }) => ({ id, hash }));
    if (!this.#exposePolicies) return { observed: names };
    return { observed: names, policyEvaluations: names.map(({ id, hash }) => ({ id, hash, effect: 'observed' })) };
  }
}

/** An id that other programs get to see tells them nothing about other calls. */
export function idFor({ remote }: DecisionRequest): string {
  return remote === undefined ? nextId('dec') : randomId('dec');
}
