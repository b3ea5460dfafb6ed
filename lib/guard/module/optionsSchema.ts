import * as v from 'valibot';
import { SecretString } from '../../common/SecretString.js';
import type { ConfigProblem } from '../../model/errors/SetupErrors.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';

const millis = (least: number, most: number) =>
  v.pipe(v.number('is a number of milliseconds'), v.minValue(least, `is at least ${least}`), v.maxValue(most, `is at most ${most}`));
const whole = (least: number, most: number) =>
  v.pipe(
    v.number('is a whole number'),
    v.integer('is a whole number'),
    v.minValue(least, `is at least ${least}`),
    v.maxValue(most, `is at most ${most}`),
  );
const flag = () => v.boolean('is true or false');
const oneOf = <const T extends readonly string[]>(values: T) => v.picklist(values, `is one of ${values.join(', ')}`);
const fn = () => v.custom<(...args: never) => unknown>((value) => typeof value === 'function', 'is a function');
const having = (methods: readonly string[], what: string) =>
  v.custom<object>(
    (value) =>
      typeof value === 'object' && value !== null && methods.every((m) => typeof (value as Record<string, unknown>)[m] === 'function'),
    `is ${what}`,
  );
const text = () => v.pipe(v.string('is a text'), v.minLength(1, 'is not empty'), v.maxLength(256, 'has 256 characters at most'));
const path = () => v.pipe(v.string('is a text'), v.minLength(1, 'is not empty'), v.maxLength(4_096, 'has 4,096 characters at most'));
/** A database is given as a store, not as its address. */
const isNoAddress = (given: string): boolean => !/^[a-z][a-z\d+.-]+:\/\//i.test(given);
const record = (what: string) =>
  v.custom<object>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), `is ${what}`);
const options = <const E extends v.ObjectEntries>(entries: E) => v.pipe(record('an object of options'), v.strictObject(entries));

const TASK_STORE = /* @__PURE__ */ (() =>
  having(
    [
      'insert',
      'get',
      'ofDecision',
      'findOpen',
      'list',
      'transition',
      'claim',
      'release',
      'settle',
      'countAttempt',
      'delete',
      'prune',
      'counts',
      'heartbeat',
      'isLive',
      'sweep',
      'due',
      'makeDue',
      'watch',
    ],
    'a TaskStore',
  ))();
const STATE_STORE = /* @__PURE__ */ (() =>
  v.custom<object>(
    (value) => typeof value === 'object' && value !== null && 'tasks' in value && 'approvals' in value,
    'is a StateStore',
  ))();

const POLLING = /* @__PURE__ */ (() =>
  options({
    enabled: v.optional(flag()),
    initialDelayMs: v.optional(millis(500, 10_000)),
    maxDelayMs: v.optional(millis(5_000, 300_000)),
    maxAttempts: v.optional(whole(1, 200)),
    jitterRatio: v.optional(v.pipe(v.number('is a number'), v.minValue(0, 'is at least 0'), v.maxValue(0.5, 'is at most 0.5'))),
  }))();

