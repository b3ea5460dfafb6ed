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
  const versionFrom = (places?: readonly (string | URL)[]): unknown => {
    const { require, path } = findPackage(NAME, places);
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

  it('takes the first place that has it, as a path or a URL, and goes past places where nothing can be looked for', () => {
    const [a, b] = [folderWith('a', '1'), folderWith('b', '2')];
    expect(versionFrom([a, b])).to.equal('1');
    expect(versionFrom([b, a])).to.equal('2');
    expect(versionFrom([pathToFileURL(b)])).to.equal('2');
    for (const odd of ['', 'relative.js', 'webpack://app/x.js', join(room, 'nowhere', 'x.js')])
      expect(versionFrom([odd, a]), odd).to.equal('1');
  });

  it('looks beside the main file where its own place has nothing, as in a bundle', () => {
    process.argv = [process.execPath, folderWith('app', '3')];
    expect(versionFrom()).to.equal('3');
  });

  it('throws what Node said about the first place', () => {
    process.argv = [process.execPath];
    expect(codeOf(() => findPackage(NAME))).to.equal('MODULE_NOT_FOUND');
    expect(codeOf(() => findPackage(NAME, ['relative.js', join(room, 'x.js')]))).to.equal('ERR_INVALID_ARG_VALUE');
  });
});
