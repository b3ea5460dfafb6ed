import { expect } from 'chai';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { counted } from '../support/assurance.js';
import { type Block, parsePage } from '../support/docsPages.js';

/** What an install would bring along: this package's own dependencies, and the two that `aegis init` adds. */
const INSTALLED = ['@cedar-policy/cedar-wasm', 'ky', 'reflect-metadata', 'tslib', 'valibot', 'typescript', '@types/node', 'undici-types'];
const COMMANDS = { aegis: 'aegislib/dist/cli/aegis.js', tsc: 'typescript/bin/tsc' };
const PRINTED = [
  'refunded 19.99 for order-1',
  "Tool 'refund' execution pending approval: refunds over 100 need a person",
  'refunded 250 for order-2',
  "Tool 'refund' is not allowed: refunds over 5000 are not made",
];

/**
 * The packed library in projects of strangers, which share one node_modules. Nothing comes over the network: the dependencies are links to those of this
 * repository.
 */
describe('A project with the packed library', function () {
  this.timeout(120_000);
  let room: string;

  before(function () {
    if (process.platform === 'win32') this.skip();
    room = realpathSync(mkdtempSync(join(tmpdir(), 'aegis-stranger-')));
    const modules = join(room, 'node_modules');
    const said = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', room], { encoding: 'utf8' });
    const [{ filename }] = JSON.parse(said) as [{ filename: string }];
    execFileSync('tar', ['-xzf', join(room, filename), '-C', room]);
    mkdirSync(join(modules, '.bin'), { recursive: true });
    renameSync(join(room, 'package'), join(modules, 'aegislib'));
    chmodSync(join(modules, COMMANDS.aegis), 0o755);
    for (const dependency of INSTALLED) {
      const place = join(modules, dependency);
      mkdirSync(dirname(place), { recursive: true });
      symlinkSync(realpathSync(resolve('node_modules', dependency)), place);
    }
    for (const [command, file] of Object.entries(COMMANDS)) symlinkSync(join('..', file), join(modules, '.bin', command));
  });
  after(() => {
    if (room !== undefined) rmSync(room, { recursive: true, force: true });
  });

  function project(name: string, files: Readonly<Record<string, string>>): string {
    const folder = join(room, name);
    mkdirSync(folder);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    return folder;
  }
  /** Runs a command as a script of package.json is run. */
  function run(folder: string, command: string): string[] {
    const path = [join(room, 'node_modules/.bin'), dirname(process.execPath), process.env['PATH']].join(':');
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '', PATH: path },
    });
    expect(status, `${command}: ${stdout}${stderr}`).to.equal(0);
    return stdout.trimEnd().split('\n');
  }
  function runScript(folder: string, name: string): string[] {
    const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    return run(folder, scripts[name] ?? 'false');
  }

  const CJS = '{"type":"commonjs","scripts":{"test":"echo \\"Error: no test specified\\" && exit 1"}}';
  const strict = `{
    // comments stay
    "compilerOptions": { "target": "esnext", "module": "commonjs", "moduleResolution": "bundler", "noEmit": true, },
    "include": ["src/index.ts"],
  }`;
  const starts: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'an empty folder': {},
    'a folder in which npm init has been': { 'package.json': CJS },
    'a TypeScript project with a tsconfig.json of its own': {
      'package.json': '{"type":"module","devDependencies":{"typescript":"7"}}',
      'tsconfig.json': strict,
      'src/index.ts': 'export {};',
    },
    'a JavaScript project': { 'package.json': '{"name":"old"}', 'index.js': 'module.exports = 1;' },
  };
  let works = 0;
  for (const [what, files] of Object.entries(starts))
    it(`compiles, runs and passes its tests at once, after aegis init in ${what}`, () => {
      const folder = project(`project${works}`, files);
      run(folder, 'aegis init --yes');
      // the starter's own script compiles it, but for a project that has a tsconfig.json already
      if ('tsconfig.json' in files) run(folder, 'tsc');
      expect(runScript(folder, 'agent')).to.deep.equal(PRINTED);
      // the policies are the same in all of them
      if (works === 0) expect(runScript(folder, 'test:policies').at(-1)).to.equal('5 tests: 5 passed, 0 failed');
      for (const [path, text] of Object.entries(files))
        if (path !== 'package.json') expect(readFileSync(join(folder, path), 'utf8'), path).to.equal(text);
      works += 1;
    });

  it('compiles and runs what the README shows, with the tsconfig.json that it shows', () => {
    const { blocks } = parsePage('README.md', readFileSync('README.md', 'utf8'));
    const named = (path: string): string => blocks.find(({ marks }) => marks.includes(path))?.lines.join('\n') ?? '';
    const folder = project('readme', {
      'package.json': '{"type":"module"}',
      'tsconfig.json': named('tsconfig.json'),
      'policies/agent.cedar': named('policies/agent.cedar'),
    });
    const programs = blocks.flatMap((block, i) => (block.marks.includes('run') ? [[block, blocks[i + 1] as Block] as const] : []));
    expect(programs.length).to.be.at.least(3);
    programs.forEach(([{ lines }], i) => writeFileSync(join(folder, `program${i}.ts`), lines.join('\n')));
    run(folder, 'tsc');
    let wrong = 0;
    programs.forEach(([, printed], i) => {
      const said = run(folder, `node program${i}.js`);
      if (JSON.stringify(said) !== JSON.stringify(printed.lines)) wrong += 1;
      expect(said).to.deep.equal(printed.lines);
      works += 1;
    });
    counted({ what: 'C8 projects of strangers', cases: works + wrong, wrong });
  });
});
