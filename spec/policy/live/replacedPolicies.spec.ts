import fs, { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { EventEmitter } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { expect } from 'chai';
import sinon from 'sinon';
import { ReloadablePolicies, type ReloadResult } from '../../../lib/policy/live/ReloadablePolicies.js';
import { counted } from '../../support/assurance.js';
import { callOf, PERMIT_ALL, withFolder } from '../../support/policyCalls.js';

const no = (a: number): string => `@id("no-${a}") forbid (principal, action, resource) when { context.input.a == ${a} };\n`;
/** Each set forbids one value more; all are equally long. */
const SETS = [0, 1, 2].map((n) => PERMIT_ALL + [1, 2].map((a) => (a <= n ? no(a) : no(a).replace(/../, '//'))).join(''));

interface Place {
  /** What the module is given. */
  readonly path: string;
  /** Puts the n-th set there. */
  readonly put: (n: number) => void;
}

/** Makes a folder with one of the sets. */
function release(root: string, n: number, name = `r${n}`): string {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'a.cedar'), SETS[n] as string);
  return folder;
}

/** Sets a link anew as deployments do: at once, by a rename. */
function relink(link: string, target: string): void {
  symlinkSync(target, `${link}.new`);
  renameSync(`${link}.new`, link);
}

function inFolder(root: string, put: (file: string, text: string, n: number) => void): Place {
  const path = release(root, 0, 'policies');
  return { path, put: (n) => put(join(path, 'a.cedar'), SETS[n] as string, n) };
}

