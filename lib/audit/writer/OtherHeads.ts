import { publishCallbackError } from '../../model/diagnostics.js';
import type { AuditSource } from '../sink/AuditSink.js';
import { readCheckpoint } from '../tree/checkpoint.js';
import type { OtherHead } from '../tree/checkpoint.js';
import { lastNote } from './lastNote.js';
import { readNote } from '../tree/signedNote.js';

/** How long what is known of the other logs is good enough, in milliseconds. */
const KEPT_MS = 10_000;

/** How far the other logs of a sink have come. It is written into each checkpoint, so that a log cannot be dropped or cut without the others showing it. */
export class OtherHeads {
  readonly #source: AuditSource;
  readonly #origin: string;
  #heads: readonly OtherHead[] = [];
  #readAtMs = -Infinity;

  /** @param origin of all logs; what other checkpoints are in the sink is passed over */
  constructor(source: AuditSource, origin: string) {
    this.#source = source;
    this.#origin = origin;
  }

  /** The heads of all logs but one. What cannot be read now is told as it was known before. */
  async besides(writer: string): Promise<readonly OtherHead[]> {
    if (performance.now() - this.#readAtMs < KEPT_MS) return this.#heads;
    this.#readAtMs = performance.now();
    try {
      const heads: OtherHead[] = [];
      for (const other of await this.#source.writers()) {
        const head = other === writer ? undefined : await this.#headOf(other);
        if (head !== undefined) heads.push(head);
      }
      this.#heads = heads;
    } catch (error) {
      publishCallbackError('auditLog', error);
    }
    return this.#heads;
  }

  async #headOf(writer: string): Promise<OtherHead | undefined> {
    const last = await lastNote(this.#source, writer);
    const text = last === undefined ? undefined : readNote(last)?.text;
    const checkpoint = text === undefined ? undefined : readCheckpoint(text);
    if (checkpoint?.origin !== `${this.#origin}/${writer}`) return undefined;
    return { writer, size: checkpoint.size, root: checkpoint.root };
  }
}
