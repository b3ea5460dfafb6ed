import { availableParallelism, loadavg } from 'node:os';
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
  #pace;
  #load;
  #files = new Map();

  /**
   * @param limitS in seconds
   * @param pace how many times longer than alone this process takes for the same work now
   * @param load how many programs want each processor, on average over the last minute
   */
  constructor(limitS = FILE_LIMIT_S, pace = measurePace, load = () => loadavg()[0] / availableParallelism()) {
    this.#limitS = limitS;
    this.#pace = pace;
    this.#load = load;
  }

  /** Takes a test or hook that has ended, of the file that declares it. */
  add({ file, duration }) {
    if (file === undefined || duration === undefined) return;
    // what the machine had to do before this file began is not the file's fault; later its own processes are counted, too
    const entry = this.#files.get(file) ?? { ms: 0, load: this.#load() };
    this.#files.set(file, { ...entry, ms: entry.ms + duration });
  }

  /** @returns the lines to print, and how many files took too long */
  report() {
    const files = [...this.#files].map(([file, { ms, load }]) => ({ name: nameOf(file), s: ms / 1_000, load })).sort((a, b) => b.s - a.s);
    const over = files.filter(({ s }) => s > this.#limitS);
    // a machine with other work is slower for all: the limit grows with it, so that no file fails for another program's load
    const pace = over.length > 0 ? this.#pace() : 1;
    const tooSlow = over
      .map((file) => ({ ...file, allowedS: this.#limitS * Math.max(1, pace, file.load) }))
      .filter((f) => f.s > f.allowedS);
    const shown = files.slice(0, SHOWN).filter(({ s }) => s >= WORTH_SHOWING_S);
    const lines = shown.map(({ name, s }) => `  ${s.toFixed(1).padStart(6)} s  ${name}`);
    if (lines.length > 0) lines.unshift('  slowest spec files:');
    for (const { name, s, allowedS } of tooSlow) {
      const limit = `a file may take ${this.#limitS} s${allowedS > this.#limitS ? `, ${allowedS.toFixed(0)} s on this machine now` : ''}`;
      lines.push(`  too slow: ${name} took ${s.toFixed(1)} s; ${limit}. Split it, speed it up, or move its volume to a script.`);
    }
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
function measurePace() {
  const before = process.cpuUsage();
  const started = performance.now();
  while (performance.now() - started < PACE_MS);
  const wallMs = performance.now() - started;
  const { user, system } = process.cpuUsage(before);
  return Math.max(1, (wallMs * 1_000) / Math.max(1, user + system));
}
