import { attempt } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import type { AskOptions, DecisionService } from '../decision/DecisionService.js';
import { forwardingService } from '../decision/forwardingService.js';
import type { Decision, DecisionRequest, DecisionStatus } from '../model/Decision.js';
import { ConfigError } from '../model/errors/SetupErrors.js';
import { PERSON_ID, personId } from '../model/personId.js';
import { type DecisionScript, ScriptedDecisionService } from './ScriptedDecisionService.js';

/** A request to the decision service, and its answer. */
export interface RecordedCall {
  /** What was asked. */
  readonly request: DecisionRequest;
  /** The approval, where the service was asked again just before an approved call runs. */
  readonly decisionId?: string | undefined;
  /** The answer; undefined until it arrives, and if the service threw. */
  readonly decision?: Decision | undefined;
  /** What the service threw. */
  readonly error?: unknown;
}

/**
 * A decision service for tests. It records the requests and their answers, which come from a script or from another service.
 *
 * @example const decisions = new RecordingDecisionService(['allow', { effect: 'deny', reason: 'not today' }]);
 * const aegis = AegisModule.create({ decisions, agentId: 'bot' });
 */
export class RecordingDecisionService implements DecisionService {
  /** The recorded calls, in order. */
  readonly calls: readonly RecordedCall[] = [];
  declare readonly dryRun?: NonNullable<DecisionService['dryRun']>;
  declare readonly statuses?: NonNullable<DecisionService['statuses']>;
  declare readonly watch?: NonNullable<DecisionService['watch']>;
  declare readonly verify?: NonNullable<DecisionService['verify']>;
  declare readonly consume?: NonNullable<DecisionService['consume']>;
  declare readonly begin?: NonNullable<DecisionService['begin']>;
  declare readonly withdraw?: NonNullable<DecisionService['withdraw']>;
  declare readonly expire?: NonNullable<DecisionService['expire']>;
  declare readonly ready?: NonNullable<DecisionService['ready']>;
  declare readonly close?: NonNullable<DecisionService['close']>;
  declare readonly reevaluate?: NonNullable<DecisionService['reevaluate']>;
  readonly #service: DecisionService;

  /** @param answers a script, or the service that answers; by default an empty script, which denies everything */
  constructor(answers: DecisionScript | DecisionService = []) {
    const service: DecisionService = typeof answers === 'object' && 'decide' in answers ? answers : new ScriptedDecisionService(answers);
    this.#service = service;
    const recorded = {
      dryRun:
        service.dryRun &&
        ((request: DecisionRequest, options: AskOptions) =>
          this.#record(request, undefined, () => service.dryRun?.(request, options) as Awaitable<Decision>)),
      reevaluate:
        service.reevaluate &&
        ((request: DecisionRequest, decisionId: string, options: AskOptions) =>
          this.#record(request, decisionId, () => service.reevaluate?.(request, decisionId, options) as Awaitable<Decision>)),
    } as Partial<DecisionService>;
    // decide and status are methods of this class
    for (const [name, method] of Object.entries(forwardingService(service, recorded)))
      if (!(name in this)) Object.assign(this, { [name]: method as unknown });
  }

  decide(request: DecisionRequest, options: AskOptions): Awaitable<Decision> {
    return this.#record(request, undefined, () => this.#service.decide(request, options));
  }

  status(decisionId: string, options: AskOptions): Awaitable<DecisionStatus> {
    return this.#service.status(decisionId, options);
  }

  /**
   * Approves a call that the script answered with `approval_needed`.
   *
   * @param by the person who approves
   * @throws ConfigError if no such approval is pending
   */
  approve(decisionId: string, by: string = 'approver'): void {
    this.#settle({ decisionId, state: 'approved', by });
  }

  /**
   * Denies a call that the script answered with `approval_needed`.
   *
   * @param by the person who denies
   * @throws ConfigError if no such approval is pending
   */
  deny(decisionId: string, reason?: string, by: string = 'approver'): void {
    this.#settle({ decisionId, state: 'denied', by, reason });
  }

  #settle(status: DecisionStatus): void {
    if (status.by !== undefined && personId(status.by) === undefined)
      throw new ConfigError([{ where: 'approve(), deny(): by', message: `must be ${PERSON_ID}.` }]);
    if (this.#service instanceof ScriptedDecisionService && this.#service.settle(status)) return;
    throw new ConfigError([
      { where: 'approve(), deny()', message: 'need the decisionId of a pending approval that this script requested.' },
    ]);
  }

  #record(request: DecisionRequest, decisionId: string | undefined, ask: () => Awaitable<Decision>): Awaitable<Decision> {
    const calls = this.calls as RecordedCall[];
    const at = calls.push({ request, decisionId }) - 1;
    return attempt(
      ask,
      (decision) => {
        calls[at] = { request, decisionId, decision };
        return decision;
      },
      (error) => {
        calls[at] = { request, decisionId, error };
        throw error;
      },
    );
  }
}
