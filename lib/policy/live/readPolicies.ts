import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, isAbsolute, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inOneGo, type Steps } from '../../common/time/inSlices.js';
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
  return inOneGo(readingPolicies(source));
}

/** {@link readPolicies} in steps: each is one file. */
export function* readingPolicies(source: PolicySource): Steps<SourceText[]> {
  const path = pathOf(source);
  if (path === undefined) return [{ file: 'policies', text: checkedOptions('policies', source as PolicyText, { text: 'string!' }).text }];
  let last: SourceText[] | undefined;
  let found = false;
  for (let reads = 0; reads < MAX_READS; reads++) {
    const next = yield* attemptRead(path);
    if (last !== undefined && next !== undefined && sameSources(last, next)) return next;
    found ||= next !== undefined;
    last = next;
  }
  throw found ? failure(path, CHANGING) : missing(path);
}

const CHANGING = 'The policies kept changing while they were read. Write them to another place and rename them into this one.';

/** The path of a source; undefined for text. @throws ConfigError for a URL of something else than a file of this machine */
export function pathOf(source: PolicySource): string | undefined {
  if (typeof source === 'string') return source;
  if (!(source instanceof URL)) return undefined;
  try {
    return fileURLToPath(source);
  } catch (cause) {
    throw failure(
      'policies',
      'This URL does not lead to a file of this machine. Give a path, or a URL such as file:///app/policies.',
      cause,
    );
  }
}

/** The policy files at a path: the file itself, or the `*.cedar` files in the folder. In capitals too, for not every file system tells them apart. */
export function policyFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => /\.cedar$/i.test(name) && !name.startsWith('.'));
  return names.sort().map((name) => join(path, name));
}

/** The place as the process sees it. A text that is not a path may be the policies themselves. */
function missing(path: string, cause?: unknown): ConfigError {
  if (/[;{}\n]/.test(path))
    return failure('policies', 'This looks like the text of policies, which is given as { text }: policies: { text: `…` }.', cause);
  const where = isAbsolute(path) ? '' : ` at ${resolve(path)}`;
  return failure(
    path,
    `There is no such file or folder${where}, or it cannot be read. Expected a policy file, or a folder with *.cedar files.`,
    cause,
  );
}

/** Whether they are the same files with the same texts. */
export function sameSources(a: readonly SourceText[], b: readonly SourceText[]): boolean {
  return a.length === b.length && a.every(({ file, text }, i) => file === b[i]?.file && text === b[i].text);
}

/** One read; undefined where something vanished during it. */
function* attemptRead(path: string): Steps<SourceText[] | undefined> {
  try {
    // links are followed once: where one of them is set to another folder now, the whole read is still of one folder
    const root = realpathSync(path);
    const files = policyFiles(root);
    if (files.length === 0)
      throw failure(path, 'The folder has no *.cedar file, so every call would be denied. Add one, or name another folder.');
    if (files.length > MAX_FILES)
      throw failure(path, `The folder has ${files.length} *.cedar files; at most ${MAX_FILES} are allowed. Merge some.`);
    const sources: SourceText[] = [];
    let left = MAX_SET_BYTES;
    for (const file of files) {
      const shown = file === root ? path : join(path, basename(file));
      const text = readText(file, shown, root, left);
      left -= Buffer.byteLength(text);
      sources.push({ file: basename(shown), text });
      yield;
    }
    return sources;
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    if ((cause as { code?: unknown }).code === 'ENOENT') return undefined;
    throw missing(path, cause);
  }
}

function readText(file: string, shown: string, root: string, left: number): string {
  const bytes = readBytes(file, shown, root, left);
  try {
    // takes a byte order mark away
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw failure(shown, 'The file is not UTF-8. Save it with that encoding.', cause);
  }
}

function readBytes(file: string, shown: string, root: string, left: number): Buffer {
  try {
    const real = realpathSync(file);
    if (real !== root && !real.startsWith(join(root, sep)))
      throw failure(shown, 'The link leads out of the folder, which is not allowed. Put the file itself there.');
    const stat = statSync(real);
    if (!stat.isFile()) throw failure(shown, 'This is not a regular file. Remove it, or name the policy file itself.');
    if (stat.size > left) throw failure(shown, TOO_LARGE);
    return readFileSync(real);
  } catch (cause) {
    if (cause instanceof ConfigError || (cause as { code?: unknown }).code === 'ENOENT') throw cause;
    throw failure(shown, 'The file cannot be read. Check that this user may read it.', cause);
  }
}

function failure(where: string, message: string, cause?: unknown): ConfigError {
  return new ConfigError([{ where, message }], cause === undefined ? undefined : { cause });
}
