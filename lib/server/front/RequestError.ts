import { AegisError } from '../../model/AegisError.js';

/** Options of a {@link RequestError}. */
export interface RequestErrorOptions extends ErrorOptions {
  /** The field, header or query parameter that is at fault. */
  readonly field?: string | undefined;
  /** After how many seconds another attempt may succeed; sent as `Retry-After`. */
  readonly retryAfterS?: number | undefined;
  /** Headers of the answer beside those that every answer has. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** A request is answered with an error that has no class of its own. The message is sent as it is, so it quotes nothing of the request. */
export class RequestError extends AegisError {
  override readonly name = 'RequestError';
  /** The HTTP status of the answer. */
  readonly status: number;
  /** The field, header or query parameter that is at fault. */
  readonly field: string | undefined;
  /** After how many seconds another attempt may succeed. */
  readonly retryAfterS: number | undefined;
  /** Headers of the answer beside those that every answer has. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, options: RequestErrorOptions = {}) {
    super(code, message, options);
    this.status = status;
    this.field = options.field;
    this.retryAfterS = options.retryAfterS;
    this.headers = options.headers ?? {};
  }
}
