// Mistakes of the program: thrown at definition, at configuration or at the desk, each naming its fix.
import { AegisError } from '../AegisError.js';

/** One fault of a configuration and its fix. Never contains the value. */
export interface ConfigProblem {
  /** The option or environment variable, or `file:line:column` of a policy. */
  readonly where: string;
  /** What is wrong, what was expected and what to do. */
  readonly message: string;
}

/** The module is configured wrongly or not at all. Names every problem and its fix, never a value. */
export class ConfigError extends AegisError {
  override readonly name = 'ConfigError';
  /** Every problem that was found. */
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], options?: ErrorOptions) {
    super('invalid_config', problems.map((p) => (p.where === '' ? p.message : `${p.where}: ${p.message}`)).join('\n'), options);
    this.problems = problems;
  }
}

/** A guard is placed where it cannot guard, or a guarded method was overridden without a guard. Thrown when a class is defined or instantiated. */
export class GuardDefinitionError extends AegisError {
  override readonly name = 'GuardDefinitionError';

  constructor(message: string, options?: ErrorOptions) {
    super('invalid_guard', message, options);
  }
}

/** A task cannot change as requested, because its status does not allow it. Thrown by TaskRegistry. */
export class TaskStateError extends AegisError {
  override readonly name = 'TaskStateError';
  /** The task that did not change. */
  readonly taskId: string;

  constructor(taskId: string, message: string) {
    super('invalid_task_state', message);
    this.taskId = taskId;
  }
}

/** The HTTP status of a {@link VerdictError}. */
export type VerdictStatus = 400 | 403 | 404 | 409 | 422 | 428 | 503;

/** What stands of an approval whose verdict came too late, or was on something else. */
export interface StandingVerdict {
  /** Where the approval stands. */
  readonly status: string;
  /** Who decided it last, if a person did. */
  readonly by?: string | undefined;
  /** When it ended, in epoch milliseconds, as far as that is known. */
  readonly atMs?: number | undefined;
  /** Why, in that person's words. */
  readonly reason?: string | undefined;
}

/** A verdict was refused: its digest is not the current one, the person may not decide, or the approval is already decided. Thrown by ApprovalDesk. */
export class VerdictError extends AegisError {
  override readonly name = 'VerdictError';
  /**
   * 409: decided otherwise, another digest or another version. 403: the person may not decide. 404: no such approval. 400: invalid input. 422: what the person
   * typed is missing or wrong. 428: it takes a signature. 503: who the people are cannot be known now.
   */
  readonly status: VerdictStatus;
  /** The same as `status`. */
  readonly statusCode: VerdictStatus;
  /** The approval. */
  readonly decisionId: string;
  /** What stands instead, where the status is 409 and that is known. */
  readonly stands: StandingVerdict | undefined;

  constructor(
    status: VerdictStatus,
    code: string,
    decisionId: string,
    message: string,
    { stands, ...options }: ErrorOptions & { readonly stands?: StandingVerdict | undefined } = {},
  ) {
    super(code, message, options);
    this.status = status;
    this.statusCode = status;
    this.decisionId = decisionId;
    this.stands = stands;
  }
}
