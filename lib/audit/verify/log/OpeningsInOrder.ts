import type { Opening } from '../../sink/AuditSink.js';

/** What there is for a record. */
export interface FoundOpening {
  readonly opening: Opening | undefined;
  /** Records of which an opening came that does not belong there. */
  readonly misplaced: readonly number[];
}

/** For a record without one. */
export const NO_OPENING: FoundOpening = { opening: undefined, misplaced: [] };

/** The openings of a log, as its records come. */
export class OpeningsInOrder {
  readonly #iterator: AsyncIterator<Opening> | undefined;
  #next: Opening | undefined;
  #done: boolean;

  constructor(openings: AsyncIterable<Opening> | undefined) {
    this.#iterator = openings?.[Symbol.asyncIterator]();
    this.#done = this.#iterator === undefined;
  }

  /** Whether it is known without waiting that there is none for that record. */
  hasNone(seq: number): boolean {
    return this.#next === undefined ? this.#done : this.#next.seq > seq;
  }

  /** Reads on to what there is for that record. */
  async find(seq: number): Promise<FoundOpening> {
    const misplaced: number[] = [];
    let opening: Opening | undefined;
    for (;;) {
      this.#next ??= await this.#read();
      if (this.#next === undefined || this.#next.seq > seq) return { opening, misplaced };
      if (this.#next.seq === seq && opening === undefined) opening = this.#next;
      else misplaced.push(this.#next.seq);
      this.#next = undefined;
    }
  }

  /** Lets go of what is read. */
  async close(): Promise<void> {
    this.#done = true;
    this.#next = undefined;
    await this.#iterator?.return?.();
  }

  async #read(): Promise<Opening | undefined> {
    const { value, done } = await (this.#iterator as AsyncIterator<Opening>).next();
    if (done !== true) return value;
    this.#done = true;
    return undefined;
  }
}
