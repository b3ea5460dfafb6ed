import { expect } from 'chai';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { atThisPace, busyMs, quickestMs, waited } from './support/pace.js';

interface FileTimesLike {
  add(ended: { readonly file?: string; readonly duration?: number }): void;
  report(): { readonly lines: readonly string[]; readonly tooSlow: number };
}
interface SpecChoice {
  readonly chosen: readonly string[];
  readonly rest: readonly string[];
}
interface SpecsModule {
  specFiles(folder?: string): string[];
  needsOf(file: string): string[];
  chooseSpecs(args: readonly string[]): SpecChoice;
}

const scripts = (JSON.parse(readFileSync('package.json', 'utf8')) as { readonly scripts: Readonly<Record<string, string>> }).scripts;

async function load<T>(file: string): Promise<T> {
  return (await import(pathToFileURL(resolve(file)).href)) as T;
}

describe('The time of spec files', () => {
  type Make = new (limitS: number, pace: () => number, load: () => number, othersMs?: () => number) => FileTimesLike;
  async function times(pace: number, busy: number = 0): Promise<FileTimesLike> {
    const { FileTimes } = await load<{ FileTimes: Make }>('spec/support/fileTimes.mjs');
    return new FileTimes(
      20,
      () => pace,
      () => busy,
    );
  }

  it('is the sum of the tests and hooks of each file, and over 20 s a failure', async () => {
    const of = await times(1);
    of.add({ file: resolve('.build/spec/a.spec.js'), duration: 15_000 });
    of.add({ file: resolve('.build/spec/a.spec.js'), duration: 6_000 });
    of.add({ file: resolve('.build/spec/b.spec.js'), duration: 19_900 });
    of.add({ duration: 60_000 });
    of.add({ file: resolve('.build/spec/c.spec.js') });
    const { lines, tooSlow } = of.report();
    expect(tooSlow).to.equal(1);
    expect(lines.slice(0, 3)).to.deep.equal(['  slowest spec files:', '    21.0 s  spec/a.spec.ts', '    19.9 s  spec/b.spec.ts']);
    expect(lines[3]).to.match(/too slow: spec\/a\.spec\.ts took 21\.0 s; a file may take 20 s\./);
  });

  it('may be longer where the machine has other work to do', async () => {
    const of = await times(1.5);
    of.add({ file: resolve('.build/spec/a.spec.js'), duration: 29_000 });
    of.add({ file: resolve('.build/spec/b.spec.js'), duration: 31_000 });
    const { lines, tooSlow } = of.report();
    expect(tooSlow).to.equal(1);
    expect(lines.at(-1)).to.match(/too slow: spec\/b\.spec\.ts took 31\.0 s; a file may take 20 s, 30 s on this machine now\./);
    const crowded = await times(1, 3);
    crowded.add({ file: resolve('.build/spec/a.spec.js'), duration: 59_000 });
    crowded.add({ file: resolve('.build/spec/b.spec.js'), duration: 61_000 });
    expect(crowded.report().tooSlow).to.equal(1);
  });

  it('may be longer where others began together with it, of which the average of a minute tells late', async () => {
    const { FileTimes } = await load<{ FileTimes: Make }>('spec/support/fileTimes.mjs');
    const real = performance.now;
    let nowMs = 0;
    performance.now = () => nowMs;
    /** A file that takes that long, while the load goes from 0.5 to where three for each processor bring it. */
    const limitOf = (s: number, others: number): string | undefined => {
      let [loadNow, othersMs] = [0.5, 0];
      const of = new FileTimes(
        20,
        () => 1,
        () => loadNow,
        () => othersMs,
      );
      const file = resolve('.build/spec/a.spec.js');
      of.add({ file, duration: 0 });
      nowMs += s * 1_000;
      const kept = Math.exp(-s / 60);
      [loadNow, othersMs] = [0.5 * kept + 3 * (1 - kept), others * s * 1_000];
      of.add({ file, duration: s * 1_000 });
      return /20 s(.*)\. Split/.exec(of.report().lines.at(-1) ?? '')?.[1];
    };
    try {
      expect(limitOf(25, 0.5)).to.equal(undefined);
      expect(limitOf(59, 0.5)).to.equal(undefined);
      expect(limitOf(61, 0.5)).to.equal(', 60 s on this machine now');
      // its own processes are not others
      expect(limitOf(25, 0.1)).to.equal('');
    } finally {
      performance.now = real;
    }
  });

  it('names ten files at most, and none that is quick', async () => {
    const of = await times(1);
    for (let i = 0; i < 12; i++) of.add({ file: resolve(`.build/spec/${i}.spec.js`), duration: 2_000 + i });
    expect(of.report().lines).to.have.length(11);
    const quick = await times(1);
    quick.add({ file: resolve('.build/spec/a.spec.js'), duration: 900 });
    expect(quick.report()).to.deep.equal({ lines: [], tooSlow: 0 });
  });
});

