import * as v from 'valibot';
import { didYouMean } from '../../common/didYouMean.js';
import { canonicalText } from '../../common/data/canonical.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { takeSnapshot } from '../../model/snapshot/takeSnapshot.js';
import type { Params } from '../../model/Params.js';
import type { CedarPolicyEngine } from './CedarPolicyEngine.js';
import type { PolicyOutcome } from '../PolicyEngine.js';

const record = v.record(v.string(), v.unknown());
const defaults = {
  agent: v.optional(v.string()),
  roles: v.optional(v.array(v.string())),
  attributes: v.optional(record),
  tool: v.optional(v.string()),
  groups: v.optional(v.array(v.string())),
  params: v.optional(record),
  session: v.optional(record),
  facts: v.optional(record),
  removable: v.optional(v.array(v.string())),
  now: v.optional(v.pipe(v.string(), v.isoTimestamp())),
};
const expectation = v.strictObject({
  effect: v.picklist(['allow', 'deny', 'sanitize', 'approval_needed']),
  code: v.optional(v.string()),
  reason: v.optional(v.string()),
  /** Ids of the forbids that matched. */
  violations: v.optional(v.array(v.string())),
  params: v.optional(record),
  /** Ids of the policies that are only watched, and would have asked. */
  observed: v.optional(v.array(v.string())),
});
const file = v.strictObject({
  defaults: v.optional(v.strictObject(defaults), {}),
  tests: v.array(v.strictObject({ name: v.string(), ...defaults, expect: expectation })),
});

const KEYS: readonly string[] = ['tests', 'defaults', 'name', 'expect', ...Object.keys(defaults), ...Object.keys(expectation.entries)];

/** The result of one test. */
export interface PolicyTestResult {
  /** The test's name. */
  readonly name: string;
  /** Whether the decision was what the test expects. */
  readonly passed: boolean;
  /** What differs, one line each; empty if the test passed. */
  readonly differences: readonly string[];
}

/**
 * Runs the tests of a `*.test.json` file. Each test is a call and the decision that is expected; only the fields that `expect` names are compared.
 *
 * @param engine the policies; each test brings its own agents
 * @param json the parsed content of the file
 * @returns one result for each test, in their order
 * @throws ConfigError if the content does not have the form of a test file
 */
export function runPolicyTests(engine: CedarPolicyEngine, json: unknown): PolicyTestResult[] {
  const parsed = v.safeParse(file, json);
  if (!parsed.success)
    throw new ConfigError(
      parsed.issues.map((issue) => {
        const where = v.getDotPath(issue) ?? '';
        // strictObject expects an unknown key never to be there
        const isUnknown = issue.expected === 'never';
        const hint = didYouMean(where.slice(where.lastIndexOf('.') + 1), KEYS) || '; remove it.';
        if (isUnknown) return { where, message: `This key is not known${hint}` };
        if (issue.input === undefined) return { where, message: 'This key is missing, and each test needs it. Add it.' };
        return { where, message: `Expected ${issue.expected ?? 'another value'}.` };
      }),
    );
  const unnamed = parsed.output.tests.findIndex(({ tool }) => (tool ?? parsed.output.defaults.tool) === undefined);
  if (unnamed !== -1) {
    // it would be denied, and a test that expects a deny would pass for the wrong reason
    throw new ConfigError([{ where: `tests.${unnamed}.tool`, message: 'No tool is named. Add `tool` to the test, or to `defaults`.' }]);
  }
  return parsed.output.tests.map(({ name, expect, ...own }) => {
    const outcome = decide(engine, { ...parsed.output.defaults, ...own });
    const differences = compare(expect, outcome);
    return { name, passed: differences.length === 0, differences };
  });
}

type Call = Omit<v.InferOutput<typeof file>['tests'][number], 'name' | 'expect'>;

function decide(engine: CedarPolicyEngine, call: Call): PolicyOutcome {
  const { agent = 'agent', roles, attributes, tool, groups = [], params = {}, session = null, facts = {}, removable = [], now } = call;
  const forAgent = engine.withAgents(Object.fromEntries([[agent, { roles, attributes }]]));
  return forAgent.evaluate({
    agentId: agent,
    toolName: tool as string,
    groups,
    params: takeSnapshot(params).value as Params,
    session,
    facts,
    nowMs: now === undefined ? Date.now() : Date.parse(now),
    removable,
  });
}

function compare(expect: v.InferOutput<typeof expectation>, outcome: PolicyOutcome): string[] {
  const actual: Record<string, unknown> = {
    effect: outcome.effect,
    code: 'code' in outcome ? outcome.code : undefined,
    reason: 'reason' in outcome ? outcome.reason : undefined,
    violations: outcome.policies.filter((policy) => policy.effect !== 'permit').map((policy) => policy.id),
    params: 'params' in outcome ? outcome.params : undefined,
    observed: (('observed' in outcome ? outcome.observed : undefined) ?? []).map((policy) => policy.id),
  };
  const sorted = (ids: readonly string[] | undefined): readonly string[] | undefined => ids && [...ids].sort();
  const wanted = { ...expect, violations: sorted(expect.violations), observed: sorted(expect.observed) };
  return Object.entries(wanted).flatMap(([field, value]) => {
    if (value === undefined || text(value) === text(actual[field])) return [];
    return [`${field}: expected ${text(value)}, got ${text(actual[field])}`];
  });
}

function text(value: unknown): string {
  return value === undefined ? 'nothing' : canonicalText(value);
}
