import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, isAbsolute, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { MAX_SET_BYTES, TOO_LARGE } from '../parse/parsePolicies.js';
import type { PolicySource, SourceText } from '../PolicySource.js';
import { checkedOptions } from '../../model/checkedOptions.js';

type PolicyText = Extract<PolicySource, { readonly text: string }>;
const MAX_FILES = 1_000;
const MAX_READS = 10;

/**
 * Reads policies, synchronously: a file, or every `*.cedar` directly in a folder, sorted by name (files whose name starts with a dot are left
 * out). A folder or file is read until two reads in a row are equal, so that one that is being written is not taken half done.
 *
 * Links that end within the folder are followed, because mounted volumes use them. A link that leads elsewhere is refused.
 *
 * @param source a path, a file URL, or text
 * @returns one entry for each file
 * @throws ConfigError if the path does not exist, the folder has no policy file, a file is not a regular file or not UTF-8, there is too much (1,000
 *   files, 2 MiB), or no two reads are equal
 */
export function readPolicies(source: PolicySource): SourceText[] {
  const path = pathOf(source);
  if (path === undefined) return [{ file: 'policies', text: checkedOptions('policies', source as PolicyText, { text: 'string!' }).text }];
  let last: SourceText[] | undefined;
  for (let reads = 0; reads < MAX_READS; reads++) {
    const next = attemptRead(path);
    if (last !== undefined && next !== undefined && isEqual(last, next)) return next;
    last = next;
  }
  throw failure(path, 'The policies kept changing while they were read. Write them to another place and rename them into this one.');
}

/** The path of a source; undefined for text. */
export function pathOf(source: PolicySource): string | undefined {
  if (typeof source === 'string') return source;
  return source instanceof URL ? fileURLToPath(source) : undefined;
}

/** The policy files at a path: the file itself, or the `*.cedar` files in the folder. */
export function policyFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => name.endsWith('.cedar') && !name.startsWith('.'));
  return names.sort().map((name) => join(path, name));
}

/** The place as the process sees it. A text that is not a path may be the policies themselves. */
function missing(path: string): string {
  if (/[;{}\n]/.test(path)) return 'This looks like the text of policies, which is given as { text }: policies: { text: `…` }.';
  const where = isAbsolute(path) ? '' : ` at ${resolve(path)}`;
  return `There is no such file or folder${where}, or it cannot be read. Expected a policy file, or a folder with *.cedar files.`;
}

/** One read; undefined where a file vanished during it. */
function attemptRead(path: string): SourceText[] | undefined {
  let files: string[];
  try {
    files = policyFiles(path);
  } catch (cause) {
    throw failure(path, missing(path), cause);
  }
  if (files.length === 0)
    throw failure(path, 'The folder has no *.cedar file, so every call would be denied. Add one, or name another folder.');
  if (files.length > MAX_FILES)
    throw failure(path, `The folder has ${files.length} *.cedar files; at most ${MAX_FILES} are allowed. Merge some.`);
  try {
    const root = realpathSync(path);
    let left = MAX_SET_BYTES;
    return files.map((file) => {
      const text = readText(file, root, left);
      left -= Buffer.byteLength(text);
      return { file: basename(file), text };
    });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined;
    throw error;
  }
}

function readText(file: string, root: string, left: number): string {
  const bytes = readBytes(file, root, left);
  try {
    // takes a byte order mark away
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw failure(file, 'The file is not UTF-8. Save it with that encoding.', cause);
  }
}

function readBytes(file: string, root: string, left: number): Buffer {
  try {
    const real = realpathSync(file);
    if (real !== root && !real.startsWith(join(root, sep)))
      throw failure(file, 'The link leads out of the folder, which is not allowed. Put the file itself there.');
    const stat = statSync(real);
    if (!stat.isFile()) throw failure(file, 'This is not a regular file. Remove it, or name the policy file itself.');
    if (stat.size > left) throw failure(file, TOO_LARGE);
    return readFileSync(real);
  } catch (cause) {
    if (cause instanceof ConfigError || (cause as { code?: unknown }).code === 'ENOENT') throw cause;
    throw failure(file, 'The file cannot be read. Check that this user may read it.', cause);
  }
}

function isEqual(a: readonly SourceText[], b: readonly SourceText[]): boolean {
  return a.length === b.length && a.every(({ file, text }, i) => file === b[i]?.file && text === b[i].text);
}

function failure(where: string, message: string, cause?: unknown): ConfigError {
  return new ConfigError([{ where, message }], cause === undefined ? undefined : { cause });
}
