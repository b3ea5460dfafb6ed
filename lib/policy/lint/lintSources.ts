import type { ValidationError } from '@cedar-policy/cedar-wasm/nodejs';
import { useCedar } from '../wasm/CedarWasm.js';
import { fromByteOffset, LineIndex } from '../parse/LineIndex.js';
import type { Policy } from '../Policy.js';
import { deadConditions } from './deadConditions.js';
import { parsePolicies } from '../parse/parsePolicies.js';
import type { PolicyProblem, SourceText } from '../PolicySource.js';

/** One finding of lint. `info` lists what a reviewer should look at: every soft forbid. */
export interface LintFinding extends PolicyProblem {
  /** Whether the policies can be loaded nevertheless: a warning, or an error. */
  readonly severity: 'error' | 'warning' | 'info';
}

/**
 * Checks policies: finds everything that would stop them from loading, what is legal but suspicious, what Cedar's validator says if there is a
 * schema, and lists the soft forbids. Runs in the calling thread: for policies of others use `lintPolicies`.
 *
 * @param schema a Cedar schema in Cedar's schema language
 */
export function lintSources(sources: readonly SourceText[], schema?: string): LintFinding[] {
  const { policies, problems } = parsePolicies(sources);
  const findings: LintFinding[] = problems.map((problem) => ({ ...problem, severity: 'error' }));
  for (const policy of policies) findings.push(...review(policy));
  if (schema !== undefined) findings.push(...validate(policies, schema));
  return findings.sort((a, b) => compare(a.file, b.file) || a.line - b.line || a.column - b.column);
}

function review(policy: Policy): LintFinding[] {
  const { effect, json, observeUntilMs } = policy;
  const findings: LintFinding[] = [];
  const unconditional = json.conditions.length === 0;
  if (effect === 'sanitize' && unconditional)
    findings.push(
      found(
        policy,
        'warning',
        'Without a condition this policy matches the changed call too, so it always denies. Add a `when` that the change makes false.',
      ),
    );
  if (effect === 'permit' && unconditional && [json.principal, json.action, json.resource].every(({ op }) => op === 'All'))
    findings.push(
      found(policy, 'warning', 'This permits every call that no other policy forbids. Name a principal, an action or a condition.'),
    );
  findings.push(...deadConditions(json.conditions).map((message) => found(policy, 'warning', message)));
  const does = DOES[effect];
  if (does !== undefined) findings.push(found(policy, 'info', `A soft forbid: it does not refuse the call but ${does}.`));
  if (observeUntilMs !== undefined) {
    const until = new Date(observeUntilMs).toISOString();
    findings.push(
      Date.now() < observeUntilMs
        ? found(policy, 'info', `Only watched until ${until}: it ${effect === 'limit' ? 'stops nothing' : 'asks no one'} before that.`)
        : found(
            policy,
            'warning',
            `@observe_until was ${until}, so the policy ${effect === 'limit' ? 'stops calls' : 'asks'} now. Remove @observe and @observe_until.`,
          ),
    );
  }
  return findings;
}

/** What a soft forbid does, by its effect. */
const DOES: Readonly<Partial<Record<Policy['effect'], string>>> = {
  sanitize: 'changes it',
  approval_needed: 'asks a person',
  limit: 'counts it, and refuses only what is over the limit',
};

/** Each policy is named by its position, because an @id may occur twice in policies that are linted. */
function validate(policies: readonly Policy[], schema: string): LintFinding[] {
  const staticPolicies = Object.fromEntries(policies.map((policy, i) => [`p${i}`, policy.text]));
  const answer = useCedar((cedar) => cedar.validate({ schema, policies: { staticPolicies } }));
  if (answer.type === 'failure') {
    const lines = new LineIndex(schema);
    return answer.errors.map(({ message, sourceLocations }) => {
      const offset = fromByteOffset(schema, sourceLocations?.[0]?.start ?? 0);
      return { file: 'schema', ...lines.at(offset), severity: 'error', message };
    });
  }
  const at = ({ policyId, error }: ValidationError, severity: LintFinding['severity']): LintFinding => {
    const policy = policies[Number(policyId.slice(1))] as Policy;
    const message = error.message.replaceAll(`\`${policyId}\``, `\`${policy.id}\``) + (error.help === null ? '' : `; ${error.help}`);
    return { ...found(policy, severity, message), ...within(policy, error.sourceLocations?.[0]?.start ?? 0) };
  };
  return [...answer.validationErrors.map((error) => at(error, 'error')), ...answer.validationWarnings.map((error) => at(error, 'warning'))];
}

/** A place inside a policy as a place in its file. */
function within(policy: Policy, bytes: number): { line: number; column: number } {
  const { line, column } = new LineIndex(policy.text).at(fromByteOffset(policy.text, bytes));
  return { line: policy.line + line - 1, column: line === 1 ? policy.column + column - 1 : column };
}

function found({ file, line, column, id }: Policy, severity: LintFinding['severity'], message: string): LintFinding {
  return { file, line, column, severity, message, policyId: id };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
