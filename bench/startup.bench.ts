// What merely having the library costs: loading it, its size, and what an unused one holds.
import { execFileSync } from 'node:child_process';
import { rollup } from 'rollup';
import { bundled, gzipped, ROOT } from './bundleSize.js';
import { median } from './compare.js';
import { report } from './figure.js';
import { AGENTS, POLICIES } from './peers/transfer.js';

const node = (code: string): string => execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd: ROOT, encoding: 'utf8' });
const IMPORT = "const t = performance.now(); await import('aegislib'); process.stdout.write(String(performance.now() - t));";
const importMs = median(Array.from({ length: 9 }, () => Number(node(IMPORT))));
const loaded = node(
  "import { createRequire } from 'node:module'; await import('aegislib'); const c = Object.keys(createRequire(import.meta.url).cache); process.stdout.write(String(c.filter((p) => p.includes('cedar')).length));",
);
const held = node(
  "await import('aegislib'); process.stdout.write(String(process.getActiveResourcesInfo().filter((r) => !/TTY|Pipe|FS|CloseReq/.test(r)).length));",
);

const cold = coldStart();
const size = await sizes();
const awaits = Number(
  node(`
  const loop = async () => { const t = process.hrtime.bigint(); for (let i = 0; i < 2e6; i++) await undefined; return Number(process.hrtime.bigint() - t); };
  const rounds = async () => { const r = []; for (let i = 0; i < 7; i++) r.push(await loop()); return r.sort((a, b) => a - b)[3]; };
  await rounds(); const bare = await rounds();
  const { AegisModule, guard } = await import('aegislib');
  const m = AegisModule.create({ decisions: { decide: () => ({ effect: 'allow', decisionId: 'd' }), status: () => ({}) }, agentId: 'a' });
  await guard(async (x) => x, { module: m, toolName: 't', params: ['x'] })(1);
  process.stdout.write(String((await rounds()) / bare)); await m.close();`),
);

report([
  { name: "import 'aegislib', cold", value: importMs, unit: 'ms', goal: { atMost: 50 } },
  {
    name: 'a process that imports, configures ten policies and decides once ÷ node -e 0',
    value: cold.ratio,
    unit: '×',
    goal: { atMost: 3 },
    limit: { atMost: 10 },
    note: `${Math.round(cold.ms)} ms of CPU, node -e 0 ${Math.round(cold.bareMs)} ms`,
  },
  { name: 'memory of that process beyond node -e 0', value: cold.moreMb, unit: 'MB', goal: { atMost: 40 }, limit: { atMost: 80 } },
  { name: 'modules of Cedar loaded by the import', value: Number(loaded), unit: '', goal: { atMost: 0 } },
  { name: 'handles held by an unused library', value: Number(held), unit: '', goal: { atMost: 0 } },
  {
    name: 'core entry, min+gzip, without its dependencies',
    value: size.own / 1_000,
    unit: 'kB',
    goal: { atMost: 25 },
    limit: { atMost: 90 },
    note: `loaded later: ${(size.later / 1_000).toFixed(1)} kB`,
  },
  { name: 'its dependencies ky, valibot, reflect-metadata, tslib, each whole', value: size.dependencies / 1_000, unit: 'kB' },
  { name: 'await of the host with a module in use ÷ before', value: awaits, unit: '×', goal: { atMost: 1.05 } },
]);

/** A whole process from its start to its end, by CPU time, which other processes disturb least: a first decision, and nothing, in turns. */
function coldStart(): { ratio: number; ms: number; bareMs: number; moreMb: number } {
  const usage =
    'const u = process.resourceUsage(); console.log(JSON.stringify([(u.userCPUTime + u.systemCPUTime) / 1e3, u.maxRSS / 1024]));';
  const first = `
    import { AegisModule, guard } from 'aegislib';
    const aegis = AegisModule.create({ policies: { text: ${JSON.stringify(POLICIES)} }, agents: ${JSON.stringify(AGENTS)}, agentId: 'agent' });
    const run = async ({ amount }) => amount;
    const transfer = guard(run, { module: aegis, toolName: 'transfer', session: { user_id: 'u-1' }, approval: 'wait' });
    if (await transfer({ iban: 'DE02120300000000202051', amount: 250, currency: 'EUR' }) !== 250) throw new Error('the bench decides wrongly');
    await aegis.close();
    ${usage}`;
  const rounds = Array.from({ length: 9 }, () => [usage, first].map((code) => JSON.parse(node(code)) as [ms: number, mb: number]));
  const of = (process: 0 | 1, figure: 0 | 1): number => median(rounds.map((round) => round[process]?.[figure] ?? NaN));
  const [bareMs, ms] = [of(0, 0), of(1, 0)];
  return { ratio: ms / bareMs, ms, bareMs, moreMb: of(1, 1) - of(0, 1) };
}

/** What an import loads, what is loaded when it is first needed, and what both depend on. */
async function sizes(): Promise<{ own: number; later: number; dependencies: number }> {
  const chunks = await bundled(['index.js']);
  const entry = chunks.find((c) => c.isEntry);
  const atOnce = new Set([entry?.fileName, ...(entry?.imports ?? [])]);
  const size = { own: 0, later: 0, dependencies: await dependencies() };
  for (const { fileName, code } of chunks) size[atOnce.has(fileName) ? 'own' : 'later'] += await gzipped(code);
  return size;
}

/** Each dependency's own entry, whole: more than a bundler that shakes would keep. */
async function dependencies(): Promise<number> {
  const entries = ['ky/distribution/index.js', 'valibot/dist/index.mjs', 'reflect-metadata/ReflectLite.js', 'tslib/tslib.es6.mjs'];
  let bytes = 0;
  for (const entry of entries) {
    const built = await rollup({ input: `${ROOT}/node_modules/${entry}`, onwarn: () => {} });
    const { output } = await built.generate({ format: 'es', inlineDynamicImports: true });
    await built.close();
    bytes += await gzipped(output[0].code);
  }
  return bytes;
}
