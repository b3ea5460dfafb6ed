import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { cycles, emptyNames, forbiddenImports, homeless, importsOf, ROWS, type Sources } from './support/layers.js';
import { exportedNames, fullFolders, longFiles, misnamedFiles, tangledFolders, WARN_LINES } from './support/rooms.js';

/** Files that export nothing of their own name, and why. */
const NAMED_OTHERWISE = [
  'cli/aegis.ts', // the program itself: it is run, not imported
  'common/runtime.ts', // imported for what it loads
  'guard/call/callContext.ts', // what `currentCall` reads: each export says what it does with it
  'model/errors/CallErrors.ts', // families of error classes
  'model/errors/RefusalErrors.ts',
  'model/errors/SetupErrors.ts',
  'policy/lint/worker.ts', // started by its place, as a thread
  'policy/live/policyThread.ts', // the same
];

describe('The layers of lib', () => {
  const lib = readLib();

  it('are read from the real sources', () => {
    expect([...lib.keys()]).to.include('index.ts');
    expect([...lib.values()].flatMap(importsOf)).to.not.be.empty;
  });

  it('hold every file', () => {
    expect(homeless(lib)).to.deep.equal([]);
  });

  it('import downwards or inside their own folder only, types included', () => {
    expect(forbiddenImports(lib)).to.deep.equal([]);
  });

  it('have no import cycle, types included', () => {
    expect(cycles(lib)).to.deep.equal([]);
  });

  it('hold no file longer than 400 lines', () => {
    const long = longFiles(lib, WARN_LINES);
    if (long.length > 0) console.log(`      warning, over ${WARN_LINES} lines: ${long.join(', ')}`);
    expect(longFiles(lib)).to.deep.equal([]);
  });

  it('hold at most 15 files in a folder', () => {
    expect(fullFolders(lib)).to.deep.equal([]);
  });

  it('have sub-folders in an order, so that imports between them go one way', () => {
    expect(tangledFolders(lib)).to.deep.equal([]);
  });

  it('have files that export something of their own name', () => {
    expect(misnamedFiles(lib, NAMED_OTHERWISE)).to.deep.equal([]);
  });

  it('have no exception from the names that is not needed', () => {
    const needed = misnamedFiles(lib, []);
    expect(NAMED_OTHERWISE.filter((file) => !needed.some((found) => found.startsWith(`${file}:`)))).to.deep.equal([]);
  });

  it('hold nothing called utils or helpers', () => {
    expect(emptyNames(lib)).to.deep.equal([]);
  });
});

