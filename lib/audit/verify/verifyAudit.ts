import type { AuditRecord } from '../record/AuditRecord.js';
import type { AuditSource, Opening } from '../sink/AuditSink.js';
import { AuditPublicKey } from '../tree/AuditPublicKey.js';
import { writerOf } from '../tree/checkpoint.js';
import { isSignedBy } from '../tree/signedNote.js';
import type { AuditReport, VerifiedLog } from './report/AuditReport.js';
import { Findings } from './report/Findings.js';
import { IdSet } from './log/IdSet.js';
import { Law } from './law/Law.js';
import { LogCheck } from './log/LogCheck.js';
import { LogHeads, readHead } from './log/LogHeads.js';
import type { Head } from './log/LogHeads.js';
import { NO_OPENING, OpeningsInOrder } from './log/OpeningsInOrder.js';
import { openingFault } from './line/openingFault.js';
import { checkedVerifyOptions } from './VerifyOptions.js';
import type { CheckedVerifyOptions, VerifyOptions } from './VerifyOptions.js';

const MAX_FINDINGS = 1_000;
/** What is said by one of the heads that were given. */
const OUTSIDE = { by: 'a head from outside', outside: true } as const;
/** How often a log that is being written is looked at again. */
const LOOK_AGAIN_MS = 100;

/**
 * Verifies audit logs: whether the records are those that were written, whether any is missing, and whether everything that ran was allowed or approved. It reads
 * each record once, and needs nothing of the program that wrote them. `docs/audit.md` says what this proves, and what it cannot.
 *
 * @throws ConfigError for an option, a key or a head that cannot be read
 * @throws StoreError where the logs cannot be read
 */
export async function verifyAudit(source: AuditSource, options: VerifyOptions = {}): Promise<AuditReport> {
  return new Verification(source, checkedVerifyOptions(options)).run();
}

class Verification {
  readonly #source: AuditSource;
  readonly #options: CheckedVerifyOptions;
  readonly #integrity: Findings;
  readonly #completeness: Findings;
  readonly #lawFindings: Findings;
  readonly #law: Law;
  readonly #heads = new LogHeads();
  #records = 0;
  #openings = 0;
  #firstAt = Infinity;
  /** Logs with a line that is not a record: what it said may be what is missing. */
  readonly #malformed = new Set<string>();
  /** The changes of stores that were recorded. */
  readonly #changes = new IdSet();

  constructor(source: AuditSource, options: CheckedVerifyOptions) {
    const { maxFindings = MAX_FINDINGS } = options;
    this.#source = source;
    this.#options = options;
    this.#integrity = new Findings(maxFindings);
    this.#completeness = new Findings(maxFindings);
    this.#lawFindings = new Findings(maxFindings);
    this.#law = new Law(this.#lawFindings);
  }

  async run(): Promise<AuditReport> {
    const { heads, store, trusted } = this.#options;
    // what is said of the logs is read before them: they only grow
    for (const { origin, size, root, others = [] } of heads)
      // it says too how far the other logs were
      for (const head of [{ writer: writerOf(origin), size, root }, ...others]) this.#heads.claim(head.writer, { ...OUTSIDE, ...head });
    for await (const text of store?.heads?.() ?? []) this.#claimStored(text);
    const writers = await this.#source.writers();
    for (const writer of writers) await this.#heads.readOwn(this.#source, writer, this.#integrity);
    const logs: VerifiedLog[] = [];
    for (const writer of writers) logs.push(await this.#verifyLog(writer));
    for (const writer of this.#heads.claimedWriters()) if (!writers.includes(writer)) this.#missing(writer);
    const law = this.#law.finish();
    await this.#compareUses();
    const [integrity, completeness, lawVerdict] = [this.#integrity, this.#completeness, this.#lawFindings].map((found) =>
      found.verdict(),
    ) as [AuditReport['integrity'], AuditReport['integrity'], AuditReport['law']];
    const proven = heads.length > 0 && logs.every(({ covered, size }) => covered > 0 || size === 0);
    return {
      ok: integrity.ok && completeness.ok && lawVerdict.ok && proven,
      integrity,
      completeness: { ...completeness, proven },
      law: lawVerdict,
      counts: { records: this.#records, openings: this.#openings, ...law },
      logs,
      keys: trusted === undefined ? 'own' : 'given',
    };
  }

  async #verifyLog(writer: string): Promise<VerifiedLog> {
    const { trusted, waitMs = 0, allowUnsigned = false } = this.#options;
    const names = trusted && new Set(trusted.map(String));
    const check = new LogCheck({
      writer,
      heads: this.#heads,
      trusted: names,
      integrity: this.#integrity,
      completeness: this.#completeness,
    });
    this.#law.start(writer);
    const openings = new OpeningsInOrder(this.#options.openings === false ? undefined : this.#source.openings(writer));
    const own = this.#heads.ownOf(this.#source, writer);
    await supply(check, own, 0);
    await this.#readLines(check, writer, openings, own);
    await own.return?.();
    const seen = check.size;
    for (const until = Date.now() + waitMs; (check.signed < seen || check.isTorn) && Date.now() < until;) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
      const later = await this.#heads.readLater(this.#source, writer, seen);
      if (later.length === 0) continue;
      check.moreHeads(later);
      await this.#readLines(check, writer, openings);
    }
    await openings.close();
    const log = check.end(allowUnsigned ? undefined : seen);
    this.#checkEnd(log);
    return log;
  }

  async #readLines(check: LogCheck, writer: string, openings: OpeningsInOrder, own?: AsyncIterator<Head>): Promise<void> {
    check.torn(false);
    for await (const lines of this.#source.lines(writer, check.size)) {
      if ('torn' in lines) {
        check.torn(true);
        continue;
      }
      if (own !== undefined) await supply(check, own, check.size + lines.length);
      for (const line of lines) {
        const seq = check.size;
        const record = check.line(line);
        // a record without one is not worth a promise
        const next = openings.hasNone(seq) ? NO_OPENING : await openings.find(seq);
        for (const misplaced of next.misplaced)
          this.#integrity.add(
            'opening_misplaced',
            writer,
            misplaced,
            `An opening of record ${misplaced} is there twice, or not in its place.`,
          );
        this.#records += 1;
        if (record === undefined) {
          this.#malformed.add(writer);
          continue;
        }
        if (record.at < this.#firstAt) this.#firstAt = record.at;
        if (record.change !== undefined && !this.#changes.add(record.change))
          this.#integrity.add(
            'change_twice',
            writer,
            seq,
            `Record ${seq} is about a change of the store that another record is about: a change is recorded once.`,
          );
        if (record.kind === 'dropped')
          this.#completeness.add(
            'dropped',
            writer,
            seq,
            `Before record ${seq}, ${record.count} were lost, because more came than could be written.`,
          );
        this.#law.record(record, next.opening && this.#opened(next.opening, record));
      }
      this.#options.onProgress?.({ writer, records: this.#records });
    }
  }

