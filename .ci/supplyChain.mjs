// What an attacker of our supply chain would need is refused here (threat T42). Reads files only: no network.
import { readFileSync } from 'node:fs';

const pkg = JSON.parse(readFileSync('package.json', 'utf8'));
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const npmrc = readFileSync('.npmrc', 'utf8');
const packages = Object.entries(lock.packages).filter(([place]) => place !== '');
const problems = [];
const need = (ok, problem) => ok || problems.push(problem);
const named = (list) => list.map(([place]) => place).join(', ');

need(Object.keys(pkg.dependencies).length <= 5, 'more than five runtime dependencies');
need(/^ignore-scripts=true$/m.test(npmrc), '.npmrc lacks ignore-scripts=true');
need(!/_auth|:\/\/|registry/i.test(npmrc), '.npmrc names a registry or a credential');
need(lock.lockfileVersion >= 3, 'lockfile older than version 3');
need(packages.length > 0, 'the lockfile is empty');

// what only specs and benches install is sealed too
const OTHERS = ['spec/frameworks', 'spec/queue', 'bench/peers', '.ci/typedoc', '.ci/bundlers'];
for (const folder of OTHERS) {
  const other = Object.entries(JSON.parse(readFileSync(`${folder}/package-lock.json`, 'utf8')).packages).filter(([place]) =>
    place.includes('node_modules/'),
  );
  need(other.length > 0, `the lockfile of ${folder} is empty`);
  need(
    other.every(([, p]) => p.link || /^sha512-/.test(p.integrity ?? '')),
    `packages of ${folder} without sha512 integrity`,
  );
  need(
    other.every(([, p]) => p.link || p.resolved === undefined),
    `the lockfile of ${folder} names hosts`,
  );
  need(/^ignore-scripts=true$/m.test(readFileSync(`${folder}/.npmrc`, 'utf8')), `${folder}/.npmrc lacks ignore-scripts=true`);
}

const unsealed = packages.filter(([, p]) => !p.link && !/^sha512-/.test(p.integrity ?? ''));
need(unsealed.length === 0, `no sha512 integrity: ${named(unsealed)}`);
const hosted = packages.filter(([, p]) => p.resolved !== undefined);
need(hosted.length === 0, `the lockfile names hosts: ${named(hosted)}`);
const scripted = packages.filter(([, p]) => p.hasInstallScript && !p.dev && !p.devOptional);
need(scripted.length === 0, `runtime dependencies with install scripts: ${named(scripted)}`);

const installScripts = ['preinstall', 'install', 'postinstall', 'prepare'].filter((s) => s in pkg.scripts);
need(installScripts.length === 0, `install scripts of our own: ${installScripts.join(', ')}`);
need(Array.isArray(pkg.files), 'package.json has no "files" allowlist');
const foreign = Object.entries({ ...pkg.dependencies, ...pkg.devDependencies }).filter(([, v]) => /[:/]/.test(v));
need(foreign.length === 0, `dependencies that are no registry versions: ${named(foreign)}`);
const floating = Object.entries(pkg.devDependencies).filter(([, v]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(v));
need(floating.length === 0, `development dependencies without an exact version: ${named(floating)}`);

for (const problem of problems) console.error(`supply chain: ${problem}`);
if (problems.length > 0) process.exit(1);
console.log(
  `${Object.keys(pkg.dependencies).length} runtime dependencies; ${packages.length} locked packages, all with integrity, none with a host`,
);
