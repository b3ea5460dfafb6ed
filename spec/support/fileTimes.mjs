import { relative } from 'node:path';
import { performance } from 'node:perf_hooks';

/** A spec file that takes longer than this on its own is to be split, sped up, or moved to a script with a name. */
export const FILE_LIMIT_S = 20;
/** How many files are named, slowest first. */
const SHOWN = 10;
/** Files faster than this are not worth a line. */
const WORTH_SHOWING_S = 1;
/** How long the pace of the machine is measured, once a file is over the limit. */
const PACE_MS = 300;

/** Adds up how long the tests and hooks of each spec file took. */
export class FileTimes {
  #limitS;
  #slowdown;
  #msOf = new Map();

  /** @param limitS in seconds; @param slowdown how many times longer than alone this process takes for the same work now */
  constructor(limitS = FILE_LIMIT_S, slowdown = measureSlowdown) {
    this.#limitS = limitS;
    this.#slowdown = slowdown;
  }

  /** Takes a test or hook that has ended. Root hooks belong to no file's own time, but they carry the file that declares them. */
  add({ file, duration }) {
    if (file === undefined || duration === undefined) return;
    this.#msOf.set(file, (this.#msOf.get(file) ?? 0) + duration);
  }

  /** @returns the lines to print, and how many files took too long */
  report() {
    const files = [...this.#msOf].map(([file, ms]) => ({ name: nameOf(file), s: ms / 1_000 })).sort((a, b) => b.s - a.s);
    const over = files.filter(({ s }) => s > this.#limitS);
    // a machine with other work is slower for all: the limit grows with it, so that no file fails for somebody else's load
    const slowdown = over.length > 0 ? this.#slowdown() : 1;
    const allowedS = this.#limitS * slowdown;
    const tooSlow = over.filter(({ s }) => s > allowedS);
    const shown = files.slice(0, SHOWN).filter(({ s }) => s >= WORTH_SHOWING_S);
    const lines = shown.map(({ name, s }) => `  ${s.toFixed(1).padStart(6)} s  ${name}`);
    if (lines.length > 0) lines.unshift('  slowest spec files:');
    const limit = `a file may take ${this.#limitS} s${slowdown > 1 ? `, ${allowedS.toFixed(0)} s on this machine now` : ''}`;
    for (const { name, s } of tooSlow)
      lines.push(`  too slow: ${name} took ${s.toFixed(1)} s; ${limit}. Split it, speed it up, or move its volume to a script.`);
    return { lines, tooSlow: tooSlow.length };
  }
}

function nameOf(file) {
  return relative('.', file)
    .replaceAll('\\', '/')
    .replace(/^\.build\//, '')
    .replace(/\.js$/, '.ts');
}

/** Compares wall time with CPU time of a loop: 1 where this process has a core to itself. */
function measureSlowdown() {
  const before = process.cpuUsage();
  const started = performance.now();
  while (performance.now() - started < PACE_MS);
  const wallMs = performance.now() - started;
  const { user, system } = process.cpuUsage(before);
  return Math.max(1, (wallMs * 1_000) / Math.max(1, user + system));
}
