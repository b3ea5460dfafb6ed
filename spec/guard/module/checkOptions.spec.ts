import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { checkOptions, OPTION_NAMES, optionProblems } from '../../../lib/guard/module/checkOptions.js';
import { ConfigError, SecretString } from '../../../lib/index.js';
import { thrown } from '../../support/standInDecisions.js';

const store = (names: readonly string[]): object => Object.fromEntries(names.map((name) => [name, () => undefined]));
const TASK_STORE = store(
  'insert get ofDecision findOpen list listSummaries transition claim release settle countAttempt delete prune counts heartbeat isLive sweep due makeDue watch'.split(
    ' ',
  ),
);
const APPROVAL_STORE = store(['insert', 'get', 'replace', 'list', 'countPending', 'listDenied', 'prune']);
const without = (object: object, key: string): object => Object.fromEntries(Object.entries(object).filter(([k]) => k !== key));

const flag = { good: [true, false], bad: ['true', 1, null, {}] };
const millis = (least: number, most: number) => ({
  good: [least, (least + most) / 2, most],
  bad: [least - 1, most + 1, Number.NaN, Infinity, '5000', null],
});
const whole = (least: number, most: number) => ({ good: [least, most], bad: [least - 1, most + 1, least + 0.5, '5', Number.NaN, null] });
const text = { good: ['a', 'x'.repeat(256)], bad: ['', 'x'.repeat(257), 5, null, {}] };
const oneOf = (...values: string[]) => ({ good: values, bad: ['CANARY', '', true, null, [values[0]]] });
const fn = { good: [() => 1], bad: ['CANARY', {}, null] };
const record = {
  good: [{}, { a: {} }, Object.assign(Object.create(null), { a: {} })],
  bad: ['CANARY', [], null, 5, new Map([['a', {}]]), Object.create({ a: {} }), new (class Agents {})(), new Proxy({}, {})],
};

