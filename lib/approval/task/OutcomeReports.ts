import { attempt, isThenable } from '../../common/awaitable.js';
import type { DecisionService } from '../../decision/DecisionService.js';
import { isOffered } from '../../model/Capability.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import type { Task } from '../../model/Task.js';

/** How long closing waits for reports that are on their way, in milliseconds. */
const LAST_WORDS_MS = 1_000;

/**
 * Tells the decision service how runs of approved calls ended, where it offered that with the approval. Nothing waits for a report, and one that fails
 * changes nothing.
 */
export class OutcomeReports {
  readonly #decisions: Pick<DecisionService, 'reportOutcome'>;
  readonly #open = new Set<PromiseLike<void>>();

  constructor(decisions: Pick<DecisionService, 'reportOutcome'>) {
    this.#decisions = decisions;
  }

  /** Tells of a task that was executing, or whose outcome was unknown. */
  report(task: Task): void {
    const { status, taskId: token, decisionId } = task;
    if ((status !== 'completed' && status !== 'failed' && status !== 'unknown') || !isOffered(task, 'outcome')) return;
    const errorCode = status === 'failed' ? (task.error.code ?? task.error.name) : undefined;
    const told = attempt<void, void>(
      () => this.#decisions.reportOutcome?.({ decisionId, token, status, errorCode }),
      () => undefined,
      (error) => publishCallbackError('reporting an outcome', error),
    );
    if (!isThenable(told)) return;
    this.#open.add(told);
    void told.then(() => this.#open.delete(told));
  }

  /** Waits a moment for what is on its way. */
  async close(): Promise<void> {
    if (this.#open.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST_WORDS_MS);
    });
    await Promise.race([Promise.all(this.#open), late]);
    clearTimeout(timer);
  }
}
