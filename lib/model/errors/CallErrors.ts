// A call that could not even be decided, or whose answer does not fit it.
import { AegisError } from '../AegisError.js';

/** The arguments cannot be named, or do not fit the names: too many, a sole non-plain argument, a failed schema. */
export class ParamsError extends AegisError {
  override readonly name: string = 'ParamsError';
  /** Where in the arguments, as a JSON pointer; empty for the whole. */
  readonly path: string;

  constructor(path: string, message: string, options?: ErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'invalid_params', message, options);
    this.path = path;
  }
}

/** A value of a kind or size that no snapshot can hold; declare it `opaque`, or pass data. */
export class UnsupportedParamError extends ParamsError {
  override readonly name = 'UnsupportedParamError';

  constructor(path: string, message: string) {
    super(path, message, { code: 'unsupported_param' });
  }
}

/** The replaced params do not fit the call: an unknown or forbidden name, a failed schema, a value of an unsupported kind. */
export class SanitizeError extends AegisError {
  override readonly name = 'SanitizeError';
  /** Where in the params, as a JSON pointer. */
  readonly path: string;

  constructor(path: string, message: string, options?: ErrorOptions) {
    super('invalid_sanitize', message, options);
    this.path = path;
  }
}

/** Too many approvals are pending already, or guarded calls are nested too deep. */
export class CapacityError extends AegisError {
  override readonly name = 'CapacityError';
  /** How many there may be. */
  readonly limit: number;

  constructor(limit: number, message: string) {
    super('capacity', message);
    this.limit = limit;
  }
}
