import { canonicalText } from '../common/data/canonical.js';
import { escapeText } from '../common/data/escapeText.js';
import type { TestedOutcome } from '../policy/limit/TestedLimits.js';
import type { PoliciesUnderTest, TestCall } from './policyAsker.js';
import { policyAsker, TEST_CALL } from './policyAsker.js';
import { checkedOptions } from '../model/checkedOptions.js';

/** A call of a snapshot. */
export interface SnapshotCall extends TestCall {
  /**
   * The heading of the call.
   *
   * @defaultValue the agent and the tool
   */
  readonly name?: string | undefined;
}

/** The time that policies see if a call has no `nowMs`: a snapshot must not change with the time. */
const SNAPSHOT_NOW_MS = Date.UTC(2025, 0, 1);

/**
 * Writes the decisions of policies on these calls as a stable text. Compare it with a file that is checked in, and every change of the policies shows which decisions
 * it changes. The text does not depend on the files that policies are in, nor on the current time: `nowMs` is 1 January 2025 unless a call sets it.
 *
 * @param policies a path, URL or `{ text }`, an engine, or an object that has one
 * @param calls the calls, in the order of the text
 * @throws ConfigError for policies that do not load
 * @throws UnsupportedParamError for params that no guard accepts
 * @example assert.equal(policySnapshot('./policies', calls), await readFile('./policies.snapshot.txt', 'utf8'));
 */
export function policySnapshot(policies: PoliciesUnderTest, calls: readonly SnapshotCall[]): string {
  const ask = policyAsker(policies);
  return calls
    .map((given) => {
      const { name, ...call } = checkedOptions<SnapshotCall>('call', given, { ...TEST_CALL, name: 'text' });
      const { outcome, params } = ask({ ...call, nowMs: call.nowMs ?? SNAPSHOT_NOW_MS });
      const lines = [name ?? `${call.agentId} calls ${call.toolName}`, `  with ${canonicalText(params)}`, ...linesOf(outcome)];
      return `${lines.map(escapeText).join('\n')}\n`;
    })
    .join('\n');
}

function linesOf(outcome: TestedOutcome): readonly string[] {
  const { effect, policies } = outcome;
  const fields = {
    effect: effect === 'deny' ? `deny (${outcome.code})` : effect,
    reason: 'reason' in outcome ? outcome.reason : undefined,
    message: 'message' in outcome ? outcome.message : undefined,
    params: 'params' in outcome && outcome.params !== undefined ? canonicalText(outcome.params) : undefined,
  };
  const by = policies.map((policy) => `${policy.effect} ${policy.id}`).sort();
  const observed = 'observed' in outcome ? outcome.observed?.map(({ id }) => id).join(', ') : undefined;
  const limits = 'limits' in outcome ? outcome.limits?.map(({ policy }) => policy.id).join(', ') : undefined;
  const entries = Object.entries({ ...fields, by: by.length === 0 ? undefined : by.join(', '), limits, observed });
  return entries.flatMap(([name, value]) => (value === undefined ? [] : [`  ${name === 'effect' ? '' : `${name}: `}${value}`]));
}
