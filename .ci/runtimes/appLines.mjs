// The probe inside what builds or runs a program in its own way: a Next server, as its build puts it together for another machine, and test runners.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { BUNDLERS, versionOf } from './fetchBundlers.mjs';

const APPS = new URL('apps/', import.meta.url);
const RUN = new URL('apps/run.mjs', import.meta.url).pathname;
const KEPT = { names: 'kept', thread: 'works' };
const MINIFIED = { names: 'lost, denied', thread: 'works' };

/** Below `.ci/bundlers`, because Next takes only a framework that is installed below its root. @returns lines, and what to remove afterwards */
export function appLines({ installed, probe, node: [runtime, path], wants }) {
  const room = mkdtempSync(resolve(BUNDLERS, 'room-'));
  const lines = [];
  const app = (name, kind) => {
    const folder = join(room, name);
    cpSync(new URL(kind, APPS), folder, { recursive: true });
    cpSync(join(installed, 'node_modules'), join(folder, 'node_modules'), { recursive: true });
    cpSync(probe, join(folder, 'probe'), { recursive: true });
    return folder;
  };
  for (const bundler of ['turbopack', 'webpack'])
    for (const external of [true, false]) {
      const form = `Next ${versionOf('next')}, ${bundler}, ${external ? 'serverExternalPackages' : 'bundled'}`;
      if (!wants(form)) continue;
      const folder = app(`next-${bundler}-${external}`, 'next');
      execFileSync(path, [resolve(BUNDLERS, 'node_modules/next/dist/bin/next'), 'build', `--${bundler}`], {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'inherit'],
        env: { ...process.env, PROBE_EXTERNAL: external ? 'aegislib' : '', NEXT_TELEMETRY_DISABLED: '1' },
      });
      const deployed = join(installed, '..', `next-${bundler}-${external}`);
      cpSync(join(folder, '.next/standalone'), deployed, { recursive: true, verbatimSymlinks: true });
      rmSync(folder, { recursive: true });
      const server = join(deployed, folder.slice(resolve(BUNDLERS).length + 1));
      lines.push({ runtime, form, command: [path, RUN, 'next', server], known: external ? MINIFIED : {} });
    }
  for (const kind of ['vitest', 'jest']) {
    const form = `${kind} ${versionOf(kind)}`;
    if (wants(form)) lines.push({ runtime, form, command: [path, RUN, kind, app(kind, kind)], known: KEPT });
  }
  return { lines, remove: () => rmSync(room, { recursive: true, force: true }) };
}
