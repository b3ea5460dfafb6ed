import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { npmTwice } from '../pack.mjs';

/** Where the bundlers are installed, by a lockfile of their own. */
export const BUNDLERS = '.ci/bundlers';

/**
 * Installs what `.ci/bundlers` asks for, if it is not there: its dependencies, which CI runs too, and unless `isShort` also its much larger development
 * dependencies. No script of theirs runs.
 */
export function fetchBundlers({ isShort }) {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(BUNDLERS, 'package.json'), 'utf8'));
  const wanted = Object.entries(isShort ? dependencies : { ...dependencies, ...devDependencies });
  const isThere = ([name, version]) => {
    const manifest = join(BUNDLERS, 'node_modules', name, 'package.json');
    return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version;
  };
  if (wanted.every(isThere)) return;
  rmSync(join(BUNDLERS, 'node_modules'), { recursive: true, force: true });
  npmTwice(['ci', '--no-audit', '--no-fund', '--loglevel=error', ...(isShort ? ['--omit=dev'] : [])], BUNDLERS);
}

/** The version that the lockfile pins. */
export function versionOf(name) {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(BUNDLERS, 'package.json'), 'utf8'));
  return { ...dependencies, ...devDependencies }[name];
}