/** Every option: what it takes, up to the edges of its range, and what it does not. */
const TABLE: Readonly<Record<string, { readonly good: readonly unknown[]; readonly bad: readonly unknown[] }>> = {
  policies: {
    good: ['./policies', `/${'deep/'.repeat(200)}`, new URL('file:///a'), { text: '' }],
    bad: ['', 'x'.repeat(4_097), 5, null, {}, { text: 5 }, { text: '', more: 1 }],
  },
  watch: flag,
  onLoosened: oneOf('hold', 'accept'),
  onReload: fn,
  verify: whole(0, 1_000_000),
  agents: record,
  toolset: text,
  facts: fn,
  factsTimeoutMs: millis(1, 30_000),
  unattended: oneOf('pending', 'deny'),
  approver: { good: [{ attach: () => () => {} }], bad: [{}, 'CANARY', null, () => 1, { attach: 1 }] },
  approverGroups: {
    good: [{}, { admins: ['ann'] }],
    bad: [
      'CANARY',
      [],
      { admins: 'ann' },
      { admins: [5] },
      { admins: [''] },
      new Map([['admins', ['ann']]]),
      Object.create({ admins: ['ann'] }),
    ],
  },
  mayApprove: fn,
  directory: {
    good: [{ personOf: () => undefined, hasPeople: () => false }],
    bad: [{}, null, 'CANARY', () => undefined, { personOf: () => undefined }, { hasPeople: () => false, personOf: 'CANARY' }],
  },
  requireRequester: flag,
  requireKnownRequester: flag,
  maxPendingPerTool: whole(1, 10_000_000),
  denialTtlMs: millis(0, 86_400_000),
  exposePolicies: flag,
  counters: { good: [{}, { durable: true }], bad: ['CANARY', null, 5, [], { durable: 'CANARY' }, { durabel: true }] },
  approvalStore: {
    good: [APPROVAL_STORE],
    bad: [{}, null, 'CANARY', ...Object.keys(APPROVAL_STORE).map((k) => without(APPROVAL_STORE, k))],
  },
  stateKey: {
    good: ['k'.repeat(32), new SecretString('k'.repeat(32))],
    bad: ['k'.repeat(31), '', 5, null, {}, ['CANARY'], new SecretString('k'.repeat(31))],
  },
  apiKey: { good: ['k', new SecretString('k')], bad: [5, null, {}, ['CANARY']] },
  baseUrl: { good: ['https://a.example', new URL('https://a.example')], bad: [5, null, {}] },
  timeoutMs: millis(100, 30_000),
  retries: whole(0, 10),
  userAgent: text,
  allowInsecureHttp: flag,
  dataPlane: { good: [{}], bad: ['CANARY', null, 5, ['consume'], { requires: [] }, { require: [], begin: true }] },
  'dataPlane.require': {
    good: [[], ['consume'], ['consume', 'begin', 'reevaluate', 'effective-digest', 'types', 'events', 'statuses']],
    bad: ['consume', null, 5, {}, ['CANARY'], ['consume', 7], [null], [['consume']]],
  },
  decisions: { good: [store(['decide', 'status'])], bad: [{}, null, store(['decide']), store(['status']), 'CANARY'] },
  agentId: text,
  approvalTimeoutMs: millis(1, 3_153_600_000_000),
  approvalPolling: { good: [{}], bad: ['CANARY', null, 5, { pollMs: 5 }] },
  'approvalPolling.enabled': flag,
  'approvalPolling.initialDelayMs': millis(500, 10_000),
  'approvalPolling.maxDelayMs': millis(5_000, 300_000),
  'approvalPolling.maxAttempts': whole(1, 200),
  'approvalPolling.jitterRatio': { good: [0, 0.5], bad: [-0.1, 0.51, Number.NaN, '0.1', null] },
  keepAlive: flag,
  store: {
    good: ['./aegis.db', 'x'.repeat(4_096), TASK_STORE, { tasks: TASK_STORE, approvals: APPROVAL_STORE }],
    bad: [
      {},
      null,
      '',
      'x'.repeat(4_097),
      { tasks: TASK_STORE },
      { approvals: APPROVAL_STORE },
      ...Object.keys(TASK_STORE).map((k) => without(TASK_STORE, k)),
    ],
  },
  resolve: fn,
  recovery: { good: [{}], bad: ['CANARY', null, 5, { lease: 5 }] },
  'recovery.leaseMs': millis(1_000, 600_000),
  'recovery.sweepMs': millis(100, 600_000),
  'recovery.maxRuns': whole(1, 1_000),
  tasks: { good: [{}], bad: ['CANARY', null, { max: 5 }] },
  'tasks.maxPending': whole(1, 100_000_000),
  'tasks.maxPendingBytes': whole(1, 1_099_511_627_776),
  'tasks.maxPendingBytesPerTool': whole(1, 1_099_511_627_776),
  'tasks.maxFinished': whole(0, 100_000_000),
  'tasks.maxFinishedBytes': whole(1, 1_099_511_627_776),
  'tasks.finishedTtlMs': millis(0, 3_153_600_000_000),
  scheduler: fn,
  haltFile: { good: ['/run/aegis.halt'], bad: ['', 5, null, 'x'.repeat(4_097)] },
  haltMaxStaleMs: millis(1_000, 60_000),
  autoHalt: {
    good: [
      { after: 1, withinMs: 1_000 },
      { after: 10_000, withinMs: 86_400_000, forMs: 3_600_000, pending: 'cancel' },
    ],
    bad: [
      'CANARY',
      null,
      { after: 3, withinMs: 1_000, agents: [] },
      { after: 0, withinMs: 1_000 },
      { after: 3, withinMs: 1_000, pending: 'CANARY' },
    ],
  },
  sessions: oneOf('explicit', 'async-local'),
  limits: { good: [{}], bad: ['CANARY', null, { maxItems: 5 }] },
  'limits.maxBytes': whole(1, 67_108_864),
  'limits.maxDepth': whole(1, 64),
  'limits.maxKeys': whole(1, 1_000_000),
  onUnguardedOverride: oneOf('throw', 'warn', 'ignore'),
  journal: {
    good: [store(['note']), store(['note', 'before']), [], [store(['note']), store(['note'])]],
    bad: [{}, null, 'CANARY', () => 1, [{}], [store(['note']), 5]],
  },
  logger: { good: [store(['debug', 'info', 'warn', 'error'])], bad: [{}, null, 'CANARY', store(['debug', 'info', 'warn'])] },
  logLevel: oneOf('debug', 'info', 'warning', 'error'),
  debug: flag,
  env: flag,
  replace: flag,
};

const nest = (path: string, value: unknown): object => {
  const [outer, inner] = path.split('.') as [string, string?];
  return { [outer]: inner === undefined ? value : { [inner]: value } };
};

