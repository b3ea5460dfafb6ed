import type { Decision, DecisionRequest, DecisionStatus } from '../../model/Decision.js';
import { ShutdownError } from '../../model/errors/RefusalErrors.js';
import type { AskOptions, DecisionService } from '../DecisionService.js';
import { remoteSettings } from './remoteSettings.js';
import type { RemoteDecisionServiceOptions, RemoteSettings } from './remoteSettings.js';

/**
 * Asks a Data Plane over HTTP. Decisions are retried (connection errors, 429, 502, 503, 504; one Idempotency-Key) within one deadline, a budget
 * and a circuit breaker; redirects are never followed; no answer is believed that is malformed, oversized, or for another call. Loads its client,
 * and connects to anything, at the first question only.
 *
 * Every error is one of ours and has no `cause` but an abort's own reason: the transport's errors hold the key and the params.
 */
export class RemoteDecisionService implements DecisionService {
  readonly #settings: RemoteSettings;
  #client: Promise<DecisionService> | undefined;
  #closed = false;

  /** @throws ConfigError naming every bad option and its fix, never a value */
  constructor(options: RemoteDecisionServiceOptions) {
    this.#settings = remoteSettings(options);
  }

  /**
   * Asks for the decision on one call.
   *
   * @throws what the protocol maps errors to; TimeoutError past `timeoutMs`; TransportError where the service cannot be reached;
   *   DecisionUnavailableError where its answer cannot be believed, or the circuit breaker is open; CallAbortedError; ShutdownError
   */
  async decide(request: DecisionRequest, options: AskOptions = {}): Promise<Decision> {
    return (await this.#load()).decide(request, options);
  }

  /**
   * Asks once, without retries, where an approval stands. The first final answer for an id stands: what comes later is not believed.
   * `invalid` is final: a status or effect that the protocol does not know, or an id that cannot be asked for.
   *
   * @throws TransportError (`circuit_open` where the breaker is open), TimeoutError: ask again later; otherwise as {@link decide}
   */
  async status(decisionId: string, options: AskOptions = {}): Promise<DecisionStatus> {
    return (await this.#load()).status(decisionId, options);
  }

  /** Ends every question in flight with a ShutdownError; later ones end in one at once. */
  close(): void {
    this.#closed = true;
    this.#client?.then((client) => client.close?.()).catch(() => {});
  }

  async #load(): Promise<DecisionService> {
    if (this.#closed) throw new ShutdownError('The decision service is closed.');
    this.#client ??= import('./RemoteClient.js').then(({ RemoteClient }) => new RemoteClient(this.#settings));
    const client = await this.#client;
    // closed while it was loading
    if (this.#closed) client.close?.();
    return client;
  }
}
