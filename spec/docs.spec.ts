// The documentation is held to the code: its programs are compiled and run, its policies loaded, its links followed, its tables compared.
//
//   ```ts                    a file of its own, compiled strictly against the built package
//   ```ts continued          goes on in the file of the block before
//   ```ts run                is run as well; ```text printed right after it is what it prints
//   <!-- context … -->       code that a reader knows already, compiled before the next block
//   ```cedar                 is loaded; ```cedar refused must not load
//   ```cedar policies/a.cedar  is also a file, in the folder that the page's programs run in
import { expect } from 'chai';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as aegis from 'aegislib';
import * as decision from 'aegislib/decision';
import * as policy from 'aegislib/policy';
import * as store from 'aegislib/store';
import { DEFAULT_POLLING } from '../lib/guard/module/buildModule.js';
import { applyEnvironment } from '../lib/guard/module/environment.js';
import { OPTION_NAMES, optionProblems } from '../lib/guard/module/checkOptions.js';
import { inlineCode, parsePage, readPages, relativeLinks, tablesOf } from './support/docsPages.js';
import type { Page, Table } from './support/docsPages.js';
import { compiledFile, compilePrograms, folderOf, programsOf, removePrograms } from './support/docsPrograms.js';
import { publicNames, unknownCode } from './support/docsNames.js';
import { runInChild } from './support/runInChild.js';

/** What the Python SDK exports, with options, methods and attributes. */
const PYTHON_NAMES =
  `AegisConfig base_url api_key timeout_s retries user_agent log_level debug approval_polling_enabled approval_polling_initial_delay_s
  approval_polling_max_delay_s approval_polling_max_attempts approval_polling_jitter_ratio AEGIS_BASE_URL AEGIS_API_KEY AEGIS_TIMEOUT_S AEGIS_RETRIES
  AEGIS_LOG_LEVEL AEGIS_DEBUG AEGIS_APPROVAL_POLLING_ENABLED AEGIS_APPROVAL_POLLING_INITIAL_DELAY_S AEGIS_APPROVAL_POLLING_MAX_DELAY_S
  AEGIS_APPROVAL_POLLING_MAX_ATTEMPTS AEGIS_APPROVAL_POLLING_JITTER_RATIO DecisionClient decide session get_decision_status close aegis_guard client
  agent_id tool_name approval_callback ApprovalExecutor start shutdown submit_for_approval get_queue_size get_pending_tasks ApprovalTask task_id
  decision_id func args kwargs callback attempt_count TaskManager create_task metadata update_status get_task list_tasks delete_task clear_completed
  max_age_seconds get_stats TaskInfo status created_at updated_at result error TaskStatus get_global_executor set_global_executor
  shutdown_global_executor get_global_task_manager reset_global_task_manager ForbiddenError AuthError TransportError`.split(/\s+/);

const pages = readPages();
const programs = pages.flatMap(programsOf);
after(removePrograms);

