import type { AuditRecord } from '../../record/AuditRecord.js';
import { CompactTree } from '../../tree/CompactTree.js';
import type { VerifiedLog } from '../report/AuditReport.js';
import type { Findings } from '../report/Findings.js';
import { KeyChain } from './KeyChain.js';
import type { Head, HeadClaim, LogHeads } from './LogHeads.js';
import { readRecord } from '../line/readRecord.js';

/** What a log is checked with. */
export interface LogCheckOptions {
  readonly writer: string;
  readonly heads: LogHeads;
  /** The keys that were given from outside, base64url. */
  readonly trusted: ReadonlySet<string> | undefined;
  readonly integrity: Findings;
  readonly completeness: Findings;
}

/** Checks the lines of one log, from the first to the last, against everything that is said of its size and root. */
export class LogCheck {
  readonly #writer: string;
  readonly #integrity: Findings;
  readonly #completeness: Findings;
  readonly #tree = new CompactTree();
  readonly #keys: KeyChain;
  readonly #claims: readonly HeadClaim[];
  /** Checkpoints that are not reached yet, and the last one that was given. */
  #heads: readonly Head[] = [];
  #nextHead = 0;
  #nextClaim = 0;
  #lastAt = 0;
  #lastKind: AuditRecord['kind'] | undefined;
  #signed = 0;
  #covered = 0;
  #origin: string | undefined;
  /** One changed record makes every later root another one: it is told once. */
  #differs = false;
  #torn = false;

  constructor({ writer, heads, trusted, integrity, completeness }: LogCheckOptions) {
    this.#writer = writer;
    this.#integrity = integrity;
    this.#completeness = completeness;
    this.#keys = new KeyChain(writer, trusted, integrity);
    this.#claims = heads.claimsOn(writer);
    this.#compare();
  }

  /** How many lines it has had. */
  get size(): number {
    return this.#tree.size;
  }

  /** How many records the last checkpoint covers that was verified. */
  get signed(): number {
    return this.#signed;
  }

  /** Takes the next line. `undefined` where it is not a record. */
  line(line: string): AuditRecord | undefined {
    const seq = this.#tree.size;
    this.#tree.append(line);
    if (this.#torn) this.#torn = this.#add('torn_line', seq, `Record ${seq} comes after a line that was not finished.`);
    const record = readRecord(line);
    if (typeof record === 'string') this.#add('malformed', seq, `Record ${seq} was changed: ${record}.`);
    else this.#follow(record, seq);
    this.#compare();
    return typeof record === 'string' ? undefined : record;
  }

  /** Takes a last line without its end; or forgets it, because the log is read on from there. */
  torn(isTorn: boolean): void {
    this.#torn = isTorn;
  }

  /** Whether it ends with a line that is not finished. */
  get isTorn(): boolean {
    return this.#torn;
  }

  /** The size of the last checkpoint that it was given. */
  get headsUntil(): number {
    return this.#heads.at(-1)?.size ?? -1;
  }

  /** Goes on with the checkpoints after those that it has, or, of a log that was written since, with those. Those of sizes that are behind are passed over. */
  moreHeads(heads: readonly Head[]): void {
    this.#heads = [...this.#heads.slice(this.#nextHead), ...heads].filter(({ size }) => size >= this.#tree.size);
    this.#nextHead = 0;
    this.#compare();
  }

  /** @param expected how many records a checkpoint has to cover, and no line may be unfinished after them; `undefined`: it may end as it does */
  end(expected: number | undefined): VerifiedLog {
    const size = this.#tree.size;
    const head = this.#heads[this.#nextHead];
    const claim = this.#claims[this.#nextClaim];
    if (head !== undefined) this.#short('truncated', head.size, 'its own checkpoint');
    if (claim !== undefined) this.#short('shorter_than_head', claim.size, claim.by);
    this.#keys.end();
    if (this.#torn && expected !== undefined)
      this.#add('torn_line', size, 'The log ends with a line that is not finished: its writer died over it, or it was cut off or added.');
    if (this.#signed < (expected ?? 0) && head === undefined) this.#endUnsigned(size);
    return {
      writer: this.#writer,
      origin: this.#origin,
      size,
      signed: this.#signed,
      covered: this.#covered,
      root: this.#tree.root().toString('base64'),
      keys: this.#keys.names,
      closed: this.#lastKind === 'closed',
    };
  }

  #endUnsigned(size: number): void {
    const count = size - this.#signed;
    if (this.#differs) return;
    const which = count === 1 ? `Record ${this.#signed} is` : `Records ${this.#signed} to ${size - 1} are`;
    this.#add(
      'unsigned',
      this.#signed,
      `${which} in no checkpoint: the writer died before it signed, or they were added. When the writer starts again, it signs what it wrote.`,
    );
  }

  #short(code: string, size: number, by: string): void {
    const missing = size - this.#tree.size;
    const which = missing === 1 ? 'Record' : `${missing} records from`;
    this.#completeness.add(
      code,
      this.#writer,
      this.#tree.size,
      `${which} ${this.#tree.size}${missing === 1 ? ' is' : ' on are'} missing: the log has ${this.#tree.size}, and ${by} says ${size}.`,
    );
  }

