// The public names of the built package, read from its declarations (so the list is the same on every Node, whatever optional
// package is installed). Prints the list; --write keeps it in etc/exports.txt, which spec/package.spec.ts compares.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';

const pkg = JSON.parse(readFileSync('package.json', 'utf8'));
const lines = entries().flatMap(({ name, file }) => ['', name, ...namesIn(file).map((n) => `  ${n}`)]);
const text = `${lines.join('\n').trimStart()}\n`;

if (process.argv.includes('--write')) {
  mkdirSync('etc', { recursive: true });
  writeFileSync('etc/exports.txt', text);
} else {
  process.stdout.write(text);
}

/** Every subpath with its declaration file, patterns written out. */
function entries() {
  return Object.entries(pkg.exports).flatMap(([subpath, target]) => {
    const file = target?.types;
    if (file === undefined) return [];
    const name = posix.join(pkg.name, subpath);
    if (!file.includes('*')) return [{ name, file }];
    const folder = posix.dirname(file);
    const [before, after] = posix.basename(file).split('*');
    return readdirSync(folder)
      .filter((f) => f.startsWith(before) && f.endsWith(after) && existsSync(`${folder}/${f.slice(0, -'.d.ts'.length)}.js`))
      .sort()
      .map((f) => ({ name: name.replace('*', f.slice(before.length, -after.length)), file: `${folder}/${f}` }));
  });
}

/** 'AegisGuard' for a value, 'type Task' for what exists at compile time only. */
function namesIn(file, seen = new Set()) {
  if (seen.has(file)) return [];
  seen.add(file);
  const source = readFileSync(file, 'utf8').replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '');
  const names = [];
  for (const [, from] of source.matchAll(/^export (?:type )?\* from ['"](.+?)['"]/gm))
    names.push(...namesIn(posix.join(posix.dirname(file), from.replace(/\.js$/, '.d.ts')), seen));
  for (const [, type, list] of source.matchAll(/^export (type )?\{([^}]*)\}/gm))
    for (const item of list
      .split(',')
      .map((s) => s.trim())
      .filter(Boolean))
      names.push(
        (type || item.startsWith('type ') ? 'type ' : '') +
          item
            .replace(/^type /, '')
            .split(' as ')
            .at(-1),
      );
  for (const [, kind, name] of source.matchAll(
    /^export (?:declare )?(?:abstract )?(?:async )?(class|function\*?|const|let|var|interface|type) ([\w$]+)/gm,
  ))
    names.push(/^(interface|type)$/.test(kind) ? `type ${name}` : name);
  const values = new Set(names.filter((n) => !n.startsWith('type ')));
  return [...new Set(names)].filter((n) => !values.has(n.replace(/^type /, '')) || values.has(n)).sort();
}
