import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, posix, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parsePage, relativeLinks } from './support/docsPages.js';
import { runInChild } from './support/runInChild.js';

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly files: readonly string[];
  readonly typesVersions: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  readonly scripts: Readonly<Record<string, string>>;
}

/** Found by self-reference, as a user's import finds it: these specs judge dist/, not lib/. */
const NAME: string = 'aegislib';
const INTERNALS = [
  'dist/index.js',
  'dist/common/runtime.js',
  'dist/chunks/runtime.js',
  'lib/index.ts',
  'common/canonical',
  'guard/guardCall',
];

const API = pathToFileURL(resolve('.ci/api.mjs'));

/** What signatures name and need not be imported: base classes, any class, the brand of a pending approval, and types that say at compile time why a guard is refused. */
const UNNAMED = [
  'AnyClass',
  'PENDING_BRAND',
  'ReturnTypeHoldsNoPendingApproval',
  'ReturnTypeHoldsPendingApproval',
  'ReturnTypeSaysNothing',
  'SafeEmitter',
  'SayHowCallsWait',
  'TaskRecorder',
  'Vague',
];

describe('The built package', function () {
  this.timeout(20_000);
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
  const require = createRequire(resolve('package.json'));

  it('exports what etc/ says, signature by signature; after a wanted change: npm run api:update', async () => {
    const { code, stderr } = await runInChild(API);
    expect(code, stderr).to.equal(0);
  });

  it('has a report that sees a changed member of a class and of an interface', async () => {
    for (const [file, was, is] of [
      ['dist/approval/task/TaskRegistry.d.ts', 'getTask(taskId: string)', 'getTask(taskId: number)'],
      ['dist/approval/task/checkedQuery.d.ts', 'readonly maxAgeMs?: number', 'readonly maxAgeMs?: bigint'],
    ] as const) {
      const { code, stderr } = await runInChild(
        `import fs from 'node:fs';
        import { syncBuiltinESMExports } from 'node:module';
        const read = fs.readFileSync;
        fs.readFileSync = (path, ...more) => {
          const text = read(path, ...more);
          return path === '${file}' ? text.replace('${was}', '${is}') : text;
        };
        syncBuiltinESMExports();
        await import('${API.href}');`,
      );
      expect(code, stderr).to.equal(1);
      expect(stderr)
        .to.match(/etc\/\w+\.api\.ts is not what is built/)
        .and.include(is);
    }
  });

  it('names the types of every subpath for compilers that do not read `exports`, as moduleResolution node10', () => {
    const typed = Object.entries(manifest.exports).flatMap(([subpath, target]) => {
      const { types } = target as { readonly types?: string };
      return types === undefined || subpath === '.' ? [] : [[subpath.slice(2), [types]] as const];
    });
    expect(typed).not.to.be.empty;
    expect(manifest.typesVersions).to.deep.equal({ '*': Object.fromEntries(typed) });
  });

  it('has at most 90 names at the root', async () => {
    const names = await listed(NAME);
    expect(names.length).to.be.greaterThan(60).and.at.most(90);
  });

  it('names in no public signature a type that cannot be imported', async () => {
    const { code, stdout, stderr } = await runInChild(API, { args: ['--hidden'] });
    expect(code, stderr).to.equal(0);
    expect(stdout.trimEnd().split('\n').sort()).to.deep.equal([...UNNAMED].sort());
  });

  for (const entry of [NAME, `${NAME}/store`, `${NAME}/decision`, `${NAME}/policy`])
    it(`has at run time exactly the values that the declarations of ${entry} promise`, async () => {
      const values = (await listed(entry)).filter((name) => !name.startsWith('type '));
      expect(Object.keys((await import(entry)) as object).sort()).to.deep.equal(values);
      expect(values).to.not.be.empty;
    });

  for (const internal of INTERNALS)
    it(`keeps ${internal} to itself`, async () => {
      const { code, stderr } = await runInChild(`await import('${NAME}/${internal}')`);
      expect(code).to.equal(1);
      expect(stderr).to.include('ERR_PACKAGE_PATH_NOT_EXPORTED');
    });

  it('lets nobody in by a pattern over everything', () => {
    expect(Object.keys(manifest.exports)).to.not.include('./*');
    expect(Object.keys(manifest.exports).filter((subpath) => /^\.\/(dist|lib|common|model|chunks)\b/.test(subpath))).to.deep.equal([]);
  });

  it('is the same module by require() as by import', async () => {
    expect(require(NAME)).to.equal(await import(NAME));
    const { code, stderr } = await runInChild(`
      import { createRequire } from 'node:module';
      const required = createRequire(process.cwd() + '/x.js')('${NAME}');
      process.exitCode = required === (await import('${NAME}')) ? 0 : 7;`);
    expect(code, stderr).to.equal(0);
  });

  it('depends at run time on five packages and no other', () => {
    expect(Object.keys(manifest.dependencies).sort()).to.deep.equal([
      '@cedar-policy/cedar-wasm',
      'ky',
      'reflect-metadata',
      'tslib',
      'valibot',
    ]);
  });

  it('bundles what the server loads late, each with the licences of all that is in it, and loads it nowhere else', () => {
    const chunks = {
      'prom-client': ['prom-client', 'tdigest', 'bintrees', '@opentelemetry/api'],
      'to-json-schema': ['@valibot/to-json-schema'],
    };
    const files = readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'));
    for (const [chunk, packages] of Object.entries(chunks)) {
      const text = readFileSync(`dist/chunks/${chunk}.js`, 'utf8');
      for (const name of packages) {
        expect(text.slice(0, text.indexOf('*/\n')), name).to.include(`${name}, bundled:`);
        expect(text).to.not.match(new RegExp(`from '${name}'`));
      }
      const users = files.filter((file) => readFileSync(join('dist', file), 'utf8').includes(`${chunk}.js'`));
      expect(users).to.deep.equal([join('server', 'index.js')]);
      expect(readFileSync('dist/server/index.js', 'utf8'))
        .to.include(`import('../chunks/${chunk}.js')`)
        .and.not.include(`from '../chunks/${chunk}.js'`);
    }
  });

  it('bundles what verifies passkeys, with the licences of all that is in it, and loads it when one is first used', () => {
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      readonly packages: Readonly<Record<string, { readonly dependencies?: Readonly<Record<string, string>> }>>;
    };
    const needed = new Set<string>();
    const add = (name: string): void => {
      if (needed.has(name) || name in manifest.dependencies) return;
      needed.add(name);
      Object.keys(lock.packages[`node_modules/${name}`]?.dependencies ?? {}).forEach(add);
    };
    add('@simplewebauthn/server');
    expect(needed.size).to.be.greaterThan(10);
    const text = readFileSync('dist/chunks/simplewebauthn.js', 'utf8');
    for (const name of needed) {
      expect(text.slice(0, text.indexOf('*/\n')), name).to.include(`${name}, bundled:`);
      expect(text).to.not.match(new RegExp(`from '${name}'`));
    }
    const files = readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'));
    const textOf = (file: string): string => readFileSync(join('dist', file), 'utf8');
    const users = files.filter((file) => /from '[^']*simplewebauthn\.js'/.test(textOf(file)));
    expect(users).to.have.members([join('chunks', 'madeCredential.js'), join('chunks', 'verifySigned.js')]);
    for (const user of users)
      expect(files.filter((file) => new RegExp(`from '[^']*${user.split(/[\\/]/).at(-1)}'`).test(textOf(file)))).to.deep.equal([]);
  });

  it('bundles a parser of command lines with its command, and loads it nowhere else', () => {
    const files = readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'));
    const parser = files.filter((file) => readFileSync(join('dist', file), 'utf8').startsWith('/*!\ncommander, bundled'));
    expect(parser).to.deep.equal([join('chunks', 'commander.js')]);
    const users = files.filter((file) => /from '[^']*commander/.test(readFileSync(join('dist', file), 'utf8')));
    expect(users).to.deep.equal([join('cli', 'aegis.js')]);
  });

  describe('as it is packed', () => {
    let packed: ReadonlySet<string>;
    before(() => {
      const said = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
        encoding: 'utf8',
        shell: process.platform === 'win32',
      });
      const [{ files }] = JSON.parse(said) as [{ files: readonly { path: string }[] }];
      packed = new Set(files.map(({ path }) => path));
    });

    it('has the pages, and every file that they link to', () => {
      const pages = [...packed].filter((path) => path.endsWith('.md'));
      expect(pages).to.include.members(['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs/cli.md']);
      const links = pages.flatMap((path) =>
        relativeLinks(parsePage(path, readFileSync(path, 'utf8'))).flatMap(({ target }) => {
          const [file = ''] = target.split('#');
          return file === '' ? [] : [{ path, to: posix.join(posix.dirname(path), file) }];
        }),
      );
      expect(links.length).to.be.greaterThan(100);
      const folders = new Set([...packed].map((path) => posix.dirname(path)));
      expect(links.filter(({ to }) => !packed.has(to) && !folders.has(to.replace(/\/$/, '')))).to.deep.equal([]);
    });

    it('has every page that an error or a comment on a public name refers to', () => {
      const named = [...packed]
        .filter((path) => path.startsWith('lib/'))
        .flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/docs\/[\w/-]+\.md/g)].map(([page]) => ({ path, page })));
      expect(named.length).to.be.greaterThan(3);
      expect(named.filter(({ page }) => !packed.has(page))).to.deep.equal([]);
    });
  });

  it('runs no script of its own at install', () => {
    expect(Object.keys(manifest.scripts)).to.not.include.members(['preinstall', 'install', 'postinstall', 'prepare', 'prepublish']);
  });

  it('loads neither ky nor cedar-wasm before they are needed', async () => {
    const loaded = await loadedBy(NAME);
    expect(loaded.some((url) => url.endsWith('/dist/index.js'))).to.equal(true);
    expect(loaded.filter((url) => /node_modules[\\/](ky|@cedar-policy)[\\/]|\.wasm$/.test(url))).to.deep.equal([]);
  });

  it('would be caught loading them', async () => {
    expect((await loadedBy('ky')).some((url) => url.includes('/node_modules/ky/'))).to.equal(true);
    expect((await loadedBy('@cedar-policy/cedar-wasm/nodejs')).some((url) => url.includes('/cedar-wasm/'))).to.equal(true);
  });

  it('comes in a few files: each costs time at the start', async () => {
    const files = (await loadedBy(NAME)).filter((url) => url.includes('/dist/'));
    expect(files.length).to.be.within(2, 8);
  });

  it('loads no part of its own before it is needed', async () => {
    const loaded = (await loadedBy(NAME)).filter((url) => url.includes('/dist/')).map((url) => fileURLToPath(url));
    const lazy = loaded.flatMap((file) => importsOf(file).lazy);
    expect(lazy).to.include.members(
      ['DeskVerdicts', 'executeApproved', 'keepStore', 'RemoteClient'].map((part) => resolve(`dist/chunks/${part}.js`)),
    );
    expect(lazy.filter((file) => loaded.includes(file))).to.deep.equal([]);
  });

  it('starts threads without the engine, and opens a store without guards', () => {
    for (const thread of ['policy/live/policyThread', 'policy/lint/worker'])
      expect(chunksOf(`dist/${thread}.js`), thread).to.have.members(['common', 'parser']);
    for (const store of ['store', 'store/sqlite', 'store/postgres'])
      expect(chunksOf(`dist/${store}/index.js`), store)
        .to.include('stores')
        .and.not.include('policy')
        .and.not.include('core');
    expect(chunksOf('dist/index.js')).to.have.members(['runtime', 'common', 'parser', 'stores', 'policy', 'core']);
  });

  it('starts nothing when imported: no timer, handle, listener or global', async () => {
    expect(await startedBy(`await import('${NAME}')`)).to.deep.equal({ timers: 0, resources: [], listeners: [], globals: [] });
  });

  it('would be caught starting something', async () => {
    const found = await startedBy(
      "setInterval(() => {}, 1e3).unref(); setTimeout(() => {}, 9e3); process.on('exit', () => {}); globalThis.x = 1;",
    );
    expect(found).to.deep.equal({ timers: 2, resources: ['Timeout'], listeners: ['exit'], globals: ['x'] });
  });

  it('lets the process end by itself', async () => {
    const { code, stderr } = await runInChild(`await import('${NAME}')`, { timeoutMs: 5_000 });
    expect(code, stderr).to.equal(0);
    expect(stderr).to.equal('');
  });
});

