import type { Params } from '../../model/Params.js';
import type { Evaluation, ParamsEvaluator } from '../Evaluator.js';
import type { Policy } from '../Policy.js';
import type { DenyCode, PolicyCall, PolicyOutcome } from '../PolicyEngine.js';
import { LimitingEvaluator } from '../limit/LimitingEvaluator.js';
import { ObservingEvaluator } from './ObservingEvaluator.js';
import { SanitizeFailure, applySanitize } from '../sanitize/applySanitize.js';

const NONE: readonly never[] = Object.freeze([]);

/** What a developer is told where the message of an error may quote values. */
const UNKNOWN = 'it could not be evaluated';

/** The reason if no approval policy has a `@reason`. */
const ASK = 'A person has to approve this call.';

type Deny = Extract<PolicyOutcome, { effect: 'deny' }>;

const SENTENCES: Readonly<Record<DenyCode, string>> = {
  no_permit: 'No policy permits this call.',
  forbidden: 'A policy forbids this call.',
  policy_error: 'The policies could not be evaluated for this call.',
  null_read: 'A parameter of this call is null, and a policy depends on it. Leave the parameter out, or give it a value.',
  sanitize_failed: 'The call could not be changed into one that is allowed.',
  tool_is_group: 'The tool has the name of an action group.',
};

/**
 * The decision procedure: four effects out of Cedar's two. Precedence: deny, approval_needed, sanitize, allow; without a permit, deny.
 *
 * 1. All policies are evaluated on the call as it came. An error or a plain forbid denies.
 * 2. If only soft forbids match, their operations change the params, and all policies are evaluated again. An error, a plain forbid, or a sanitize
 *    policy that still matches denies. The approvals of both passes count, so that changing a param neither sheds nor hides one.
 * 3. A permit must match the params that would run, and the call as it came: a sanitize policy does not make a call permitted. With
 *    `@may_permit("true")` it does: the permit must then match the call as changed by the policies that say so, instead of the call as it came.
 */
export function decideEffect(evaluator: ParamsEvaluator, call: PolicyCall): PolicyOutcome {
  const first = evaluator.evaluate(call.params);
  const refused = refusal(first);
  if (refused !== undefined) return refused;
  if (first.decision === 'allow') return { effect: 'allow', policies: applied(first.reasons) };
  const sanitizing = withEffect(first.reasons, 'sanitize');
  return sanitizing.length > 0 ? decideSanitize(evaluator, call, first, sanitizing) : decideApproval(evaluator, call, first);
}

/** Only approval policies match: the call needs a permit, and runs unchanged if a person approves it. */
function decideApproval(evaluator: ParamsEvaluator, call: PolicyCall, first: Evaluation): PolicyOutcome {
  const covering = permitsFor(evaluator, first, call.params);
  const uncovered = refusal(covering);
  if (uncovered !== undefined) return uncovered;
  const policies = applied([...first.reasons, ...covering.reasons]);
  return { effect: 'approval_needed', reason: reasonOf(first.reasons, ASK), approvals: applied(first.reasons), policies };
}

function decideSanitize(evaluator: ParamsEvaluator, call: PolicyCall, first: Evaluation, sanitizing: readonly Policy[]): PolicyOutcome {
  try {
    const params = sanitize(sanitizing, call);
    const last = evaluator.evaluate(params);
    const again = refusal(last) ?? stillMatching(last);
    if (again !== undefined) return again;
    const covered = coveredParams(sanitizing, call, params);
    const uncovered = refusal(permitsFor(evaluator, covered === call.params ? first : undefined, covered));
    if (uncovered !== undefined) return uncovered;
    const covering = permitsFor(evaluator, last, params);
    const bare = refusal(covering);
    if (bare !== undefined) return bare;

    const approvals = withEffect([...new Set([...first.reasons, ...last.reasons])], 'approval_needed');
    const policies = applied([...sanitizing, ...approvals, ...covering.reasons]);
    const message = reasonOf(sanitizing, 'The params were changed by policy.');
    if (approvals.length === 0) return { effect: 'sanitize', params, message, policies };
    return { effect: 'approval_needed', params, message, reason: reasonOf(approvals, ASK), approvals: applied(approvals), policies };
  } catch (error) {
    if (error instanceof SanitizeFailure) return deny('sanitize_failed', sanitizing, error.message);
    throw error;
  }
}

