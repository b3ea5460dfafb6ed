import { attempt, isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { executeApproved } from './executeApproved.js';
import type { ExecutionHost, RunApproved } from './ExecutionHost.js';
import type { PendingCall } from '../call/PendingCall.js';

/** What executions need of the scheduler besides. */
export interface ExecutionActions {
  /** Nothing else is asked about it meanwhile. */
  pause(entry: PendingCall): void;
  /** It could not go on before it ran. */
  failed(entry: PendingCall, error: unknown): Awaitable<void>;
}

/** The approved calls that are on their way to run, or run: each once at a time. */
export class Executions {
  readonly #underWay = new Set<PendingCall>();
  readonly #host: ExecutionHost;
  readonly #actions: ExecutionActions;

  constructor(host: ExecutionHost, actions: ExecutionActions) {
    this.#host = host;
    this.#actions = actions;
  }

  get underWay(): ReadonlySet<PendingCall> {
    return this.#underWay;
  }

  /** Runs it, if it is approved and not under way. Settles when it has ended, or waits again. */
  start(entry: PendingCall, run: RunApproved): Awaitable<void> {
    const { task } = entry;
    if (task.status !== 'approved' || this.#underWay.has(entry) || this.#host.signal.aborted) return;
    entry.phase = 'busy';
    this.#actions.pause(entry);
    this.#underWay.add(entry);
    const done = (): void => {
      this.#underWay.delete(entry);
      entry.execution = undefined;
      // what another process has changed first is that one's, or waits again
      if (entry.phase === 'busy') entry.phase = 'waiting';
    };
    const execution = attempt(
      () => executeApproved(entry, task, run, this.#host),
      done,
      (error) => {
        done();
        return this.#actions.failed(entry, error);
      },
    );
    if (isThenable(execution)) entry.execution = execution;
    return execution;
  }
}
