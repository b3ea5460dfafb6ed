import type { HttpResponse, HttpRequest } from '../../common/transport/HttpExchange.js';
import { HttpTransport } from '../../common/transport/HttpTransport.js';
import { HttpTransportError } from '../../common/transport/HttpTransportError.js';
import { parseRetryAfter } from '../../common/transport/resilience.js';
import type { Outcome } from '../../common/transport/resilience.js';
import type { AegisError } from '../../model/AegisError.js';
import type { DecisionRequest } from '../../model/Decision.js';
import { CallAbortedError, ShutdownError } from '../../model/errors/RefusalErrors.js';
import { DecisionUnavailableError, TimeoutError, TransportError } from '../../model/errors/ServiceErrors.js';
import { tellableText } from '../../model/view/withoutValues.js';
import { readErrorAnswer } from '../wire/errorAnswer.js';
import { writeWireHeaders } from '../wire/wireHeaders.js';
import type { RemoteReporter } from './RemoteReporter.js';
import type { RemoteSettings } from './remoteSettings.js';

/** What a request is about, for errors and logs. */
export interface RequestSubject {
  readonly agentId?: string | undefined;
  readonly toolName: string;
  /** A text of the server, as the program and its log may have it. @defaultValue as it is */
  readonly told?: ((text: string) => string) | undefined;
}

/** A request about a call: what its guard hides is not told, also where the server quotes it. */
export function subjectOfCall(call: DecisionRequest): RequestSubject {
  const { agentId, toolName } = call;
  return { agentId, toolName, told: (text) => tellableText(text, call) };
}

/** How a request is sent. */
export interface Sending {
  /** Attempts after the first. */
  readonly retries: number;
  readonly subject: RequestSubject;
  readonly signal?: AbortSignal | undefined;
  /**
   * The status of an answer that is not an error.
   *
   * @defaultValue 200
   */
  readonly expected?: 200 | 204 | undefined;
}

/** Sends requests to a Data Plane, and makes every failure an error of this library. */
export class RemoteRequests {
  readonly #settings: RemoteSettings;
  readonly #transport: HttpTransport;
  readonly #reporter: RemoteReporter;

  constructor(settings: RemoteSettings, reporter: RemoteReporter) {
    const { apiKey, userAgent, baseUrl, maxBodyBytes, timeoutMs, random } = settings;
    this.#settings = settings;
    const headers = (): Readonly<Record<string, string>> => writeWireHeaders(apiKey, userAgent);
    this.#transport = new HttpTransport({ baseUrl, maxBodyBytes, timeoutMs, random, headers });
    this.#reporter = reporter;
  }

  /**
   * Sends a request.
   *
   * @returns the answer, whose status is `expected`
   * @throws the error that a guarded call ends in
   */
  async send(question: HttpRequest, { retries, subject, signal, expected = 200 }: Sending): Promise<HttpResponse> {
    try {
      return await this.#transport.send(question, {
        retries,
        signal,
        read: (answer) => this.#outcome(answer, subject, expected),
        onFailedAttempt: (outcome) => this.#reporter.attemptFailed(outcome, subject),
      });
    } catch (error) {
      throw error instanceof HttpTransportError ? this.#errorOf(error, subject.toolName) : error;
    }
  }

  #outcome(answer: HttpResponse, subject: RequestSubject, expected: number): Outcome<HttpResponse> {
    const { status, headers, body } = answer;
    if (status === expected) return { kind: 'answered', value: answer };
    if (status < 400) {
      throw new DecisionUnavailableError(
        'malformed',
        `The decision service answered HTTP ${status}; expected ${expected} or an error status. Check baseUrl.`,
      );
    }
    const { apiKey } = this.#settings;
    const { error, retry } = readErrorAnswer(status, body, { ...subject, apiKey });
    if (retry === undefined) throw error;
    return { kind: retry, error, retryAfterMs: parseRetryAfter(headers.get('retry-after'), headers.get('date')) };
  }

  /** The error that a guarded call ends in. */
  #errorOf({ problem, details }: HttpTransportError, toolName: string): AegisError {
    const { timeoutMs, maxBodyBytes } = this.#settings;
    switch (problem) {
      case 'unreachable': {
        const code = details.systemCode === undefined ? '' : ` (${details.systemCode})`;
        return new TransportError(`The decision service could not be reached${code}. Check baseUrl and the network.`);
      }
      case 'timeout':
        return new TimeoutError(`The decision service did not answer within ${timeoutMs} ms (timeoutMs).`);
      case 'aborted':
        return new CallAbortedError(toolName, details.abortReason);
      case 'closed':
        return new ShutdownError('The decision service is closed: do not use it after close().');
      case 'circuit_open':
        return new DecisionUnavailableError('circuit_open', circuitOpen(details.failures as number, details.retryInMs as number));
      case 'redirect':
        return new DecisionUnavailableError(
          'redirect',
          'The decision service answered with a redirect, which is never followed. Set baseUrl to the final address.',
        );
      case 'too_large':
        return new DecisionUnavailableError(
          'too_large',
          `The decision service's answer is larger than ${maxBodyBytes} bytes (maxBodyBytes).`,
        );
      case 'not_utf8':
        return new DecisionUnavailableError('malformed', "The decision service's answer is not UTF-8.");
      case 'undecodable':
        return new DecisionUnavailableError('malformed', "The decision service's answer cannot be decompressed.");
    }
  }

  /** Ends every request in flight, and each later one, with a ShutdownError. */
  close(): void {
    this.#transport.close();
  }
}

function circuitOpen(failures: number, retryInMs: number): string {
  const next = retryInMs > 0 ? `retrying in ${Math.ceil(retryInMs / 1000)} s` : 'a trial request is under way';
  return `Circuit open after ${failures} failures; ${next}. Check that the decision service is up.`;
}
