import { mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { parseJsonStrictly } from '../../common/data/parseJsonStrictly.js';
import { isLoopbackHost } from '../../common/transport/loopback.js';

/** What a server that was started says of itself in the data folder, so that commands find it. It says where to look, and grants nothing. */
export interface RunFile {
  readonly pid: number;
  /** On this machine. */
  readonly url: string;
  /** `postgres`: the commands need its URL, which is a secret, from the configuration. */
  readonly store: 'memory' | 'postgres' | { readonly sqlite: string };
}

const NAME = 'server.json';
const SCHEMA = v.object({
  pid: v.pipe(v.number(), v.integer()),
  url: v.pipe(
    v.string(),
    v.check((url) => URL.canParse(url) && isLoopbackHost(new URL(url).hostname)),
  ),
  store: v.union([v.picklist(['memory', 'postgres']), v.object({ sqlite: v.string() })]),
});

/** Reads what the last server of a data folder wrote; `undefined` where there was none. */
export function readRunFile(dataFolder: string): RunFile | undefined {
  try {
    const { success, output } = v.safeParse(SCHEMA, parseJsonStrictly(readFileSync(join(dataFolder, NAME), 'utf8')));
    return success ? output : undefined;
  } catch {
    return undefined;
  }
}

/** Writes it whole, and makes the data folder, for this user alone. */
export function writeRunFile(dataFolder: string, run: RunFile): void {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const whole = join(dataFolder, `${NAME}.${run.pid}`);
  writeFileSync(whole, `${JSON.stringify(run)}\n`, { mode: 0o600 });
  renameSync(whole, join(dataFolder, NAME));
}

/** Removes it when a server with nothing left to find stops, unless another one has started since. */
export function removeRunFile(dataFolder: string, pid: number): void {
  if (readRunFile(dataFolder)?.pid === pid) unlinkSync(join(dataFolder, NAME));
}
