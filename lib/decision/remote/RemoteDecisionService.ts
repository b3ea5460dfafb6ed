import type { Decision, DecisionRequest, DecisionStatus } from '../../model/Decision.js';
import { ShutdownError } from '../../model/errors/RefusalErrors.js';
import type { AskOptions, DecisionService } from '../DecisionService.js';
import { remoteSettings } from './remoteSettings.js';
import type { RemoteDecisionServiceOptions, RemoteSettings } from './remoteSettings.js';

/**
 * Gets decisions from a Data Plane over HTTP. Decisions are retried (connection errors, 429, 502, 503, 504; one Idempotency-Key) within one deadline,
 * a budget and a circuit breaker. Redirects are never followed, and an answer that is malformed, too large or for another call is not accepted. The
 * client is loaded, and a connection opened, for the first request.
 *
 * Every error is an AegisError without a `cause`, except for the reason of an abort: the errors of fetch hold the key and the params.
 */
export class RemoteDecisionService implements DecisionService {
  readonly #settings: RemoteSettings;
  #client: Promise<DecisionService> | undefined;
  #closed = false;

  /** @throws ConfigError naming every invalid option and its fix, never a value */
  constructor(options: RemoteDecisionServiceOptions) {
    this.#settings = remoteSettings(options);
  }

  /**
   * Requests the decision on one call.
   *
   * @returns the decision
   * @throws the error class that docs/remote.md gives for an error answer; TimeoutError after `timeoutMs`; TransportError if the service cannot be
   *   reached; DecisionUnavailableError if its answer is not accepted or the circuit breaker is open; CallAbortedError; ShutdownError
   */
  async decide(request: DecisionRequest, options: AskOptions = {}): Promise<Decision> {
    return (await this.#load()).decide(request, options);
  }

  /**
   * Requests the status of an approval once, without retries. The first final answer for an id counts; later ones are ignored. `invalid` is final: a
   * status or effect that the protocol does not know, or an id that a URL cannot carry.
   *
   * @returns the status
   * @throws TransportError (code `circuit_open` if the breaker is open) or TimeoutError: request it again later; otherwise as {@link decide}
   */
  async status(decisionId: string, options: AskOptions = {}): Promise<DecisionStatus> {
    return (await this.#load()).status(decisionId, options);
  }

  /** Ends every request in flight, and each later one, with a ShutdownError. */
  close(): void {
    this.#closed = true;
    this.#client?.then((client) => client.close?.()).catch(() => {});
  }

  async #load(): Promise<DecisionService> {
    if (this.#closed) throw new ShutdownError('The decision service is closed: do not use it after close().');
    this.#client ??= import('./RemoteClient.js').then(({ RemoteClient }) => new RemoteClient(this.#settings));
    const client = await this.#client;
    // closed while it was loading
    if (this.#closed) client.close?.();
    return client;
  }
}
