import { join } from 'node:path';
import { randomId } from '../../../common/nextId.js';
import { isRunning, processMark } from '../processMark.js';
import type { ProcessMark } from '../processMark.js';
import type { AuditFiles } from './AuditFiles.js';

/** What is in the file of a lock. */
interface LockText extends ProcessMark {
  readonly released?: true | undefined;
}

/** How long a lock is believed whose process cannot be looked up, since it was last renewed. */
const LEASE_MS = 30_000;
const RENEW_MS = 5_000;
const LOCK_NAME = /^lock\.(\d{1,15})$/;

/**
 * Holds a folder for one process. It ends with its process, also by SIGKILL: nothing has to be cleaned up.
 *
 * The files `lock.1`, `lock.2`, … follow each other, and the one with the highest number counts. It is never deleted, so that a process which read an
 * older one cannot take a number that was taken before: of all that find a lock whose process has ended, one alone can make the next file.
 */
export class FolderLock {
  readonly #files: AuditFiles;
  readonly #folder: string;
  readonly #number: number;
  readonly #timer: NodeJS.Timeout;
  #renewedAt = performance.now();
  #isOver = false;

  private constructor(files: AuditFiles, folder: string, number: number) {
    this.#files = files;
    this.#folder = folder;
    this.#number = number;
    // where it fails, `isHeld` tries again, and says why
    this.#timer = setInterval(() => void this.#renew().catch(() => {}), RENEW_MS);
    this.#timer.unref();
  }

  /** Takes the lock of a folder; `undefined` where another one holds it. */
  static async take(files: AuditFiles, folder: string, own: ProcessMark = ownMark()): Promise<FolderLock | undefined> {
    const before = await newestLock(files, folder);
    if (before > 0 && (await isHeld(files, join(folder, `lock.${before}`), own))) return undefined;
    const number = before + 1;
    if (!(await madeWhole(files, join(folder, `lock.${number}`), own))) return undefined;
    const lock = new FolderLock(files, folder, number);
    try {
      // the number may have been free because its lock is over, and others have followed
      if ((await newestLock(files, folder)) > number) {
        await lock.release();
        return undefined;
      }
      await files.remove(join(folder, `lock.${before}`));
    } catch (error) {
      await lock.release().catch(() => {});
      throw error;
    }
    return lock;
  }

  /**
   * Whether it still holds. A process that slept for longer than its lease may have a successor, on another machine.
   *
   * @throws the error of the file system
   */
  async isHeld(): Promise<boolean> {
    if (performance.now() - this.#renewedAt > LEASE_MS / 2) await this.#renew();
    return !this.#isOver;
  }

  /** Lets the folder go. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#isOver) return;
    this.#isOver = true;
    const write = (): Promise<void> =>
      writeWhole(this.#files, this.#path, { ...ownMark(), released: true }, (from) => this.#files.rename(from, this.#path));
    // until it says so, it ends with this process: a second try is better than that
    await write().catch(write);
  }

  get #path(): string {
    return join(this.#folder, `lock.${this.#number}`);
  }

  async #renew(): Promise<void> {
    const newest = await newestLock(this.#files, this.#folder);
    if (newest !== this.#number) this.#isOver = true;
    if (this.#isOver) return;
    await this.#files.touch(this.#path);
    this.#renewedAt = performance.now();
  }
}

let mark: ProcessMark | undefined;

function ownMark(): ProcessMark {
  return (mark ??= processMark());
}

async function newestLock(files: AuditFiles, folder: string): Promise<number> {
  const numbers = (await files.list(folder)).map((name) => Number(LOCK_NAME.exec(name)?.[1] ?? 0));
  return Math.max(0, ...numbers);
}

async function isHeld(files: AuditFiles, path: string, own: ProcessMark): Promise<boolean> {
  try {
    const lock = lockIn(await files.readText(path));
    if (lock?.released === true) return false;
    return (lock && isRunning(lock, own)) ?? Date.now() - (await files.changedAt(path)) < LEASE_MS;
  } catch (error) {
    // its successor has removed it
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}

/** Of a machine that lost its power, the file may be empty: then its time alone counts. */
function lockIn(text: string): LockText | undefined {
  try {
    const lock = JSON.parse(text) as Partial<LockText> | null;
    return Number.isSafeInteger(lock?.pid) ? (lock as LockText) : undefined;
  } catch {
    return undefined;
  }
}

/** Makes the file with all that is in it, so that no one sees a half of it. Resolves to whether the name was free. */
async function madeWhole(files: AuditFiles, path: string, lock: LockText): Promise<boolean> {
  try {
    await writeWhole(files, path, lock, (from) => files.link(from, path));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function writeWhole(files: AuditFiles, path: string, lock: LockText, put: (from: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${randomId('t')}`;
  const file = await files.open(temporary, 'create');
  try {
    await file.write(Buffer.from(`${JSON.stringify(lock)}\n`));
  } finally {
    await file.close();
  }
  try {
    await put(temporary);
  } finally {
    // one that is left over is in no one's way
    await files.remove(temporary).catch(() => {});
  }
}
