import { Deadline } from '../../common/transport/Deadline.js';
import { LruMap } from '../../common/LruMap.js';
import { CircuitOpenError, Resilience } from '../../common/transport/resilience.js';
import type { Decision, DecisionRequest, DecisionStatus } from '../../model/Decision.js';
import { CallAbortedError, ShutdownError } from '../../model/errors/RefusalErrors.js';
import { BadRequestError, DecisionUnavailableError, TimeoutError, TransportError } from '../../model/errors/ServiceErrors.js';
import type { AskOptions, DecisionService } from '../DecisionService.js';
import { readDecision } from './readDecision.js';
import { RemoteExchange } from './exchange.js';
import type { RemoteAnswer, RemoteQuestion } from './exchange.js';
import { RemoteReporter } from './RemoteReporter.js';
import type { RemoteSettings } from './remoteSettings.js';
import { decisionBody, isUsableId, parseDecision, parseStatus } from './wire.js';
import type { WireStatus } from './wire.js';

/** How many decisions and final statuses are remembered, to notice replays and changes of mind. */
const REMEMBERED = 10_000;

/** What is remembered of a decision. */
interface Seen {
  readonly digest: string;
  readonly toolName: string;
}

/** What RemoteDecisionService does, apart from its options: loaded at the first question, with everything it needs. */
export class RemoteClient implements DecisionService {
  readonly #settings: RemoteSettings;
  readonly #exchange: RemoteExchange;
  readonly #resilience: Resilience;
  readonly #reporter: RemoteReporter;
  readonly #seen = new LruMap<string, Seen>(REMEMBERED);
  readonly #finals = new LruMap<string, DecisionStatus['state']>(REMEMBERED);
  readonly #inFlight = new Set<Deadline>();
  #closed = false;

  constructor(settings: RemoteSettings) {
    this.#settings = settings;
    this.#exchange = new RemoteExchange(settings);
    this.#reporter = new RemoteReporter(settings.logger);
    this.#resilience = new Resilience(settings.random);
  }

  /**
   * Asks for the decision on one call.
   *
   * @throws what the protocol maps errors to; TimeoutError past `timeoutMs`; TransportError where the service cannot be reached;
   *   DecisionUnavailableError where its answer cannot be believed, or the circuit breaker is open; CallAbortedError; ShutdownError
   */
  async decide(request: DecisionRequest, options: AskOptions = {}): Promise<Decision> {
    const { callId, paramsDigest, agentId, toolName } = request;
    if (!isHeaderValue(callId) || !isHeaderValue(paramsDigest)) {
      throw new BadRequestError('callId and paramsDigest have to be 1 to 512 characters of printable ASCII.');
    }
    const headers = {
      'Idempotency-Key': callId,
      'X-AEGIS-NONCE': callId,
      'X-AEGIS-PARAMS-DIGEST': paramsDigest,
      'X-AEGIS-CAPABILITIES': 'effective-digest',
    };
    const question: RemoteQuestion = { method: 'POST', path: '/v1/decision', headers, body: decisionBody(request), agentId, toolName };
    const answer = await this.#ask(question, this.#settings.retries, toolName, options);
    return this.#believe(request, answer);
  }