describe('npm test -- FILE', () => {
  it('runs the files and folders named, and hands the rest to mocha', async () => {
    const { chooseSpecs } = await load<SpecsModule>('.ci/specs.mjs');
    expect(chooseSpecs(['spec/layers.spec.ts', '-g', 'spec', '--bail'])).to.deep.equal({
      chosen: ['spec/layers.spec.ts'],
      rest: ['-g', 'spec', '--bail'],
    });
    expect(chooseSpecs(['.build/spec/layers.spec.js', './spec/layers.spec.ts']).chosen).to.deep.equal(['spec/layers.spec.ts']);
    const { chosen } = chooseSpecs(['spec/guard']);
    expect(chosen).to.include('spec/guard/guardCall.spec.ts');
    expect(chosen.filter((file) => !file.startsWith('spec/guard/'))).to.deep.equal([]);
    expect(chooseSpecs([])).to.deep.equal({ chosen: [], rest: [] });
  });

  it('refuses a path that leads to no spec, and names those that are like it', async () => {
    const { chooseSpecs } = await load<SpecsModule>('.ci/specs.mjs');
    expect(() => chooseSpecs(['spec/guardCall.spec.ts'])).to.throw(
      /'spec\/guardCall\.spec\.ts' is not a spec file.* Did you mean .*guardCall\.spec\.ts/,
    );
    expect(() => chooseSpecs(['spec/nowhere'])).to.throw(/'spec\/nowhere' is not a spec file or a folder of specs\.$/);
    for (const none of ['spec/fixtures', 'spec/support/pace.ts', 'spec/types'])
      expect(() => chooseSpecs([none]), none).to.throw(/is not a spec file or a folder of specs\./);
  });

  it('leads those who ask for a package of its own to its script', async () => {
    const { chooseSpecs } = await load<SpecsModule>('.ci/specs.mjs');
    for (const path of ['spec/frameworks', 'spec/frameworks/', './spec/frameworks/mcp.spec.ts', 'spec/frameworks/nowhere.spec.ts'])
      expect(() => chooseSpecs([path]), path).to.throw(/is of a package of its own: use `npm run test:frameworks`\.$/);
    expect(() => chooseSpecs(['spec/queue'])).to.throw(/`npm run queue`/);
  });

  it('looks into no installed package, and follows no link, which may lead back to where it is', async () => {
    const { specFiles } = await load<SpecsModule>('.ci/specs.mjs');
    const folder = mkdtempSync(join(tmpdir(), 'aegis-specs-'));
    try {
      for (const path of ['a', 'node_modules/pkg', 'a/node_modules/pkg']) {
        mkdirSync(join(folder, path), { recursive: true });
        writeFileSync(join(folder, path, 'b.spec.ts'), '');
      }
      symlinkSync(folder, join(folder, 'a', 'back'), 'junction');
      symlinkSync(folder, join(folder, 'node_modules', 'back'), 'junction');
      const found = specFiles(folder.split(sep).join('/')).map((file) => relative(folder, file).split(sep).join('/'));
      expect(found).to.deep.equal(['a/b.spec.ts']);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('npm run check', () => {
  it('runs the specs that need nothing: no process, port, database or store', async () => {
    const { specFiles, needsOf } = await load<SpecsModule>('.ci/specs.mjs');
    expect(needsOf('spec/guard/guardCall.spec.ts')).to.deep.equal([]);
    expect(needsOf('spec/layers.spec.ts')).to.not.include.members(['process', 'port', 'database', 'store']);
    expect(needsOf('spec/durability/races.spec.ts')).to.include.members(['process', 'database', 'store']);
    expect(needsOf('spec/decision/remote/faults.spec.ts')).to.include('port');
    expect(needsOf('spec/store/sqlite/upkeep.spec.ts')).to.include('store');
    const all = specFiles();
    expect(all.filter((file) => needsOf(file).length === 0).length).to.be.above(all.length / 2);
  });
});

describe('The habits', () => {
  it('name only scripts that there are', () => {
    for (const file of ['CONTRIBUTING.md', 'docs/assurance.md', 'docs/performance.md', '.ci/run', ...workflows()]) {
      const named = [...readFileSync(file, 'utf8').matchAll(/\bnpm run (?:-s )?([\w:]+(?:-\w+)*)/g)].map(([, name = '']) => name);
      expect(
        named.filter((name) => scripts[name] === undefined),
        file,
      ).to.deep.equal([]);
    }
    const [, long = ''] = /script: \[(.*)\]/.exec(readFileSync('.github/workflows/long.yml', 'utf8')) ?? [];
    expect(long.split(', ').filter((name) => scripts[name] === undefined)).to.deep.equal([]);
  });

  it('start from the oldest Node that is promised', async () => {
    const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly engines: { readonly node: string } };
    const { OLDEST_NODE } = await load<{ readonly OLDEST_NODE: string }>('.ci/runtimes/pins.mjs');
    expect(readFileSync('.node-version', 'utf8').trim()).to.equal(OLDEST_NODE);
    expect(engines.node).to.equal(`>=${OLDEST_NODE}`);
  });

  it('install without a warning there: no development dependency wants a newer Node', async () => {
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      readonly packages: Readonly<Record<string, { readonly optional?: boolean; readonly engines?: { readonly node?: string } }>>;
    };
    const wanted = Object.entries(packages).filter(([, { optional, engines }]) => optional !== true && engines?.node !== undefined);
    expect(wanted).to.have.length.above(50);
    // no semver here: what must not be is a floor above 20, alone
    expect(
      wanted.filter(([, { engines }]) => /^\s*(?:>=|\^|~)?\s*2[1-9]/.test(engines?.node ?? '') && !engines?.node?.includes('||')),
    ).to.deep.equal([]);
  });
});

describe('The pace of specs', () => {
  it('counts what keeps the process busy, and not what keeps it waiting', async () => {
    // threads beside the work, such as the garbage collector's, may be busy during one wait, and not during each
    expect(quickestMs(50, () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60))).to.be.below(50);
    const spun = busyMs(() => {
      const until = process.cpuUsage();
      for (;;) if (process.cpuUsage(until).user + process.cpuUsage(until).system > 30_000) break;
    });
    // the loop reads the time of all threads, of which this one has most
    expect(spun).to.be.at.least(15);
  });

  it('never shortens a limit', () => {
    expect(atThisPace(10)).to.be.at.least(10);
  });

  it('counts a wait, and not a standstill', async () => {
    const work = async (): Promise<string> => {
      await new Promise((done) => setTimeout(done, 100));
      const until = performance.now() + 300;
      while (performance.now() < until);
      return 'done';
    };
    let seen = await waited(work);
    // a machine that is busy all the time holds up the wait, too: one moment in which it does not is enough
    for (let i = 0; i < 20 && !(seen.ms >= 20 && seen.ms <= 250); i++) seen = await waited(work);
    expect(seen.value).to.equal('done');
    expect(seen.ms).to.be.within(20, 250);
  });
});

function workflows(): string[] {
  return readdirSync('.github/workflows').map((file) => join('.github/workflows', file));
}