describe('The checker of the layers', () => {
  const spellings: readonly (readonly [string, string, string])[] = [
    ['a static import', "import { a } from '../guard/a.js';", '../guard/a.js'],
    ['an import over several lines', "import {\n  a,\n  type b, // of both\n} from '../guard/a.js';", '../guard/a.js'],
    ['a namespace import without spaces', 'import*as a from"../guard/a.js"', '../guard/a.js'],
    ['a default import', "import a from '../guard/a.js';", '../guard/a.js'],
    ['a side-effect import', "import '../guard/a.js';", '../guard/a.js'],
    ['a type import', "import type { A } from '../guard/a.js';", '../guard/a.js'],
    ['an export from', "export { a } from '../guard/a.js';", '../guard/a.js'],
    ['an export of everything', "export * from '../guard/a.js';", '../guard/a.js'],
    ['a type export', "export type * as T from '../guard/a.js';", '../guard/a.js'],
    ['a dynamic import', "const a = await import('../guard/a.js');", '../guard/a.js'],
    ['a dynamic import with attributes', "await import('../guard/a.json', { with: { type: 'json' } });", '../guard/a.json'],
    ['a dynamic import with a comment in it', "await import(/* lazy */ '../guard/a.js');", '../guard/a.js'],
    ['a dynamic import of a template', 'await import(`../guard/a.js`);', '../guard/a.js'],
    ['a dynamic import in a template', "const a = `${await import('../guard/a.js')}`;", '../guard/a.js'],
    ['an import type', "type A = import('../guard/a.js').A;", '../guard/a.js'],
    ['a require', "const a = require('../guard/a.js');", '../guard/a.js'],
    ['an import by require', "import a = require('../guard/a.js');", '../guard/a.js'],
    ['a worker beside the file', "new Worker(new URL('./a.js', import.meta.url));", './a.js'],
    ['an import after a regular expression with a quote', 'const r = /["\'`/*]/; import("../guard/a.js");', '../guard/a.js'],
    ['an import after a division', "const x = a / b; import('../guard/a.js'); const y = c / d;", '../guard/a.js'],
    ['an import after an address', "const u = 'http://x'; import('../guard/a.js');", '../guard/a.js'],
  ];
  for (const [name, source, asked] of spellings) {
    it(`sees ${name}`, () => {
      expect(importsOf(source)).to.deep.equal([asked]);
    });
  }

  it('sees an import whose argument is computed', () => {
    expect(importsOf('await import(name); await import(`./${name}.js`);')).to.deep.equal([null, null]);
  });

  it('is not taken in by comments, strings and look-alikes', () => {
    const source = `
      // import { a } from '../guard/a.js';
      /** @example import { a } from '../guard/a.js'; */
      const text = "import { a } from '../guard/a.js'";
      const words = \`import('../guard/a.js') and \${1 + 1} from '../guard/b.js'\`;
      Array.from('../guard/a.js');
      here.import('../guard/a.js');
      const url = import.meta.url;
    `;
    expect(importsOf(source)).to.deep.equal([]);
  });

  it('refuses an upward import, whatever its spelling', () => {
    for (const spelling of [
      "import type { A } from '../guard/A.js';",
      "type A = import('../guard/A.js').A;",
      "await import('../guard/A.js');",
    ])
      expect(forbiddenImports(sources({ 'model/Task.ts': spelling }))).to.deep.equal([
        'model/Task.ts -> ../guard/A.js: upward, from row 1 to row 5',
      ]);
  });

  it('refuses a sideways import between the folders of a row', () => {
    expect(forbiddenImports(sources({ 'policy/a.ts': "import '../store/b.js';", 'cli/aegis.ts': "import '../index.js';" }))).to.deep.equal([
      'policy/a.ts -> ../store/b.js: sideways in row 2',
      'cli/aegis.ts -> ../index.js: sideways in row 8',
    ]);
  });

  it('refuses every upward and sideways pair of folders and allows every downward one', () => {
    const places = ROWS.flatMap((row, height) => row.map((folder) => ({ folder, height })));
    for (const from of places)
      for (const to of places.filter((p) => p.folder !== from.folder)) {
        const [file, target] = [fileIn(from.folder), fileIn(to.folder)];
        const asked = `${file.includes('/') ? '../' : './'}${target.replace('.ts', '.js')}`;
        const refused = forbiddenImports(sources({ [file]: `import '${asked}';` })).length > 0;
        expect(refused, `${file} -> ${asked}`).to.equal(to.height >= from.height);
      }
  });

  it('allows a folder to import from itself, also from a folder inside it', () => {
    const inside = sources({ 'model/errors/A.ts': "import '../Task.js'; import './B.js';", 'model/Task.ts': "import './errors/B.js';" });
    expect(forbiddenImports(inside)).to.deep.equal([]);
  });

  it('refuses the package by its own name, a place out of lib and a computed import below the top row', () => {
    const found = forbiddenImports(
      sources({ 'guard/a.ts': "import 'aegislib/testing'; import '../../spec/b.js'; import(name);", 'cli/run.ts': 'import(name);' }),
    );
    expect(found).to.have.length(3);
    expect(found.join('\n')).to.match(/own name[^]*no row[^]*computed/);
  });

  it('lets packages and builtins through', () => {
    expect(forbiddenImports(sources({ 'common/a.ts': "import 'node:crypto'; import ky from 'ky';" }))).to.deep.equal([]);
  });

  it('finds a file that has no row', () => {
    expect(homeless(sources({ 'misc/a.ts': '', 'other.ts': '', 'guard/a.ts': '' }))).to.deep.equal(['misc/a.ts', 'other.ts']);
  });

  it('finds a cycle that closes over a type import only', () => {
    const ring = sources({
      'model/a.ts': "import { b } from './b.js';",
      'model/b.ts': "import type { C } from './deep/c.js';",
      'model/deep/c.ts': "export type C = import('../a.js').A;",
      'model/d.ts': "import './a.js';",
    });
    expect(cycles(ring)).to.deep.equal(['model/a.ts -> model/b.ts -> model/deep/c.ts -> model/a.ts']);
  });

  it('finds a file that imports itself, and calls a diamond no cycle', () => {
    expect(cycles(sources({ 'model/a.ts': "import './a.js';" }))).to.deep.equal(['model/a.ts -> model/a.ts']);
    const diamond = {
      'model/a.ts': "import './b.js'; import './c.js';",
      'model/b.ts': "import './d.js';",
      'model/c.ts': "import './d.js';",
      'model/d.ts': '',
    };
    expect(cycles(sources(diamond))).to.deep.equal([]);
  });

  it('finds a file of 401 lines and passes one of 400, and can be asked for another length', () => {
    const files = sources({ 'model/a.ts': 'x\n'.repeat(400), 'model/b.ts': 'x\n'.repeat(401) });
    expect(longFiles(files)).to.deep.equal(['model/b.ts: 401 lines']);
    expect(longFiles(files, WARN_LINES)).to.deep.equal(['model/a.ts: 400 lines', 'model/b.ts: 401 lines']);
  });

  it('finds a folder of 16 files, and counts its sub-folders apart', () => {
    const many = (folder: string, count: number): [string, string][] => Array.from({ length: count }, (_, i) => [`${folder}/a${i}.ts`, '']);
    expect(fullFolders(new Map([...many('model', 15), ...many('model/deep', 15)]))).to.deep.equal([]);
    expect(fullFolders(new Map([...many('model', 15), ...many('model/deep', 16)]))).to.deep.equal(['model/deep: 16 files']);
  });

  it('finds sub-folders that import one another without a cycle of files, types included', () => {
    const tangled = sources({
      'policy/parse/a.ts': "import type { B } from '../value/b.js';",
      'policy/value/b.ts': '',
      'policy/value/c.ts': "import '../parse/d.js';",
      'policy/parse/d.ts': '',
    });
    expect(cycles(tangled)).to.deep.equal([]);
    expect(tangledFolders(tangled)).to.deep.equal(['policy: parse/ -> value/ -> parse/']);
  });

  it('finds a ring of three sub-folders, and one inside a sub-folder', () => {
    const ring = sources({
      'guard/a/x.ts': "import '../b/x.js';",
      'guard/b/x.ts': "import '../c/x.js';",
      'guard/c/x.ts': "import '../a/y.js';",
      'guard/a/y.ts': '',
    });
    expect(tangledFolders(ring)).to.deep.equal(['guard: a/ -> b/ -> c/ -> a/']);
    const inner = sources({
      'guard/a/p/x.ts': "import '../q/x.js';",
      'guard/a/q/x.ts': '',
      'guard/a/q/y.ts': "import '../p/y.js';",
      'guard/a/p/y.ts': '',
    });
    expect(tangledFolders(inner)).to.deep.equal(['guard/a: p/ -> q/ -> p/']);
  });

  it('lets a file beside the sub-folders be above one and below another, but not both of one', () => {
    const between = sources({
      'policy/high/a.ts': "import '../middle.js';",
      'policy/middle.ts': "import './low/a.js';",
      'policy/low/a.ts': '',
      'policy/low/b.ts': "import './a.js';",
    });
    expect(tangledFolders(between)).to.deep.equal([]);
    const both = new Map([...between, ['policy/low/c.ts', "import '../middle.js';"]]);
    expect(cycles(both)).to.deep.equal([]);
    expect(tangledFolders(both)).to.deep.equal(['policy: middle.ts -> low/ -> middle.ts']);
  });

  it('reads every form of export', () => {
    const source = `
      export class AaBb {}
      export abstract class Bb {}
      export async function cc() {}
      export function* dd() {}
      export const EE: number = 1;
      export interface Ff {}
      export type Gg = string;
      export { hh, type Ii, jj as kk } from './a.js';
      export type { Ll };
      // export class Mm {}
      const text = 'export class Nn {}';
      class Oo {}
      export * from './b.js';
    `.replaceAll(/^ {6}/gm, '');
    expect(exportedNames(source).sort()).to.deep.equal(['AaBb', 'Bb', 'EE', 'Ff', 'Gg', 'Ii', 'Ll', 'cc', 'dd', 'hh', 'kk']);
  });

  it('finds a file that exports nothing of its own name', () => {
    const named = sources({
      'store/schema.ts': 'export function migrateSchema() {}',
      'store/rows.ts': 'export interface TaskRow {}',
      'store/dueTasks.ts': 'export const DUE_TASKS_LIMIT = 1;',
      'store/index.ts': "export * from './rows.js';",
      'store/leases.ts': 'export function sweep() {}\nexport interface Beat {}',
      'store/taskRows.ts': 'export interface TaskShape {}\nexport const ROWS = 1;',
      'store/empty.ts': 'class Empty {}',
    });
    expect(misnamedFiles(named, [])).to.deep.equal([
      'store/leases.ts: exports Beat, sweep',
      'store/taskRows.ts: exports ROWS, TaskShape',
      'store/empty.ts: exports nothing',
    ]);
    expect(misnamedFiles(named, ['store/leases.ts', 'store/taskRows.ts', 'store/empty.ts'])).to.deep.equal([]);
  });

  it('finds names that say nothing', () => {
    const named = sources({
      'guard/utils.ts': '',
      'guard/Helper.ts': '',
      'model/helpers/a.ts': '',
      'guard/helpful.ts': '',
      'model/a.ts': '',
    });
    expect(emptyNames(named)).to.deep.equal(['guard/utils.ts', 'guard/Helper.ts', 'model/helpers/a.ts']);
  });
});

function sources(files: Record<string, string>): Sources {
  return new Map(Object.entries(files));
}

function fileIn(folder: string): string {
  return folder.endsWith('.ts') ? folder : `${folder}/a.ts`;
}

function readLib(): Sources {
  const files = readdirSync('lib', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  return new Map(files.map((file) => [file.split(sep).join('/'), readFileSync(join('lib', file), 'utf8')]));
}
