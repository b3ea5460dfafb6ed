import type { OptionKinds } from '../../common/readOptions.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { ApprovalRecord, Verdict } from '../../store/ApprovalStore.js';
import { AuditPublicKey } from '../tree/AuditPublicKey.js';
import { splitNotes } from '../tree/signedNote.js';
import { readHead } from './log/LogHeads.js';
import type { Head } from './log/LogHeads.js';

/** What a store knows that logs must know too. */
export interface StoredEvidence {
  /** Checkpoints that were kept in the store. */
  heads?(): Iterable<string> | AsyncIterable<string>;
  /** The approvals that it still has. */
  approvals?(): Iterable<StoredUse> | AsyncIterable<StoredUse>;
}

/** An approval, as far as it was decided and used. */
export type StoredUse = Pick<ApprovalRecord, 'decisionId' | 'consumed' | 'begun'> & {
  /** When its verdicts were given. Left out, they are not looked for. */
  readonly verdicts?: readonly Pick<Verdict, 'atMs'>[] | undefined;
};

/** How far a verification has come. */
export interface VerifyProgress {
  /** The log that is read. */
  readonly writer: string;
  /** How many records were read so far, of all logs. */
  readonly records: number;
}

/** Options of `verifyAudit()`. */
export interface VerifyOptions {
  /**
   * The keys that the logs were signed with: `AuditPublicKey`, or as text in one of its forms. One of a log that changed its key is enough.
   *
   * @defaultValue those that the logs name themselves, which prove only that each log agrees with itself
   */
  readonly keys?: readonly (AuditPublicKey | string)[] | undefined;
  /** Checkpoints that were kept where a writer of the logs cannot write, such as what `aegis audit heads` printed: each text has one or more. */
  readonly heads?: readonly string[] | undefined;
  /** What a store knows of heads and of used approvals. */
  readonly store?: StoredEvidence | undefined;
  /**
   * How long to wait, in milliseconds, for the next checkpoint of a log whose last records none covers yet, because it is being written.
   *
   * @defaultValue 0
   */
  readonly waitMs?: number | undefined;
  /**
   * Accepts records at the end of a log that no checkpoint covers, as after a crash: they prove nothing, and are checked as if they did.
   *
   * @defaultValue false
   */
  readonly allowUnsigned?: boolean | undefined;
  /** Compares openings with what the records commit to. @defaultValue true */
  readonly openings?: boolean | undefined;
  /** How many findings of each kind are kept. @defaultValue 1,000 */
  readonly maxFindings?: number | undefined;
  /** Is told from time to time how far it has come. */
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

const OPTIONS: OptionKinds<VerifyOptions> = {
  keys: 'list',
  heads: 'list',
  store: 'object',
  waitMs: 'count',
  allowUnsigned: 'boolean',
  openings: 'boolean',
  maxFindings: 'count',
  onProgress: 'function',
};

/** The options, read. */
export interface CheckedVerifyOptions extends Omit<VerifyOptions, 'keys' | 'heads'> {
  readonly trusted: readonly AuditPublicKey[] | undefined;
  readonly heads: readonly Head[];
}

/** @throws ConfigError that names each option that is wrong */
export function checkedVerifyOptions(given: VerifyOptions): CheckedVerifyOptions {
  const { keys, heads = [], ...options } = checkedOptions('verifyAudit()', given, OPTIONS);
  const trusted = keys?.map((key, i) => (key instanceof AuditPublicKey ? key : AuditPublicKey.read(key, `keys[${i}]`)));
  return { ...options, trusted, heads: heads.flatMap((text, i) => readHeads(text, `heads[${i}]`)) };
}

/**
 * Reads checkpoints from a text.
 *
 * @param where what names the text, for the error
 * @throws ConfigError where there is none, or one cannot be read
 */
export function readHeads(text: string, where: string): readonly Head[] {
  const notes = splitNotes(text);
  if (notes.length === 0) fail(where, 'There is no checkpoint in it. Give what `aegis audit heads` printed.');
  return notes.map(
    (note, i) =>
      readHead(note) ?? fail(where, `Checkpoint ${i + 1} in it cannot be read. Give what \`aegis audit heads\` printed, unchanged.`),
  );
}

function fail(where: string, message: string): never {
  throw new ConfigError([{ where, message }]);
}
