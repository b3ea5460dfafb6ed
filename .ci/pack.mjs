// The library as a stranger gets it: packed, and installed from that tarball in a folder of its own. Wants a built dist/.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const pkg = JSON.parse(readFileSync('package.json', 'utf8'));
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));

export function npm(args, cwd) {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** A registry may fail once. */
export function npmTwice(args, cwd) {
  try {
    return npm(args, cwd);
  } catch {
    console.log('npm failed: once more');
    return npm(args, cwd);
  }
}

/** @returns the tarball's path, the paths in it, and its size in bytes */
export function pack(room) {
  const [{ filename, files, size }] = JSON.parse(npm(['pack', '--json', '--pack-destination', room], '.'));
  return { tarball: join(room, filename), paths: files.map((f) => f.path), size };
}

/** Installs the tarball with the very versions of the lockfile, so that a check says the same tomorrow. */
export function installPacked(room, tarball) {
  const overrides = Object.fromEntries(Object.keys(pkg.dependencies).map((d) => [d, lock.packages[`node_modules/${d}`].version]));
  writeFileSync(
    join(room, 'package.json'),
    JSON.stringify({ name: 'consumer', private: true, dependencies: { [pkg.name]: `file:${tarball}` }, overrides }),
  );
  npmTwice(['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--omit=peer', '--loglevel=error'], room);
}
