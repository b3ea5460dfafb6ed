import { attempt } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { summarizeError } from '../../model/AegisError.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { OutcomeUnknownError } from '../../model/errors/RefusalErrors.js';
import type { SettledEvent } from '../../model/Journal.js';
import type { ExecutingTask } from '../../model/Task.js';
import type { TaskOutcome } from '../../store/TaskStore.js';
import type { PendingCall } from '../call/PendingCall.js';
import { finishCall } from '../call/settleCall.js';
import type { ExecutionHost } from './ExecutionHost.js';

/** Records how it ended, which ends the entry; if it cannot be recorded, the caller still gets what the method did. */
export function settleRun(
  entry: PendingCall,
  {
    taskId,
    claimToken,
    agentId,
    toolName,
    decisionId,
  }: Pick<ExecutingTask, 'taskId' | 'claimToken' | 'agentId' | 'toolName' | 'decisionId'>,
  outcome: TaskOutcome,
  noted: SettledEvent['outcome'],
  error: unknown,
  host: ExecutionHost,
): Awaitable<void> {
  host.journal?.note({ kind: 'settled', agentId, toolName, decisionId, taskId, outcome: noted });
  const finish = (): void =>
    finishCall(host, entry, outcome.to === 'completed' ? { ok: true, value: outcome.result } : { ok: false, error });
  return attempt<unknown, void>(
    () => host.registry.settle(taskId, claimToken, outcome),
    finish,
    (failure: unknown) => {
      publishCallbackError('recording an outcome', failure);
      host.registry.settleLater(taskId, claimToken, outcome);
      finish();
    },
  );
}

/** Ends what may have run: a person has to find out. */
export function endUnknown(entry: PendingCall, executing: ExecutingTask, why: string, host: ExecutionHost): Awaitable<void> {
  const error = new OutcomeUnknownError(executing.taskId, why);
  const summary = summarizeError(error);
  entry.noteError('unknown', summary, error);
  return settleRun(entry, executing, { to: 'unknown', error: summary }, 'unknown', error, host);
}
