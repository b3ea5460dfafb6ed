import type { AuditBatch, AuditSink, AuditSource, OpenLog, Opening, TreeState } from './AuditSink.js';
import { logError } from './logError.js';
import { checkedWriterName } from './writerName.js';

interface MemoryLog {
  readonly writer: string;
  readonly lines: string[];
  readonly checkpoints: string[];
  openings: Opening[];
  tree: TreeState;
  held: boolean;
}

const EMPTY: TreeState = Object.freeze({ size: 0, nodes: Object.freeze([]), lastAt: 0 });

/** The logs of one process, for specs and for trying things out: they end with it. Several sinks over one `MemoryLogs` see each other's logs. */
export class MemoryLogs implements AuditSource {
  /** @internal */
  readonly logs = new Map<string, MemoryLog>();

  /** The names of the logs, sorted. */
  writers(): readonly string[] {
    return [...this.logs.keys()].sort();
  }

  /** The lines of a log. */
  async *lines(writer: string, from = 0): AsyncIterable<readonly string[]> {
    const lines = this.logs.get(writer)?.lines.slice(from) ?? [];
    if (lines.length > 0) yield lines;
  }

  /** The checkpoints of a log. */
  async *checkpoints(writer: string): AsyncIterable<string> {
    yield* this.logs.get(writer)?.checkpoints.slice() ?? [];
  }

  /** The last checkpoint of a log. */
  lastCheckpoint(writer: string): string | undefined {
    return this.logs.get(writer)?.checkpoints.at(-1);
  }

  /** The openings of a log that are left. */
  async *openings(writer: string): AsyncIterable<Opening> {
    yield* this.logs.get(writer)?.openings.slice() ?? [];
  }
}

/** Keeps the log of one writer in memory. It answers at once, so that synchronous guards can use it. */
export class MemorySink implements AuditSink {
  readonly source: MemoryLogs;
  #open: MemoryLog | undefined;

  /** @param logs where the logs are, to be shared with other sinks */
  constructor(logs: MemoryLogs = new MemoryLogs()) {
    this.source = logs;
  }

  /** Opens a log. @throws StoreError where another sink holds it */
  open(asked?: string): OpenLog {
    if (this.#open !== undefined) throw logError.alreadyOpen(this.#open.writer);
    const writer = asked === undefined ? this.#free() : checkedWriterName(asked);
    let log = this.source.logs.get(writer);
    if (log === undefined) {
      log = { writer, lines: [], checkpoints: [], openings: [], tree: EMPTY, held: false };
      this.source.logs.set(writer, log);
    }
    if (log.held) throw logError.held(writer);
    log.held = true;
    this.#open = log;
    return { writer, tree: log.tree, tornBytes: 0 };
  }

  /** Appends a batch. */
  append({ lines, openings, tree }: AuditBatch): void {
    const log = this.#log();
    log.lines.push(...lines);
    log.openings.push(...openings);
    log.tree = tree;
  }

  /** Keeps a checkpoint. */
  checkpoint(note: string): void {
    this.#log().checkpoints.push(note);
  }

  /** Deletes openings that match, of all logs. */
  erase(which: (opening: Opening) => boolean): number {
    let erased = 0;
    for (const log of this.source.logs.values()) {
      const left = log.openings.filter((opening) => !which(opening));
      erased += log.openings.length - left.length;
      log.openings = left;
    }
    return erased;
  }

  /** Lets the log go. */
  close(): void {
    if (this.#open !== undefined) this.#open.held = false;
    this.#open = undefined;
  }

  /** Makes another sink over the same logs. */
  another(): MemorySink {
    return new MemorySink(this.source);
  }

  #free(): string {
    let n = 0;
    while (this.source.logs.get(`w${n}`)?.held === true) n += 1;
    return `w${n}`;
  }

  #log(): MemoryLog {
    if (this.#open !== undefined) return this.#open;
    throw logError.notOpen();
  }
}
