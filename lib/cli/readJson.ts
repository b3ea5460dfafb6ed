import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseJsonStrictly } from '../common/data/parseJsonStrictly.js';
import { CliError } from './CliIo.js';

/**
 * Reads a JSON object from an option, or with `@path` from a file, which keeps it out of the list of processes. Errors quote nothing of it.
 *
 * @throws CliError
 */
export function readJsonObject(option: string, given: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (given === undefined) return undefined;
  const value = parseJson(option, given.startsWith('@') ? readText(given.slice(1)) : given);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CliError(`${option} must be a JSON object, such as '{"cents": 500}'; write @path to read it from a file`);
  return value as Readonly<Record<string, unknown>>;
}

/** Reads a file of JSON. @throws CliError */
export function readJsonFile(path: string): unknown {
  return parseJson(path, readText(path));
}

/** Reads a text file. @throws CliError */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Lists a file, or the files of a folder with that ending, sorted by name. @throws CliError, also if the folder has no such file */
export function filesOf(path: string, ending: string): readonly string[] {
  let names: readonly string[];
  try {
    if (!statSync(path).isDirectory()) return [path];
    names = readdirSync(path).filter((name) => name.endsWith(ending) && !name.startsWith('.'));
  } catch (error) {
    throw unreadable(path, error);
  }
  if (names.length === 0) throw new CliError(`${path}: the folder has no *${ending} file`);
  return [...names].sort().map((name) => join(path, name));
}

/** Parses JSON. The error names a place in the text, and quotes nothing of it. @throws CliError */
export function parseJson(where: string, text: string): unknown {
  try {
    return parseJsonStrictly(text);
  } catch (error) {
    throw new CliError(`${where}: ${(error as Error).message}`);
  }
}

const SAID: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission to read it is missing',
  EISDIR: 'it is a folder',
};

function unreadable(path: string, error: unknown): CliError {
  const { code = 'unknown' } = error as { code?: string };
  return new CliError(`${path}: ${SAID[code] ?? `it cannot be read (${code})`}`);
}
