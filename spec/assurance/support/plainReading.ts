import { inspect } from 'node:util';
import type { PolicyCall, PolicyOutcome } from '../../../lib/policy/PolicyEngine.js';
import type { Truth } from './conditions.js';
import type { Effect, Written } from './policies.js';

/** What becomes of a call, in short: the effect, who asks, and what runs. */
export function told(outcome: PolicyOutcome): string {
  if (outcome.effect === 'deny') return 'deny';
  const by = outcome.effect === 'approval_needed' ? ` by ${outcome.approvals.map(({ id }) => id).join()}` : '';
  const run = 'params' in outcome && outcome.params !== undefined ? ` ${sorted(outcome.params)}` : '';
  return `${outcome.effect}${by}${run}`;
}

function sorted(params: object): string {
  return inspect(params, { sorted: true, depth: null, maxArrayLength: null, maxStringLength: null, breakLength: Infinity });
}

/** What one policy says of a call. */
export function saysOf(policy: Written, call: PolicyCall): Truth {
  return policy.isAbout(call) && policy.condition.holds(call);
}

/**
 * The four effects, as rules 23 to 25 read: a naive evaluator, without slices, Cedar or a second thought. Policies of one set are `p0`, `p1` and so on.
 */
export function plainReading(policies: readonly Written[], call: PolicyCall): string {
  const changed = (params: object): PolicyCall => ({ ...call, params: { ...params } });
  const matching = (effect: Effect, on: PolicyCall): Written[] => policies.filter((p) => p.effect === effect && saysOf(p, on) === true);
  const refuses = (on: PolicyCall): boolean => policies.some((p) => saysOf(p, on) === 'error') || matching('deny', on).length > 0;
  const permits = (on: PolicyCall): boolean =>
    matching('permit', on).length > 0 && !policies.some((p) => p.effect === 'permit' && saysOf(p, on) === 'error');
  const made = (by: readonly Written[]): PolicyCall | undefined => {
    const params = structuredClone(call.params) as Record<string, unknown>;
    // every operation has a param of its own, so that their order does not matter
    return by.every(({ operation }) => operation?.apply(params, call.removable) === true) ? changed(params) : undefined;
  };

  if (refuses(call)) return 'deny';
  const sanitizing = matching('sanitize', call);
  const last = made(sanitizing);
  if (last === undefined || refuses(last)) return 'deny';
  if (sanitizing.length > 0 && matching('sanitize', last).length > 0) return 'deny';
  const granting = sanitizing.filter(({ mayPermit }) => mayPermit);
  const covered = granting.length > 0 ? made(granting) : call;
  if (covered === undefined || !permits(covered) || !permits(last)) return 'deny';
  const asking = new Set([...matching('approval_needed', call), ...matching('approval_needed', last)]);
  const run = sanitizing.length > 0 ? ` ${sorted(last.params)}` : '';
  if (asking.size === 0) return sanitizing.length > 0 ? `sanitize${run}` : 'allow';
  // at most ten policies: their ids sort as they stand
  return `approval_needed by ${policies.flatMap((p, i) => (asking.has(p) ? [`p${i}`] : [])).join()}${run}`;
}
