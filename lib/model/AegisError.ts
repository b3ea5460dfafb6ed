const BRAND: unique symbol = Symbol.for('aegis.error') as never;

/**
 * The base of every error that Aegis throws. Each class has a literal `name` and `code` (minifiers rename classes) and keeps its data as fields. A
 * guarded call that ends in one of them has **not** run, except for OutcomeUnknownError and errors that the method itself threw.
 */
export abstract class AegisError extends Error {
  abstract override readonly name: string;
  /** What happened, for programs: a constant of the class, the service's own error code, or `HTTP_<status>`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /**
   * Whether a value is an Aegis error, also one of another copy of this package or of another realm.
   *
   * @returns true for every Aegis error
   */
  static is(error: unknown): error is AegisError {
    return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[BRAND] === true;
  }
}

/** The fields of an error that may be stored, shown and sent. Never its stack, cause or data. */
export interface ErrorSummary {
  /** The error's name. */
  readonly name: string;
  /** The error's code, where it has one. */
  readonly code?: string | undefined;
  /** The error's message. */
  readonly message: string;
}

/** Summarizes anything that was thrown. */
export function summarizeError(error: unknown): ErrorSummary {
  try {
    if (error instanceof Error || AegisError.is(error)) {
      const { name, message } = error;
      const code = (error as { code?: unknown }).code;
      return { name: String(name), message: String(message), ...(typeof code === 'string' ? { code } : {}) };
    }
    return { name: 'NonError', message: String(error) };
  } catch {
    return { name: 'NonError', message: 'a value was thrown that cannot be shown' };
  }
}
