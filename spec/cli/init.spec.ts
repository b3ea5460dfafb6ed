import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { PassThrough } from 'node:stream';
import { askAt } from '../../lib/cli/askAt.js';
import { runProgram } from '../../lib/cli/program.js';
import { CedarPolicyEngine } from '../../lib/policy/engine/CedarPolicyEngine.js';
import { tsconfigAdvice } from '../../lib/cli/init/tsconfigAdvice.js';
import { counted } from '../support/assurance.js';
import { failureOf, folderOf, runAegis, runBuilt } from './runAegis.js';

type Files = Readonly<Record<string, string>>;

/** What is in a folder: path and text of each file. */
function contentOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.sort().map((path) => [posix.relative(folder, path), readFileSync(path, 'utf8')]));
}

describe('aegis init', () => {
  const removals: (() => void)[] = [];
  afterEach(() => removals.splice(0).forEach((remove) => remove()));
  const roomOf = (files: Files): string => {
    const room = folderOf({ ...files, '.keep': '' });
    removals.push(room.remove);
    return room.path('.');
  };
  /** Runs it with --yes. */
  async function after(files: Files, ...options: string[]): Promise<{ files: Record<string, string>; said: string; folder: string }> {
    const folder = roomOf(files);
    const { code, stdout, stderr } = await runAegis(['init', folder, '--yes', ...options]);
    expect(code, stderr).to.equal(0);
    return { files: contentOf(folder), said: stdout, folder };
  }
  const manifestOf = (files: Record<string, string>): any => JSON.parse(files['package.json'] ?? '{}');

  it('starts a TypeScript project in an empty folder', async () => {
    const { files, said } = await after({});
    expect(Object.keys(files)).to.deep.equal([
      '.keep',
      'package.json',
      'policies/agent.cedar',
      'policies/tests/agent.test.json',
      'src/agent.ts',
      'tsconfig.json',
    ]);
    const { name, ...manifest } = manifestOf(files);
    expect(name).to.match(/^aegis-cli-/);
    expect(manifest).to.deep.equal({
      private: true,
      type: 'module',
      scripts: {
        agent: 'tsc && node dist/agent.js',
        'test:policies': 'aegis policy check policies && aegis policy test policies policies/tests',
        test: 'npm run test:policies',
      },
      dependencies: { aegislib: `^${(JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version}` },
      devDependencies: { '@types/node': '^22.20.5', typescript: '^7.0.2' },
    });
    expect(said).to.match(/^create {2}policies\/agent\.cedar\n {8}\| \/\/ Who may do what/);
    expect(said).to.match(/\nDone\. Next:\n {2}npm install\n {2}npm run agent\n {2}npm run test:policies\n$/);
  });

  it('asks for the compiler options that the README names, and for the versions that this repository is built with', async () => {
    const { files } = await after({});
    const { compilerOptions } = JSON.parse(files['tsconfig.json'] ?? '') as { compilerOptions: object };
    const [, inReadme = ''] = /```json tsconfig\.json\n([^]*?)```/.exec(readFileSync('README.md', 'utf8')) ?? [];
    expect(compilerOptions).to.deep.equal({
      ...(JSON.parse(inReadme) as { compilerOptions: object }).compilerOptions,
      rootDir: 'src',
      outDir: 'dist',
    });
    const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { devDependencies: Record<string, string> };
    for (const [name, range] of Object.entries(manifestOf(files).devDependencies))
      expect(`^${devDependencies[name]}`, name).to.equal(range);
  });

  it('leaves a project as it is when it is run again', async () => {
    for (const first of [{}, { 'package.json': '{"type":"commonjs"}' }, { 'index.js': '1;' }]) {
      const { folder, files } = await after(first);
      const { code, stdout } = await runAegis(['init', folder, '--yes']);
      expect({ code, files: contentOf(folder) }).to.deep.equal({ code: 0, files });
      expect(stdout).to.match(/^There is nothing to add\.\nkeep {4}policies\/agent\.cedar exists and stays as it is\n/);
    }
  });

  const PROGRAM = 'console.log(1);\n';
  const projects: Readonly<Record<string, { files: Files; creates: readonly string[]; agent: string; type?: string; options?: string[] }>> =
    {
      'after npm init, which says CommonJS': {
        files: { 'package.json': '{"type":"commonjs","scripts":{"test":"echo no test && exit 1"}}' },
        creates: ['src/agent.mts', 'tsconfig.json'],
        agent: 'tsc && node dist/agent.mjs',
        type: 'commonjs',
      },
      'after npm install in an empty folder': {
        files: { 'package.json': '{"dependencies":{"aegislib":"file:x.tgz"}}' },
        creates: ['src/agent.ts', 'tsconfig.json'],
        agent: 'tsc && node dist/agent.js',
        type: 'module',
      },
      'in JavaScript, without a type': {
        files: { 'package.json': '{}', 'index.js': PROGRAM },
        creates: ['src/agent.mjs'],
        agent: 'node src/agent.mjs',
      },
      'in JavaScript, with ES modules': {
        files: { 'package.json': '{"type":"module"}', 'src/index.js': PROGRAM },
        creates: ['src/agent.js'],
        agent: 'node src/agent.js',
        type: 'module',
      },
      'with a source and no package.json': {
        files: { 'index.js': PROGRAM },
        creates: ['src/agent.mjs'],
        agent: 'node src/agent.mjs',
      },
      'in JavaScript by choice': { files: {}, creates: ['src/agent.js'], agent: 'node src/agent.js', type: 'module', options: ['--js'] },
      'in TypeScript, with a tsconfig': {
        files: { 'package.json': '{"type":"module"}', 'src/index.ts': PROGRAM, 'tsconfig.json': '{ /* mine */ }' },
        creates: ['src/agent.ts', 'tsconfig.aegis.json'],
        agent: 'tsc -p tsconfig.aegis.json && node dist/aegis/agent.js',
        type: 'module',
      },
      'in TypeScript for CommonJS, compiled by something else': {
        files: { 'package.json': '{"devDependencies":{"typescript":"^6.0.0"}}', 'src/index.ts': PROGRAM },
        creates: ['src/agent.mts', 'tsconfig.aegis.json'],
        agent: 'tsc -p tsconfig.aegis.json && node dist/aegis/agent.mjs',
      },
      'with only configuration and declarations': {
        files: { 'package.json': '{"type":"module"}', 'vite.config.ts': PROGRAM, 'src/env.d.ts': '' },
        creates: ['src/agent.ts', 'tsconfig.json'],
        agent: 'tsc && node dist/agent.js',
        type: 'module',
      },
    };
  for (const [what, { files: given, creates, agent, type, options = [] }] of Object.entries(projects))
    it(`fits a project ${what}, and overwrites nothing`, async () => {
      const { files } = await after(given, ...options);
      const { 'package.json': before = '{}', ...others } = given;
      expect(files).to.include(others);
      const added = Object.keys(files).filter((path) => !(path in given) && !/^(\.keep|package\.json|policies\/.*)$/.test(path));
      expect(added).to.deep.equal(creates);
      expect(manifestOf(files).scripts.agent).to.equal(agent);
      expect(manifestOf(files).type).to.equal(type);
      const old = JSON.parse(before) as Record<string, object>;
      for (const [key, value] of Object.entries(old))
        if (typeof value === 'object') expect(manifestOf(files)[key], key).to.include(value);
        else expect(manifestOf(files)[key], key).to.equal(value);
    });

  it('keeps indentation and line ends of package.json, and the order of what is in it', async () => {
    const text = '{\r\n\t"name": "x",\r\n\t"type": "module",\r\n\t"scripts": {\r\n\t\t"agent": "mine"\r\n\t}\r\n}\r\n';
    const { files, said } = await after({ 'package.json': `\uFEFF${text}` });
    expect(files['package.json']).to.match(
      /^\{\r\n\t"name": "x",\r\n\t"type": "module",\r\n\t"scripts": \{\r\n\t\t"agent": "mine",\r\n\t\t"test:policies"/,
    );
    expect(files['package.json']?.replaceAll('\r\n', '')).to.not.include('\n');
    expect(said).to.include(
      'keep    package.json has a script "agent", which stays as it is; this one would be: tsc && node dist/agent.js',
    );
  });

  it('leaves package.json alone where nothing is missing in it', async () => {
    const { files } = await after({});
    const text = JSON.stringify(manifestOf(files));
    const again = await after({ 'package.json': text });
    expect(again.files['package.json']).to.equal(text);
    expect(again.said).to.not.include('package.json');
    expect(Object.keys(again.files)).to.include('src/agent.ts');
  });

  it('adds no policy to a folder that has some, and says which one the starter needs', async () => {
    const own = '@id("own") forbid (principal, action, resource);';
    const { files, said } = await after({ 'policies/own.cedar': own });
    expect(Object.keys(files).filter((path) => path.startsWith('policies/'))).to.deep.equal(['policies/own.cedar']);
    expect(said).to.include('keep    policies has policies; to run the starter, add these yourself:\n').and.include('@id("allow-refunds")');
  });

  it('says what to set in a tsconfig.json that stays as it is', async () => {
    const wrong = `{
      // "strict": true,
      "compilerOptions": { "target": "esnext", /* "module": "x" */ "module": "commonjs", "paths": { "a": ["//b", "/* c */ ,}"] }, },
    }`;
    const { said } = await after({ 'src/index.ts': '', 'tsconfig.json': wrong });
    expect(said).to.match(
      /keep {4}tsconfig\.json exists and stays as it is\n {8}set "target": "es2022", because .*\n {8}set "module".*\n {8}set "strict": true/,
    );
    for (const fine of ['"target":"ES2022","module":"NodeNext","strict":true', '"target":"es2017","module":"preserve","strict":true'])
      expect(tsconfigAdvice(`{"compilerOptions":{${fine}}}`)).to.deep.equal([]);
    expect(tsconfigAdvice('{"extends":"./base.json"}').join()).to.include('unless the file that it extends says so');
    for (const broken of ['{', '[', 'null', '7', '"x"', '{"compilerOptions": {"target": }}'])
      expect(tsconfigAdvice(broken), broken).to.deep.equal(['it is not valid JSON with comments, so it was not checked']);
    expect(tsconfigAdvice('{"compilerOptions": null}')).to.have.lengthOf(3);
  });

  it('only shows what it would do with --dry-run', async () => {
    const folder = roomOf({});
    const { code, stdout } = await runAegis(['init', folder, '--dry-run']);
    expect(code).to.equal(0);
    expect(stdout).to.include('create  src/agent.ts').and.include('create  package.json\n        + "type": "module"');
    expect(contentOf(folder)).to.deep.equal({ '.keep': '' });
  });

  it('changes nothing without a yes: no terminal, another answer, the end of the input', async () => {
    let changed = 0;
    const answers = ['', 'n', 'no', 'yess', 'j', 'of course'];
    for (const answer of answers) {
      const folder = roomOf({});
      const io = { out: () => {}, err: () => {}, beforeForeignCode: () => {}, ask: async () => answer };
      expect(await runProgram(['init', folder], io), answer).to.equal(1);
      if (Object.keys(contentOf(folder)).length > 1) changed += 1;
    }
    const folder = roomOf({});
    const { code, stderr } = await runAegis(['init', folder]);
    expect({ code, stderr }).to.deep.equal({
      code: 2,
      stderr: 'aegis: nothing was changed, because there is no terminal to ask at; add --yes to make these changes\n',
    });
    expect(Object.keys(contentOf(folder))).to.deep.equal(['.keep']);
    counted({ what: 'C8 init without a yes', cases: answers.length + 1, wrong: changed });
  });

  it('takes y and yes from a terminal', async () => {
    for (const answer of ['y', 'Yes', ' YES ']) {
      const folder = roomOf({});
      const asked: string[] = [];
      const io = { out: () => {}, err: () => {}, beforeForeignCode: () => {}, ask: async (text: string) => (asked.push(text), answer) };
      expect(await runProgram(['init', folder], io)).to.equal(0);
      expect(asked).to.deep.equal(['Make these changes? [y/N] ']);
      expect(existsSync(join(folder, 'src/agent.ts'))).to.equal(true);
    }
  });

  const refused: Readonly<Record<string, { files: Files; says: RegExp }>> = {
    'package.json that is not JSON': { files: { 'package.json': '{canary-7f3' }, says: /^aegis: package\.json: (?!.*canary)/ },
    'package.json that is a list': { files: { 'package.json': '[]' }, says: /package\.json: it must be a JSON object/ },
    'package.json that names another file': { files: { 'package.json': '@/etc/hostname' }, says: /^aegis: package\.json: / },
    'package.json that is null': { files: { 'package.json': 'null' }, says: /package\.json: it must be a JSON object/ },
    'package.json that has a key twice': {
      files: { 'package.json': '{"type":"module","type":"commonjs"}' },
      says: /^aegis: package\.json: /,
    },
    'scripts that are not an object': { files: { 'package.json': '{"scripts":"x"}' }, says: /package\.json: "scripts" must be an object/ },
    'dependencies that are null': { files: { 'package.json': '{"dependencies":null}' }, says: /"dependencies" must be an object/ },
    'devDependencies that are a list': { files: { 'package.json': '{"devDependencies":[]}' }, says: /"devDependencies" must be an object/ },
    'src that is a file': { files: { src: '' }, says: /src must be a folder, but it is a file/ },
    'policies that are a file': { files: { policies: '' }, says: /policies must be a folder, but it is a file/ },
    'tests of policies that are a file': {
      files: { 'policies/tests': '' },
      says: /policies\/tests\/agent\.test\.json: it cannot be written \(\w+\), so nothing was changed/,
    },
    'package.json that is a folder': { files: { 'package.json/x': '' }, says: /package\.json: it is a folder/ },
    'tsconfig.json that is a folder': { files: { 'tsconfig.json/x': '' }, says: /tsconfig\.json: it is a folder/ },
  };
  for (const [what, { files, says }] of Object.entries(refused))
    it(`refuses ${what}, and leaves the folder as it was`, async () => {
      const folder = roomOf(files);
      const before = contentOf(folder);
      const { code, stderr } = await runAegis(['init', folder, '--yes']);
      expect(code).to.equal(2);
      expect(stderr.replaceAll(folder, '')).to.match(says);
      expect(contentOf(folder)).to.deep.equal(before);
      expect(existsSync(join(folder, 'policies')) && !('policies' in files) && !('policies/tests' in files)).to.equal(false);
    });

  it('refuses a folder that does not exist', async () => {
    expect(await failureOf(['init', join(roomOf({}), 'nowhere'), '--yes'])).to.match(/nowhere: there is no such folder; create it first/);
  });

  it('refuses a folder that may not be written, and leaves nothing in it', async function () {
    if (process.platform === 'win32') this.skip();
    const folder = roomOf({});
    mkdirSync(join(folder, 'policies'));
    writeFileSync(join(folder, 'package.json'), '{}');
    chmodSync(join(folder, 'package.json'), 0o444);
    chmodSync(folder, 0o555);
    // root may write everywhere
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      const { code, stderr } = await runAegis(['init', folder, '--yes']);
      expect(code).to.equal(2);
      expect(stderr).to.match(/: it cannot be written \(EACCES\), so nothing was changed; check the permissions of the folder\n$/);
    } finally {
      if (isRoot) process.seteuid?.(0);
      chmodSync(folder, 0o755);
    }
    expect(contentOf(folder)).to.deep.equal({ '.keep': '', 'package.json': '{}' });
  });

  it('names a project after its folder, as npm would', async () => {
    for (const [folder, name] of [
      ['My Agent', 'my-agent'],
      ['_.äx', 'x'],
      ['日本', 'agent'],
    ] as const) {
      const room = roomOf({ [`${folder}/.keep`]: '' });
      await runAegis(['init', join(room, folder), '--yes']);
      expect(manifestOf(contentOf(join(room, folder))).name).to.equal(name);
    }
  });

  it('writes policies that load without a warning and that pass their tests', async () => {
    const { folder, files } = await after({});
    CedarPolicyEngine.load({ sources: [{ file: 'agent.cedar', text: files['policies/agent.cedar'] ?? '' }] });
    const policies = join(folder, 'policies');
    expect((await runAegis(['policy', 'check', policies, '--strict'])).stdout).to.include('0 errors, 0 warnings');
    expect((await runAegis(['policy', 'test', policies, join(policies, 'tests')])).stdout).to.equal('5 tests: 5 passed, 0 failed\n');
  });

  it('as the built command, without a terminal, asks for --yes', async () => {
    const folder = roomOf({});
    const { code, stdout, stderr } = await runBuilt(['init', folder]);
    expect({ code, stderr }).to.deep.equal({
      code: 2,
      stderr: 'aegis: nothing was changed, because there is no terminal to ask at; add --yes to make these changes\n',
    });
    expect(stdout).to.include('create  src/agent.ts');
  });
});

describe('askAt', () => {
  const terminal = () => Object.assign(new PassThrough(), { isTTY: true });

  it('asks at a terminal and takes one line', async () => {
    const [input, output] = [terminal(), terminal()];
    const answer = askAt(input, output)?.('Go? ');
    input.write('yes\n');
    expect(await answer).to.equal('yes');
    output.end();
    expect(await text(output)).to.include('Go? ');
  });

  it('takes the end of the input for no answer', async () => {
    const input = terminal();
    const answer = askAt(input, terminal())?.('Go? ');
    input.end();
    expect(await answer).to.equal('');
  });

  it('does not ask where either end is not a terminal', () => {
    expect(askAt(new PassThrough(), terminal())).to.equal(undefined);
    expect(askAt(terminal(), new PassThrough())).to.equal(undefined);
  });
});
