import type { PolicyCall } from '../../../lib/policy/PolicyEngine.js';
import { ALWAYS } from './conditions.js';
import { cedarText, randomCall, randomPolicies, type Written } from './policies.js';
import { problemsOf } from '../../support/policyCalls.js';
import { randomContext } from '../../policy/fuzz/requests.js';
import type { Random } from '../../policy/fuzz/random.js';
import { TypedExpressions } from '../../policy/fuzz/typed.js';

/**
 * Policies as {@link randomPolicies} makes them, under conditions in all of Cedar. What they hold for is not known: laws ask, and need no oracle.
 */
export function typedPolicies(random: Random): Written[] {
  const expressions = new TypedExpressions(random);
  for (;;) {
    const policies = randomPolicies(random, 0).map((policy) => ({
      ...policy,
      condition: policy.condition === ALWAYS ? ALWAYS : { ...ALWAYS, cedar: expressions.bool(1 + random.below(2)) },
    }));
    // some texts name what no policy file may name
    if (problemsOf(cedarText(policies)).length === 0) return policies;
  }
}

/** A call that typed expressions find what they expect in. */
export function typedCall(random: Random): PolicyCall {
  const { input, session, facts } = randomContext(random, true) as Record<'input' | 'session' | 'facts', Record<string, unknown>>;
  const { params, ...call } = randomCall(random);
  return {
    ...call,
    agentId: random.pick(['bot', 'root']),
    params: { ...params, ...input },
    session: session as PolicyCall['session'],
    facts: { ...call.facts, ...facts },
  };
}
