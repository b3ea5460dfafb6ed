// What the declaration files in dist/ export, name by name, and what those declarations name in turn. Reads the text that tsc wrote, whose layout
// is regular: a statement starts in column 0. A parser of TypeScript would be slower than the whole check may be.
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

const files = new Map();

/** Each subpath of package.json "exports" that has types, with its declaration file; patterns written out. */
export function entriesOf(pkg) {
  return Object.entries(pkg.exports).flatMap(([subpath, target]) => {
    if (target?.types === undefined) return [];
    const name = posix.join(pkg.name, subpath);
    const file = posix.normalize(target.types);
    if (!file.includes('*')) return [{ name, file }];
    const folder = posix.dirname(file);
    const [before, after] = posix.basename(file).split('*');
    return readdirSync(folder)
      .filter((f) => f.startsWith(before) && f.endsWith(after))
      .sort()
      .map((f) => ({ name: name.replace('*', f.slice(before.length, -after.length)), file: `${folder}/${f}` }));
  });
}

/** name -> { key, file, name, isType }: `key` is the same for one declaration, whatever entry exports it. */
export function exportsOf(file, seen = new Set()) {
  if (seen.has(file)) return new Map();
  seen.add(file);
  const { exported, stars } = read(file);
  const found = new Map(stars.flatMap((from) => [...exportsOf(from, seen)]));
  for (const [as, { name, isType }] of exported) {
    const declaration = resolveName(file, name);
    found.set(as, { ...declaration, isType: isType || declaration.isType });
  }
  return found;
}

/** The text of a declaration, without comments; overloads one below the other. */
export function textOf({ file, name }) {
  return read(file).statements.get(name).text.join('\n');
}

/** The declarations of this package that a declaration names. */
export function namedBy(declaration) {
  const { file } = declaration;
  const { statements, imports } = read(file);
  const text = textOf(declaration);
  const found = new Map();
  const add = (d) => d.key !== declaration.key && found.set(d.key, d);
  for (const [, from, name] of text.matchAll(/\bimport\(["'](\.[^"']+)["']\)\.(\w+)/g)) add(resolveName(target(file, from), name));
  // neither what follows a dot nor a member's own name, which tsc writes right before its colon
  for (const [name] of withoutStrings(text).matchAll(/(?<![.\w$#])[A-Za-z_$][\w$]*(?![\w$]|\??:)/g))
    if (statements.has(name) || imports.get(name)?.file !== undefined) add(resolveName(file, name));
  return [...found.values()];
}

function resolveName(file, name) {
  const { statements, imports, exported } = read(file);
  const statement = statements.get(name);
  if (statement !== undefined) return { key: `${file}#${name}`, file, name, isType: statement.isType };
  const from = imports.get(name) ?? exported.get(name);
  if (from?.file === undefined) throw new Error(`${file} does not declare ${name}`);
  const source = read(from.file).exported.get(from.name);
  return resolveName(from.file, source?.name ?? from.name);
}

function read(file) {
  const known = files.get(file);
  if (known !== undefined) return known;
  const found = { statements: new Map(), imports: new Map(), exported: new Map(), stars: [] };
  for (const statement of statementsOf(readFileSync(file, 'utf8'))) sort(file, statement, found);
  files.set(file, found);
  return found;
}

function sort(file, text, { statements, imports, exported, stars }) {
  const [, star] = /^export (?:type )?\* from ["'](.+?)["']/.exec(text) ?? [];
  if (star !== undefined) return stars.push(target(file, star));
  const [, verb, type, list, from] = /^(import|export) (type )?\{([^}]*)\}(?: from ["'](.+?)["'])?/.exec(text) ?? [];
  if (verb !== undefined) {
    for (const item of list.split(',').map((s) => s.trim())) {
      if (item === '') continue;
      const [name, as = name] = item.replace(/^type /, '').split(' as ');
      const isType = type !== undefined || item.startsWith('type ');
      const source = from === undefined ? undefined : from.startsWith('.') ? target(file, from) : null;
      if (source === null) continue;
      if (source !== undefined) imports.set(verb === 'export' ? `export ${as}` : as, { file: source, name });
      if (verb === 'export') exported.set(as, { name: source === undefined ? name : `export ${as}`, isType });
    }
    return;
  }
  if (/^import\b/.test(text)) return; // a package's names are not this one's
  const [, isExported, kind, name] =
    /^(export )?(?:default )?(?:declare )?(?:abstract )?(class|function|const|let|var|interface|type|namespace|enum) ([\w$]+)/.exec(text) ??
    [];
  if (name === undefined) throw new Error(`${file}: a statement of an unknown kind: ${text.split('\n')[0]}`);
  const isType = kind === 'interface' || kind === 'type';
  const before = statements.get(name);
  statements.set(name, { isType: isType && (before?.isType ?? true), text: [...(before?.text ?? []), text.replace(/^export /, '')] });
  if (isExported !== undefined) exported.set(name, { name, isType });
}

function statementsOf(source) {
  const found = [];
  for (const line of withoutComments(source).split('\n')) {
    if (line.trim() === '' || line === 'export {};') continue;
    if (/^[a-z]/.test(line)) found.push(line);
    else found[found.length - 1] += `\n${line.trimEnd()}`;
  }
  return found;
}

const STRINGS_AND_COMMENTS = /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[^]*?\*\/|\/\/.*$/gm;

function withoutComments(source) {
  return source.replace(STRINGS_AND_COMMENTS, (_all, string) => string ?? '');
}

function withoutStrings(text) {
  return text.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, "''");
}

function target(file, from) {
  return posix.join(posix.dirname(file), from).replace(/\.js$/, '.d.ts');
}
