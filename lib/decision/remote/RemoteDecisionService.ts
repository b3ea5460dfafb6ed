import type { Capability } from '../../model/Capability.js';
import type { Decision, DecisionRequest, DecisionStatus } from '../../model/Decision.js';
import { ShutdownError } from '../../model/errors/RefusalErrors.js';
import type {
  ApprovalOptions,
  ApprovalUse,
  AskOptions,
  DecisionService,
  ExecutionStart,
  ReevaluateOptions,
  RunReport,
  WatchedStatus,
} from '../DecisionService.js';
import type { RemoteClient } from './RemoteClient.js';
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
  #client: Promise<RemoteClient> | undefined;
  #closed = false;

  /** @throws ConfigError naming every invalid option and its fix, never a value */
  constructor(options: RemoteDecisionServiceOptions) {
    this.#settings = remoteSettings(options);
  }

  /** What `dataPlane.require` has: nothing that is stored of a task lowers it. */
  requires(): readonly Capability[] {
    return this.#settings.require;
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
  async status(decisionId: string, options: ApprovalOptions = {}): Promise<DecisionStatus> {
    return (await this.#load()).status(decisionId, options);
  }

  /** Requests a decision that opens no approval. From a service that has no dry runs it requests one that does, and withdraws it where that is possible. */
  async dryRun(request: DecisionRequest, options: AskOptions = {}): Promise<Decision> {
    return (await this.#load()).dryRun(request, options);
  }

  /** Requests the status of many approvals, in one request for each 1,000 where the service offers that. */
  async statuses(decisionIds: readonly string[], options: AskOptions = {}): Promise<readonly DecisionStatus[]> {
    return (await this.#load()).statuses(decisionIds, options);
  }

  /** Reads the events of the service: one connection, which does not keep the process alive. For approvals with which it offered `events`. */
  async *watch(signal: AbortSignal): AsyncGenerator<WatchedStatus, void, undefined> {
    yield* (await this.#load()).watch(signal);
  }

  /** Requests a fresh decision on a call that was approved. For approvals with which the service offered `reevaluate`. */
  async reevaluate(request: DecisionRequest, decisionId: string, options: ReevaluateOptions = {}): Promise<Decision> {
    return (await this.#load()).reevaluate(request, decisionId, options);
  }

  /** Uses an approval up at the service. For approvals with which it offered `consume`. */
  async consume(use: ApprovalUse): Promise<boolean> {
    return (await this.#load()).consume(use);
  }

  /** Records at the service which claim begins. For approvals with which it offered `begin`. */
  async begin(start: ExecutionStart): Promise<boolean> {
    return (await this.#load()).begin(start);
  }

  /** People edit the params of approvals with which the service offered `amend`. */
  amends(): boolean {
    return true;
  }

  /** Tells the service how a run ended, a few times where it does not answer. For approvals with which it offered `outcome`. */
  async reportOutcome(report: RunReport): Promise<void> {
    return (await this.#load()).reportOutcome(report);
  }

  /** Withdraws an approval, where the service offered `consume` with it; otherwise it cannot be told. */
  async withdraw(decisionId: string, options?: ApprovalOptions): Promise<void> {
    return (await this.#load()).withdraw(decisionId, options);
  }

  /** As {@link withdraw}, for an approval whose time has passed. */
  async expire(decisionId: string, options?: ApprovalOptions): Promise<void> {
    return (await this.#load()).expire(decisionId, options);
  }

  /** Ends every request in flight, and each later one, with a ShutdownError. Waits a moment for the service to be told which approvals are over. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#client?.then((client) => client.close()).catch(() => {});
  }

  async #load(): Promise<RemoteClient> {
    if (this.#closed) throw new ShutdownError('The decision service is closed: do not use it after close().');
    this.#client ??= import('./RemoteClient.js').then(({ RemoteClient }) => new RemoteClient(this.#settings));
    const client = await this.#client;
    // closed while it was loading
    if (this.#closed) void client.close();
    return client;
  }
}