describe('The documentation', function () {
  this.timeout(60_000);

  it('is there, page by page', () => {
    expect(pages.map((page) => page.path)).to.include.members([
      'README.md',
      ...[
        'approvals',
        'assurance',
        'cli',
        'configuration',
        'durability',
        'errors',
        'extending',
        'guide',
        'migration-from-python',
        'performance',
        'policies',
        'remote',
        'security',
        'testing',
      ].map((name) => `docs/${name}.md`),
    ]);
  });

  describe('has programs that', () => {
    before(() => compilePrograms(pages, programs));

    it('all compile', () => {
      expect(programs.length).to.be.greaterThan(30);
    });

    for (const program of programs.filter(({ run }) => run))
      it(`run: ${program.page.path}:${program.blocks[0]?.line}`, async () => {
        const env = Object.fromEntries(Object.keys(process.env).flatMap((key) => (key.startsWith('AEGIS_') ? [[key, undefined]] : [])));
        const file = pathToFileURL(resolve(compiledFile(program)));
        const { code, stdout, stderr } = await runInChild(file, { cwd: folderOf(program.page), env, timeoutMs: 30_000 });
        expect(code, `${stdout}${stderr}`).to.equal(0);
        expect(stderr).to.equal('');
        if (program.printed !== undefined) expect(stdout.trimEnd().split('\n')).to.deep.equal(program.printed.lines);
      });
  });

  describe('has policies that', () => {
    for (const page of pages)
      for (const { language, marks, lines, line } of page.blocks) {
        if (language !== 'cedar') continue;
        const load = (): unknown => policy.CedarPolicyEngine.load({ sources: [{ file: `${page.path}:${line}`, text: lines.join('\n') }] });
        if (marks.includes('refused')) it(`are refused: ${page.path}:${line}`, () => expect(load).to.throw(aegis.ConfigError));
        else it(`load: ${page.path}:${line}`, () => expect(load).to.not.throw());
      }
  });

  it('has links that lead somewhere', () => {
    const broken = pages.flatMap((page) =>
      relativeLinks(page).flatMap(({ target, line }) => (leadsSomewhere(page, target) ? [] : [`${page.path}:${line}: ${target}`])),
    );
    expect(broken).to.deep.equal([]);
    expect(pages.flatMap(relativeLinks).length).to.be.greaterThan(30);
  });

  it('names in code only what there is', async () => {
    const names = await publicNames();
    const unknown = pages.flatMap((page) =>
      inlineCode(page).flatMap(({ code, line }) => (unknownCode(code, names) ? [`${page.path}:${line}: ${code}`] : [])),
    );
    expect(unknown).to.deep.equal([]);
    expect(unknownCode('AegisThing', names)).to.equal(true);
    expect(unknownCode('aegis.tasks.listThings()', names)).to.equal(true);
  });

  it('says something about every value that the package exports', () => {
    const said = pages.map((page) => page.text).join('\n');
    const values = [aegis, store, decision, policy].flatMap((entry) => Object.keys(entry));
    expect(values.filter((name) => !new RegExp(`\\b${name}\\b`).test(said))).to.deep.equal([]);
  });

  it('names no host of a registry and no path of a machine', () => {
    for (const { path, text } of pages) expect(text, path).to.not.match(/registry\.npmjs|\/home\/|\/work\/|\/tmp\/|\/root\//);
  });
});

describe('ARCHITECTURE.md', () => {
  /** Folders that a later version brings; it says so there. */
  const LATER = ['lib/audit', 'lib/server'];
  const page = pageAt('ARCHITECTURE.md');
  const named = new Set([...page.prose.join('\n').matchAll(/`(lib(?:\/[\w.-]+)+)`/g)].map(([, path = '']) => path));

  it('names files and folders that exist', () => {
    expect([...named].filter((path) => !existsSync(path) && !LATER.includes(path))).to.deep.equal([]);
  });

  it('says what each folder of lib is for', () => {
    const folders = readdirSync('lib', { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => posix.join(entry.parentPath.replaceAll('\\', '/'), entry.name));
    const frameworks = /^lib\/adapter\/(?!tool$|web$)/; // each named after its framework
    expect(folders.filter((folder) => !named.has(folder) && !frameworks.test(folder))).to.deep.equal([]);
  });
});

describe('docs/configuration.md', () => {
  const options = tablesOf(pageAt('docs/configuration.md')).filter(
    ({ head }) => head.join() === 'Option,Type,Default,Range,Variable,Meaning',
  );
  const rows = options.flatMap((table) => table.rows.map((row) => rowOf<'Option' | 'Default' | 'Range' | 'Variable'>(table, row)));

  it('has a row for every option, and for no other', () => {
    const top = rows.map(({ Option }) => Option).filter((name) => !name.includes('.'));
    expect([...top].sort()).to.deep.equal([...OPTION_NAMES].sort());
  });

  it('has a row for every part of an option', () => {
    const parts = rows.map(({ Option }) => Option).filter((name) => name.includes('.'));
    const tasks = ['maxPending', 'maxPendingBytes', 'maxPendingBytesPerTool', 'maxFinished', 'maxFinishedBytes', 'finishedTtlMs'].map(
      (name) => `tasks.${name}`,
    );
    const polling = Object.keys(DEFAULT_POLLING).map((name) => `approvalPolling.${name}`);
    const limits = Object.keys(decision.DEFAULT_LIMITS).map((name) => `limits.${name}`);
    const recovery = ['leaseMs', 'sweepMs', 'maxRuns'].map((name) => `recovery.${name}`);
    expect([...parts].sort()).to.deep.equal([...polling, ...limits, ...tasks, ...recovery].sort());
    for (const name of parts) expect(optionProblems(nested(name, Symbol('wrong'))), name).to.have.lengthOf(1);
  });

  it('says the defaults that the code has', () => {
    const defaults = { approvalPolling: DEFAULT_POLLING, limits: decision.DEFAULT_LIMITS };
    for (const [option, values] of Object.entries(defaults))
      for (const [name, value] of Object.entries(values)) expect(plain(cell(`${option}.${name}`).Default), name).to.equal(String(value));
    for (const [name, said] of Object.entries(defaultsInSource())) expect(plain(cell(name).Default), name).to.include(said);
  });

  it('says the ranges that the code has', () => {
    const ranged = rows.filter(({ Range }) => /^[\d.,]+ … [\d.,]+$/.test(Range));
    expect(ranged.length).to.be.greaterThan(15);
    for (const { Option, Range } of ranged) {
      const [least = NaN, most = NaN] = Range.split(' … ').map((n) => Number(plain(n)));
      const step = Option.endsWith('Ratio') ? 0.001 : 1;
      for (const [value, problems] of [
        [least, 0],
        [most, 0],
        [least - step, 1],
        [most + step, 1],
      ] as const)
        expect(optionProblems(nested(Option, value)), `${Option} = ${value}`).to.have.lengthOf(problems);
    }
  });

  it('says which variable sets what, and leaves none out', () => {
    const named = rows.filter(({ Variable }) => Variable !== '–');
    for (const { Option, Variable } of named) {
      const source = Option === 'policies' || Option === 'stateKey' ? { policies: 'p' } : { apiKey: 'k' };
      const value = Option.endsWith('enabled') ? 'false' : Option === 'debug' ? 'true' : Option === 'logLevel' ? 'error' : '4';
      const { options: laid, problems } = applyEnvironment(source, { [variableOf(Variable)]: value });
      expect(problems).to.deep.equal([]);
      const at = Option.split('.').reduce<unknown>((o, key) => (o as Record<string, unknown> | undefined)?.[key], laid);
      const seconds = Variable.includes('_S`');
      expect(String(at), Option).to.equal(seconds ? '4000' : value);
    }
    const inSource = new Set<string>(readFileSync('lib/guard/module/environment.ts', 'utf8').match(/AEGIS_[A-Z_]+/g));
    expect(named.map(({ Variable }) => variableOf(Variable)).sort()).to.deep.equal([...inSource].sort());
  });

  function cell(name: string): Readonly<Record<'Option' | 'Default', string>> {
    const row = rows.find(({ Option }) => Option === name);
    if (row === undefined) throw new Error(`no row for ${name}`);
    return row;
  }
});

describe('docs/policies.md', () => {
  const table = tablesOf(pageAt('docs/policies.md')).find(({ head }) => head.join() === 'Key,In,Meaning,Default');
  const rows = (table?.rows ?? []).map(([key = '', where = '']) => ({ key: bare(key), where }));
  const engine = policy.CedarPolicyEngine.load({
    sources: [{ file: 'a.cedar', text: '@id("all") permit (principal, action, resource);' }],
  });
  /** Whether a key is refused because it is unknown; a wrong value is refused otherwise. */
  const isUnknown = (content: object, at: string): boolean => {
    try {
      policy.runPolicyTests(engine, content);
      return false;
    } catch (error) {
      return (
        error instanceof aegis.ConfigError && error.problems.some(({ where, message }) => where === at && /is not known/.test(message))
      );
    }
  };

  it('says every key of a test file, and no other', () => {
    const source = readFileSync('lib/policy/engine/runPolicyTests.ts', 'utf8');
    const [, shared = ''] = /const defaults = \{\n(.*?)\n\};/s.exec(source) ?? [];
    const keys = [...shared.matchAll(/^ {2}(\w+):/gm)].map(([, key]) => key);
    expect(keys).to.have.length.above(5);
    expect(rows.map(({ key }) => key).sort()).to.deep.equal([...keys, 'name', 'before', 'expect'].sort());
    const test = { name: 'n', tool: 't', expect: { effect: 'allow' } };
    for (const { key, where } of rows) {
      expect(isUnknown({ tests: [{ ...test, [key]: Symbol('wrong') }] }, `tests.0.${key}`), key).to.equal(false);
      if (where.includes('defaults'))
        expect(isUnknown({ tests: [test], defaults: { [key]: Symbol('wrong') } }, `defaults.${key}`), key).to.equal(false);
    }
    expect(isUnknown({ tests: [{ ...test, params_: {} }] }, 'tests.0.params_')).to.equal(true);
  });
});

describe('docs/migration-from-python.md', () => {
  it('has a row for every name of the Python SDK', () => {
    const names = tablesOf(pageAt('docs/migration-from-python.md')).flatMap(({ head, rows }) =>
      head[0] === 'Python' ? rows.map(([cell]) => cell) : [],
    );
    const text = names.join(' ');
    expect(PYTHON_NAMES.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).to.deep.equal([]);
  });
});

describe('docs/errors.md', () => {
  const tables = tablesOf(pageAt('docs/errors.md')).filter(({ head }) => head.join() === 'Class,When,Code,Fields,What to do');
  const rows = tables.flatMap((table) => table.rows.map((row) => rowOf<'Class' | 'Fields'>(table, row)));

  it('has a row for every error class, and for no other', () => {
    const classes = Object.entries(aegis).flatMap(([name, value]) => (isErrorClass(value) ? [name] : []));
    expect(rows.map((row) => row.Class).sort()).to.deep.equal(classes.sort());
  });

  it('says the fields that each class declares', () => {
    const source = ['RefusalErrors', 'CallErrors', 'ServiceErrors', 'SetupErrors']
      .map((file) => readFileSync(`lib/model/errors/${file}.ts`, 'utf8'))
      .join('\n');
    for (const { Class, Fields } of rows) {
      const [, parent, body = ''] = new RegExp(`class ${Class}(?:<.*?>)? extends (\\w+) \\{(.*?)\\n\\}`, 's').exec(source) ?? [];
      const own = [...body.matchAll(/^ {2}(?:declare )?(?:readonly|get) (\w+)/gm)].map(([, field]) => field);
      const inherited = parent === 'ServiceError' ? ['status'] : parent === 'ParamsError' ? ['path'] : [];
      const said = [...Fields.matchAll(/`(\w+)`/g)].map(([, field]) => field);
      expect(said.sort(), Class).to.deep.equal([...new Set([...own, ...inherited])].sort());
    }
  });

  it('says the reasons of a DecisionUnavailableError', () => {
    const [, union = ''] = /export type UnbelievableReason =([^;]+);/.exec(readFileSync('lib/model/errors/ServiceErrors.ts', 'utf8')) ?? [];
    const table = tablesOf(pageAt('docs/errors.md')).find(({ head }) => head[0] === '`reason`');
    expect(table?.rows.map(([reason = '']) => bare(reason)).sort()).to.deep.equal([...union.matchAll(/'(\w+)'/g)].map(([, r]) => r).sort());
  });

  it('says every code that the library gives a ForbiddenError, a ParamsError or a VerdictError', () => {
    const said = new Set(inlineCode(pageAt('docs/errors.md')).map(({ code }) => code));
    const lib = ['approval', 'decision', 'guard'].flatMap((folder) =>
      readdirSync(`lib/${folder}`, { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .map((file) => readFileSync(`lib/${folder}/${file}`, 'utf8')),
    );
    for (const [start, code] of [
      ['new ForbiddenError', /code: '(\w+)'/g],
      ['deniedAtRun', /, '(\w+)',/g],
      ['new ParamsError', /code: '(\w+)'/g],
      ['new VerdictError', /'([a-z]+_[a-z_]+)'/g],
    ] as const) {
      const calls = lib.flatMap((text) => text.match(new RegExp(`${start}\\([^;]*;`, 'g')) ?? []);
      const codes = calls.flatMap((call) => [...call.matchAll(code)].map(([, found]) => found));
      expect(codes, start).to.not.be.empty;
      expect(
        codes.filter((found = '') => !said.has(found)),
        start,
      ).to.deep.equal([]);
    }
  });
});

function isErrorClass(value: unknown): boolean {
  return typeof value === 'function' && value.prototype instanceof aegis.AegisError;
}

function pageAt(path: string): Page {
  const page = pages.find((p) => p.path === path);
  if (page === undefined) throw new Error(`there is no ${path}`);
  return page;
}

/** A row by the names in the table's head; the first cell without its backticks. */
function rowOf<T extends string>({ head }: Table, cells: readonly string[]): Readonly<Record<T, string>> {
  const row = Object.fromEntries(head.map((name, i) => [name, i === 0 ? bare(cells[i] ?? '') : (cells[i] ?? '')]));
  return row as Readonly<Record<T, string>>;
}

function bare(code: string): string {
  return code.replaceAll('`', '');
}

/** Without backticks and thousands' commas. */
function plain(text: string): string {
  return bare(text).replaceAll(/(?<=\d),(?=\d)/g, '');
}

function variableOf(text: string): string {
  return /AEGIS_[A-Z_]+/.exec(text)?.[0] ?? text;
}

function nested(name: string, value: unknown): object {
  const [first = '', second] = name.split('.');
  return { [first]: second === undefined ? value : { [second]: value } };
}

/** What the doc comments of AegisOptions say is the default: a code, a number, or true and false. */
function defaultsInSource(): Readonly<Record<string, string>> {
  const source = readFileSync('lib/guard/module/AegisOptions.ts', 'utf8');
  const found: Record<string, string> = {};
  for (const [, comment = '', name = ''] of source.matchAll(/\/\*\*([^/]*(?:\/(?!\*)[^/]*)*?)\*\/\s+readonly (\w+)\?:/g)) {
    const [, said] = /(?:Default|@defaultValue) (`[^`]+`|[\d,]+\d|true|false)/.exec(comment) ?? [];
    if (said !== undefined) found[name] = plain(said);
  }
  expect(Object.keys(found).length).to.be.greaterThan(12);
  return found;
}

function leadsSomewhere(page: Page, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? page.path : posix.join(posix.dirname(page.path), file);
  if (!existsSync(path)) return false;
  return anchor === undefined || parsePage(path, readFileSync(path, 'utf8')).anchors.has(anchor);
}
