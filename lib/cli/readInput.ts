import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseJsonStrictly } from '../common/data/parseJsonStrictly.js';
import { CliError } from './exitCodes.js';

/**
 * A JSON object from the command line, or with `@path` from a file, which keeps it out of the list of processes. Nothing of it is quoted in an error.
 *
 * @throws CliError
 */
export function readJsonObject(option: string, given: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (given === undefined) return undefined;
  const value = parse(option, given.startsWith('@') ? readText(given.slice(1)) : given);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new CliError(`${option}: is no JSON object`);
  return value as Readonly<Record<string, unknown>>;
}

/** @throws CliError */
export function readJsonFile(path: string): unknown {
  return parse(path, readText(path));
}

/** @throws CliError */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** A file, or every file of a folder with that ending, by name. @throws CliError, also for a folder that has none */
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

function parse(where: string, text: string): unknown {
  try {
    return parseJsonStrictly(text);
  } catch (error) {
    throw new CliError(`${where}: ${(error as Error).message}`);
  }
}

const SAID: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'it may not be read',
  EISDIR: 'it is a folder',
};

function unreadable(path: string, error: unknown): CliError {
  const { code = 'unknown' } = error as { code?: string };
  return new CliError(`${path}: ${SAID[code] ?? `it cannot be read (${code})`}`);
}