describe('runInChild', () => {
  it('gives back the exit code and both streams', async () => {
    const result = await runInChild("process.stdout.write('out' + process.argv.at(-1)); console.error('err'); process.exitCode = 3;", {
      args: ['!'],
    });
    expect(result).to.deep.equal({ code: 3, stdout: 'out!', stderr: 'err\n' });
  });

  it('kills a child that hangs and gives back what it had said', async () => {
    const result = await runInChild("console.log('here'); setInterval(() => {}, 1e3);", { timeoutMs: 1_000 });
    expect(result).to.deep.equal({ code: null, stdout: 'here\n', stderr: '' });
  });
});

/** The names that an entry exports; 'type Task' for what exists at compile time only. Values come first. */
async function listed(entry: string): Promise<string[]> {
  const { code, stdout, stderr } = await runInChild(API, { args: ['--names'] });
  expect(code, stderr).to.equal(0);
  const lines = stdout.split('\n');
  const start = lines.indexOf(entry) + 1;
  const end = lines.findIndex((line, i) => i >= start && !line.startsWith('  '));
  const names = lines.slice(start, end).map((line) => line.trim());
  return names.sort((a, b) => Number(a.startsWith('type ')) - Number(b.startsWith('type ')));
}

/** The files of dist/ that a built file imports: at once, and when it needs them. */
function importsOf(file: string): { readonly atOnce: readonly string[]; readonly lazy: readonly string[] } {
  const text = readFileSync(file, 'utf8');
  const found = (pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, path = '']) => resolve(file, '..', path));
  return {
    atOnce: found(/^(?:(?:import|export) [^;]*? from|import) '(\.[^']+)';$/gm),
    lazy: found(/\bimport\('(\.[^']+)'\)/g),
  };
}

