import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Effect, Request } from './transfer.js';

/** How a peer decides the same requests by the same policies. */
export interface Peer {
  readonly name: string;
  /** Whether its answers tell a person's yes from a no, or only what may run at once from what may not. */
  readonly tells: 'effects' | 'allow';
  readonly note?: string;
  /** Ready to be asked: the policies, and `others` more on other tools, are loaded. */
  load(others: number): Promise<Ask>;
}

/** Takes requests in the peer's own form, so that converting them is not timed. */
export interface Ask {
  readonly prepare: (request: Request) => unknown;
  readonly decide: (prepared: never) => Effect | Promise<Effect>;
}

const FOLDER = new URL('../../../bench/peers/', import.meta.url);
const require = createRequire(FOLDER);

/** Loads a package of bench/peers/package.json, which is not installed with the others: so nothing is known of its types here. */
export function load(name: string): any {
  return require(name);
}

export function versionOf(name: string): string {
  return (require('./package.json') as { dependencies: Record<string, string> }).dependencies[name] ?? '';
}

export function resolve(path: string): string {
  return require.resolve(path);
}

export function areInstalled(): boolean {
  return existsSync(new URL('node_modules/casbin', FOLDER));
}
