import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { bootId } from '../../common/nextId.js';
import { VERSION } from '../../common/version.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { AuditRecord, NewRecord } from '../record/AuditRecord.js';
import { canonicalLine } from '../record/canonicalLine.js';
import type { OpenRecord } from '../record/OpenRecord.js';
import type { OpenLog, Opening } from '../sink/AuditSink.js';
import type { OtherHead } from '../tree/checkpoint.js';
import { signCheckpoint } from '../tree/checkpoint.js';
import type { AuditKey } from '../tree/AuditKey.js';
import { CompactTree } from '../tree/CompactTree.js';
import type { CheckedAuditLogOptions } from './AuditLogOptions.js';
import { leftOpen } from './leftOpen.js';
import type { LeftOpen } from './leftOpen.js';

/** A record that is about to be written, with the time at which it was told. */
export interface TimedRecord extends OpenRecord {
  readonly at: number;
}

const NOTHING_LEFT: LeftOpen = Object.freeze({ unknown: [], publicKey: undefined });

/** Writes the log that a sink has open. Once an append has failed, it is not used again. */
export class LogWriter {
  /** The name of the log. */
  readonly writer: string;
  readonly #options: CheckedAuditLogOptions;
  #tree: CompactTree;
  #lastAt: number;
  #checkpointSize = 0;
  /** Both, where the key was changed and nothing was signed since. */
  #signers: readonly AuditKey[];

  private constructor({ writer, tree }: OpenLog, options: CheckedAuditLogOptions) {
    this.writer = writer;
    this.#options = options;
    this.#signers = [options.key];
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
      chain(leftOpen(sink.source, log), (left) => new LogWriter(log, options).#start(log, left, now)),
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
      return new LogWriter(log, options).#start(log, NOTHING_LEFT, now);
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
    const tree = this.#tree.copy();
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
    const note = signCheckpoint(
      { origin: `${origin}/${this.writer}`, size, root: this.#tree.root().toString('base64'), others },
      this.#signers,
    );
    return chain(sink.checkpoint(note), () => {
      this.#checkpointSize = size;
      this.#signers = [key];
      return note;
    });
  }

  #start({ tornBytes }: OpenLog, { unknown, publicKey: before }: LeftOpen, at: number): Awaitable<LogWriter> {
    const { source, mode, key, previousKey } = this.#options;
    const publicKey = key.publicKey.toString();
    const records: NewRecord[] = [
      { kind: 'started', source, version: VERSION, mode, process: bootId, publicKey, tornBytes: tornBytes === 0 ? undefined : tornBytes },
    ];
    if (before !== undefined && before !== publicKey) {
      if (previousKey?.publicKey.toString() !== before) throw keyMissing(this.writer);
      records.push({ kind: 'key', publicKey, previousPublicKey: before });
      this.#signers = [previousKey, key];
    }
    return chain(this.append([...records, ...unknown].map((record) => ({ record, at }))), () => this);
  }
}

function keyMissing(writer: string): ConfigError {
  const message = `is needed: the log '${writer}' is signed by another key than \`key\`. Give the key before as \`previousKey\` once, or name another \`writer\`.`;
  return new ConfigError([{ where: 'auditLog(): previousKey', message }]);
}
