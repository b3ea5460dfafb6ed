import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Tells a process from every other one, also from a later one with the same number. */
export interface ProcessMark {
  readonly pid: number;
  readonly host: string;
  /** The start of the machine that it runs on; absent where the system does not tell. */
  readonly boot?: string | undefined;
  /** The space in which `pid` is its number: containers have their own. */
  readonly space?: string | undefined;
  /** When it was started, as the system counts. */
  readonly start?: string | undefined;
}

/** The mark of this process. @param proc where the system tells about processes; not every system does */
export function processMark(proc: string = '/proc'): ProcessMark {
  return {
    pid: process.pid,
    host: hostname(),
    boot: told(() => readFileSync(`${proc}/sys/kernel/random/boot_id`, 'utf8').trim()),
    space: told(() => readlinkSync(`${proc}/self/ns/pid`)),
    start: startOf(process.pid, proc),
  };
}

/**
 * Whether a process still runs; `undefined` where this process cannot tell, as of one on another machine, or in another container.
 */
export function isRunning(mark: ProcessMark, own: ProcessMark, proc: string = '/proc'): boolean | undefined {
  if (mark.boot !== own.boot || mark.space !== own.space || (own.boot === undefined && mark.host !== own.host)) return undefined;
  const start = startOf(mark.pid, proc);
  if (start !== undefined && mark.start !== undefined) return start === mark.start;
  // the system may hide the processes of other users: only it can say that there is no such one
  return exists(mark.pid) ? undefined : false;
}

const ENDED = 'ended';
/** Places in /proc/<pid>/stat, after the name of the program: that may contain anything. */
const [STATE, START] = [0, 19];

function startOf(pid: number, proc: string): string | undefined {
  const text = told(() => readFileSync(`${proc}/${pid}/stat`, 'utf8'));
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  // one that was killed and whose parent has not looked yet: it writes nothing
  return fields?.[STATE] === 'Z' || fields?.[STATE] === 'X' ? ENDED : fields?.[START];
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function told(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