/** Every way in which policies are replaced, by what is at the path before and how the next set gets there. */
const WAYS: Readonly<Record<string, (root: string) => Place>> = {
  'the folder is a link': (root) => {
    const link = join(root, 'current');
    relink(link, release(root, 0));
    return { path: link, put: (n) => relink(link, release(root, n)) };
  },
  'the folder is a link, relative, and the old release is removed': (root) => {
    const link = join(root, 'current');
    release(root, 0);
    relink(link, 'r0');
    return {
      path: link,
      put: (n) => {
        release(root, n);
        relink(link, `r${n}`);
        rmSync(join(root, `r${n - 1}`), { recursive: true });
      },
    };
  },
  'the link is removed and made again': (root) => {
    const link = join(root, 'current');
    symlinkSync(release(root, 0), link);
    return {
      path: link,
      put: (n) => {
        rmSync(link);
        symlinkSync(release(root, n), link);
      },
    };
  },
  'the first of a chain of links': (root) => {
    const [first, second] = [join(root, 'first'), join(root, 'second')];
    symlinkSync(release(root, 0), second);
    symlinkSync(second, first);
    return { path: first, put: (n) => relink(first, release(root, n)) };
  },
  'the last of a chain of links': (root) => {
    const links = ['one', 'two', 'three'].map((name) => join(root, name)) as [string, string, string];
    symlinkSync(release(root, 0), links[2]);
    symlinkSync('three', links[1]);
    symlinkSync(links[1], links[0]);
    return { path: links[0], put: (n) => relink(links[2], release(root, n)) };
  },
  'the parent is a link': (root) => {
    const link = join(root, 'app');
    release(root, 0, 'r0/policies');
    symlinkSync('r0', link);
    return {
      path: join(link, 'policies'),
      put: (n) => {
        release(root, n, `r${n}/policies`);
        relink(link, `r${n}`);
      },
    };
  },
  'the grandparent is a link, and so is the folder': (root) => {
    const link = join(root, 'app');
    const make = (n: number): void => {
      release(root, n, `r${n}/conf/v`);
      symlinkSync('v', join(root, `r${n}/conf/policies`));
    };
    make(0);
    symlinkSync('r0', link);
    return {
      path: join(link, 'conf', 'policies'),
      put: (n) => {
        make(n);
        relink(link, `r${n}`);
      },
    };
  },
  'the file is a link': (root) => {
    const link = join(root, 'policies.cedar');
    symlinkSync(join(release(root, 0), 'a.cedar'), link);
    return { path: link, put: (n) => relink(link, join(release(root, n), 'a.cedar')) };
  },
  'the parent of the file is a link': (root) => {
    const link = join(root, 'current');
    symlinkSync(release(root, 0), link);
    return { path: join(link, 'a.cedar'), put: (n) => relink(link, release(root, n)) };
  },
  'a mounted volume: its link ..data is set anew': (root) => {
    const path = join(root, 'policies');
    release(path, 0, '..2026_0');
    symlinkSync('..2026_0', join(path, '..data'));
    symlinkSync(join('..data', 'a.cedar'), join(path, 'a.cedar'));
    return {
      path,
      put: (n) => {
        release(path, n, `..2026_${n}`);
        relink(join(path, '..data'), `..2026_${n}`);
        rmSync(join(path, `..2026_${n - 1}`), { recursive: true });
      },
    };
  },
  'a mounted volume, one of its files': (root) => {
    const path = join(root, 'policies');
    release(path, 0, '..v0');
    symlinkSync('..v0', join(path, '..data'));
    symlinkSync(join('..data', 'a.cedar'), join(path, 'a.cedar'));
    return {
      path: join(path, 'a.cedar'),
      put: (n) => {
        release(path, n, `..v${n}`);
        relink(join(path, '..data'), `..v${n}`);
      },
    };
  },
  'the file is written in place': (root) => inFolder(root, (file, text) => writeFileSync(file, text)),
  'the file is written in place, and given as such': (root) => {
    const { path, put } = inFolder(root, (file, text) => writeFileSync(file, text));
    return { path: join(path, 'a.cedar'), put };
  },
  'the file is written in place and keeps size and times': (root) =>
    inFolder(root, (file, text) => {
      const { atime, mtime } = fs.statSync(file);
      writeFileSync(file, text);
      utimesSync(file, atime, mtime);
    }),
  'another file is renamed into its place': (root) =>
    inFolder(root, (file, text) => {
      writeFileSync(`${file}.tmp`, text);
      renameSync(`${file}.tmp`, file);
    }),
  'another file of the same size and times is renamed into its place': (root) =>
    inFolder(root, (file, text) => {
      const { atime, mtime } = fs.statSync(file);
      writeFileSync(`${file}.tmp`, text);
      utimesSync(`${file}.tmp`, atime, mtime);
      renameSync(`${file}.tmp`, file);
    }),
  'an editor moves it away and writes a new one': (root) =>
    inFolder(root, (file, text) => {
      renameSync(file, `${file}~`);
      writeFileSync(file, text);
      rmSync(`${file}~`);
    }),
  'a hard link takes its place': (root) =>
    inFolder(root, (file, text, n) => {
      writeFileSync(join(root, `next-${n}`), text);
      rmSync(file);
      fs.linkSync(join(root, `next-${n}`), file);
    }),
  'a file is added': (root) => inFolder(root, (file, _text, n) => writeFileSync(file.replace('a.cedar', `b${n}.cedar`), no(n))),
  'a file is added whose name is in capitals': (root) =>
    inFolder(root, (file, _text, n) => writeFileSync(file.replace('a.cedar', `B${n}.CEDAR`), no(n))),
  'a file gets a name that counts': (root) => {
    const { path } = inFolder(root, () => {});
    for (const n of [1, 2]) writeFileSync(join(path, `b${n}.cedar.off`), no(n));
    return { path, put: (n) => renameSync(join(path, `b${n}.cedar.off`), join(path, `b${n}.cedar`)) };
  },
  'the folder is removed and made again': (root) => {
    const path = release(root, 0, 'policies');
    return {
      path,
      put: (n) => {
        rmSync(path, { recursive: true });
        release(root, n, 'policies');
      },
    };
  },
  'another folder is renamed into its place': (root) => {
    const path = release(root, 0, 'policies');
    return {
      path,
      put: (n) => {
        release(root, n);
        renameSync(path, join(root, `old${n}`));
        renameSync(join(root, `r${n}`), path);
      },
    };
  },
  'the parent is removed and made again': (root) => {
    const path = release(root, 0, 'app/policies');
    return {
      path,
      put: (n) => {
        rmSync(join(root, 'app'), { recursive: true });
        release(root, n, 'app/policies');
      },
    };
  },
  'a folder becomes a link': (root) => {
    const path = release(root, 0, 'policies');
    return {
      path,
      put: (n) => {
        rmSync(path, { recursive: true });
        symlinkSync(release(root, n), path);
      },
    };
  },
};

const EVENTS: Readonly<Record<string, () => void>> = {
  'with events': () => {},
  'without any event, as on some network volumes': () => {
    sinon.stub(fs, 'watch').callsFake((() => Object.assign(new EventEmitter(), { close() {} })) as never);
    syncBuiltinESMExports();
  },
};

