import type { Logger } from '../../common/Logger.js';
import type { FailedOutcome } from '../../common/transport/resilience.js';
import { publishCallbackError, publishDiagnostic } from '../../model/diagnostics.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';
import type { UnbelievableReason } from '../../model/errors/ServiceErrors.js';

/** What a report is about. */
export interface ReportSubject {
  readonly agentId?: string | undefined;
  readonly toolName?: string | undefined;
  readonly decisionId?: string | undefined;
}

/** Reports faults to the diagnostics channel and the logger, without params and keys. A logger that throws changes nothing. */
export class RemoteReporter {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Reports an answer that looks forged, replayed or swapped. */
  security(code: string, message: string, subject: ReportSubject): void {
    publishDiagnostic({ kind: 'security', code, message, actor: { kind: 'service' }, ...subject });
    this.#log('warn', { code, ...subject }, message);
  }

  /**
   * Reports an answer that looks forged, replayed or swapped.
   *
   * @returns the error to throw
   */
  suspicious(reason: UnbelievableReason, message: string, subject: ReportSubject): DecisionUnavailableError {
    this.security(reason, message, subject);
    return new DecisionUnavailableError(reason, message);
  }

  /** Reports an attempt that may be retried. */
  attemptFailed(outcome: FailedOutcome, subject: ReportSubject): void {
    const { agentId, toolName } = subject;
    this.#log('debug', { agentId, toolName, outcome: outcome.kind }, 'an attempt to reach the decision service failed');
  }

  #log(level: 'debug' | 'warn', fields: object, message: string): void {
    try {
      this.#logger[level](fields, message);
    } catch (error) {
      publishCallbackError('logger', error);
    }
  }
}
