const REDACTED = '[redacted]';

/**
 * A secret that no log, error, JSON or inspection shows. The text is in a `#private` field, which `util.inspect` cannot reach even with
 * `showHidden` (a TypeScript `private` field can be read).
 */
export class SecretString {
  readonly #value: string;

  /** @param value the secret */
  constructor(value: string) {
    this.#value = value;
  }

  /**
   * Reveals the secret. Call it only where the secret is sent.
   *
   * @returns the secret itself
   */
  reveal(): string {
    return this.#value;
  }

  /** Returns `[redacted]`. */
  toString(): string {
    return REDACTED;
  }

  /** Returns `[redacted]`. */
  toJSON(): string {
    return REDACTED;
  }

  /** Returns `[redacted]`. */
  [Symbol.toPrimitive](): string {
    return REDACTED;
  }

  static {
    Object.defineProperty(this.prototype, Symbol.for('nodejs.util.inspect.custom'), { value: () => `SecretString(${REDACTED})` });
  }
}
