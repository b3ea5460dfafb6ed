// Mistakes of the program itself: thrown at definition or configuration, each naming its fix.
import { AegisError } from '../AegisError.js';

/** One thing wrong in a configuration: where, and what to do. Never the value. */
export interface ConfigProblem {
  /** The option or environment variable, or `file:line:column` of a policy. */
  readonly where: string;
  /** What is wrong and what was expected. */
  readonly message: string;
}

/** The module was set up wrongly, or not at all. Names every problem and its fix, never a value. */
export class ConfigError extends AegisError {
  override readonly name = 'ConfigError';
  /** Every problem that was found, not only the first. */
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], options?: ErrorOptions) {
    super('invalid_config', problems.map((p) => (p.where === '' ? p.message : `${p.where}: ${p.message}`)).join('\n'), options);
    this.problems = problems;
  }
}

/** A guard stands where it cannot guard, or a guarded method was overridden without a guard. Thrown at class definition or construction. */
export class GuardDefinitionError extends AegisError {
  override readonly name = 'GuardDefinitionError';

  constructor(message: string, options?: ErrorOptions) {
    super('invalid_guard', message, options);
  }
}

/** A task was asked to change in a way its state does not allow. */
export class TaskStateError extends AegisError {
  override readonly name = 'TaskStateError';
  /** The task's id. */
  readonly taskId: string;

  constructor(taskId: string, message: string) {
    super('invalid_task_state', message);
    this.taskId = taskId;
  }
}

/** A verdict that cannot stand: another digest than the one displayed, not an approver, already decided. */
export class VerdictError extends AegisError {
  override readonly name = 'VerdictError';
  /** 409 where the approval stands otherwise, 403 where the person may not decide, 404 where there is no such approval, 400 for bad input. */
  readonly status: 400 | 403 | 404 | 409;
  /** The same as `status`, for frameworks that look for this name. */
  readonly statusCode: 400 | 403 | 404 | 409;
  /** The approval that the verdict was for. */
  readonly decisionId: string;

  constructor(status: 400 | 403 | 404 | 409, code: string, decisionId: string, message: string) {
    super(code, message);
    this.status = status;
    this.statusCode = status;
    this.decisionId = decisionId;
  }
}
