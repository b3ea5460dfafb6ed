import { VERSION } from '../../common/version.js';
import { nameOf, type Project } from './readProject.js';
import { COMPILER_OPTIONS, STARTER_POLICIES, STARTER_TESTS, starterProgram } from './starterProgram.js';
import { tsconfigAdvice } from './tsconfigAdvice.js';

/** What `aegis init` would do. */
export interface InitPlan {
  /** Files that do not exist yet: path from the folder, and text. */
  readonly create: ReadonlyMap<string, string>;
  /** The new text of package.json, and the lines that are new in it. */
  readonly manifest: { readonly isNew: boolean; readonly text: string; readonly added: readonly string[] } | undefined;
  /** What exists and stays as it is, and what its owner may want to do about it. */
  readonly kept: readonly string[];
  /** What to run afterwards. */
  readonly next: readonly string[];
}

export interface InitChoice {
  /** A program in JavaScript. */
  readonly js?: boolean | undefined;
}

type Entries = Readonly<Record<string, string>>;

/** Plans additions to a project. Nothing that exists is changed, but for new keys in package.json. */
export function planInit(project: Project, { js = false }: InitChoice = {}): InitPlan {
  const { has, hasSources, manifest, tsconfig } = project;
  const before = manifest?.content ?? {};
  const typed = !js && (tsconfig !== undefined || !hasSources || hasDependency(before, 'typescript'));
  // without a program there is nothing that `type` could break
  const addsType = before['type'] === undefined && !hasSources;
  const isModule = before['type'] === 'module' || addsType;
  const ending = `${isModule ? '' : 'm'}${typed ? 'ts' : 'js'}`;
  // the project's own tsconfig.json, unless it is from an earlier run, may be made for something else
  const isFresh =
    !hasSources && (tsconfig === undefined || (before['scripts'] as Entries | undefined)?.['agent']?.startsWith('tsc && ') === true);

  const create = new Map<string, string>();
  const kept: string[] = [];
  const add = (path: string, text: string): void => {
    if (has(path)) kept.push(`${path} exists and stays as it is`);
    else create.set(path, text);
  };

  if (has('policies/agent.cedar')) kept.push('policies/agent.cedar exists and stays as it is');
  else if (project.hasPolicies)
    // one more permit would let more run
    kept.push(`policies has policies; to run the starter, add these yourself:\n${STARTER_POLICIES.trimEnd()}`);
  else {
    add('policies/agent.cedar', STARTER_POLICIES);
    add('policies/tests/agent.test.json', STARTER_TESTS);
  }
  const program = `src/agent.${ending}`;
  add(program, starterProgram({ typed }));

  let run = `node ${program}`;
  if (typed) {
    const outDir = isFresh ? 'dist' : 'dist/aegis';
    const compilerOptions = { ...COMPILER_OPTIONS, rootDir: 'src', outDir };
    const [config, sources] = isFresh ? ['tsconfig.json', { include: ['src'] }] : ['tsconfig.aegis.json', { files: [program] }];
    add(config, toText({ compilerOptions, ...sources }));
    run = `tsc${isFresh ? '' : ` -p ${config}`} && node ${outDir}/agent.${isModule ? 'js' : 'mjs'}`;
  }
  if (typed && !isFresh && tsconfig !== undefined) {
    const advice = tsconfigAdvice(tsconfig);
    kept.push(['tsconfig.json exists and stays as it is', ...advice.map((line) => `set ${line}`)].join('\n'));
  }

  const additions: [string, Entries][] = [
    [
      'scripts',
      {
        agent: run,
        'test:policies': 'aegis policy check policies && aegis policy test policies policies/tests',
        test: 'npm run test:policies',
      },
    ],
    ['dependencies', hasDependency(before, 'aegislib') ? {} : { aegislib: `^${VERSION}` }],
    ['devDependencies', typed ? missing(before, { '@types/node': '^22.20.5', typescript: '^7.0.2' }) : {}],
  ];
  const changed = addKeys(manifest?.content ?? { name: nameOf(project), private: true }, addsType, additions, kept);
  const installs = changed.added.some((line) => /ependencies\./.test(line));
  return {
    create,
    manifest:
      changed.added.length === 0
        ? undefined
        : { isNew: manifest === undefined, text: toText(changed.content, manifest?.text), added: changed.added },
    kept,
    next: [...(installs ? ['npm install'] : []), 'npm run agent', 'npm run test:policies'],
  };
}

/** Adds keys that are not there. A script of that name which says something else stays, and is named in `kept`. */
function addKeys(
  before: Readonly<Record<string, unknown>>,
  addsType: boolean,
  additions: readonly (readonly [string, Entries])[],
  kept: string[],
): { readonly content: object; readonly added: readonly string[] } {
  const content: Record<string, unknown> = { ...before };
  const added: string[] = [];
  if (addsType) {
    content['type'] = 'module';
    added.push('"type": "module"');
  }
  for (const [section, entries] of additions) {
    const there = (before[section] ?? {}) as Entries;
    const fresh = Object.entries(entries).filter(([key]) => !Object.hasOwn(there, key));
    if (fresh.length > 0) content[section] = { ...there, ...Object.fromEntries(fresh) };
    added.push(...fresh.map(([key, value]) => `${section}.${JSON.stringify(key)}: ${JSON.stringify(value)}`));
    for (const [key, value] of Object.entries(entries))
      if (Object.hasOwn(there, key) && there[key] !== value)
        kept.push(`package.json has a script ${JSON.stringify(key)}, which stays as it is; this one would be: ${value}`);
  }
  return { content, added };
}

function hasDependency(manifest: Readonly<Record<string, unknown>>, name: string): boolean {
  return ['dependencies', 'devDependencies', 'peerDependencies'].some((section) =>
    Object.hasOwn((manifest[section] ?? {}) as object, name),
  );
}

function missing(manifest: Readonly<Record<string, unknown>>, wanted: Entries): Entries {
  return Object.fromEntries(Object.entries(wanted).filter(([name]) => !hasDependency(manifest, name)));
}

/** With the indentation and the line ends of the text before. */
function toText(value: object, before = ''): string {
  const [, end = '\n', indent = '  '] = /^\{(\r?\n)([ \t]+)"/.exec(before) ?? [];
  return `${JSON.stringify(value, null, indent)}\n`.replaceAll('\n', end);
}