  /**
   * Asks once, without retries, where an approval stands. The first final answer for an id stands: what comes later is not believed.
   * `invalid` is final: a status or effect that the protocol does not know, or an id that cannot be asked for.
   *
   * @throws TransportError (`circuit_open` where the breaker is open), TimeoutError: ask again later; otherwise as {@link decide}
   */
  async status(decisionId: string, options: AskOptions = {}): Promise<DecisionStatus> {
    if (!isUsableId(decisionId)) return { decisionId, state: 'invalid' };
    const toolName = this.#seen.get(decisionId)?.toolName ?? 'unknown';
    const question: RemoteQuestion = { method: 'GET', path: `/v1/decision/${encodeURIComponent(decisionId)}/status` };
    let answer: RemoteAnswer;
    try {
      answer = await this.#ask(question, 0, toolName, options);
    } catch (error) {
      // for a poller, an open breaker is a network that is down for now
      if (!(error instanceof DecisionUnavailableError) || error.reason !== 'circuit_open') throw error;
      throw new TransportError(error.message, { code: 'circuit_open' });
    }
    const wire = parseStatus(answer.body);
    if (wire.decision_id !== decisionId) {
      throw this.#reporter.suspicious('echo_mismatch', 'The decision service answered for another decision than it was asked for.', {
        decisionId,
      });
    }
    return { decisionId, state: this.#advance(decisionId, stateOf(wire)) };
  }

  /** Ends every question in flight with a ShutdownError; later ones end in one at once. */
  close(): void {
    this.#closed = true;
    for (const deadline of this.#inFlight) deadline.interrupt(new ShutdownError('The decision service was closed.'));
  }

  async #ask(question: RemoteQuestion, retries: number, toolName: string, { signal }: AskOptions): Promise<RemoteAnswer> {
    if (this.#closed) throw new ShutdownError('The decision service is closed.');
    const { timeoutMs } = this.#settings;
    const deadline = new Deadline({
      timeoutMs,
      timeoutError: () => new TimeoutError(`No answer from the decision service within ${timeoutMs} ms.`),
      signal,
      abortError: (reason) => new CallAbortedError(toolName, reason),
    });
    this.#inFlight.add(deadline);
    try {
      deadline.signal.throwIfAborted();
      return await this.#resilience.run(() => this.#attempt(question, deadline), retries, deadline).catch(unlessOpen);
    } finally {
      deadline.end();
      this.#inFlight.delete(deadline);
    }
  }

  async #attempt(question: RemoteQuestion, deadline: Deadline): ReturnType<RemoteExchange['ask']> {
    const outcome = await this.#exchange.ask(question, deadline);
    if (outcome.kind !== 'answered' && !deadline.signal.aborted) this.#reporter.attemptFailed(outcome, question);
    return outcome;
  }

  /** Checks that the answer is for this very call, and new or known for these params. */
  #believe(request: DecisionRequest, answer: RemoteAnswer): Decision {
    const { agentId, toolName, paramsDigest } = request;
    const about = { agentId, toolName };
    this.#checkEcho(answer.headers, 'x-aegis-nonce', request.callId, about);
    this.#checkEcho(answer.headers, 'x-aegis-params-digest', paramsDigest, about);
    const wire = parseDecision(answer.body);
    const decisionId = wire.decision_id;
    if (wire.agent_id !== agentId || wire.tool !== toolName) {
      throw this.#reporter.suspicious('echo_mismatch', 'The decision service answered for another agent or tool.', about);
    }
    const seen = this.#seen.get(decisionId);
    if (seen !== undefined && seen.digest !== paramsDigest) {
      const message = 'The decision service answered with the id of a decision on other params.';
      throw this.#reporter.suspicious('replayed_decision', message, { ...about, decisionId });
    }
    const decision = readDecision(wire, request);
    if (decision === undefined) {
      const message = 'The decision service decided on other params than the call would run with: sanitize.effective_digest differs.';
      throw this.#reporter.suspicious('echo_mismatch', message, { ...about, decisionId });
    }
    this.#seen.set(decisionId, { digest: paramsDigest, toolName });
    return decision;
  }

  #checkEcho(headers: Headers, name: string, expected: string, about: object): void {
    const echoed = headers.get(name);
    if (echoed === null || echoed === expected) return;
    throw this.#reporter.suspicious('echo_mismatch', `The decision service answered for another call: ${name} differs.`, about);
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

function unlessOpen(error: unknown): never {
  if (!(error instanceof CircuitOpenError)) throw error;
  throw new DecisionUnavailableError('circuit_open', 'The decision service failed repeatedly and is not asked for a moment.');
}

function stateOf({ status, effect }: WireStatus): DecisionStatus['state'] {
  if (status === 'PENDING') return 'pending';
  if (status !== 'OK') return 'invalid';
  return effect === 'allow' ? 'approved' : effect === 'deny' ? 'denied' : 'invalid';
}

function isHeaderValue(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,512}$/.test(value);
}