describe('The options of a module', () => {
  it('are all in this table', () => {
    expect(Object.keys(TABLE).filter((path) => !path.includes('.'))).to.have.members(OPTION_NAMES);
  });

  it('are those that AegisOptions declares', () => {
    const source = readFileSync('lib/guard/module/AegisOptions.ts', 'utf8');
    const declared = [...source.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, name]) => name);
    expect(OPTION_NAMES).to.have.members(declared);
  });

  for (const [path, { good, bad }] of Object.entries(TABLE)) {
    it(`${path} takes what it should, and undefined`, () => {
      for (const value of [...good, undefined]) expect(optionProblems(nest(path, value)), inspect(value)).to.deep.equal([]);
    });
    it(`${path} refuses what it should not take, names itself and shows no value`, () => {
      for (const value of bad) {
        const problems = optionProblems(nest(path, value));
        expect(problems, inspect(value)).to.not.be.empty;
        for (const { where, message } of problems) {
          expect(where, inspect(value)).to.match(new RegExp(`^${path.replace('.', '\\.')}(\\.|$)`));
          expect(message)
            .to.match(/^must be .*[.?]$|^is not an option/)
            .and.not.include('CANARY');
        }
      }
    });
  }

  it('are named where they are none, with the place to look', () => {
    expect(optionProblems({ timeout: 'CANARY' })).to.deep.equal([
      {
        where: 'timeout',
        message: "is not an option; did you mean 'timeoutMs'? The table of options is in docs/configuration.md of the package.",
      },
    ]);
    expect(optionProblems({ limits: { maxItems: 1 } })[0]).to.include({ where: 'limits.maxItems' });
  });

  it('are named where a name is nearly one', () => {
    expect(optionProblems({ retrys: 5 }).map((p) => p.message)).to.deep.equal([
      "is not an option; did you mean 'retries'? The table of options is in docs/configuration.md of the package.",
    ]);
    expect(optionProblems({ CANARY: 5 }).map((p) => p.message)).to.deep.equal([
      'is not an option. The table of options is in docs/configuration.md of the package.',
    ]);
    expect(optionProblems({ sessions: 'async_local' })[0]?.message).to.equal(
      "must be one of 'explicit', 'async-local' (got a string of 11 characters); did you mean 'async-local'?",
    );
  });

  it('say what was expected, what was given, and what a port lacks', () => {
    const messages = optionProblems({
      retries: 'two',
      timeoutMs: 31_000,
      agentId: '',
      debug: 'yes',
      decisions: { decide: () => undefined },
      journal: [{}],
      onReload: 5,
    }).map((p) => `${p.where} ${p.message}`);
    expect(messages).to.have.members([
      'retries must be a whole number from 0 to 10 (got a string of 3 characters).',
      'timeoutMs must be a number of milliseconds from 100 to 30,000 (got 31,000).',
      'agentId must be a string of 1 to 256 characters (got an empty string).',
      'debug must be true or false (got a string of 3 characters).',
      'decisions must be a DecisionService: an object with decide() and status(); it has no status().',
      'journal must be a Journal, which is an object with note(), or a list of journals (got a list).',
      'onReload must be a function (got 5).',
    ]);
  });

  it('are told in the unit and under the name of the variable that they came from', () => {
    const origins = new Map([
      ['timeoutMs', 'AEGIS_TIMEOUT_S'],
      ['approvalPolling.initialDelayMs', 'AEGIS_APPROVAL_POLLING_INITIAL_DELAY_S'],
      ['retries', 'AEGIS_RETRIES'],
    ]);
    const given = { timeoutMs: 31_500, retries: 11, approvalPolling: { initialDelayMs: 400 } };
    expect(optionProblems(given, origins).map((p) => `${p.where}: ${p.message}`)).to.have.members([
      'AEGIS_TIMEOUT_S (as timeoutMs): must be a number of seconds from 0.1 to 30 (got 31.5).',
      'AEGIS_APPROVAL_POLLING_INITIAL_DELAY_S (as approvalPolling.initialDelayMs): must be a number of seconds from 0.5 to 10 (got 0.4).',
      'AEGIS_RETRIES (as retries): must be a whole number from 0 to 10 (got 11).',
    ]);
  });

  it('are an object', () => {
    for (const [options, got] of [
      ['CANARY', 'a string of 6 characters'],
      [5, '5'],
      [null, 'null'],
      [[], 'a list'],
      [() => 1, 'a function'],
    ] as const) {
      const problems = optionProblems(options);
      expect(problems, inspect(options)).to.deep.equal([{ where: 'options', message: `must be an object of options (got ${got}).` }]);
    }
  });

  it('are all judged at once', () => {
    const problems = optionProblems({ retries: 11, timeoutMs: 1, debug: 'CANARY', limits: { maxDepth: 0, maxKeys: 0 }, unknown: 'CANARY' });
    expect(problems.map((p) => p.where)).to.have.members(['retries', 'timeoutMs', 'debug', 'limits.maxDepth', 'limits.maxKeys', 'unknown']);
  });

  it('are judged together with the policies, whatever is wrong with those', () => {
    for (const [policies, what] of [
      ['./none/CANARY', 'There is no such file or folder'],
      [new URL('https://policies.example/a'), 'This URL does not lead to a file of this machine'],
      [new URL('file:///a%2Fb'), 'This URL does not lead to a file of this machine'],
    ] as const) {
      const error = thrown(() => checkOptions({ policies, debug: 'CANARY' })) as ConfigError;
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.problems.map((p) => p.message))
        .to.have.length(2)
        .and.include('must be true or false (got a string of 6 characters).');
      expect(error.message).to.include(what);
    }
  });
});
