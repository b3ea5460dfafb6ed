import type { Awaitable } from '../../common/awaitable.js';
import type { Sensitive } from '../../model/sensitive/Sensitive.js';
import type { Task } from '../../model/Task.js';
import type { HeldApproval } from '../call/PendingCall.js';
import type { WaitingForWorker } from '../task/TaskEvents.js';

/** What this process makes of a stored task: the call it was, a reason to leave it to another process, or why it must never run. */
export type RestoredCall =
  | { readonly kind: 'call'; readonly call: HeldApproval }
  | { readonly kind: 'waiting'; readonly reason: WaitingForWorker['reason'] }
  | { readonly kind: 'refused'; readonly code: string; readonly why: string };

/** Finds the guard and the instance of a stored task. */
export interface CallRestorer {
  restore(task: Task): Awaitable<RestoredCall>;
  /** What the guard of a stored task hides; `undefined` also where this process does not have that guard. */
  sensitive(task: Task): Sensitive | undefined;
  /** Keys of the guards that this process can run now: those of which it has an instance, or can be handed one. */
  runnable(): readonly string[];
  /** Keys of the guards that this process has. */
  keys(): readonly string[];
}
