import type { TestCall, PoliciesUnderTest } from './decideByPolicies.js';
import { policyAsker } from './decideByPolicies.js';
import { PolicyExpectation } from './PolicyExpectation.js';

/**
 * What the policies decide of one call, to be looked at or asserted. It asks policies alone: what a guard refuses before (a schema, a null) or after is tested
 * with the guard.
 *
 * @throws ConfigError for policies that do not load; UnsupportedParamError for params that no guard takes
 * @example expectDecision('./policies', { agentId: 'shop', toolName: 'refund', params: { amount: 5000 } }).toDeny({ reason: /too much/ });
 */
export function expectDecision(policies: PoliciesUnderTest, call: TestCall): PolicyExpectation {
  return new PolicyExpectation(call, policyAsker(policies)(call));
}
