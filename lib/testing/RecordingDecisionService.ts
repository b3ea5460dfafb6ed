import { attempt } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import type { AskOptions, DecisionService } from '../decision/DecisionService.js';
import { forwardingService } from '../decision/forwardingService.js';
import type { Decision, DecisionRequest, DecisionStatus } from '../model/Decision.js';
import { ConfigError } from '../model/errors/SetupErrors.js';
import { type DecisionScript, ScriptedDecisionService } from './ScriptedDecisionService.js';

/** One question and its answer. */
export interface RecordedCall {
  /** What was asked. */
  readonly request: DecisionRequest;
  /** The approval it was asked about again, just before the call would run. */
  readonly decisionId?: string | undefined;
  /** Undefined while there is none, and where the service threw. */
  readonly decision?: Decision | undefined;
  /** What the service threw. */
  readonly error?: unknown;
}

/**
 * A decision service for tests: keeps what it was asked and what it answered, by a script or as another service does.
 *
 * @example const decisions = new RecordingDecisionService(['allow', { effect: 'deny', reason: 'not today' }]);
 * const aegis = AegisModule.create({ decisions, agentId: 'bot' });
 */
export class RecordingDecisionService implements DecisionService {
  /** In the order asked. */
  readonly calls: readonly RecordedCall[] = [];
  declare readonly statuses?: NonNullable<DecisionService['statuses']>;
  declare readonly watch?: NonNullable<DecisionService['watch']>;
  declare readonly consume?: NonNullable<DecisionService['consume']>;
  declare readonly withdraw?: NonNullable<DecisionService['withdraw']>;
  declare readonly expire?: NonNullable<DecisionService['expire']>;
  declare readonly ready?: NonNullable<DecisionService['ready']>;
  declare readonly close?: NonNullable<DecisionService['close']>;
  declare readonly reevaluate?: NonNullable<DecisionService['reevaluate']>;
  readonly #service: DecisionService;

  /** @param answers a script, or the service that answers. Default: an empty script, which denies everything. */
  constructor(answers: DecisionScript | DecisionService = []) {
    const service: DecisionService = typeof answers === 'object' && 'decide' in answers ? answers : new ScriptedDecisionService(answers);
    this.#service = service;
    const reevaluate = service.reevaluate && {
      reevaluate: (request: DecisionRequest, decisionId: string, options: AskOptions) =>
        this.#record(request, decisionId, () => service.reevaluate?.(request, decisionId, options) as Awaitable<Decision>),
    };
    // decide and status are methods of this class
    for (const [name, method] of Object.entries(forwardingService(service, reevaluate)))
      if (!(name in this)) Object.assign(this, { [name]: method as unknown });
  }

  decide(request: DecisionRequest, options: AskOptions): Awaitable<Decision> {
    return this.#record(request, undefined, () => this.#service.decide(request, options));
  }

  status(decisionId: string, options: AskOptions): Awaitable<DecisionStatus> {
    return this.#service.status(decisionId, options);
  }

  /** A person approves what the script answered with `approval_needed`. @throws ConfigError where there is no such approval pending */
  approve(decisionId: string, by: string = 'approver'): void {
    this.#settle({ decisionId, state: 'approved', by });
  }

  /** A person refuses it. @throws ConfigError where there is no such approval pending */
  deny(decisionId: string, reason?: string, by: string = 'approver'): void {
    this.#settle({ decisionId, state: 'denied', by, reason });
  }

  #settle(status: DecisionStatus): void {
    if (this.#service instanceof ScriptedDecisionService && this.#service.settle(status)) return;
    throw new ConfigError([{ where: 'approve(), deny()', message: 'need an approval that this script asked for, and that is pending.' }]);
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
