import type { Awaitable } from '../../common/awaitable.js';

/** What stands in a log so far, as its tree sees it (RFC 6962): enough to go on with it. */
export interface TreeState {
  /** How many records there are. */
  readonly size: number;
  /** The roots of the full subtrees from left to right, base64: one for each bit that is set in `size`. */
  readonly nodes: readonly string[];
  /** When the last record was written, in epoch milliseconds. */
  readonly lastAt: number;
}

/** What opens the commitments of one record: deleting it leaves a log that verifies and tells nothing. */
export interface Opening {
  /** The record. */
  readonly seq: number;
  /** Its decision. */
  readonly decisionId: string;
  /** Whose call it is, to find what has to be erased. */
  readonly requester?: string | undefined;
  /** When the record was written, in epoch milliseconds. */
  readonly at: number;
  /** The salt of the decision: base64url of 16 bytes. */
  readonly salt: string;
  /** The canonical text of each value, by the name of its field. */
  readonly values: Readonly<Record<string, string>>;
}

/** Records that go into a log together. */
export interface AuditBatch {
  /** The lines, without their line ends. */
  readonly lines: readonly string[];
  /** The openings of these records. */
  readonly openings: readonly Opening[];
  /** The tree with these records in it. */
  readonly tree: TreeState;
}

/** A log that a sink has opened for this writer alone. */
export interface OpenLog {
  /** The name of the log. */
  readonly writer: string;
  /** What is in it already. A torn last line has been cut off. */
  readonly tree: TreeState;
  /** How many bytes of a torn last line were cut off. */
  readonly tornBytes: number;
}

/** Where the log of one writer is kept. What it has resolved is on disk, and stays. */
export interface AuditSink {
  /**
   * Opens the log of this writer, or makes one, and holds it: no other process can write to it until it is closed or its process has ended.
   *
   * @param writer the name of the log
   * @defaultValue the first log of this sink that no one holds: `w0`, `w1`, …
   * @throws StoreError where it cannot be opened, or another process holds it
   */
  open(writer?: string): Awaitable<OpenLog>;
  /**
   * Appends a batch. Not called again before it has settled. After it rejected, nothing more is written through this sink: what is on disk is not known.
   */
  append(batch: AuditBatch): Awaitable<void>;
  /** Keeps a signed checkpoint. */
  checkpoint(note: string): Awaitable<void>;
  /** Deletes openings that match, of every log that the sink can read, durably. Resolves to how many. */
  erase(which: (opening: Opening) => boolean): Awaitable<number>;
  /** What was last written by this and other writers, to be read back. */
  readonly source: AuditSource;
  /** Lets the log go. */
  close(): Awaitable<void>;
  /**
   * Makes another sink over the same logs, which has none of them open. While that one has a log open, no one else writes to it: so it shows that the writer of
   * a log has ended. Without it, what a writer has left is written by the one that goes on with its log, and by no one else.
   */
  another?(): AuditSink;
}

/**
 * Logs that can be read, also while they are written. Stored bytes that are not UTF-8 must not be read as U+FFFD, as most decoders do: U+FFFD may have been there
 * before, and then a changed log would verify.
 */
export interface AuditSource {
  /** The names of the logs, sorted. */
  writers(): Awaitable<readonly string[]>;
  /**
   * The lines of a log, in order, as they stand: nothing is checked. A last line without its end comes as `{torn}`.
   *
   * @param from the first position
   */
  lines(writer: string, from?: number): AsyncIterable<readonly string[] | { readonly torn: string }>;
  /** The checkpoints of a log, in the order in which they were written. */
  checkpoints(writer: string): AsyncIterable<string>;
  /** The last checkpoint of a log, where that is found without reading them all; `undefined` where there is none. */
  lastCheckpoint?(writer: string): Awaitable<string | undefined>;
  /** The openings that are left, in order. */
  openings(writer: string): AsyncIterable<Opening>;
}
