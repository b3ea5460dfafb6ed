/**
 * Why a request got no answer that could be read.
 *
 * `unreachable`: no connection, or it broke. `redirect`: never followed. `too_large`, `not_utf8`, `undecodable`: the body was refused. `timeout`: no
 * answer in time. `aborted`: by the caller's signal. `closed`: the transport was closed. `circuit_open`: no request was sent.
 */
export type TransportProblem =
  'unreachable' | 'redirect' | 'too_large' | 'not_utf8' | 'undecodable' | 'timeout' | 'aborted' | 'closed' | 'circuit_open';

/** What is known about a problem. Never the request, its headers or the answer: they may hold secrets. */
export interface TransportProblemDetails {
  /** `ECONNREFUSED` and the like. */
  readonly systemCode?: string | undefined;
  /** The reason of the signal that aborted the request. */
  readonly abortReason?: unknown;
  /** Failures in a row that opened the circuit breaker. */
  readonly failures?: number | undefined;
  /** Until the circuit breaker lets the next request through, in milliseconds; 0 while a trial request is under way. */
  readonly retryInMs?: number | undefined;
}

/** A request that got no readable answer. Has no `cause`: the errors of fetch hold the request. */
export class HttpTransportError extends Error {
  override readonly name = 'HttpTransportError';
  readonly problem: TransportProblem;
  readonly details: TransportProblemDetails;

  constructor(problem: TransportProblem, details: TransportProblemDetails = {}) {
    super(problem);
    this.problem = problem;
    this.details = details;
  }
}