/** Every option of a module, with its range. Messages say what is wanted, never what was given. */
const OPTIONS = /* @__PURE__ */ (() =>
  options({
    policies: v.optional(
      v.union([path(), v.instance(URL), v.strictObject({ text: v.string('is a text') })], 'is a path, a file URL, or { text }'),
    ),
    watch: v.optional(flag()),
    onRemovedForbid: v.optional(oneOf(['hold', 'accept'])),
    onReload: v.optional(fn()),
    verify: v.optional(whole(0, 1_000_000)),
    agents: v.optional(record('an object of { roles, attributes } by agent id')),
    toolset: v.optional(text()),
    facts: v.optional(fn()),
    factsTimeoutMs: v.optional(millis(1, 30_000)),
    unattended: v.optional(oneOf(['pending', 'deny'])),
    approver: v.optional(having(['attach'], 'an approver, such as terminalApprover()')),
    approverGroups: v.optional(
      v.pipe(record('an object of lists of people by group'), v.record(v.string(), v.array(text(), 'is a list of people'))),
    ),
    mayApprove: v.optional(fn()),
    requireRequester: v.optional(flag()),
    maxPendingPerTool: v.optional(whole(1, 10_000_000)),
    denialTtlMs: v.optional(millis(0, 86_400_000)),
    exposePolicies: v.optional(flag()),
    approvalStore: v.optional(having(['insert', 'get', 'replace', 'list', 'countPending', 'listDenied', 'prune'], 'an ApprovalStore')),
    stateKey: v.optional(
      v.union(
        [v.pipe(v.string(), v.minLength(32, 'has 32 characters at least')), v.instance(SecretString)],
        'is a text of 32 characters or more, or a SecretString',
      ),
    ),
    apiKey: v.optional(v.union([v.string(), v.instance(SecretString)], 'is a text or a SecretString')),
    baseUrl: v.optional(v.union([v.string(), v.instance(URL)], 'is an http or https URL')),
    timeoutMs: v.optional(millis(100, 30_000)),
    retries: v.optional(whole(0, 10)),
    userAgent: v.optional(text()),
    allowInsecureHttp: v.optional(flag()),
    decisions: v.optional(having(['decide', 'status'], 'a DecisionService: an object with decide() and status()')),
    agentId: v.optional(text()),
    approvalTimeoutMs: v.optional(millis(1, 3_153_600_000_000)),
    approvalPolling: v.optional(POLLING),
    keepAlive: v.optional(flag()),
    store: v.optional(
      v.union(
        [v.pipe(path(), v.check(isNoAddress)), STATE_STORE, TASK_STORE],
        'is the path of a SQLite file, or a store such as postgresStore(…)',
      ),
    ),
    resolve: v.optional(fn()),
    recovery: v.optional(
      options({
        leaseMs: v.optional(millis(1_000, 600_000)),
        sweepMs: v.optional(millis(100, 600_000)),
        maxRuns: v.optional(whole(1, 1_000)),
      }),
    ),
    tasks: v.optional(
      options({
        maxPending: v.optional(whole(1, 100_000_000)),
        maxFinished: v.optional(whole(0, 100_000_000)),
        finishedTtlMs: v.optional(millis(0, 3_153_600_000_000)),
      }),
    ),
    scheduler: v.optional(fn()),
    sessions: v.optional(oneOf(['explicit', 'async-local'])),
    nullParams: v.optional(oneOf(['refuse', 'allow'])),
    limits: v.optional(
      options({
        maxBytes: v.optional(whole(1, 67_108_864)),
        maxDepth: v.optional(whole(1, 64)),
        maxKeys: v.optional(whole(1, 1_000_000)),
      }),
    ),
    onUnguardedOverride: v.optional(oneOf(['throw', 'warn', 'ignore'])),
    journal: v.optional(
      v.union([having(['note'], 'a Journal'), v.array(having(['note'], 'a Journal'))], 'is a Journal, an object with note(), or a list of them'),
    ),
    logger: v.optional(having(['debug', 'info', 'warn', 'error'], 'a logger with debug, info, warn and error')),
    logLevel: v.optional(oneOf(['debug', 'info', 'warning', 'error'])),
    debug: v.optional(flag()),
    env: v.optional(flag()),
    replace: v.optional(flag()),
  }))();

/** Every option, for specs that leave none out. */
export const OPTION_NAMES: readonly string[] = /* @__PURE__ */ Object.freeze(Object.keys(OPTIONS.pipe[1].entries));

/** Everything wrong with the options of a program. */
export function optionProblems(options: unknown): readonly ConfigProblem[] {
  const result = v.safeParse(OPTIONS, options);
  if (result.success) return [];
  return result.issues.map((issue) => {
    const where = issue.path?.map((step) => String(step.key)).join('.') ?? 'options';
    // a key that is none is expected never to be there
    const unknown = issue.type === 'strict_object' && issue.expected === 'never';
    return { where, message: unknown ? 'is no option; see the table of options in docs/configuration.md' : `${issue.message}.` };
  });
}

/**
 * @param problems what is wrong already
 * @param origins the environment variable that each option came from, to be named with it
 * @throws ConfigError naming every problem
 */
export function checkOptions(
  given: unknown,
  problems: readonly ConfigProblem[] = [],
  origins: ReadonlyMap<string, string> = new Map(),
): void {
  const found = optionProblems(given).map(({ where, message }) => {
    const variable = origins.get(where);
    return { where: variable === undefined ? where : `${variable} (as ${where})`, message };
  });
  if (problems.length + found.length > 0) throw new ConfigError([...problems, ...found]);
}
