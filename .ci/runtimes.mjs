// Runs the packed library on every runtime it is promised for, and through the bundlers, on 64-bit Linux: `node .ci/runtimes.mjs [words]`, where
// words choose lines of the table. `--short` is what CI runs: the oldest Node, Bun, Deno, and one bundle of each bundler. The probe is
// `.ci/runtimes/probe`. Wants a built dist/.
import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPacked, pack } from './pack.mjs';
import { OLDEST_NODE } from './runtimes/pins.mjs';
import { startDataPlane } from './runtimes/dataPlane.mjs';
import { lines } from './runtimes/lines.mjs';

const LIMIT_MS = 60_000;
const EFFECTS = ['allow', 'deny', 'sanitize', 'approval'];
/** The lines of `--short`: enough to see that a kind of runtime or bundler no longer works at all. */
const SHORT = [
  [`Node ${OLDEST_NODE}`, 'import'],
  [`Node ${OLDEST_NODE}`, 'require()'],
  ['Bun', 'import'],
  ['Deno', 'import'],
  [`Node ${OLDEST_NODE}`, 'rollup + terser, packages outside'],
  [`Node ${OLDEST_NODE}`, 'esbuild, one file beside cedar-wasm'],
  [`Node ${OLDEST_NODE}`, 'webpack, beside cedar-wasm'],
  [`Node ${OLDEST_NODE}`, 'webpack to CommonJS, the same'],
];
/** Tools are guarded in three ways with policies in the process, and in two with a Data Plane. */
const SURFACES = { embedded: 3, remote: 2 };

const room = mkdtempSync(join(tmpdir(), 'aegis-runtimes-'));
const plane = await startDataPlane();
let tried = 0;
let broken = 0;
let remove = () => {};
try {
  const [installed, empty] = [join(room, 'installed'), join(room, 'empty')];
  mkdirSync(installed);
  installPacked(installed, pack(room).tarball);
  const isShort = process.argv.includes('--short');
  const words = process.argv.slice(2).filter((word) => word !== '--short');
  const wants = (line) =>
    words.every((word) => line.includes(word)) &&
    (!isShort || SHORT.some(([first, form]) => line.startsWith(first) && line.endsWith(` ${form}`)));
  const found = await lines({ installed, empty, wants, isShort });
  remove = found.remove;
  const rows = [];
  for (const line of found.lines) rows.push(judge(line, await run(line)));
  console.log(table(['runtime', 'form', 'effects', 'other rules', 'lintPolicies', "functions' names", ''], rows));
  tried = rows.length;
  console.log(`${tried - broken} of ${tried} work as promised`);
} finally {
  plane.close();
  remove();
  rmSync(room, { recursive: true, force: true });
}
process.exitCode = broken > 0 || tried === 0 ? 1 : 0;

/** Gives back what the probe printed; undefined where it did not end by itself and in time. */
async function run({ command: [program, ...first], args = [] }) {
  const child = spawn(program, [...first, plane.url, ...args], {
    cwd: room,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
    env: { ...process.env, DENO_DIR: join(room, 'deno'), NODE_OPTIONS: '', NODE_NO_WARNINGS: '1' },
  });
  const said = { out: '', err: '' };
  child.stdout.on('data', (text) => (said.out += text));
  child.stderr.on('data', (text) => (said.err += text));
  const code = await new Promise((resolve) => child.on('close', resolve).on('error', () => resolve(null)));
  const last = said.out.split('\n').findLast((l) => l.startsWith('{"held":'));
  return { code, err: said.err.trim(), tally: last === undefined ? undefined : JSON.parse(last) };
}

function judge({ runtime, form, known, args = [] }, { code, err, tally }) {
  const held = tally?.held ?? {};
  const surfaces = SURFACES.remote + (args.includes('remote') ? 0 : SURFACES.embedded);
  const effects = EFFECTS.reduce((sum, effect) => sum + (held[effect] ?? 0), 0);
  const all = Object.values(held).reduce((sum, n) => sum + n, 0);
  const wrong = tally === undefined ? ['the probe did not end with its counts'] : [...tally.wrong];
  if (wrong.length === 0 && effects !== surfaces * EFFECTS.length)
    wrong.push(`${effects} effects where ${surfaces * EFFECTS.length} are tried`);
  for (const [name, wanted] of Object.entries(known))
    if (tally !== undefined && tally.beside[name] !== wanted) wrong.push(`${name}: ${tally.beside[name]}, known is: ${wanted}`);
  if (code !== 0 && wrong.length === 0) wrong.push(`exit code ${code}`);
  if (wrong.length > 0) {
    broken += 1;
    console.error([`${runtime}, ${form}:`, ...wrong, err].join('\n  '));
  }
  const count = { what: `${runtime}, ${form}`, cases: all + wrong.length, wrong: wrong.length, beside: { effects, ...tally?.beside } };
  if (process.env.AEGIS_ASSURANCE !== undefined) appendFileSync(process.env.AEGIS_ASSURANCE, `${JSON.stringify(count)}\n`);
  const { thread = '–', names = '–' } = tally?.beside ?? {};
  return [
    runtime,
    form,
    `${effects} of ${surfaces * EFFECTS.length}`,
    String(all - effects),
    thread,
    names,
    wrong.length === 0 ? 'ok' : 'FAILED',
  ];
}

function table(header, rows) {
  const widths = header.map((h, i) => Math.max(h.length, 3, ...rows.map((r) => r[i].length)));
  const shown = [header, widths.map((w) => '-'.repeat(w)), ...rows];
  return shown.map((r) => `| ${r.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`).join('\n');
}
