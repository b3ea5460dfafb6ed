import * as v from 'valibot';
import { didYouMean } from '../../common/didYouMean.js';
import { digits, got } from '../../common/readOptions.js';
import { SecretString } from '../../common/SecretString.js';
import { CAPABILITIES } from '../../model/Capability.js';
import type { ConfigProblem } from '../../model/errors/SetupErrors.js';
import { PERSON_ID, personId } from '../../model/personId.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { isPlainObject } from '../../common/data/plainObject.js';
import type { PolicySource } from '../../policy/PolicySource.js';
import { readPolicies } from '../../policy/live/readPolicies.js';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A check with a message that says what was expected, and what was given. */
const must = <T>(be: string, check: (value: unknown) => boolean) => v.custom<T>(check, ({ input }) => `must be ${be} (got ${got(input)})`);
const between = (kind: string, least: number, most: number, check: (value: number) => boolean = () => true) =>
  must<number>(
    `${kind} from ${digits(least)} to ${digits(most)}`,
    (value) => typeof value === 'number' && value >= least && value <= most && check(value),
  );
const millis = (least: number, most: number) => between('a number of milliseconds', least, most);
const whole = (least: number, most: number) => between('a whole number', least, most, Number.isInteger);
const ratio = (least: number, most: number) => between('a number', least, most);
const flag = () => must<boolean>('true or false', (value) => typeof value === 'boolean');
const oneOf = <const T extends readonly string[]>(values: T) =>
  v.custom<T[number]>(
    (value) => values.includes(value as string),
    ({ input }) => {
      const hint = typeof input === 'string' ? didYouMean(input, values) : '';
      return `must be one of ${values.map((value) => `'${value}'`).join(', ')} (got ${got(input)})${hint}`;
    },
  );
const fn = () => must<(...args: never) => unknown>('a function', (value) => typeof value === 'function');
const missing = (value: unknown, methods: readonly string[]): readonly string[] =>
  methods.filter((name) => typeof (value as Readonly<Record<string, unknown>>)[name] !== 'function');
const having = (methods: readonly string[], what: string) =>
  v.custom<object>(
    (value) => isObject(value) && missing(value, methods).length === 0,
    ({ input }) =>
      isObject(input)
        ? `must be ${what}; it has no ${missing(input, methods)
            .map((name) => `${name}()`)
            .join(', ')}`
        : `must be ${what} (got ${got(input)})`,
  );
const text = (most: number = 256) =>
  must<string>(`a string of 1 to ${digits(most)} characters`, (value) => typeof value === 'string' && value !== '' && value.length <= most);
const path = () => text(4_096);
function isPolicySource(value: unknown): boolean {
  if (typeof value === 'string') return value !== '' && value.length <= 4_096;
  return value instanceof URL || (isPlainObject(value) && Object.keys(value).length === 1 && typeof value['text'] === 'string');
}
/** A database is given as a store, not by its address, which may hold a password: valibot's own message would show it. */
const isNoAddress = (given: string): boolean => !/^[a-z][a-z\d+.-]+:\/\//i.test(given);
const NO_ADDRESS =
  'must be the path of a SQLite file, or a store (got the address of a server); for PostgreSQL give postgresStore(…) of aegislib/postgres';
/** A Map, or an object that inherits its entries, would be read as an empty record. */
const record = (what: string) => must<object>(what, isPlainObject);
const options = <const E extends v.ObjectEntries>(entries: E) =>
  v.pipe(must<object>('an object of options', isPlainObject), v.strictObject(entries));
/** One of several kinds of value. */
const either = <const T extends v.UnionOptions>(kinds: T, be: string) => v.union(kinds, ({ input }) => `must be ${be} (got ${got(input)})`);

