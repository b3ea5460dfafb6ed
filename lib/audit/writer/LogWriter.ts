import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { VERSION } from '../../common/version.js';
import type { AuditRecord, NewRecord } from '../record/AuditRecord.js';
import { canonicalLine } from '../record/canonicalLine.js';
import type { OpenRecord } from '../record/OpenRecord.js';
import type { OpenLog, Opening } from '../sink/AuditSink.js';
import type { OtherHead } from '../tree/checkpoint.js';
import { signCheckpoint } from '../tree/checkpoint.js';
import { CompactTree } from '../tree/CompactTree.js';
import type { CheckedAuditLogOptions } from './AuditLogOptions.js';
import { openClaims } from './openClaims.js';

/** A record that is about to be written, with the time at which it was told. */
export interface TimedRecord extends OpenRecord {
  readonly at: number;
}

/** Writes the log that a sink has open. Once an append has failed, it is not used again. */
export class LogWriter {
  /** The name of the log. */
  readonly writer: string;
  readonly #options: CheckedAuditLogOptions;
  #tree: CompactTree;
  #lastAt: number;
  #checkpointSize = 0;

  private constructor({ writer, tree }: OpenLog, options: CheckedAuditLogOptions) {
    this.writer = writer;
    this.#options = options;
    this.#tree = CompactTree.from(tree);
    this.#lastAt = tree.lastAt;
  }

  /**
   * Opens a log and writes that it begins or goes on. Entries that its last writer left open become `unknown`: whether those methods ran to their end cannot be
   * told.
   */
  static open(options: CheckedAuditLogOptions, now: number): Awaitable<LogWriter> {
    const { sink } = options;
    return chain(sink.open(options.writer), (log) =>
      chain(openClaims(sink.source, log), (unknown) => new LogWriter(log, options).#start(log, unknown, now)),
    );
  }

  /**
   * Opens the log again after an append has failed. Entries that are open are those of this process, which goes on with them.
   *
   * @param reopened gets how many records are in it
   */
  static reopen(options: CheckedAuditLogOptions, writer: string, now: number, reopened: (size: number) => void): Awaitable<LogWriter> {
    return chain(options.sink.open(writer), (log) => {
      reopened(log.tree.size);
      return new LogWriter(log, options).#start(log, [], now);
    });
  }

  /** How many records it has. */
  get size(): number {
    return this.#tree.size;
  }

  /** How many records came after the last checkpoint. */
  get sinceCheckpoint(): number {
    return this.#tree.size - this.#checkpointSize;
  }

  /** Appends records. They are on disk once it has settled. */
  append(records: readonly TimedRecord[]): Awaitable<void> {
    if (records.length === 0) return undefined;
    const tree = CompactTree.from(this.#tree.state());
    const lines: string[] = [];
    const openings: Opening[] = [];
    let lastAt = this.#lastAt;
    for (const { record, opening, at } of records) {
      const seq = tree.size;
      lastAt = Math.max(lastAt, at);
      const line = canonicalLine({ v: 1, seq, at: lastAt, writer: this.writer, ...record } as AuditRecord);
      tree.append(line);
      lines.push(line);
      if (opening !== undefined && this.#options.openings) openings.push({ seq, at: lastAt, ...opening });
    }
    return chain(this.#options.sink.append({ lines, openings, tree: { ...tree.state(), lastAt } }), () => {
      this.#tree = tree;
      this.#lastAt = lastAt;
    });
  }

  /** Signs the root, and keeps what was signed. */
  checkpoint(others: readonly OtherHead[]): Awaitable<string> {
    const { origin, key, sink } = this.#options;
    const { size } = this.#tree;
    const note = signCheckpoint({ origin: `${origin}/${this.writer}`, size, root: this.#tree.root().toString('base64'), others }, [key]);
    return chain(sink.checkpoint(note), () => {
      this.#checkpointSize = size;
      return note;
    });
  }

  #start({ tornBytes }: OpenLog, unknown: readonly NewRecord[], at: number): Awaitable<LogWriter> {
    const { source, mode, key } = this.#options;
    const started: NewRecord = {
      kind: 'started',
      source,
      version: VERSION,
      mode,
      publicKey: key.publicKey.toString(),
      tornBytes: tornBytes === 0 ? undefined : tornBytes,
    };
    return chain(this.append([started, ...unknown].map((record) => ({ record, at }))), () => this);
  }
}
