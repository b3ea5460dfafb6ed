// A decision service gave no decision, so the call has not run.
import { AegisError } from '../AegisError.js';

/** Options common to the errors that a decision service causes. */
export interface ServiceErrorOptions extends ErrorOptions {
  /** `HTTP_<status>` or the service's own code. */
  readonly code?: string | undefined;
  /** The HTTP status of the answer, if there was one. */
  readonly status?: number | undefined;
}

abstract class ServiceError extends AegisError {
  /** The HTTP status of the answer; `undefined` if there was none. */
  readonly status: number | undefined;

  constructor(defaultCode: string, message: string, options: ServiceErrorOptions = {}) {
    super(options.code ?? defaultCode, message, options);
    this.status = options.status;
  }
}

/** The decision service refused the API key (HTTP 401, `auth_failed`, `invalid_api_key`). The method has not run. */
export class AuthError extends ServiceError {
  override readonly name = 'AuthError';

  constructor(message: string, options?: ServiceErrorOptions) {
    super('auth_failed', message, options);
  }
}

/** The decision service could not read the request (HTTP 400, `invalid_request`). The method has not run. */
export class BadRequestError extends ServiceError {
  override readonly name = 'BadRequestError';

  constructor(message: string, options?: ServiceErrorOptions) {
    super('invalid_request', message, options);
  }
}

/** The decision service does not know what was asked for (HTTP 404, `resource_not_found`). The method has not run. */
export class NotFoundError extends ServiceError {
  override readonly name = 'NotFoundError';

  constructor(message: string, options?: ServiceErrorOptions) {
    super('resource_not_found', message, options);
  }
}

/** The decision service could not evaluate its policies (HTTP 500, `policy_eval_failed`). The method has not run. */
export class PolicyEvalError extends ServiceError {
  override readonly name = 'PolicyEvalError';

  constructor(message: string, options?: ServiceErrorOptions) {
    super('policy_eval_failed', message, options);
  }
}

/** The network failed, or the decision service was overloaded (HTTP 429, 502, 503), and retries did not help. The method has not run. */
export class TransportError extends ServiceError {
  override readonly name = 'TransportError';

  constructor(message: string, options?: ServiceErrorOptions) {
    super('network_error', message, options);
  }
}

/** The decision service did not answer within `timeoutMs` over all attempts, or answered HTTP 504. The method has not run. */
export class TimeoutError extends ServiceError {
  override readonly name = 'TimeoutError';

  constructor(message: string, options?: ServiceErrorOptions) {
    super('timeout', message, options);
  }
}

/** The decision service reported an error with a code and a status that this version does not know. The method has not run. */
export class UnknownServiceError extends ServiceError {
  override readonly name = 'UnknownServiceError';

  constructor(message: string, options?: ServiceErrorOptions) {
    super('unknown_service_error', message, options);
  }
}

/** Why an answer was not accepted as a decision; docs/errors.md explains each. */
export type UnbelievableReason =
  | 'malformed'
  | 'echo_mismatch'
  | 'redirect'
  | 'too_large'
  | 'duplicate_key'
  | 'replayed_decision'
  | 'capability_missing'
  | 'circuit_open'
  | 'asynchronous'
  | 'service_threw'
  | 'journal_failed'
  | 'audit_unavailable'
  | 'halt_unknown';

/** The answer was not accepted as a decision, or none was requested because the circuit breaker is open. The method has not run. */
export class DecisionUnavailableError extends AegisError {
  override readonly name = 'DecisionUnavailableError';
  /** Why there is no decision. */
  readonly reason: UnbelievableReason;

  constructor(reason: UnbelievableReason, message: string, options?: ErrorOptions) {
    super(reason === 'audit_unavailable' || reason === 'halt_unknown' ? reason : `decision_unavailable_${reason}`, message, options);
    this.reason = reason;
  }
}

/** The store of tasks and approvals failed. The change that was requested may or may not have been made. The driver's error is the `cause`. */
export class StoreError extends AegisError {
  override readonly name = 'StoreError';

  constructor(message: string, options?: ErrorOptions) {
    super('store_failed', message, options);
  }
}
