import { accessSync, constants, statSync } from 'node:fs';
import { StoreError } from '../../../model/errors/ServiceErrors.js';

/**
 * The file that was opened. One that was moved, deleted or replaced goes on to be read as it was: but no other process reaches it, so that this one would never
 * learn of a halt. It is not opened again to look: closing it would give up the locks that SQLite has on it.
 */
export class OpenedFile {
  readonly #path: string;
  readonly #id: string;

  /** @param path of a database that is open */
  constructor(path: string) {
    this.#path = path;
    this.#id = idOf(path);
  }

  /** @throws StoreError where the path no longer leads to it */
  check(): void {
    let found: string;
    try {
      accessSync(this.#path, constants.R_OK);
      found = idOf(this.#path);
    } catch (error) {
      throw new StoreError('The file of the SQLite store is gone, or cannot be read. See the cause for the code.', { cause: error });
    }
    if (found === this.#id) return;
    throw new StoreError('The file of the SQLite store was replaced while it was open. Restart the processes that use it.');
  }
}

function idOf(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true });
  return `${dev} ${ino}`;
}
