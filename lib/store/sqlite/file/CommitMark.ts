import { randomInt } from 'node:crypto';
import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';

const HEADER_BYTES = 64;
const SLOTS = 512;
const SLOT_BYTES = 8;
const FILE_BYTES = HEADER_BYTES + SLOTS * SLOT_BYTES;

/** What a mark says. */
export interface MarkedCommits {
  /** The store that it belongs to. */
  readonly storeId: string;
  /** The number of the newest change that it knows to be committed. */
  readonly newest: number;
}

/**
 * A small file beside the database (`aegis.db-commits`) with the number of the newest change that was committed. SQLite cannot tell a file that has
 * lost its `-wal` from one that never had it; this file can, because it is not part of the database. Each handle writes in a slot of its own, so that no
 * two of them have to wait for each other, and after the commit, so that it never promises more than the database holds.
 */
export class CommitMark {
  readonly #fd: number;
  readonly #at: number = HEADER_BYTES + randomInt(SLOTS) * SLOT_BYTES;
  readonly #slot: Buffer = Buffer.alloc(SLOT_BYTES);

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Opens the mark of a database. One that belongs to another store is replaced; only one process at a time may call this. */
  static open(file: string, storeId: string): CommitMark {
    if (CommitMark.read(file)?.storeId !== storeId) {
      const bytes = Buffer.alloc(FILE_BYTES);
      bytes.write(storeId, 'latin1');
      const made = `${file}-${process.pid}`;
      rmSync(made, { force: true });
      writeFileSync(made, bytes, { mode: 0o600, flag: 'wx' });
      renameSync(made, file);
    }
    return new CommitMark(openSync(file, 'r+'));
  }

  /** What the mark of a database says; `undefined` where there is none that can be read. */
  static read(file: string): MarkedCommits | undefined {
    try {
      // another thing of this name may be of any size
      if (statSync(file).size !== FILE_BYTES) return undefined;
      const bytes = readFileSync(file);
      let newest = 0;
      for (let at = HEADER_BYTES; at < bytes.length; at += SLOT_BYTES) newest = Math.max(newest, Number(bytes.readBigUInt64LE(at)));
      return { storeId: bytes.toString('latin1', 0, HEADER_BYTES).replace(/\0+$/, ''), newest };
    } catch {
      return undefined;
    }
  }

  /** Notes a change that has been committed. It is not synced: a mark that a power cut sets back only notices less. */
  note(newest: number): void {
    this.#slot.writeBigUInt64LE(BigInt(newest));
    writeSync(this.#fd, this.#slot, 0, SLOT_BYTES, this.#at);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
