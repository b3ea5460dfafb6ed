import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { PendingCall } from '../call/PendingCall.js';
import { haltableCall } from './Claim.js';
import type { ExecutionHost } from './ExecutionHost.js';

/** What becomes of an approved call that is about to run. */
export interface UnlessHalted {
  /** It is not halted. */
  go(): Awaitable<void>;
  /** It waits until it is no longer halted. */
  wait(error: Error): Awaitable<void>;
  /** A halt ends what waits. */
  cancel(error: Error): Awaitable<void>;
}

/** Asks whether an approved call is halted, before anything is done about it. */
export function unlessHalted(entry: PendingCall, { halts: { gate } }: ExecutionHost, next: UnlessHalted): Awaitable<void> {
  if (gate === undefined) return next.go();
  const call = haltableCall(entry);
  return chain(gate.look(call), (error) => {
    if (error === undefined) return next.go();
    return gate.cancels(call) ? next.cancel(error) : next.wait(error);
  });
}
