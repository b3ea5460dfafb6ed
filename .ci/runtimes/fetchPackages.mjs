import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { npmTwice } from '../pack.mjs';

/** Installs packages of these exact versions in a folder of their own, which git ignores; no script of theirs runs. @returns its node_modules */
export function fetchPackages(folder, packages) {
  const modules = join(resolve(folder), 'node_modules');
  const there = Object.entries(packages).every(([name, version]) => versionIn(modules, name) === version);
  if (!there) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    const wanted = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
    npmTwice(
      ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--save-exact', '--loglevel=error', ...wanted],
      folder,
    );
  }
  return modules;
}

function versionIn(modules, name) {
  const manifest = join(modules, name, 'package.json');
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')).version : undefined;
}
