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
}

/** Reads a signed checkpoint. `undefined` where it is not one. */
export function readHead(text: string): Head | undefined {
  const note = readNote(text);
  const checkpoint = note && readCheckpoint(note.text);
  return note && checkpoint && { ...checkpoint, note };
}

/** Everything that is said of the size and root of each log: by its own checkpoints, by those of other logs, by the store, and from outside. */
export class LogHeads {
  readonly #own = new Map<string, Head[]>();
  readonly #claims = new Map<string, HeadClaim[]>();

  /** Reads the checkpoints of a log, and what they say of others. Those that cannot be read are findings. */
  async readOwn(source: AuditSource, writer: string, integrity: Findings): Promise<void> {
    const heads: Head[] = [];
    let index = 0;
    for await (const text of source.checkpoints(writer)) {
      const head = readHead(text);
      const what = `checkpoint ${index}`;
      index += 1;
      if (head === undefined)
        integrity.add('checkpoint_malformed', writer, undefined, `${what} cannot be read: it was changed, or cut off.`);
      else if (writerOf(head.origin) !== writer)
        integrity.add('checkpoint_of_another_log', writer, undefined, `${what} is of another log. It was put there.`);
      else if (head.size < (heads.at(-1)?.size ?? 0))
        integrity.add('checkpoint_order', writer, undefined, `${what} is older than the one before: it was put there instead of another.`);
      else heads.push(head);
    }
    this.#own.set(writer, heads);
    for (const { others = [] } of heads)
      for (const { writer: other, size, root } of others) this.claim(other, { size, root, by: `the log '${writer}'` });
  }

  /** Adds what is said of a log. */
  claim(writer: string, claim: HeadClaim): void {
    const claims = this.#claims.get(writer);
    if (claims === undefined) this.#claims.set(writer, [claim]);
    else claims.push(claim);
  }

  /** The checkpoints of a log, of which {@link readOwn} has read them, from the first to the last. */
  ownOf(writer: string): readonly Head[] {
    return this.#own.get(writer) as readonly Head[];
  }

  /** What others say of a log, from the smallest size to the largest. */
  claimsOn(writer: string): readonly HeadClaim[] {
    return (this.#claims.get(writer) ?? []).toSorted((a, b) => a.size - b.size);
  }

  /** The names of the logs of which something is said. */
  claimedWriters(): readonly string[] {
    return [...this.#claims.keys()].sort();
  }
}