/** The names of the chunks that a built file loads when it is imported. */
function chunksOf(file: string): readonly string[] {
  const found = new Set<string>();
  const visit = (path: string): void => {
    if (found.has(path)) return;
    found.add(path);
    importsOf(path).atOnce.forEach(visit);
  };
  visit(resolve(file));
  return [...found].filter((path) => path.startsWith(resolve('dist/chunks'))).map((path) => basename(path, '.js'));
}

/** Every file that one import loads: seen by a loader hook, and in require()'s cache. */
async function loadedBy(specifier: string): Promise<string[]> {
  const hook = `import { writeSync } from 'node:fs';
    export async function load(url, context, next) { writeSync(1, url + '\\n'); return next(url, context); }`;
  const { code, stdout, stderr } = await runInChild(`
    import { createRequire, register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}));
    await import('${specifier}');
    console.log(Object.keys(createRequire(process.cwd() + '/x.js').cache).join('\\n').replaceAll('\\\\', '/'));`);
  expect(code, stderr).to.equal(0);
  return stdout.split('\n');
}

/** What a statement leaves behind. Timers are counted when made: a list of active ones would not show those that are unref'ed. */
async function startedBy(statement: string): Promise<unknown> {
  const { code, stdout, stderr } = await runInChild(`
    let timers = 0;
    const { setTimeout: later } = globalThis;
    for (const name of ['setTimeout', 'setInterval', 'setImmediate']) {
      const real = globalThis[name];
      globalThis[name] = (...args) => (timers++, real(...args));
    }
    const look = () => ({
      resources: process.getActiveResourcesInfo(),
      listeners: process.eventNames().flatMap((name) => process.listeners(name).map(() => String(name))),
      globals: Object.getOwnPropertyNames(globalThis),
    });
    void [process.stdout, process.stderr]; // Node opens them at the first look, which some of its own modules take
    const before = look();
    ${statement};
    await new Promise((resolve) => later(resolve, 50)); // the loader closes its files
    const after = look();
    for (const [kind, old] of Object.entries(before))
      for (const name of old) if (after[kind].includes(name)) after[kind].splice(after[kind].indexOf(name), 1);
    process.stdout.write(JSON.stringify({ timers, ...after }), () => process.exit(0));`);
  expect(code, stderr).to.equal(0);
  return JSON.parse(stdout);
}
