import { LruMap } from '../../common/LruMap.js';
import type { HttpResponse, HttpRequest } from '../../common/transport/HttpExchange.js';
import { HttpTransport } from '../../common/transport/HttpTransport.js';
import { HttpTransportError } from '../../common/transport/HttpTransportError.js';
import { parseRetryAfter } from '../../common/transport/resilience.js';
import type { Outcome } from '../../common/transport/resilience.js';
import type { AegisError } from '../../model/AegisError.js';
import type { Decision, DecisionRequest, DecisionStatus } from '../../model/Decision.js';
import { CallAbortedError, ShutdownError } from '../../model/errors/RefusalErrors.js';
import { DecisionUnavailableError, TimeoutError, TransportError } from '../../model/errors/ServiceErrors.js';
import type { AskOptions, DecisionService } from '../DecisionService.js';
import { writeDecideRequest } from '../wire/decideRequest.js';
import { echoMismatch, readDecisionAnswer } from '../wire/decisionAnswer.js';
import { readErrorAnswer } from '../wire/errorAnswer.js';
import { isUsableId } from '../wire/readWire.js';
import { readStatusAnswer } from '../wire/statusAnswer.js';
import { writeWireHeaders } from '../wire/wireHeaders.js';
import { RemoteReporter } from './RemoteReporter.js';
import type { RemoteSettings } from './remoteSettings.js';

/** How many decisions and final statuses are remembered, to notice replays and changes of mind. */
const REMEMBERED = 10_000;

/** What is remembered of a decision. */
interface Seen {
  readonly digest: string;
  readonly toolName: string;
}

/** What a request is about, for errors and logs. */
interface Subject {
  readonly agentId?: string | undefined;
  readonly toolName: string;
}

/** The work of RemoteDecisionService: loaded for the first request, with everything it needs. */
export class RemoteClient implements DecisionService {
  readonly #settings: RemoteSettings;
  readonly #transport: HttpTransport;
  readonly #reporter: RemoteReporter;
  readonly #seen = new LruMap<string, Seen>(REMEMBERED);
  readonly #finals = new LruMap<string, DecisionStatus['state']>(REMEMBERED);

  constructor(settings: RemoteSettings) {
    const { apiKey, userAgent, baseUrl, maxBodyBytes, timeoutMs, random } = settings;
    this.#settings = settings;
    const headers = (): Readonly<Record<string, string>> => writeWireHeaders(apiKey, userAgent);
    this.#transport = new HttpTransport({ baseUrl, maxBodyBytes, timeoutMs, random, headers });
    this.#reporter = new RemoteReporter(settings.logger);
  }

  /** As RemoteDecisionService.decide. */
  async decide(request: DecisionRequest, options: AskOptions = {}): Promise<Decision> {
    const { agentId, toolName } = request;
    const question: HttpRequest = { method: 'POST', path: '/v1/decision', ...writeDecideRequest(request) };
    const answer = await this.#ask(question, this.#settings.retries, { agentId, toolName }, options);
    return this.#believe(request, answer);
  }

  /** As RemoteDecisionService.status. */
  async status(decisionId: string, options: AskOptions = {}): Promise<DecisionStatus> {
    if (!isUsableId(decisionId)) return { decisionId, state: 'invalid' };
    const toolName = this.#seen.get(decisionId)?.toolName ?? 'unknown';
    const question: HttpRequest = { method: 'GET', path: `/v1/decision/${encodeURIComponent(decisionId)}/status` };
    let answer: HttpResponse;
    try {
      answer = await this.#ask(question, 0, { toolName }, options);
    } catch (error) {
      // for a poller, an open breaker is a network that is down for now
      if (!(error instanceof DecisionUnavailableError) || error.reason !== 'circuit_open') throw error;
      throw new TransportError(error.message, { code: 'circuit_open' });
    }
    const status = readStatusAnswer(answer.body);
    if (status.decisionId !== decisionId) {
      const message = 'The decision service answered for another decision than it was asked about.';
      throw this.#reporter.suspicious('echo_mismatch', message, { decisionId });
    }
    return { decisionId, state: this.#advance(decisionId, status.state) };
  }

  /** As RemoteDecisionService.close. */
  close(): void {
    this.#transport.close();
  }

  async #ask(question: HttpRequest, retries: number, subject: Subject, { signal }: AskOptions): Promise<HttpResponse> {
    try {
      return await this.#transport.send(question, {
        retries,
        signal,
        read: (answer) => this.#outcome(answer, subject),
        onFailedAttempt: (outcome) => this.#reporter.attemptFailed(outcome, subject),
      });
    } catch (error) {
      throw error instanceof HttpTransportError ? this.#errorOf(error, subject.toolName) : error;
    }
  }

  #outcome(answer: HttpResponse, subject: Subject): Outcome<HttpResponse> {
    const { status, headers, body } = answer;
    if (status === 200) return { kind: 'answered', value: answer };
    if (status < 400) {
      throw new DecisionUnavailableError(
        'malformed',
        `The decision service answered HTTP ${status}; expected 200 or an error status. Check baseUrl.`,
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
        return new DecisionUnavailableError('circuit_open', circuitOpen(details.failures ?? 0, details.retryInMs ?? 0));
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

  /** Checks that the answer is for this very call, and new or known for these params. */
  #believe(request: DecisionRequest, { headers, body }: HttpResponse): Decision {
    const { agentId, toolName, paramsDigest } = request;
    const about = { agentId, toolName };
    const header = echoMismatch(headers, request);
    if (header !== undefined) {
      throw this.#reporter.suspicious('echo_mismatch', `The decision service answered for another call: ${header} differs.`, about);
    }
    const answer = readDecisionAnswer(body);
    const { decisionId } = answer;
    if (answer.agentId !== agentId || answer.toolName !== toolName) {
      throw this.#reporter.suspicious('echo_mismatch', 'The decision service answered for another agent or tool.', about);
    }
    const seen = this.#seen.get(decisionId);
    if (seen !== undefined && seen.digest !== paramsDigest) {
      const message = 'The decision service answered with the id of a decision on other params.';
      throw this.#reporter.suspicious('replayed_decision', message, { ...about, decisionId });
    }
    const decision = answer.decisionFor(request);
    if (decision === undefined) {
      const message = 'The decision service decided on other params than the call would run with: the effective digest differs.';
      throw this.#reporter.suspicious('echo_mismatch', message, { ...about, decisionId });
    }
    this.#seen.set(decisionId, { digest: paramsDigest, toolName });
    return decision;
  }

  /** Lets a state move forward only: pending, then one final state for good. */
  #advance(decisionId: string, state: DecisionStatus['state']): DecisionStatus['state'] {
    const final = this.#finals.get(decisionId);
    if (final !== undefined && final !== state) {
      this.#reporter.security('status_changed', 'The decision service changed a final answer; the first one stands.', { decisionId });
    }
    if (final === undefined && state !== 'pending') this.#finals.set(decisionId, state);
    return final ?? state;
  }
}

function circuitOpen(failures: number, retryInMs: number): string {
  const next = retryInMs > 0 ? `retrying in ${Math.ceil(retryInMs / 1000)} s` : 'a trial request is under way';
  return `Circuit open after ${failures} failures; ${next}. Check that the decision service is up.`;
}
