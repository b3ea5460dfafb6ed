const REDACTED = '[redacted]';

/**
 * A secret that no log, error, JSON or inspection shows. The text sits in a `#private` field, which `util.inspect` cannot reach even with
 * `showHidden` (a TypeScript `private` field can be read).
 */
export class SecretString {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The secret itself. Call it only where it is sent. */
  reveal(): string {
    return this.#value;
  }

  /** A fixed text instead of the secret. */
  toString(): string {
    return REDACTED;
  }

  /** A fixed text instead of the secret. */
  toJSON(): string {
    return REDACTED;
  }

  /** A fixed text instead of the secret. */
  [Symbol.toPrimitive](): string {
    return REDACTED;
  }

  static {
    Object.defineProperty(this.prototype, Symbol.for('nodejs.util.inspect.custom'), { value: () => `SecretString(${REDACTED})` });
  }
}
