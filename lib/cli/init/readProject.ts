import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { CliError } from '../CliIo.js';
import { parseJson, readText } from '../readJson.js';

/** What `aegis init` looks at before it plans anything. */
export interface Project {
  /** Absolute. */
  readonly folder: string;
  /** The parsed package.json and its text; undefined where there is none. */
  readonly manifest: { readonly content: Readonly<Record<string, unknown>>; readonly text: string } | undefined;
  /** The text of tsconfig.json, if there is one. */
  readonly tsconfig: string | undefined;
  /** Whether there is a program already: a source file in the folder or in its `src`. */
  readonly hasSources: boolean;
  /** Whether there is a `*.cedar` file in `policies`. */
  readonly hasPolicies: boolean;
  /** Whether this path, from the folder, exists. */
  readonly has: (path: string) => boolean;
}

/** A program's own file: no configuration, no declarations, and not what an earlier `aegis init` has written. */
const SOURCE = /^(?!.*\.(config|d)\.)(?!agent\.m?[jt]s$).*\.[cm]?[jt]sx?$/;

/** @throws CliError if the folder does not exist, or something in it has the wrong kind or cannot be read */
export function readProject(given: string): Project {
  const folder = resolve(given);
  if (!isFolder(folder)) throw new CliError(`${given}: there is no such folder; create it first`);
  for (const name of ['src', 'policies'])
    if (existsSync(join(folder, name)) && !isFolder(join(folder, name)))
      throw new CliError(`${name} must be a folder, but it is a file; move it away, or use another folder`);
  const names = (path: string): readonly string[] => (existsSync(join(folder, path)) ? readdirSync(join(folder, path)) : []);
  return {
    folder,
    manifest: readManifest(join(folder, 'package.json')),
    tsconfig: existsSync(join(folder, 'tsconfig.json')) ? readText(join(folder, 'tsconfig.json')) : undefined,
    hasSources: [...names('.'), ...names('src')].some((name) => SOURCE.test(name)),
    hasPolicies: names('policies').some((name) => name.endsWith('.cedar')),
    has: (path) => existsSync(join(folder, path)),
  };
}

/** The name that npm would give the project in this folder. */
export function nameOf({ folder }: Project): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return name === '' ? 'agent' : name;
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

function readManifest(path: string): Project['manifest'] {
  if (!existsSync(path)) return undefined;
  const text = readText(path).replace(/^\uFEFF/, '');
  const content = parseJson('package.json', text);
  if (!isObject(content)) throw new CliError('package.json: it must be a JSON object; correct it first');
  for (const key of ['scripts', 'dependencies', 'devDependencies'])
    if (content[key] !== undefined && !isObject(content[key]))
      throw new CliError(`package.json: "${key}" must be an object; correct it first`);
  return { content, text };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