  #follow(record: AuditRecord, seq: number): void {
    if (record.seq !== seq)
      this.#completeness.add(
        'sequence',
        this.#writer,
        seq,
        `Record ${seq} says that it is number ${record.seq}: records were removed, added or moved.`,
      );
    if (record.writer !== this.#writer) this.#add('foreign', seq, `Record ${seq} is of another log, and was put there.`);
    if (record.at < this.#lastAt) this.#add('time', seq, `Record ${seq} is older than the record before.`);
    this.#lastAt = record.at;
    if (seq === 0 && record.kind !== 'started') this.#add('no_start', 0, 'The first record does not say that the log begins.');
    else if (record.kind === 'started' || this.#keys.awaits || record.kind === 'key') this.#keys.follow(record);
    if (this.#lastKind === 'closed' && record.kind !== 'started')
      this.#add('after_close', seq, `Record ${seq} comes after the log was closed, without a start between.`);
    this.#lastKind = record.kind;
  }

  /** Compares the root with what is said of a log of this size. */
  #compare(): void {
    const { size } = this.#tree;
    let root: string | undefined;
    for (let head = this.#heads[this.#nextHead]; head?.size === size; head = this.#heads[++this.#nextHead]) {
      root ??= this.#tree.root().toString('base64');
      this.#compareHead(head, root);
    }
    for (let claim = this.#claims[this.#nextClaim]; claim?.size === size; claim = this.#claims[++this.#nextClaim]) {
      root ??= this.#tree.root().toString('base64');
      if (claim.outside === true) this.#covered = size;
      if (claim.root !== root && !this.#differs) {
        this.#add('head_differs', size - 1, `The first ${size} records are not those of which ${claim.by} knows: ${this.#changed(size)}.`);
        this.#differs = true;
      }
    }
  }

  #compareHead(head: Head, root: string): void {
    const { size } = this.#tree;
    this.#origin ??= head.origin;
    if (head.origin !== this.#origin)
      this.#add('origin', size - 1, `The checkpoint after record ${size - 1} names another origin than those before.`);
    if (head.root === root) {
      this.#keys.verify(head, size - 1);
      this.#signed = size;
    } else if (!this.#differs) {
      this.#add('changed', this.#signed, `${capital(this.#changed(size))} after that was signed; what follows cannot be compared.`);
      this.#differs = true;
    }
  }

  #changed(size: number): string {
    const [first, last] = [this.#signed, size - 1];
    return first === last ? `record ${first} was changed` : `one of the records ${first} to ${last} was changed, removed or added`;
  }

  #add(code: string, seq: number, message: string): false {
    this.#integrity.add(code, this.#writer, seq, message);
    return false;
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
