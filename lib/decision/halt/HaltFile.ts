import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError } from '../../model/errors/SetupErrors.js';

/**
 * A file that halts everything as long as it is there. It works where the store cannot be reached. What is there but is not a plain file, and what cannot be
 * looked at, halts too: only a file that is surely missing, in a folder that is there, halts nothing.
 */
export class HaltFile {
  readonly #path: string;
  /** Whether it is there, as it was last seen. */
  isThere = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Looks whether it is there. Never rejects. */
  async look(): Promise<void> {
    this.isThere = !(await isMissing(this.#path)) || (await isMissing(dirname(this.#path)));
  }

  /** @throws ConfigError where its folder is missing: no one could halt anything with it */
  async checkFolder(): Promise<void> {
    if (!(await isMissing(dirname(this.#path)))) return;
    throw new ConfigError([
      { where: 'haltFile', message: 'is in a folder that does not exist; make the folder, or name a file in another one.' },
    ]);
  }
}

async function isMissing(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
