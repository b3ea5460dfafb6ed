import { constants } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

/** A file of an audit log that is open. */
export interface AuditFile {
  /** Writes all of it: at the end, or over what is at a position. */
  write(bytes: Uint8Array, at?: number): Promise<void>;
  /** Reads from a position. Resolves to how many bytes it read; 0 at the end. */
  read(into: Uint8Array, at: number): Promise<number>;
  /** Waits until what was written is on the disk. */
  sync(): Promise<void>;
  truncate(bytes: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/**
 * How a file is opened: to read, to write over parts of it, or to write a new one. To append to it, or to a new one (`segment`), is what is waited for: there, the
 * system may bring each write to the disk by itself, and `sync()` has nothing to do.
 */
export type FileUse = 'read' | 'append' | 'create' | 'segment' | 'overwrite';

/** What an audit log asks of its file system. A spec hands in one that fails. */
export interface AuditFiles {
  open(path: string, use: FileUse): Promise<AuditFile>;
  readText(path: string): Promise<string>;
  /** Makes the folder and those above it, for this user alone. */
  makeFolder(path: string): Promise<void>;
  /** Waits until the names in a folder are on the disk. */
  syncFolder(path: string): Promise<void>;
  list(path: string): Promise<readonly string[]>;
  rename(from: string, to: string): Promise<void>;
  /** Gives a file a second name, which nothing may have yet. */
  link(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** When it was last changed, in epoch milliseconds. */
  changedAt(path: string): Promise<number>;
  /** Sets when it was last changed to now. */
  touch(path: string): Promise<void>;
}

const APPENDS = constants.O_APPEND | constants.O_CREAT | constants.O_RDWR;
const FLAGS: Readonly<Record<FileUse, string | number>> = {
  read: 'r',
  append: APPENDS,
  create: 'ax+',
  segment: APPENDS | constants.O_EXCL,
  overwrite: 'r+',
};
/** Openings and the names of people are nothing for other users. */
const [FILE_MODE, FOLDER_MODE] = [0o600, 0o700];

/** The file system of this machine. */
export const diskFiles: AuditFiles = {
  open: (path, use) => openFile(path, use, process.platform),
  readText: (path) => readFile(path, 'utf8'),
  makeFolder: async (path) => {
    await mkdir(path, { recursive: true, mode: FOLDER_MODE });
  },
  syncFolder: (path) => syncFolder(path, process.platform),
  list: (path) => readdir(path),
  rename,
  link,
  remove: (path) => rm(path, { force: true }),
  changedAt: async (path) => (await stat(path)).mtimeMs,
  touch: async (path) => {
    const now = new Date();
    await utimes(path, now, now);
  },
};

/** @internal Windows writes names with their files, and refuses to sync a folder. */
export async function syncFolder(path: string, platform: NodeJS.Platform): Promise<void> {
  if (platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** @internal On Linux, a write with O_DSYNC is a write and an fdatasync, in half the steps. Elsewhere it is less than libuv does to sync, or unknown. */
export async function openFile(path: string, use: FileUse, platform: NodeJS.Platform): Promise<AuditFile> {
  const syncsItself = platform === 'linux' && (use === 'append' || use === 'segment');
  const flags = FLAGS[use];
  return auditFile(await open(path, syncsItself ? (flags as number) | constants.O_DSYNC : flags, FILE_MODE), syncsItself);
}

function auditFile(handle: FileHandle, syncsItself: boolean): AuditFile {
  return {
    write: async (bytes, at) => {
      // a disk that is nearly full takes a part of it: the next write then says that it is full
      for (let done = 0; done < bytes.length;)
        done += (await handle.write(bytes, done, bytes.length - done, at === undefined ? null : at + done)).bytesWritten;
    },
    read: async (into, at) => (await handle.read(into, 0, into.length, at)).bytesRead,
    sync: syncsItself ? async () => {} : () => handle.datasync(),
    truncate: (bytes) => handle.truncate(bytes),
    size: async () => (await handle.stat()).size,
    close: () => handle.close(),
  };
}
