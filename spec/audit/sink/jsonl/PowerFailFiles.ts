import type { AuditFile, AuditFiles, FileUse } from '../../../../lib/audit/sink/jsonl/AuditFiles.js';

/** What is left of what was not synced when the power fails. */
export const LEFTOVERS = ['nothing', 'everything', 'half'] as const;
export type Leftover = (typeof LEFTOVERS)[number];

interface Write {
  readonly at: number;
  readonly bytes: Buffer;
}

/** A file as programs see it, and as it is on the disk. */
class Node {
  seen: Buffer = Buffer.alloc(0);
  onDisk: Buffer = Buffer.alloc(0);
  /** What a sync would bring to the disk. */
  dirty: Write[] = [];
  changedAt = Date.now();

  write(bytes: Buffer, at: number): void {
    this.seen = patched(this.seen, { bytes, at });
    this.dirty.push({ bytes, at });
    this.changedAt = Date.now();
  }

  sync(): void {
    for (const write of this.dirty.splice(0)) this.onDisk = patched(this.onDisk, write);
  }
}

/** The power failed, or a call was made to fail. */
class Failure extends Error {
  readonly code = 'EIO';
}

/**
 * A disk whose power fails before a call, or whose call of that number fails. A write reaches the disk with a sync, a name with a sync of its folder. A sync that
 * fails forgets what was to be written, as Linux does: the next one has nothing to do, and succeeds.
 */
export class PowerFailFiles implements AuditFiles {
  calls = 0;
  /** The number of the call that fails. */
  failAt = Infinity;
  /** The number of the call before which the power fails; none works from then on. */
  cutAt = Infinity;
  #names = new Map<string, Node>();
  #namesOnDisk = new Map<string, Node>();
  readonly #folders = new Set<string>();

  /** The disk as it is after a power cut. */
  afterPowerCut(leftover: Leftover): PowerFailFiles {
    const after = new PowerFailFiles();
    for (const folder of this.#folders) after.#folders.add(folder);
    // a folder keeps its names in order: either all of the new ones are there, or none
    for (const [path, node] of leftover === 'nothing' ? this.#namesOnDisk : this.#names) {
      const kept = new Node();
      kept.onDisk = node.onDisk;
      const dirty = leftover === 'nothing' ? [] : leftover === 'half' ? halved(node.dirty) : node.dirty;
      for (const write of dirty) kept.onDisk = patched(kept.onDisk, write);
      // this process goes on living, and its lock would too
      if (/lock\.\d+$/.test(path)) kept.onDisk = Buffer.alloc(0);
      kept.seen = kept.onDisk;
      kept.changedAt = 0;
      after.#names.set(path, kept);
    }
    after.#namesOnDisk = new Map(after.#names);
    return after;
  }

  async open(path: string, use: FileUse): Promise<AuditFile> {
    this.#count();
    let node = this.#names.get(path);
    if (node === undefined) {
      if (use === 'read' || use === 'overwrite') throw missing(path);
      this.#names.set(path, (node = new Node()));
    } else if (use === 'create' || use === 'segment') {
      throw Object.assign(new Error(`${path} exists`), { code: 'EEXIST' });
    }
    return this.#file(node, use);
  }

  async readText(path: string): Promise<string> {
    this.#count();
    return this.#node(path).seen.toString();
  }

  async makeFolder(path: string): Promise<void> {
    this.#count();
    this.#folders.add(path);
  }

  async syncFolder(path: string): Promise<void> {
    this.#count();
    for (const name of this.#namesOnDisk.keys()) if (folderOf(name) === path && !this.#names.has(name)) this.#namesOnDisk.delete(name);
    for (const [name, node] of this.#names) if (folderOf(name) === path) this.#namesOnDisk.set(name, node);
  }

  async list(path: string): Promise<readonly string[]> {
    this.#count();
    const within = [...this.#names.keys(), ...this.#folders].filter((name) => folderOf(name) === path);
    if (within.length === 0 && !this.#folders.has(path)) throw missing(path);
    return within.map((name) => name.slice(path.length + 1));
  }

  async rename(from: string, to: string): Promise<void> {
    this.#count();
    this.#names.set(to, this.#node(from));
    this.#names.delete(from);
  }

  async link(from: string, to: string): Promise<void> {
    this.#count();
    if (this.#names.has(to)) throw Object.assign(new Error(`${to} exists`), { code: 'EEXIST' });
    this.#names.set(to, this.#node(from));
  }

  async remove(path: string): Promise<void> {
    this.#count();
    this.#names.delete(path);
  }

  async changedAt(path: string): Promise<number> {
    this.#count();
    return this.#node(path).changedAt;
  }

  async touch(path: string): Promise<void> {
    this.#count();
    this.#node(path).changedAt = Date.now();
  }

  #file(node: Node, use: FileUse): AuditFile {
    const isAppended = use === 'append' || use === 'create' || use === 'segment';
    return {
      write: async (bytes, at) => {
        const place = isAppended || at === undefined ? node.seen.length : at;
        const whole = Buffer.from(bytes);
        // of a write that fails, or is cut off, a part is there
        this.#count(() => node.write(whole.subarray(0, Math.floor(whole.length / 2)), place));
        node.write(whole, place);
      },
      read: async (into, at) => {
        this.#count();
        return node.seen.copy(into, 0, at, at + into.length);
      },
      sync: async () => {
        this.#count(() => (node.dirty = []));
        node.sync();
      },
      truncate: async (bytes) => {
        this.#count();
        node.seen = node.seen.subarray(0, bytes);
        node.onDisk = node.onDisk.subarray(0, bytes);
        node.dirty = node.dirty.map((write) => ({ ...write, bytes: write.bytes.subarray(0, Math.max(0, bytes - write.at)) }));
      },
      size: async () => {
        this.#count();
        return node.seen.length;
      },
      close: async () => this.#count(),
    };
  }

  #node(path: string): Node {
    const node = this.#names.get(path);
    if (node === undefined) throw missing(path);
    return node;
  }

  #count(onFailure?: () => void): void {
    this.calls += 1;
    if (this.calls >= this.cutAt) {
      if (this.calls === this.cutAt && onFailure !== undefined) onFailure();
      throw new Failure('the power failed');
    }
    if (this.calls !== this.failAt) return;
    onFailure?.();
    throw new Failure('the call failed');
  }
}

function missing(path: string): Error {
  return Object.assign(new Error(`there is no ${path}`), { code: 'ENOENT' });
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function patched(before: Buffer, { at, bytes }: Write): Buffer {
  const after = Buffer.alloc(Math.max(before.length, at + bytes.length));
  before.copy(after);
  bytes.copy(after, at);
  return after;
}

/** The first half of what was to be written. */
function halved(writes: readonly Write[]): readonly Write[] {
  let left = Math.floor(writes.reduce((sum, { bytes }) => sum + bytes.length, 0) / 2);
  return writes.map(({ at, bytes }) => {
    const kept = bytes.subarray(0, left);
    left -= kept.length;
    return { at, bytes: kept };
  });
}
