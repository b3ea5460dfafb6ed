// The spec files, and what each needs beside the compiled code, read from what it imports. `npm run check` runs those that need nothing.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';

/** How a spec, or a file of spec/ that it imports, shows that it needs something. */
const SIGNS = {
  process: /'node:(?:child_process|cluster)'|'playwright-core'/,
  port: /'node:(?:net|tls|https?|http2|dgram)'|'@hono\/node-server'/,
  database: /'pg'|'pg-boss'|support\/postgresServer|store\/postgres\//,
  store: /'node:sqlite'|store\/sqlite\/|\bsqlite:|\.sqlite\b/,
  build: /'aegislib(?:\/[\w-]+)?'|['"`./]dist\//,
  'real time': /support\/assurance|setTimeout as \w+ \} from 'node:timers\/promises'|from 'node:timers\/promises'/,
};
/** Packages of their own, with specs that mocha runs there, and the script that does. */
const APART = { 'spec/frameworks': 'npm run test:frameworks', 'spec/queue': 'npm run queue' };

/** @returns paths from the root, with slashes: 'spec/layers.spec.ts' */
export function specFiles(folder = 'spec') {
  if (apartOf(folder) !== undefined || posix.basename(folder) === 'node_modules') return [];
  // a link is not followed: a package may lead back to the root, and so on for ever
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = posix.join(folder, entry.name);
      return entry.isDirectory() ? specFiles(path) : entry.name.endsWith('.spec.ts') ? [path] : [];
    })
    .sort();
}

function apartOf(path) {
  return Object.keys(APART).find((folder) => `${path}/`.startsWith(`${folder}/`));
}

/** @returns the names of {@link SIGNS} that a spec file, or what it imports of spec/, shows */
export function needsOf(file) {
  const text = [...closure(file)].map((f) => readFileSync(f, 'utf8')).join('\n');
  return Object.keys(SIGNS).filter((need) => SIGNS[need].test(text));
}

/** A compiled spec's place. */
export function compiled(file) {
  return posix.join('.build', file.replace(/\.ts$/, '.js'));
}

/**
 * Reads a command line of `npm test --`: paths of specs, as files or folders, anything else is mocha's.
 * @throws Error where a path leads to no spec
 */
export function chooseSpecs(args) {
  const chosen = [];
  const rest = [];
  for (const [i, arg] of args.entries()) {
    const path = relative('.', arg)
      .split(sep)
      .join('/')
      .replace(/^\.build\//, '')
      .replace(/\.js$/, '.ts');
    const isSpec = /^spec(?:\/|$)/.test(path) && (i === 0 || !/^(?:-g|-f|--grep|--fgrep)$/.test(args[i - 1]));
    if (!isSpec) {
      rest.push(arg);
      continue;
    }
    const apart = apartOf(path);
    if (apart !== undefined) throw new Error(`'${arg}' is of a package of its own: use \`${APART[apart]}\`.`);
    const files = existsSync(path) && statSync(path).isDirectory() ? specFiles(path) : existsSync(path) ? [path] : [];
    const specs = files.filter((file) => file.endsWith('.spec.ts'));
    // nothing chosen would mean all of them
    if (specs.length === 0) throw new Error(`'${arg}' is not a spec file or a folder of specs.${didYouMean(path)}`);
    chosen.push(...specs);
  }
  return { chosen: [...new Set(chosen)], rest };
}

/** {@link chooseSpecs} for a program: what is wrong is told without a stack. */
export function specsOrExit(args) {
  try {
    return chooseSpecs(args);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}

function didYouMean(path) {
  const name = posix
    .basename(path)
    .replace(/\.spec\.ts$|\.ts$/, '')
    .toLowerCase();
  const near = specFiles().filter((file) => posix.basename(file).toLowerCase().includes(name));
  return near.length > 0 ? ` Did you mean ${near.slice(0, 3).join(' or ')}?` : '';
}

function closure(file, seen = new Set()) {
  if (seen.has(file) || !existsSync(file)) return seen;
  seen.add(file);
  for (const [, asked] of readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)) {
    const target = join(posix.dirname(file), asked).split(sep).join('/').replace(/\.js$/, '.ts');
    if (target.startsWith('spec/')) closure(target, seen);
  }
  return seen;
}
