import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { CallRequest } from '../call/CallRequest.js';
import type { CallFacts, CallToDecide, PendingOutcome } from '../call/GuardedCall.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';
import { classNameOf } from '../method/GuardBinding.js';
import { bindingsOf } from '../method/registerGuards.js';
import { PendingCallState } from './PendingCallState.js';
import { joinEqualCall } from './openApproval.js';
import { pendingOutcome } from './pendingOutcome.js';

/**
 * The approval of an equal call that a durable store has from another process, or from this one before it was started again: an agent that asks once
 * more asks nobody twice. In mode `throw` this is how the approval is redeemed.
 */
export function joinStoredCall<R>(
  runtime: GuardRuntime,
  call: CallToDecide<R>,
  request: CallRequest,
): Awaitable<PendingOutcome<Awaited<R>> | undefined> {
  const { tasks, scheduler } = runtime;
  const { mode, signature } = call;
  if (!tasks.durable || signature === undefined || mode === undefined || mode === 'wait' || request.opaque.length > 0) return undefined;
  if (mode === 'defer' && !isOnSoleInstance(call, request)) return undefined;
  const { guardKey, agentId, paramsDigest: originalDigest, sessionDigest } = request;
  return chain(tasks.store.findOpen({ guardKey, agentId, originalDigest, sessionDigest, mode }), (task) => {
    if (task?.origin?.resumable !== true || scheduler.now() >= task.expiresAtMs) return undefined;
    const { origin } = task;
    // compared here too: a store may take two texts for one
    const same = task.guardKey === guardKey && task.agentId === agentId && task.originalDigest === originalDigest;
    if (!same || task.sessionDigest !== sessionDigest || origin.signature !== signature || origin.target !== classNameOf(call.target))
      return undefined;
    // an equal call may have taken it meanwhile
    if (scheduler.heldCall(task.taskId) !== undefined) return joinEqualCall(runtime, call, request);
    const held = new PendingCallState(runtime, call, request);
    const entry = scheduler.hold(task, held);
    return pendingOutcome(runtime, entry, (approved, now) => held.run(approved, now), { joined: true, signal: call.signal });
  });
}

/** Two calls on two objects are two wishes; what a stored one was on can only be told where there is one. */
function isOnSoleInstance({ target }: CallFacts<never>, { guardKey }: CallRequest): boolean {
  const [binding, ...others] = bindingsOf(guardKey);
  const sole = binding?.sole;
  return others.length === 0 && sole?.kind === 'sole' && (sole.self === undefined || sole.self === target);
}