/** {@link decideEffect} of policies of which some may be only watched: they are left out, and named in the outcome where they would have asked. */
export function decideObserving(evaluator: ParamsEvaluator, call: PolicyCall): PolicyOutcome {
  const observing = new ObservingEvaluator(evaluator, call.nowMs);
  const outcome = decideEffect(observing, call);
  return observing.observed.size === 0 || outcome.effect === 'deny' ? outcome : { ...outcome, observed: applied([...observing.observed]) };
}

/** {@link decideObserving} of policies some of which are limits: they are left out, and named in the outcome of a call that may run. */
export function decideLimiting(evaluator: ParamsEvaluator, call: PolicyCall, decide: typeof decideEffect): PolicyOutcome {
  const limiting = new LimitingEvaluator(evaluator, call.nowMs);
  const outcome = decide(limiting, call);
  const { limits } = limiting;
  if (limits === undefined || outcome.effect === 'deny') return outcome;
  // most calls are: a copy of any outcome costs more
  if (outcome.effect === 'allow' && outcome.observed === undefined) return { effect: 'allow', policies: outcome.policies, limits };
  return { ...outcome, limits };
}

/** A deny in words that are safe for the caller. */
export function deny(code: DenyCode, policies: readonly Policy[], detail?: string): Deny {
  const reason = code === 'forbidden' ? reasonOf(policies, SENTENCES[code]) : SENTENCES[code];
  return { effect: 'deny', code, reason, detail, policies: applied(policies) };
}

/** The deny that no soft forbid can avert: for an error, a plain forbid, or because nothing matches. */
function refusal({ decision, reasons, errors }: Evaluation): Deny | undefined {
  if (errors.length > 0) {
    const code = errors.every(({ readsNull }) => readsNull === true) ? 'null_read' : 'policy_error';
    const detail = errors.map(({ policy, message }) => `${policy.id}: ${message}`).join('; ');
    const failed = errors.map(({ policy }) => policy);
    const problems = errors.map(({ policy, message, plain }) => ({ policyId: policy.id, problem: plain === true ? message : UNKNOWN }));
    return { ...deny(code, failed, detail), problems };
  }
  if (decision === 'allow') return undefined;
  if (reasons.length === 0) return deny('no_permit', []);
  const plain = withEffect(reasons, 'deny');
  return plain.length > 0 ? deny('forbidden', plain) : undefined;
}

function stillMatching({ reasons }: Evaluation): Deny | undefined {
  const matching = withEffect(reasons, 'sanitize');
  return matching.length > 0 ? deny('sanitize_failed', matching, 'a sanitize policy still matches the changed call') : undefined;
}

/** The permits alone on some params. An evaluation that a forbid stopped mostly knows them already. */
function permitsFor(evaluator: ParamsEvaluator, known: Evaluation | undefined, params: Params): Evaluation {
  if (known?.decision === 'allow') return known;
  const permits = known?.permits;
  if (permits === undefined) return evaluator.evaluatePermits(params);
  return { decision: permits.length > 0 ? 'allow' : 'deny', reasons: permits, errors: [] };
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

function withEffect(policies: readonly Policy[], effect: Policy['effect']): readonly Policy[] {
  let found: Policy[] | undefined;
  for (let i = 0; i < policies.length; i++) {
    const policy = policies[i] as Policy;
    if (policy.effect === effect) (found ??= []).push(policy);
  }
  return found ?? NONE;
}

/** Each once, ordered by id. */
function applied(policies: readonly Policy[]): PolicyOutcome['policies'] {
  const [only, second] = policies;
  if (only === undefined) return NONE;
  if (policies.length === 1) return [only.applied];
  // a call that one policy asks about and one permits
  if (policies.length === 2 && second !== undefined && second.id < only.id) return [second.applied, only.applied];
  return (areInOrder(policies) ? policies : [...new Set(policies)].sort(byId)).map((policy) => policy.applied);
}

/** Whether they are ordered by id, each once: every decision asks, and files often have them so. */
function areInOrder(policies: readonly Policy[]): boolean {
  for (let i = 1; i < policies.length; i++) if (!((policies[i - 1] as Policy).id < (policies[i] as Policy).id)) return false;
  return true;
}

function byId(a: Policy, b: Policy): number {
  return a.id < b.id ? -1 : 1;
}

function reasonOf(policies: readonly Policy[], otherwise: string): string {
  if (policies.length === 1) return policies[0]?.applied.reason ?? otherwise;
  const reasons = new Set([...policies].sort(byId).flatMap(({ applied: { reason } }) => (reason === undefined ? [] : [reason])));
  return reasons.size === 0 ? otherwise : [...reasons].join('; ');
}
