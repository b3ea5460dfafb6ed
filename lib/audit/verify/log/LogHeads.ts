import type { AuditSource } from '../../sink/AuditSink.js';
import { readCheckpoint, writerOf } from '../../tree/checkpoint.js';
import type { Checkpoint } from '../../tree/checkpoint.js';
import { readNote } from '../../tree/signedNote.js';
import type { SignedNote } from '../../tree/signedNote.js';
import type { Findings } from '../report/Findings.js';

/** A checkpoint and its signatures. Nothing of it is believed yet. */
export interface Head extends Checkpoint {
  readonly note: SignedNote;
}

/** What someone says of a log: that it had this root when it had so many records. */
export interface HeadClaim {
  readonly size: number;
  readonly root: string;
  /** Who says it, in words: `the heads from outside`. */
  readonly by: string;
  /** Whether no one who writes logs could have written it. */
  readonly outside?: true | undefined;
}

/** Reads a signed checkpoint. `undefined` where it is not one. */
export function readHead(text: string): Head | undefined {
  const note = readNote(text);
  const checkpoint = note && readCheckpoint(note.text);
  return note && checkpoint && { ...checkpoint, note };
}

/**
 * Everything that is said of the size and root of each log: by its own checkpoints, by those of other logs, by the store, and from outside. A log has a checkpoint
 * a second: its own are read again as its records are, and what others say again and again is kept once.
 */
export class LogHeads {
  /** How many checkpoints a log had when they were read. */
  readonly #counts = new Map<string, number>();
  readonly #claims = new Map<string, HeadClaim[]>();
  /** The last claim on a log, by who made it. */
  readonly #lastClaims = new Map<string, HeadClaim>();

  /** How many claims are kept. */
  get kept(): number {
    return [...this.#claims.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** Reads the checkpoints of a log, and what they say of others. Those that cannot be read are findings. */
  async readOwn(source: AuditSource, writer: string, integrity: Findings): Promise<void> {
    let count = 0;
    for await (const { others = [] } of ownHeads(source.checkpoints(writer), writer, {
      next: () => {
        count += 1;
        return true;
      },
      passOver: (code, why) => integrity.add(code, writer, undefined, `checkpoint ${count - 1} ${why}`),
    }))
      for (const { writer: other, size, root } of others) this.claim(other, { size, root, by: `the log '${writer}'` });
    this.#counts.set(writer, count);
  }

  /** The checkpoints of a log of which {@link readOwn} has told, from the first to the last. They are read as they are asked for. */
  ownOf(source: AuditSource, writer: string): AsyncIterator<Head> {
    let left = this.#countOf(writer);
    return ownHeads(source.checkpoints(writer), writer, { next: () => left-- > 0 });
  }

  /** The checkpoints that were written since, of a log that had so many records then. */
  async readLater(source: AuditSource, writer: string, size: number): Promise<readonly Head[]> {
    const later: Head[] = [];
    const known = this.#countOf(writer);
    let index = 0;
    for await (const text of source.checkpoints(writer)) {
      index += 1;
      const head = index > known ? readHead(text) : undefined;
      if (head === undefined) continue;
      this.#counts.set(writer, index);
      if (head.size >= size) later.push(head);
    }
    return later;
  }

  /** Adds what is said of a log. */
  claim(writer: string, { size, root, by, outside }: HeadClaim): void {
    const whose = `${writer}\n${by}`;
    const last = this.#lastClaims.get(whose);
    if (last?.size === size && last.root === root) return;
    // a part of a text keeps the whole text in memory
    const claim: HeadClaim = { size, root: Buffer.from(root, 'latin1').toString('latin1'), by, outside };
    this.#lastClaims.set(whose, claim);
    const claims = this.#claims.get(writer);
    if (claims === undefined) this.#claims.set(writer, [claim]);
    else claims.push(claim);
  }

  /** What others say of a log, from the smallest size to the largest. */
  claimsOn(writer: string): readonly HeadClaim[] {
    return (this.#claims.get(writer) ?? []).toSorted((a, b) => a.size - b.size);
  }

  /** The names of the logs of which something is said. */
  claimedWriters(): readonly string[] {
    return [...this.#claims.keys()].sort();
  }

  #countOf(writer: string): number {
    return this.#counts.get(writer) as number;
  }
}

interface ReadingHeads {
  /** Called before each one. False: those before were all. */
  readonly next: () => boolean;
  /** Told of one that does not count, and why. */
  readonly passOver?: (code: string, why: string) => void;
}

/** The checkpoints that are of that log, none older than the one before. */
async function* ownHeads(texts: AsyncIterable<string>, writer: string, { next, passOver = () => {} }: ReadingHeads): AsyncGenerator<Head> {
  let size = 0;
  for await (const text of texts) {
    if (!next()) return;
    const head = readHead(text);
    if (head === undefined) passOver('checkpoint_malformed', 'cannot be read: it was changed, or cut off.');
    else if (writerOf(head.origin) !== writer) passOver('checkpoint_of_another_log', 'is of another log. It was put there.');
    else if (head.size < size) passOver('checkpoint_order', 'is older than the one before: it was put there instead of another.');
    else {
      ({ size } = head);
      yield head;
    }
  }
}