  /** An opening that is the record's own. */
  #opened(opening: Opening, record: AuditRecord): Opening | undefined {
    this.#openings += 1;
    const fault = openingFault(opening, record);
    if (fault === undefined) return opening;
    this.#integrity.add('opening', record.writer, record.seq, `The opening of record ${record.seq} is not its own: it ${fault}.`);
    return undefined;
  }

  #checkEnd({ writer, keys, closed }: VerifiedLog): void {
    const { heads, trusted = [] } = this.#options;
    const own = keys.map((name) => AuditPublicKey.read(name));
    for (const head of heads.filter(({ origin }) => writerOf(origin) === writer))
      if (![...own, ...trusted].some((key) => isSignedBy(head.note, head.origin, key)))
        this.#completeness.add(
          'head_signature',
          writer,
          undefined,
          'A head from outside is not signed by a key of this log: it is of another one, or was changed.',
        );
    if (!closed || this.#malformed.has(writer)) return;
    for (const { seq } of this.#law.openOf(writer))
      this.#completeness.add(
        'open_entry',
        writer,
        seq,
        `Record ${seq} enters a method, and no record says how that ended, though the log was closed.`,
      );
  }

  #claimStored(text: string): void {
    const head = readHead(text);
    if (head === undefined)
      this.#completeness.add('stored_head', 'store', undefined, 'A head in the store cannot be read: it was changed.');
    else this.#heads.claim(writerOf(head.origin), { size: head.size, root: head.root, by: 'the store' });
  }

  #missing(writer: string): void {
    for (const { by, size } of this.#heads.claimsOn(writer).slice(-1))
      this.#completeness.add('log_missing', writer, undefined, `The log '${writer}' is not there: ${by} says that it has ${size} records.`);
  }

  /** Each verdict on an approval, and each use, that the store knows has to be in a log. */
  async #compareUses(): Promise<void> {
    for await (const { decisionId, verdicts = [], consumed, begun } of this.#options.store?.approvals?.() ?? []) {
      const since = (changes: readonly ({ readonly atMs: number } | undefined)[]): number =>
        changes.filter((change) => change !== undefined && change.atMs >= this.#firstAt).length;
      if (since(verdicts) > this.#law.countOf('verdicts', decisionId)) this.#unrecorded('decided');
      if (since([consumed]) > this.#law.countOf('consumed', decisionId)) this.#unrecorded('used');
      if (since([begun]) > this.#law.countOf('begun', decisionId)) this.#unrecorded('begun');
    }
  }

  #unrecorded(what: string): void {
    this.#completeness.add('unrecorded', 'store', undefined, `The store has an approval that was ${what}, and no log says so.`);
  }
}

/** Gives a check the checkpoints of its log that it needs for its lines up to that size, and the one after, by which it sees where lines are missing. */
async function supply(check: LogCheck, own: AsyncIterator<Head>, size: number): Promise<void> {
  if (check.headsUntil > size) return;
  const heads: Head[] = [];
  for (;;) {
    const next = await own.next();
    if (next.done === true) break;
    heads.push(next.value);
    if (next.value.size > size) break;
  }
  check.moreHeads(heads);
}
