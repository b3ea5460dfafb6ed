// `npm run bench`: runs every bench in a process of its own, prints one table, writes bench/results.json, and fails on a figure far off its goal.
// `-- guard policy` runs some, in their long form where they have one; `-- --without restart` leaves some out; `-- --short` looks only for what is far
// off, with fewer rounds; `-- --write` puts the table into docs/performance.md.
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isFarOff, reaches } from './figure.js';
import type { Figure } from './figure.js';

/** Machines are noisy, and shared ones more: only a figure this far off fails the run. */
const SLACK = Number(process.env['AEGIS_BENCH_SLACK'] ?? 2);

const here = fileURLToPath(new URL('.', import.meta.url));
const {
  values: { write, without, short },
  positionals: wanted,
} = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    without: { type: 'string', multiple: true, default: [] },
  },
  allowPositionals: true,
});
if (write && short) throw new Error('The figures of --short are too rough for docs/performance.md: leave out --short, or --write.');
const form = [...(wanted.length > 0 ? ['--long'] : []), ...(short ? ['--short'] : [])];
const names = readdirSync(here).filter((f) => f.endsWith('.bench.js'));
const benches = names.filter((f) => (wanted.length === 0 || wanted.some((w) => f.startsWith(w))) && !without.some((w) => f.startsWith(w)));
const all: (Figure & { readonly bench: string })[] = [];
let broken = 0;
for (const bench of benches) {
  const { stdout, status } = spawnSync(process.execPath, ['--expose-gc', here + bench, ...form], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = stdout.split('\n').find((l) => l.startsWith('{"figures":'));
  if (status !== 0 || line === undefined) {
    broken += 1;
    console.error(`${bench} failed (${status})`);
    continue;
  }
  for (const figure of (JSON.parse(line) as { figures: Figure[] }).figures) all.push({ ...figure, bench: bench.replace('.bench.js', '') });
}

const rows = all.map((f) => [f.bench, f.name, `${format(f.value)} ${f.unit}`.trim(), goalOf(f), verdict(f), f.note ?? '']);
const header = ['bench', 'what', 'measured', 'goal', '', 'beside it'];
const table = [header, header.map(() => '---'), ...rows].map((r) => `| ${r.join(' | ')} |`);
const machine = { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length };
const machineLine = `Node ${machine.node.slice(1)}, ${machine.cores} × ${machine.cpu}, ${new Date().toISOString().slice(0, 10)}.`;
console.log(`${table.join('\n')}\n\n${machineLine}`);
if (write) {
  const { writeTable } = (await import(new URL('../../.ci/writeTable.mjs', import.meta.url).href)) as {
    writeTable(page: string, name: string, lines: readonly string[]): Promise<void>;
  };
  await writeTable('docs/performance.md', 'bench', [machineLine, '', ...table]);
}
writeFileSync(new URL('../../bench/results.json', import.meta.url), `${JSON.stringify({ machine, figures: all }, null, 2)}\n`);
const off = all.filter((f) => isFarOff(f, SLACK));
for (const { name, value, unit } of off) console.error(`far off: ${name} is ${format(value)} ${unit}`);
process.exitCode = off.length + broken > 0 ? 1 : 0;

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

function goalOf({ goal }: Figure): string {
  if (goal === undefined) return '';
  return 'atMost' in goal ? `≤ ${goal.atMost.toLocaleString('en')}` : `≥ ${goal.atLeast.toLocaleString('en')}`;
}

function verdict(figure: Figure): string {
  return figure.goal === undefined ? '' : reaches(figure) ? 'reached' : 'missed';
}
