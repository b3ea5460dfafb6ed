// The call could not be decided, or its decision does not fit it.
import { AegisError } from '../AegisError.js';

/**
 * The arguments cannot be named or do not fit: too many, a single argument that is not a plain object, a failed schema. Raised by a guarded call
 * before it is decided; the method has not run.
 */
export class ParamsError extends AegisError {
  override readonly name: string = 'ParamsError';
  /** The faulty argument as a JSON pointer, such as `/filter/0`; empty for all of them. */
  readonly path: string;

  constructor(path: string, message: string, options?: ErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'invalid_params', message, options);
    this.path = path;
  }
}

/** An argument has a kind or size that a snapshot cannot hold. Pass plain data, or declare the parameter `opaque`. */
export class UnsupportedParamError extends ParamsError {
  override readonly name = 'UnsupportedParamError';

  constructor(path: string, message: string) {
    super(path, message, { code: 'unsupported_param' });
  }
}

/**
 * A `sanitize` decision replaced the params with some that do not fit the call: an unknown or forbidden name, a failed schema, a value of an
 * unsupported kind. The method has not run.
 */
export class SanitizeError extends AegisError {
  override readonly name = 'SanitizeError';
  /** The faulty param as a JSON pointer; empty for all of them. */
  readonly path: string;

  constructor(path: string, message: string, options?: ErrorOptions) {
    super('invalid_sanitize', message, options);
    this.path = path;
  }
}

/** Too many approvals are pending, or guarded calls are nested too deeply. The method has not run. */
export class CapacityError extends AegisError {
  override readonly name = 'CapacityError';
  /** The limit that was reached. */
  readonly limit: number;

  constructor(limit: number, message: string) {
    super('capacity', message);
    this.limit = limit;
  }
}
