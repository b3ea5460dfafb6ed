import type { AuditRecord } from '../../record/AuditRecord.js';
import { AuditPublicKey } from '../../tree/AuditPublicKey.js';
import { isSignedBy } from '../../tree/signedNote.js';
import type { Findings } from '../report/Findings.js';
import type { Head } from './LogHeads.js';

/**
 * The keys that sign a log, one after the other. The first record names the first one, and a `key` record the next; the checkpoint after it is signed by both, so
 * that a key that is trusted vouches for all that came before and for the key that follows.
 */
export class KeyChain {
  /** The keys so far, base64url. */
  readonly names: string[] = [];
  readonly #writer: string;
  readonly #trusted: ReadonlySet<string> | undefined;
  readonly #integrity: Findings;
  /** Those that have to sign the next checkpoint. */
  #signers: AuditPublicKey[] = [];
  /** A start that names another key: the record after it says so. */
  #announced: { readonly name: string; readonly seq: number } | undefined;
  #vouched = false;
  #signed = false;

  /** @param trusted the keys that were given from outside, base64url; without them those that the log names are taken */
  constructor(writer: string, trusted: ReadonlySet<string> | undefined, integrity: Findings) {
    this.#writer = writer;
    this.#trusted = trusted;
    this.#integrity = integrity;
  }

  /** Whether the next record has to say why the key is another one. */
  get awaits(): boolean {
    return this.#announced !== undefined;
  }

  /** Follows the keys that records name. */
  follow(record: AuditRecord): void {
    const announced = this.#announced;
    this.#announced = undefined;
    if (record.kind === 'key') {
      if (announced !== undefined && announced.name !== record.publicKey) this.#unannounced(announced.seq);
      this.#next(record.publicKey, record.previousPublicKey, record.seq);
    } else if (announced !== undefined) this.#unannounced(announced.seq);
    if (record.kind === 'started') this.#start(record.publicKey, record.seq);
  }

  /** Verifies who signed a checkpoint whose root is right. */
  verify({ note, origin }: Head, lastSeq: number): void {
    if (this.#signers.length === 0) return;
    this.#signed = true;
    const missing = this.#signers.find((key) => !isSignedBy(note, origin, key));
    if (missing === undefined) {
      this.#vouched ||= this.#signers.some((key) => this.#trusted?.has(key.toString()) === true);
      this.#signers = this.#signers.slice(-1);
      return;
    }
    const why =
      this.#signers.length === 1
        ? 'is not signed by the key of the log: it was changed, or another key signed it'
        : 'is not signed by both keys, the one before and the one after the change';
    this.#add('checkpoint_signature', lastSeq, `The checkpoint after record ${lastSeq} ${why}.`);
  }

  /** At the end of the log. */
  end(): void {
    if (this.#announced !== undefined) this.#unannounced(this.#announced.seq);
    if (this.#trusted === undefined || this.#vouched || !this.#signed) return;
    this.#add(
      'key_not_trusted',
      undefined,
      'No checkpoint is signed by a key that was given: this log was written with other keys, or the wrong key was given.',
    );
  }

  #start(name: string, seq: number): void {
    const current = this.names.at(-1);
    if (current === undefined) this.#use(name, seq);
    else if (current !== name) this.#announced = { name, seq };
  }

  #next(name: string, previous: string, seq: number): void {
    if (previous !== this.names.at(-1)) this.#add('key_chain', seq, `Record ${seq} changes the key of another log, or of none.`);
    this.#use(name, seq);
  }

  #use(name: string, seq: number): void {
    try {
      this.#signers.push(AuditPublicKey.read(name));
      this.names.push(name);
    } catch {
      this.#add('key_malformed', seq, `Record ${seq} names a key that cannot be read.`);
    }
  }

  #unannounced(seq: number): void {
    this.#add('key_changed', seq, `Record ${seq} names another key than the records before, without a record that the key was changed.`);
  }

  #add(code: string, seq: number | undefined, message: string): void {
    this.#integrity.add(code, this.#writer, seq, message);
  }
}
