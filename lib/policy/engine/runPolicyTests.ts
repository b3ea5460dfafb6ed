import * as v from 'valibot';
import { didYouMean } from '../../common/didYouMean.js';
import { canonicalText } from '../../common/data/canonical.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { takeSnapshot } from '../../model/snapshot/takeSnapshot.js';
import { amountOf } from '../../model/terms/LimitTerms.js';
import type { Params } from '../../model/Params.js';
import type { CedarPolicyEngine } from './CedarPolicyEngine.js';
import { TestedLimits, usedProblems } from '../limit/TestedLimits.js';
import type { TestedOutcome } from '../limit/TestedLimits.js';

const record = v.record(v.string(), v.unknown());
const AMOUNT = 'Expected an amount of 0 or more with at most four decimals.';
const used = v.strictObject({
  used: v.pipe(
    v.number(),
    v.check((amount) => amountOf(amount) !== undefined, AMOUNT),
  ),
});
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
  /** How much of limits is used before the test, by the ids of their policies. */
  limits: v.optional(v.record(v.string(), used)),
};
const { limits: _, ...call } = defaults;
const expectation = v.strictObject({
  effect: v.picklist(['allow', 'deny', 'sanitize', 'approval_needed']),
  code: v.optional(v.string()),
  reason: v.optional(v.string()),
  /** Ids of the forbids that matched. */
  violations: v.optional(v.array(v.string())),
  params: v.optional(record),
  /** Ids of the policies that are only watched, and would have asked. */
  observed: v.optional(v.array(v.string())),
  /** Ids of the limits that the call counts towards. */
  limits: v.optional(v.array(v.string())),
});
const file = v.strictObject({
  defaults: v.optional(v.strictObject(defaults), {}),
  tests: v.array(
    v.strictObject({
      name: v.string(),
      ...defaults,
      /** Calls that run before it, in this order, and count towards limits. */
      before: v.optional(v.array(v.strictObject(call))),
      expect: expectation,
    }),
  ),
});

const KEYS: readonly string[] = [
  'tests',
  'defaults',
  'name',
  'before',
  'used',
  'expect',
  ...Object.keys(defaults),
  ...Object.keys(expectation.entries),
];

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
        return { where, message: issue.type === 'check' ? issue.message : `Expected ${issue.expected ?? 'another value'}.` };
      }),
    );
  const unnamed = parsed.output.tests.findIndex(({ tool }) => (tool ?? parsed.output.defaults.tool) === undefined);
  if (unnamed !== -1) {
    // it would be denied, and a test that expects a deny would pass for the wrong reason
    throw new ConfigError([{ where: `tests.${unnamed}.tool`, message: 'No tool is named. Add `tool` to the test, or to `defaults`.' }]);
  }
  checkLimits(engine, parsed.output);
  return parsed.output.tests.map(({ name, expect, before = [], ...own }) => {
    // all calls of a test are made at one time, where they say none
    const { limits, now = new Date().toISOString(), ...call } = { ...parsed.output.defaults, ...own };
    const counts = new TestedLimits(limits);
    const denied = before.flatMap((one, i) => {
      const earlier = decide(engine, counts, { ...call, ...one, now: one.now ?? now });
      earlier.run();
      const { outcome } = earlier;
      return outcome.effect === 'deny' ? [`before.${i}: expected a call that runs, got "deny" (${outcome.code})`] : [];
    });
    const { outcome } = decide(engine, counts, { ...call, now });
    const differences = [...denied, ...compare(expect, outcome)];
    return { name, passed: differences.length === 0, differences };
  });
}

/** @throws ConfigError where a test names a limit that there is not: its calls would be denied, or run, for another reason */
function checkLimits(engine: CedarPolicyEngine, { tests, defaults: shared }: TestFile): void {
  const places = [['defaults', shared] as const, ...tests.map((test, i) => [`tests.${i}`, test] as const)];
  const problems = places.flatMap(([where, { limits = {} }]) => usedProblems(limits, engine.policies, `${where}.limits`));
  if (problems.length > 0) throw new ConfigError(problems);
}

type TestFile = v.InferOutput<typeof file>;
type Call = Omit<TestFile['tests'][number], 'name' | 'expect' | 'limits' | 'before' | 'now'> & { readonly now: string };

interface Decided {
  readonly outcome: TestedOutcome;
  /** Counts the call as one that ran. */
  run(): void;
}

function decide(engine: CedarPolicyEngine, counts: TestedLimits, call: Call): Decided {
  const { agent = 'agent', roles, attributes, tool, groups = [], params = {}, session = null, facts = {}, removable = [], now } = call;
  const forAgent = engine.withAgents(Object.fromEntries([[agent, { roles, attributes }]]));
  const taken = takeSnapshot(params).value as Params;
  const asked = { agentId: agent, toolName: tool as string, groups, params: taken, session, facts, nowMs: Date.parse(now), removable };
  const outcome = forAgent.evaluate(asked);
  return { outcome: counts.outcomeOf(outcome, asked), run: () => counts.run(outcome, asked) };
}

function compare(expect: v.InferOutput<typeof expectation>, outcome: TestedOutcome): string[] {
  const actual: Record<string, unknown> = {
    effect: outcome.effect,
    code: 'code' in outcome ? outcome.code : undefined,
    reason: 'reason' in outcome ? outcome.reason : undefined,
    violations: outcome.policies.filter((policy) => policy.effect !== 'permit').map((policy) => policy.id),
    params: 'params' in outcome ? outcome.params : undefined,
    limits: (('limits' in outcome ? outcome.limits : undefined) ?? []).map(({ policy }) => policy.id),
    observed: (('observed' in outcome ? outcome.observed : undefined) ?? []).map((policy) => policy.id),
  };
  const sorted = (ids: readonly string[] | undefined): readonly string[] | undefined => ids && [...ids].sort();
  const wanted = {
    ...expect,
    violations: sorted(expect.violations),
    observed: sorted(expect.observed),
    limits: sorted(expect.limits),
  };
  return Object.entries(wanted).flatMap(([field, value]) => {
    if (value === undefined || text(value) === text(actual[field])) return [];
    return [`${field}: expected ${text(value)}, got ${text(actual[field])}`];
  });
}

function text(value: unknown): string {
  return value === undefined ? 'nothing' : canonicalText(value);
}