const TASK_STORE = /* @__PURE__ */ (() =>
  having(
    [
      'insert',
      'get',
      'ofDecision',
      'findOpen',
      'list',
      'listSummaries',
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
  must<object>('a StateStore', (value) => isObject(value) && 'tasks' in value && 'approvals' in value))();

const POLLING = /* @__PURE__ */ (() =>
  options({
    enabled: v.optional(flag()),
    initialDelayMs: v.optional(millis(500, 10_000)),
    maxDelayMs: v.optional(millis(5_000, 300_000)),
    maxAttempts: v.optional(whole(1, 200)),
    jitterRatio: v.optional(ratio(0, 0.5)),
  }))();

/** Every option of a module, with its range. Messages never show a value that may be secret. */
const OPTIONS = /* @__PURE__ */ (() =>
  options({
    policies: v.optional(
      v.custom<PolicySource>(isPolicySource, ({ input }) => {
        const wrong = isPlainObject(input) ? Object.keys(input).find((key) => key !== 'text') : undefined;
        const hint = wrong === undefined ? '' : didYouMean(wrong, ['text']);
        return `must be the path of a file or folder, a file URL, or { text } (got ${wrong === undefined ? got(input) : `an object with '${wrong.slice(0, 64)}'`})${hint}`;
      }),
    ),
    watch: v.optional(flag()),
    onLoosened: v.optional(oneOf(['hold', 'accept'])),
    onReload: v.optional(fn()),
    verify: v.optional(whole(0, 1_000_000)),
    agents: v.optional(record('an object of { roles, attributes } by agent id')),
    toolset: v.optional(text()),
    facts: v.optional(fn()),
    factsTimeoutMs: v.optional(millis(1, 30_000)),
    unattended: v.optional(oneOf(['pending', 'deny'])),
    approver: v.optional(having(['attach'], 'an approver, such as terminalApprover()')),
    approverGroups: v.optional(
      v.pipe(
        record('an object of lists of people by group'),
        v.record(
          v.string(),
          v.array(
            must<string>(PERSON_ID, (value) => personId(value) !== undefined),
            ({ input }) => `must be a list of people (got ${got(input)})`,
          ),
        ),
      ),
    ),
    mayApprove: v.optional(fn()),
    directory: v.optional(having(['personOf', 'hasPeople'], 'a Directory')),
    requireRequester: v.optional(flag()),
    requireKnownRequester: v.optional(flag()),
    maxPendingPerTool: v.optional(whole(1, 10_000_000)),
    denialTtlMs: v.optional(millis(0, 86_400_000)),
    exposePolicies: v.optional(flag()),
    counters: v.optional(options({ durable: v.optional(flag()) })),
    approvalStore: v.optional(having(['insert', 'get', 'replace', 'list', 'countPending', 'listDenied', 'prune'], 'an ApprovalStore')),
    stateKey: v.optional(
      must<string | SecretString>('a string of 32 characters or more, or a SecretString', (value) =>
        typeof value === 'string' ? value.length >= 32 : value instanceof SecretString && String(value.reveal()).length >= 32,
      ),
    ),
    apiKey: v.optional(either([v.string(), v.instance(SecretString)], 'a string or a SecretString')),
    baseUrl: v.optional(either([v.string(), v.instance(URL)], 'an http or https URL')),
    timeoutMs: v.optional(millis(100, 30_000)),
    retries: v.optional(whole(0, 10)),
    userAgent: v.optional(text()),
    allowInsecureHttp: v.optional(flag()),
    dataPlane: v.optional(
      options({ require: v.optional(v.array(oneOf(CAPABILITIES), ({ input }) => `must be a list (got ${got(input)})`)) }),
    ),
    decisions: v.optional(having(['decide', 'status'], 'a DecisionService: an object with decide() and status()')),
    agentId: v.optional(text()),
    approvalTimeoutMs: v.optional(millis(1, 3_153_600_000_000)),
    approvalPolling: v.optional(POLLING),
    keepAlive: v.optional(flag()),
    store: v.optional(
      either(
        [v.pipe(path(), v.check(isNoAddress, NO_ADDRESS)), STATE_STORE, TASK_STORE],
        'the path of a SQLite file, or a store such as postgresStore(…)',
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
        maxPendingBytes: v.optional(whole(1, 1_099_511_627_776)),
        maxPendingBytesPerTool: v.optional(whole(1, 1_099_511_627_776)),
        maxFinished: v.optional(whole(0, 100_000_000)),
        maxFinishedBytes: v.optional(whole(1, 1_099_511_627_776)),
        finishedTtlMs: v.optional(millis(0, 3_153_600_000_000)),
      }),
    ),
    scheduler: v.optional(fn()),
    haltFile: v.optional(path()),
    haltMaxStaleMs: v.optional(millis(1_000, 60_000)),
    autoHalt: v.optional(
      options({
        after: v.optional(whole(1, 10_000)),
        withinMs: v.optional(millis(1_000, 86_400_000)),
        forMs: v.optional(millis(1_000, 3_153_600_000_000)),
        pending: v.optional(oneOf(['freeze', 'cancel'])),
      }),
    ),
    sessions: v.optional(oneOf(['explicit', 'async-local'])),
    limits: v.optional(
      options({
        maxBytes: v.optional(whole(1, 67_108_864)),
        maxDepth: v.optional(whole(1, 64)),
        maxKeys: v.optional(whole(1, 1_000_000)),
      }),
    ),
    onUnguardedOverride: v.optional(oneOf(['throw', 'warn', 'ignore'])),
    journal: v.optional(
      either(
        [having(['note'], 'a Journal'), v.array(having(['note'], 'a Journal'))],
        'a Journal, which is an object with note(), or a list of journals',
      ),
    ),
    logger: v.optional(having(['debug', 'info', 'warn', 'error'], 'a logger with debug, info, warn and error')),
    logLevel: v.optional(oneOf(['debug', 'info', 'warning', 'error'])),
    debug: v.optional(flag()),
    env: v.optional(flag()),
    replace: v.optional(flag()),
  }))();

/** The names of all options. */
export const OPTION_NAMES: readonly string[] = /* @__PURE__ */ Object.freeze(Object.keys(OPTIONS.pipe[1].entries));

/**
 * Finds everything that is wrong with the options of a program.
 *
 * @param origins the environment variable that each option came from
 */
export function optionProblems(given: unknown, origins: ReadonlyMap<string, string> = new Map()): readonly ConfigProblem[] {
  const result = v.safeParse(OPTIONS, given);
  if (result.success) return [];
  return result.issues.map((issue) => {
    const where = issue.path?.map((step) => String(step.key)).join('.') ?? 'options';
    // strictObject expects an unknown key never to be there
    if (issue.type === 'strict_object' && issue.expected === 'never') return { where, message: unknownOption(issue) };
    const variable = origins.get(where);
    const message = issue.message.endsWith('?') ? issue.message : `${issue.message}.`;
    if (variable === undefined) return { where, message };
    return { where: `${variable} (as ${where})`, message: variable.endsWith('_S') ? inSeconds(message) : message };
  });
}

/** @param issue of the object that has the option: its requirement names the options that there are */
function unknownOption(issue: v.BaseIssue<unknown>): string {
  const names = (issue.path as readonly v.IssuePathItem[]).map(({ key }) => String(key));
  const name = names.pop() as string;
  const hint = didYouMean(name, namesWithin(names));
  return `is not an option${hint === '' ? '.' : hint} The table of options is in docs/configuration.md of the package.`;
}

/** The names of the options of a module, or of the options that one of them holds. */
function namesWithin([name]: readonly string[]): readonly string[] {
  if (name === undefined) return OPTION_NAMES;
  const entry = OPTIONS.pipe[1].entries[name as keyof (typeof OPTIONS.pipe)[1]['entries']];
  return Object.keys((entry as unknown as { readonly wrapped: ReturnType<typeof options> }).wrapped.pipe[1].entries);
}

/** The message of an option in milliseconds, for a variable in seconds. */
function inSeconds(message: string): string {
  return message
    .replace('milliseconds', 'seconds')
    .replace(/-?\d[\d,]*(\.\d+)?/g, (number) =>
      (Number(number.replaceAll(',', '')) / 1_000).toLocaleString('en', { maximumFractionDigits: 9 }),
    );
}

/** What is wrong with the policies: asked where something else is wrong too, so that one run tells it all. */
function policyProblems(given: unknown): readonly ConfigProblem[] {
  const source = isObject(given) ? given['policies'] : undefined;
  if (!isPolicySource(source)) return [];
  try {
    readPolicies(source as PolicySource);
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
}

/**
 * Checks the options of a program.
 *
 * @param problems what was found wrong before
 * @param origins the environment variable that each option came from, which is named in its place
 * @throws ConfigError naming every problem
 */
export function checkOptions(given: unknown, problems: readonly ConfigProblem[] = [], origins?: ReadonlyMap<string, string>): void {
  const found = optionProblems(given, origins);
  if (problems.length + found.length === 0) return;
  // what a variable holds is not told beside another problem: it may have been meant for another variable
  throw new ConfigError([...problems, ...found, ...(origins?.has('policies') === true ? [] : policyProblems(given))]);
}
