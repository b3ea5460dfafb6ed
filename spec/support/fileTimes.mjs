import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
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
/** Over this time a load average forgets. */
const LOAD_S = 60;
/** Other programs that together have less than this share of one processor take no time from a file. */
const OTHERS_SHARE = 0.25;

/** Adds up how long the tests and hooks of each spec file took. */
export class FileTimes {
  #limitS;
  #pace;
  #load;
  #othersMs;
  #files = new Map();

  /**
   * @param limitS in seconds
   * @param pace how many times longer than alone this process takes for the same work now
   * @param load how many programs want each processor, on average over the last minute
   * @param othersMs how long the processors have worked for programs that this one did not start
   */
  constructor(limitS = FILE_LIMIT_S, pace = measurePace, load = () => loadavg()[0] / availableParallelism(), othersMs = measureOthers) {
    this.#limitS = limitS;
    this.#pace = pace;
    this.#load = load;
    this.#othersMs = othersMs;
  }

  /** Takes a test or hook that has ended, of the file that declares it. */
  add({ file, duration }) {
    if (file === undefined || duration === undefined) return;
    const entry = this.#files.get(file) ?? { ms: 0, first: this.#moment() };
    const ms = entry.ms + duration;
    // each look at the whole machine takes a moment, and only a file over the limit needs the second one
    this.#files.set(file, { ...entry, ms, ...(ms > this.#limitS * 1_000 && { last: this.#moment() }) });
  }

  #moment() {
    return { atMs: performance.now(), load: this.#load(), othersMs: this.#othersMs() };
  }

  /** @returns the lines to print, and how many files took too long */
  report() {
    const files = [...this.#files]
      .map(([file, { ms, first, last = first }]) => ({ name: nameOf(file), s: ms / 1_000, load: loadDuring(first, last) }))
      .sort((a, b) => b.s - a.s);
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

/**
 * How many programs wanted each processor while a file ran. What the machine had to do before it began is not the file's fault. The average of a
 * minute tells late of what began with the file, so that is reckoned back from how it changed; but where others did nothing, it is the file's own.
 */
function loadDuring(first, last) {
  const forS = (last.atMs - first.atMs) / 1_000;
  if (forS <= 0 || last.othersMs - first.othersMs < OTHERS_SHARE * forS * 1_000) return first.load;
  const kept = Math.exp(-forS / LOAD_S);
  return Math.max(first.load, (last.load - first.load * kept) / (1 - kept));
}

/** The work of all processors but for this process and the processes that it started and that have ended. */
function measureOthers() {
  const all = cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
  const { user, system } = process.cpuUsage();
  return all - (user + system) / 1_000 - endedChildrenMs();
}

/** In ticks of a hundredth of a second, after the name, which may have blanks in it. Elsewhere than on Linux they count as others. */
function endedChildrenMs() {
  if (!existsSync(STAT)) return 0;
  const [, rest = ''] = /\) (.*)/.exec(readFileSync(STAT, 'latin1')) ?? [];
  const [user, system] = rest.split(' ').slice(13, 15).map(Number);
  return 10 * (user + system);
}

const STAT = '/proc/self/stat';

/** Compares wall time with CPU time of a loop: 1 where this process has a core to itself. */
function measurePace() {
  const before = process.cpuUsage();
  const started = performance.now();
  while (performance.now() - started < PACE_MS);
  const wallMs = performance.now() - started;
  const { user, system } = process.cpuUsage(before);
  return Math.max(1, (wallMs * 1_000) / Math.max(1, user + system));
}
