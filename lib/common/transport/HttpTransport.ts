import { Deadline } from './Deadline.js';
import { HttpExchange } from './HttpExchange.js';
import type { HttpResponse, HttpRequest, HttpTarget } from './HttpExchange.js';
import { HttpTransportError } from './HttpTransportError.js';
import { CircuitOpenError, Resilience } from './resilience.js';
import type { FailedOutcome, Outcome } from './resilience.js';

/** Options of an {@link HttpTransport}. */
export interface HttpTransportOptions extends HttpTarget {
  /** One deadline over all attempts of a request, in milliseconds. */
  readonly timeoutMs: number;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
}

/** How one request is sent. */
export interface SendOptions<T> {
  /** Attempts after the first. */
  readonly retries: number;
  /** Aborts the request. */
  readonly signal?: AbortSignal | undefined;
  /** Reads an answer; throws where another attempt would change nothing. */
  readonly read: (answer: HttpResponse) => Outcome<T>;
  /** Receives each attempt that failed and may be retried. */
  readonly onFailedAttempt?: ((outcome: FailedOutcome) => void) | undefined;
}

/**
 * Sends requests to one service: one deadline over all attempts, a bounded number of retries, a circuit breaker, no redirects, answers of bounded
 * size. It knows HTTP only; what requests and answers mean is its caller's.
 */
export class HttpTransport {
  readonly #timeoutMs: number;
  readonly #exchange: HttpExchange;
  readonly #resilience: Resilience;
  readonly #inFlight = new Set<Deadline>();
  #closed = false;

  constructor(options: HttpTransportOptions) {
    this.#timeoutMs = options.timeoutMs;
    this.#exchange = new HttpExchange(options);
    this.#resilience = new Resilience(options.random);
  }

  /**
   * Sends a request until it is answered, refused, or out of time or attempts.
   *
   * @returns what `read` made of the answer
   * @throws HttpTransportError; what `read` threw, or the error of the last failed outcome it gave
   */
  async send<T>(request: HttpRequest, options: SendOptions<T>): Promise<T> {
    if (this.#closed) throw new HttpTransportError('closed');
    const deadline = new Deadline({
      timeoutMs: this.#timeoutMs,
      timeoutError: () => new HttpTransportError('timeout'),
      signal: options.signal,
      abortError: (abortReason) => new HttpTransportError('aborted', { abortReason }),
    });
    this.#inFlight.add(deadline);
    try {
      deadline.signal.throwIfAborted();
      return await this.#resilience
        .run(() => this.#attempt(request, options, deadline), options.retries, deadline)
        .catch((error: unknown) => {
          throw error instanceof CircuitOpenError ? circuitOpen(error) : error;
        });
    } finally {
      deadline.end();
      this.#inFlight.delete(deadline);
    }
  }

  /** Ends every request in flight, and each later one, with the problem `closed`. */
  close(): void {
    this.#closed = true;
    for (const deadline of this.#inFlight) deadline.interrupt(new HttpTransportError('closed'));
  }

  async #attempt<T>(request: HttpRequest, { read, onFailedAttempt }: SendOptions<T>, deadline: Deadline): Promise<Outcome<T>> {
    const outcome = await this.#outcome(request, read, deadline);
    if (outcome.kind !== 'answered' && !deadline.signal.aborted) onFailedAttempt?.(outcome);
    return outcome;
  }

  async #outcome<T>(request: HttpRequest, read: (answer: HttpResponse) => Outcome<T>, deadline: Deadline): Promise<Outcome<T>> {
    let answer: HttpResponse;
    try {
      answer = await this.#exchange.exchange(request, deadline);
    } catch (error) {
      if (error instanceof HttpTransportError && error.problem === 'unreachable') return { kind: 'unreachable', error };
      throw error;
    }
    return read(answer);
  }
}

function circuitOpen({ failures, retryInMs }: CircuitOpenError): HttpTransportError {
  return new HttpTransportError('circuit_open', { failures, retryInMs });
}
