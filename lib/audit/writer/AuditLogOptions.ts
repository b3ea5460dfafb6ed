import type { OptionKinds } from '../../common/readOptions.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { AuditSink } from '../sink/AuditSink.js';
import { isWriterName } from '../sink/writerName.js';
import { AuditKey } from '../tree/AuditKey.js';

/** How often the root of a log is signed: whichever comes first. */
export interface CheckpointInterval {
  /** After so many records. @defaultValue 256 */
  readonly records?: number | undefined;
  /** After so many milliseconds, if there are new records. @defaultValue 1,000 */
  readonly ms?: number | undefined;
}

/** Options of an audit log. */
export interface AuditLogOptions {
  /** Where it is kept. */
  readonly sink: AuditSink;
  /** Whose log it is, as a name without spaces, such as `acme.example/payments`: checkpoints are signed under it. */
  readonly origin: string;
  /** The key that signs its checkpoints: an `AuditKey`, or the text of an ed25519 private key (PKCS#8, PEM or base64). */
  readonly key: AuditKey | string;
  /** The key before, where it was changed: the log then says so, and the next checkpoint is signed by both. */
  readonly previousKey?: AuditKey | string | undefined;
  /**
   * Whether a method waits until the record of its entry is on disk (`required`), and is not entered without it; or runs at once, so that a crash loses the
   * last records (`best-effort`).
   *
   * @defaultValue `required`
   */
  readonly mode?: 'required' | 'best-effort' | undefined;
  /**
   * The name of this log in the sink. Each process that writes at the same time has one of its own.
   *
   * @defaultValue the first log that no other process holds: `w0`, `w1`, …
   */
  readonly writer?: string | undefined;
  /** How often the root is signed. @defaultValue after 256 records or 1 s */
  readonly checkpointEvery?: CheckpointInterval | undefined;
  /**
   * Whether the values behind the commitments are kept beside the log: without them it proves as much and tells less, and it cannot be replayed.
   *
   * @defaultValue true
   */
  readonly openings?: boolean | undefined;
  /**
   * Gets each checkpoint after it was kept: send it to a place that those who can write the log cannot write to. Without a checkpoint outside, nothing proves that
   * the end of the log was not cut off. A throw or rejection is reported on `aegis:diagnostics` and changes nothing.
   */
  readonly onCheckpoint?: ((note: string) => unknown) | undefined;
  /**
   * How many records may wait to be written. In `best-effort` more are dropped and counted in the log; in `required` the calls are refused.
   *
   * @defaultValue 10,000 in `best-effort`, 100,000 in `required`
   */
  readonly maxQueued?: number | undefined;
  /** @internal What writes it. */
  readonly source?: 'library' | 'server' | undefined;
}

const OPTIONS: OptionKinds<AuditLogOptions> = {
  sink: 'object!',
  origin: 'text!',
  key: 'object|text!',
  previousKey: 'object|text',
  mode: "'required'|'best-effort'",
  writer: 'text',
  checkpointEvery: 'record',
  openings: 'boolean',
  onCheckpoint: 'function',
  maxQueued: 'count',
  source: "'library'|'server'",
};

/** The options with their defaults. */
export interface CheckedAuditLogOptions {
  readonly sink: AuditSink;
  readonly origin: string;
  readonly key: AuditKey;
  readonly previousKey: AuditKey | undefined;
  readonly mode: 'required' | 'best-effort';
  readonly writer: string | undefined;
  readonly checkpointRecords: number;
  readonly checkpointMs: number;
  readonly openings: boolean;
  readonly onCheckpoint: ((note: string) => unknown) | undefined;
  readonly maxQueued: number;
  /** Set by a server for a log that it is given. */
  source: 'library' | 'server';
}

const ORIGIN = /^[\w.:/-]{1,200}$/;
const SINK_METHODS = ['open', 'append', 'checkpoint', 'erase', 'close'] as const;

/** @throws ConfigError that names each option that is wrong */
export function checkedAuditLogOptions(given: AuditLogOptions): CheckedAuditLogOptions {
  const options = checkedOptions('auditLog()', given, OPTIONS);
  const { sink, origin, mode = 'required', writer, checkpointEvery = {}, openings = true, onCheckpoint, source = 'library' } = options;
  const problems: { where: string; message: string }[] = [];
  const missing = SINK_METHODS.find((method) => typeof (sink as Partial<AuditSink>)[method] !== 'function');
  if (missing !== undefined)
    problems.push({ where: 'sink', message: `must be an AuditSink, and has no ${missing}(). Use jsonlFolder(), for example.` });
  if (!ORIGIN.test(origin))
    problems.push({
      where: 'origin',
      message: 'must be 1 to 200 characters of letters, digits and `._:/-`, such as `acme.example/payments`.',
    });
  if (writer !== undefined && !isWriterName(writer))
    problems.push({
      where: 'writer',
      message: 'must be 1 to 64 lower-case letters, digits, "-", "_" and ".", and start with a letter or a digit.',
    });
  const { records, ms } = checkedOptions<CheckpointInterval>('checkpointEvery', checkpointEvery, { records: 'count', ms: 'ms' });
  if (records === 0) problems.push({ where: 'checkpointEvery.records', message: 'must be a whole number from 1 on (got 0).' });
  const key = readKey(options.key, 'key', problems);
  const previousKey = options.previousKey === undefined ? undefined : readKey(options.previousKey, 'previousKey', problems);
  if (problems.length > 0 || key === undefined) throw new ConfigError(problems);
  return {
    sink,
    origin,
    key,
    previousKey,
    mode,
    writer,
    checkpointRecords: records ?? 256,
    checkpointMs: ms ?? 1_000,
    openings,
    onCheckpoint,
    maxQueued: options.maxQueued ?? (mode === 'required' ? 100_000 : 10_000),
    source,
  };
}

function readKey(key: AuditKey | string, where: string, problems: { where: string; message: string }[]): AuditKey | undefined {
  if (key instanceof AuditKey) return key;
  if (typeof key === 'string') return AuditKey.read(key, where);
  problems.push({ where, message: 'must be an AuditKey, or the text of an ed25519 private key. Make one with AuditKey.generate().' });
  return undefined;
}
