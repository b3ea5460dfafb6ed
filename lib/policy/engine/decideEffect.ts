import type { Params } from '../../model/Params.js';
import type { Evaluation } from '../Evaluator.js';
import type { Policy } from '../Policy.js';
import type { DenyCode, PolicyCall, PolicyOutcome } from '../PolicyEngine.js';
import { SanitizeFailure, applySanitize } from '../sanitize/applySanitize.js';

/** The policies of one call, asked about params that may differ from the call's. */
export interface ParamsEvaluator {
  evaluate(params: Params): Evaluation;
  evaluatePermits(params: Params): Evaluation;
}

type Deny = Extract<PolicyOutcome, { effect: 'deny' }>;

const SENTENCES: Readonly<Record<DenyCode, string>> = {
  no_permit: 'No policy permits this call.',
  forbidden: 'A policy forbids this call.',
  policy_error: 'The policies could not be evaluated for this call.',
  sanitize_failed: 'The call could not be changed into one that is allowed.',
  tool_is_group: 'The tool has the name of an action group.',
};

/**
 * The decision procedure: four effects out of Cedar's two. Precedence: deny, approval_needed, sanitize, allow; without a permit, deny.
 *
 * 1. All policies on the call as it came. An error or a plain forbid denies.
 * 2. Where only soft forbids match: their operations change the params, and all policies are asked again. An error, a plain forbid, or a sanitize
 *    policy that still matches denies. Approvals are those of both passes, so that changing a param neither sheds nor hides one.
 * 3. A permit must match the params that would run, and the call as it came: a sanitize policy does not make a call permitted, unless it says
 *    `@may_permit("true")`; then the permit must match what those policies alone make of the call.
 */
export function decideEffect(evaluator: ParamsEvaluator, call: PolicyCall): PolicyOutcome {
  const first = evaluator.evaluate(call.params);
  const refused = refusal(first);
  if (refused !== undefined) return refused;
  // reasons come ordered by id, each once
  if (first.decision === 'allow') return { effect: 'allow', policies: first.reasons.map((policy) => policy.applied) };

  const sanitizing = first.reasons.filter((policy) => policy.effect === 'sanitize').sort(byId);
  let last = first;
  let params = call.params;
  if (sanitizing.length > 0) {
    try {
      params = sanitize(sanitizing, call);
      last = evaluator.evaluate(params);
      const again = refusal(last) ?? stillMatching(last) ?? uncovered(evaluator.evaluatePermits(coveredParams(sanitizing, call, params)));
      if (again !== undefined) return again;
    } catch (error) {
      if (error instanceof SanitizeFailure) return deny('sanitize_failed', sanitizing, error.message);
      throw error;
    }
  }
  const covering = last.decision === 'allow' ? last : evaluator.evaluatePermits(params);
  const bare = uncovered(covering);
  if (bare !== undefined) return bare;

  const approvals = [...new Set([...first.reasons, ...last.reasons])].filter((policy) => policy.effect === 'approval_needed');
  const policies = applied([...sanitizing, ...approvals, ...covering.reasons]);
  const message = reasonOf(sanitizing, 'The params were changed by policy.');
  if (approvals.length === 0) return { effect: 'sanitize', params, message, policies };
  const reason = reasonOf(approvals, 'A person has to approve this call.');
  const changed = sanitizing.length > 0 ? { params, message } : {};
  return { effect: 'approval_needed', ...changed, reason, approvals: applied(approvals), policies };
}

/** A deny in words that are safe for the caller. */
export function deny(code: DenyCode, policies: readonly Policy[], detail?: string): Deny {
  const reason = code === 'forbidden' ? reasonOf(policies, SENTENCES[code]) : SENTENCES[code];
  return { effect: 'deny', code, reason, detail, policies: applied(policies) };
}

/** What no soft forbid can mend. */
function refusal({ decision, reasons, errors }: Evaluation): Deny | undefined {
  if (errors.length > 0) {
    const detail = errors.map(({ policy, message }) => `${policy.id}: ${message}`).join('; ');
    return deny(
      'policy_error',
      errors.map(({ policy }) => policy),
      detail,
    );
  }
  if (decision === 'allow') return undefined;
  const plain = reasons.filter((policy) => policy.effect === 'deny');
  if (plain.length > 0) return deny('forbidden', plain);
  return reasons.length === 0 ? deny('no_permit', []) : undefined;
}

function stillMatching({ reasons }: Evaluation): Deny | undefined {
  const matching = reasons.filter((policy) => policy.effect === 'sanitize');
  return matching.length > 0
    ? deny('sanitize_failed', matching, 'a sanitize policy matches what the operations made of the call')
    : undefined;
}

/** Asked of permits alone, or of an allow. */
function uncovered(permits: Evaluation): Deny | undefined {
  return refusal(permits);
}

function coveredParams(sanitizing: readonly Policy[], call: PolicyCall, params: Params): Params {
  const granting = sanitizing.filter((policy) => policy.mayPermit);
  if (granting.length === 0) return call.params;
  return granting.length === sanitizing.length ? params : sanitize(granting, call);
}

function sanitize(policies: readonly Policy[], call: PolicyCall): Params {
  const operations = policies.flatMap((policy) => policy.operations);
  return applySanitize(operations, call.params, call.removable);
}

/** Each once, ordered by id. */
function applied(policies: readonly Policy[]): PolicyOutcome['policies'] {
  return [...new Set(policies)].sort(byId).map((policy) => policy.applied);
}

function byId(a: Policy, b: Policy): number {
  return a.id < b.id ? -1 : 1;
}

function reasonOf(policies: readonly Policy[], otherwise: string): string {
  const reasons = new Set([...policies].sort(byId).flatMap(({ applied: { reason } }) => (reason === undefined ? [] : [reason])));
  return reasons.size === 0 ? otherwise : [...reasons].join('; ');
}
