import { canonicalText } from '../common/data/canonical.js';
import { escapeText } from '../common/data/escapeText.js';
import type { PolicyOutcome } from '../policy/PolicyEngine.js';
import type { PoliciesUnderTest, TestCall } from './decideByPolicies.js';
import { policyAsker } from './decideByPolicies.js';

/** A call of a snapshot. */
export interface SnapshotCall extends TestCall {
  /** Stands over it. Default: agent and tool. */
  readonly name?: string | undefined;
}

/** The time that policies see where a call says none: a snapshot must not change by itself. */
const SNAPSHOT_NOW_MS = Date.UTC(2025, 0, 1);

/**
 * A stable text of what policies decide of these calls, in this order: to be compared with a file that is checked in, so that a change of policies shows what it
 * changes. The same decisions give the same text, whatever file a policy is in, and at any time: `nowMs` is 1 January 2025 where a call says none.
 *
 * @throws ConfigError for policies that do not load; UnsupportedParamError for params that no guard takes
 * @example assert.equal(policySnapshot('./policies', calls), await readFile('./policies.snapshot.txt', 'utf8'));
 */
export function policySnapshot(policies: PoliciesUnderTest, calls: readonly SnapshotCall[]): string {
  const ask = policyAsker(policies);
  return calls
    .map((call) => {
      const { outcome, params } = ask({ ...call, nowMs: call.nowMs ?? SNAPSHOT_NOW_MS });
      const lines = [call.name ?? `${call.agentId} calls ${call.toolName}`, `  with ${canonicalText(params)}`, ...linesOf(outcome)];
      return `${lines.map(escapeText).join('\n')}\n`;
    })
    .join('\n');
}

function linesOf(outcome: PolicyOutcome): readonly string[] {
  const { effect, policies } = outcome;
  const told = {
    effect: effect === 'deny' ? `deny (${outcome.code})` : effect,
    reason: 'reason' in outcome ? outcome.reason : undefined,
    message: 'message' in outcome ? outcome.message : undefined,
    params: 'params' in outcome && outcome.params !== undefined ? canonicalText(outcome.params) : undefined,
  };
  const by = policies.map((policy) => `${policy.effect} ${policy.id}`).sort();
  const entries = Object.entries({ ...told, by: by.length === 0 ? undefined : by.join(', ') });
  return entries.flatMap(([name, value]) => (value === undefined ? [] : [`  ${name === 'effect' ? '' : `${name}: `}${value}`]));
}
