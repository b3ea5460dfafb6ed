// `npm run samples` runs every sample, `npm run samples -- remote throw-mode` only these two.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { show } from './show.js';

const SAMPLES: Readonly<Record<string, string>> = {
  quickstart: './quickstart.js',
  remote: './remote/remote.js',
  'data-plane': './data-plane/main.js',
  'hono-service': './hono-service.js',
  'nest-style': './nest-style/main.js',
  'task-monitoring': './task-monitoring.js',
  telemetry: './telemetry/main.js',
  'error-handling': './error-handling.js',
  'multi-tenant': './multi-tenant.js',
  'throw-mode': './throw-mode.js',
  halt: './halt.js',
  grants: './grants.js',
  limits: './limits.js',
  edit: './edit.js',
  audit: './audit/main.js',
  quorum: './quorum/main.js',
  preview: './preview.js',
  views: './views.js',
  'durable-file': './durable-file.js',
  'durable-fleet': './durable-fleet.js',
};

const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : Object.keys(SAMPLES)) {
  const file = SAMPLES[name];
  if (file === undefined) throw new Error(`There is no sample '${name}'; there are ${Object.keys(SAMPLES).join(', ')}.`);
  console.log();
  show(name, 'magenta', '');
  const path = fileURLToPath(new URL(file, import.meta.url));
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', path], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
