// What a decision service may answer with. Every one means: no decision, so the call has not run.
import { AegisError } from '../AegisError.js';

/** Options common to the errors a decision service causes. */
export interface ServiceErrorOptions extends ErrorOptions {
  /** `HTTP_<status>` or the service's own code. */
  readonly code?: string | undefined;
  /** The HTTP status, where there was an answer. */
  readonly status?: number | undefined;
}

abstract class ServiceError extends AegisError {
  /** The HTTP status of the answer; `undefined` where there was none. */
  readonly status: number | undefined;

  constructor(defaultCode: string, message: string, options: ServiceErrorOptions = {}) {
    super(options.code ?? defaultCode, message, options);
    this.status = options.status;
  }
}

/** The service refused the API key (HTTP 401, `auth_failed`, `invalid_api_key`). */
export class AuthError extends ServiceError {
  override readonly name = 'AuthError';

  constructor(message: string, options?: ServiceErrorOptions) {
    super('auth_failed', message, options);
  }
}

/** The service could not read the request (HTTP 400, `invalid_request`). */
export class BadRequestError extends ServiceError {
  override readonly name = 'BadRequestError';

  constructor(message: string, options?: ServiceErrorOptions) {
    super('invalid_request', message, options);
  }
}

/** The service does not know what was asked for (HTTP 404, `resource_not_found`). */
export class NotFoundError extends ServiceError {
  override readonly name = 'NotFoundError';

  constructor(message: string, options?: ServiceErrorOptions) {
    super('resource_not_found', message, options);
  }
}

/** The policies could not be evaluated (HTTP 500, `policy_eval_failed`). */
export class PolicyEvalError extends ServiceError {
  override readonly name = 'PolicyEvalError';

  constructor(message: string, options?: ServiceErrorOptions) {
    super('policy_eval_failed', message, options);
  }
}

/** The network failed, or the service was overloaded (HTTP 429, 502, 503), and retrying did not help. */
export class TransportError extends ServiceError {
  override readonly name = 'TransportError';

  constructor(message: string, options?: ServiceErrorOptions) {
    super('network_error', message, options);
  }
}

/** No answer within `timeoutMs` over all attempts, or HTTP 504. */
export class TimeoutError extends ServiceError {
  override readonly name = 'TimeoutError';

  constructor(message: string, options?: ServiceErrorOptions) {
    super('timeout', message, options);
  }
}

/** An error the service reports with a code or status this version does not know. */
export class UnknownServiceError extends ServiceError {
  override readonly name = 'UnknownServiceError';

  constructor(message: string, options?: ServiceErrorOptions) {
    super('unknown_service_error', message, options);
  }
}

/** Why an answer cannot be believed. */
export type UnbelievableReason =
  | 'malformed'
  | 'echo_mismatch'
  | 'redirect'
  | 'too_large'
  | 'duplicate_key'
  | 'replayed_decision'
  | 'circuit_open'
  | 'asynchronous'
  | 'service_threw'
  | 'journal_failed';

/** There was an answer that cannot be believed, or the breaker is open and none was asked for. */
export class DecisionUnavailableError extends AegisError {
  override readonly name = 'DecisionUnavailableError';
  readonly reason: UnbelievableReason;

  constructor(reason: UnbelievableReason, message: string, options?: ErrorOptions) {
    super(`decision_unavailable_${reason}`, message, options);
    this.reason = reason;
  }
}

/** The store of tasks and approvals failed. What was asked of it may or may not have been done. */
export class StoreError extends AegisError {
  override readonly name = 'StoreError';

  constructor(message: string, options?: ErrorOptions) {
    super('store_failed', message, options);
  }
}
