import { isSameData } from './canonical.js';

/** What is shown in place of a value that someone may not see in full. It never gives the value itself away: not as text, as JSON, or when inspected. */
export class Masked {
  /** What of the value is shown, such as its last four characters; absent where nothing is. */
  readonly shown: string | undefined;
  /** What stands in its place. It has no quotes, so that no text of an agent can be taken for it. */
  readonly note: string;
  readonly #value: unknown;

  /** @param value the value that is not shown */
  constructor(note: string, shown?: string, value?: unknown) {
    this.note = note;
    this.shown = shown;
    this.#value = value;
  }

  /** Whether two values are equal in all that counts for a decision, also where neither is shown. */
  static areSame(one: unknown, other: unknown): boolean {
    if (!(one instanceof Masked) || !(other instanceof Masked))
      return !(one instanceof Masked || other instanceof Masked) && isSameData(one, other);
    return isSameData(one.#value, other.#value);
  }

  /** The note. */
  toString(): string {
    return this.note;
  }

  /** The note. */
  toJSON(): string {
    return this.note;
  }
}