/** Lets two seconds pass, and then what is under way come to its end: reading takes turns of the real event loop. */
async function twoSeconds(clock: sinon.SinonFakeTimers, isOver: () => boolean): Promise<void> {
  for (let ms = 0; ms < 2_000 && !isOver(); ms += 100) await clock.tickAsync(100);
  for (let turn = 0; turn < 500 && !isOver(); turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('Watched policies that are replaced', () => {
  let [cases, wrong] = [0, 0];
  afterEach(() => {
    sinon.restore();
    syncBuiltinESMExports();
  });
  after(() => counted({ what: 'A6 policies replaced, then in force within 2 s', cases, wrong }));

  for (const [events, prepare] of Object.entries(EVENTS))
    describe(events, () => {
      for (const [way, make] of Object.entries(WAYS))
        it(`are in force within two seconds: ${way}`, () =>
          withFolder({}, async (root) => {
            prepare();
            const { path, put } = make(root);
            const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
            const live = new ReloadablePolicies({ source: path, watch: true });
            const effects = (): string[] => [1, 2].map((a) => live.engine.evaluate(callOf({ a })).effect);
            try {
              for (const [n, expected] of [[1, ['deny', 'allow']], [2, ['deny', 'deny']]] as const) {
                const { hash } = live;
                cases += 1;
                wrong += 1;
                put(n);
                await twoSeconds(clock, () => live.hash !== hash);
                expect(effects()).to.deep.equal(expected);
                wrong -= 1;
              } // prettier-ignore
            } finally {
              live.close();
            }
          }));
    });

  it('are in force also where they were replaced while they were first read, or just after', () =>
    withFolder({ 'a.cedar': SETS[0] as string }, async (path, write) => {
      EVENTS['without any event, as on some network volumes']?.();
      const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const live = new ReloadablePolicies({ source: path, watch: true });
      write('a.cedar', SETS[2] as string);
      const { hash } = live;
      await twoSeconds(clock, () => live.hash !== hash);
      expect(live.engine.evaluate(callOf({ a: 2 })).effect).to.equal('deny');
      live.close();
    }));

  it('are reported as failed once where they are gone, broken or held, and as unchanged when they are back', () =>
    withFolder({ 'a.cedar': SETS[2] as string }, async (path, write) => {
      const results: ReloadResult['status'][] = [];
      const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const live = new ReloadablePolicies({ source: path, watch: true, onReload: ({ status }) => results.push(status) });
      const steps: [() => void, ReloadResult['status']][] = [
        [() => rmSync(join(path, 'a.cedar')), 'failed'],
        [() => write('a.cedar', SETS[2] as string), 'unchanged'],
        [() => write('a.cedar', 'permit ('), 'failed'],
        [() => write('a.cedar', SETS[1] as string), 'held'],
        [() => rmSync(path, { recursive: true }), 'failed'],
      ];
      const expected: string[] = [];
      for (const [step, status] of steps) {
        step();
        expected.push(status);
        await twoSeconds(clock, () => results.length === expected.length);
        // nothing more is reported for as long as nothing changes
        for (let i = 0; i < 10; i++) await twoSeconds(clock, () => false);
        expect(results).to.deep.equal(expected);
      }
      expect(live.engine.evaluate(callOf({ a: 2 })).effect).to.equal('deny');
      live.close();
    }));

  it('are in force although there is a link that leads nowhere beside them', () =>
    withFolder({ 'a.cedar': SETS[0] as string }, async (path, write) => {
      EVENTS['without any event, as on some network volumes']?.();
      symlinkSync('none', join(path, 'broken'));
      const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const live = new ReloadablePolicies({ source: path, watch: true });
      const { hash } = live;
      await twoSeconds(clock, () => false);
      write('a.cedar', SETS[2] as string);
      await twoSeconds(clock, () => live.hash !== hash);
      expect(live.engine.evaluate(callOf({ a: 2 })).effect).to.equal('deny');
      live.close();
    }));

  it('stay those of the folder that was named, also when the process changes to another one', () =>
    withFolder({ 'a.cedar': SETS[1] as string }, async (path) => {
      const home = process.cwd();
      try {
        process.chdir(path);
        const live = new ReloadablePolicies({ source: '.' });
        process.chdir('/');
        expect(await live.reload()).to.deep.equal({ status: 'unchanged', hash: live.hash });
      } finally {
        process.chdir(home);
      }
    }));
});
