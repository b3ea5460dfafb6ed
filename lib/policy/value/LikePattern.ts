import type { StepBudget } from './StepBudget.js';

/** Node searches texts up to this length in linear time, with a few nanoseconds for a character at worst; longer ones not. */
const LONG_PIECE = 240;

/**
 * The pattern of a `like`: texts between stars. Each text is taken where it occurs first, never again later, so a match takes no longer than one
 * pass over the text. Pattern and text are well-formed, so UTF-16 units match exactly where Cedar's characters do.
 */
export class LikePattern {
  readonly #first: string;
  readonly #middle: readonly string[];
  /** Undefined where there is no star. */
  readonly #last: string | undefined;
  /** Steps for a character of the text. What it costs at worst, measured: texts are the caller's. */
  readonly #perUnit: number;

  /** @param pieces what stands before, between and after the stars; one piece where there is no star */
  constructor(pieces: readonly string[]) {
    this.#first = pieces[0] as string;
    this.#last = pieces.length > 1 ? (pieces.at(-1) as string) : undefined;
    this.#middle = pieces.slice(1, -1).filter((piece) => piece !== '');
    const longest = Math.max(0, ...this.#middle.map((piece) => piece.length));
    this.#perUnit = longest <= 1 ? 1 / 8 : longest <= LONG_PIECE ? 1 : longest / 16;
  }

  matches(text: string, budget: StepBudget): boolean {
    const first = this.#first;
    const last = this.#last;
    if (last === undefined) return text === first;
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    if (this.#middle.length === 0) return true;
    budget.take(Math.ceil(text.length * this.#perUnit));
    const end = text.length - last.length;
    let at = first.length;
    for (const piece of this.#middle) {
      const found = text.indexOf(piece, at);
      if (found === -1) return false;
      at = found + piece.length;
      if (at > end) return false;
    }
    return true;
  }
}
