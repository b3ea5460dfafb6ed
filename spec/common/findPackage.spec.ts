import { expect } from 'chai';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findPackage } from '../../lib/common/findPackage.js';

const NAME = 'aegis-spec-package';

describe('findPackage', () => {
  let room: string;
  let argv: string[];
  beforeEach(() => {
    room = realpathSync(mkdtempSync(join(tmpdir(), 'aegis-require-')));
    argv = process.argv;
  });
  afterEach(() => {
    process.argv = argv;
    rmSync(room, { recursive: true, force: true });
  });

  /** A folder with a package of this version, and the path of a file beside it, which need not exist. */
  function folderWith(folder: string, version: string): string {
    const place = join(room, folder, 'node_modules', NAME);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'index.js'), `module.exports = '${version}';`);
    return join(room, folder, 'main.js');
  }
  const versionFrom = (from?: string | URL, file?: string): unknown => {
    const { require, path } = findPackage(NAME, { from, file });
    return require(path);
  };
  const codeOf = (work: () => unknown): unknown => {
    try {
      work();
    } catch (error) {
      return (error as { code?: unknown }).code;
    }
    return undefined;
  };

  it('finds what this package depends on, whatever the main file is', () => {
    for (const main of [undefined, '[eval]', 'x.js', join(room, 'x.js')]) {
      process.argv = [process.execPath, ...(main === undefined ? [] : [main])];
      expect(findPackage('valibot').path, main).to.include(join('node_modules', 'valibot'));
    }
  });

  it('looks from one place alone, a path or a URL, where it is told to', () => {
    const [a, b] = [folderWith('a', '1'), folderWith('b', '2')];
    process.argv = [process.execPath, a];
    expect(versionFrom(b)).to.equal('2');
    expect(versionFrom(pathToFileURL(b))).to.equal('2');
    expect(codeOf(() => versionFrom(join(room, 'c', 'x.js')))).to.equal('MODULE_NOT_FOUND');
  });

  it('looks beside the main file where its own place has nothing, as in a bundle', () => {
    process.argv = [process.execPath, folderWith('app', '3')];
    expect(versionFrom()).to.equal('3');
  });

  it('looks beside the executable, as a compiled program does, by the path of the package', () => {
    process.argv = [process.execPath];
    const real = process.execPath;
    Object.assign(process, { execPath: folderWith('bin', '4') });
    try {
      expect(versionFrom()).to.equal('4');
      expect(versionFrom(undefined, join(NAME, 'index.js'))).to.equal('4');
    } finally {
      Object.assign(process, { execPath: real });
    }
  });

  it('throws what Node said about the first place', () => {
    process.argv = [process.execPath];
    expect(codeOf(() => findPackage(NAME))).to.equal('MODULE_NOT_FOUND');
    for (const odd of ['', 'relative.js', 'webpack://app/x.js'])
      expect(
        codeOf(() => findPackage(NAME, { from: odd })),
        odd,
      ).to.equal('ERR_INVALID_ARG_VALUE');
  });
});
