import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { PendingCall } from '../../approval/call/PendingCall.js';
import type { CallRequest } from '../call/CallRequest.js';
import type { CallFacts, CallToDecide, PendingOutcome } from '../call/GuardedCall.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';
import { bindingBaseOf } from '../../model/bindingBase.js';
import { bindingsOf } from '../method/GuardBinding.js';
import { PendingCallState, runApproved, pendingOutcome } from './PendingCallState.js';

/** The pending call of this process that a call duplicates, if there is one: an agent that asks twice asks a person once. */
export function joinPendingCall<R>(
  runtime: GuardRuntime,
  call: CallToDecide<R>,
  request: CallRequest,
): PendingOutcome<Awaited<R>> | undefined {
  const { duplicates } = runtime.scheduler;
  const { guard, target, agentId, signal } = call;
  // opaque arguments are not compared, so calls that have any are never duplicates
  if (guard === undefined || !duplicates.hasOpen(guard) || request.opaque.length > 0) return undefined;
  const { paramsDigest: originalDigest, sessionDigest } = request;
  const entry = duplicates.duplicateOf({ guard, target, agentId, originalDigest, sessionDigest, prototypes: call.prototypes });
  if (entry === undefined) return undefined;
  return pendingOutcome<Awaited<R>>(
    runtime,
    entry as unknown as PendingCall<Awaited<R>>,
    (params, task, lastLook) => runApproved(runtime, call, task, params, lastLook),
    { deduplicated: true, signal },
  );
}

/**
 * The approval of a duplicate call that a durable store has from another process, or from this one before it was started again: an agent that asks once
 * more does not ask a person twice. In mode `throw` this is how the approval is redeemed.
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
    // compared here too: a store may treat two texts as equal, and its columns are not what was approved
    if (bindingBaseOf(task) !== request.bindingBase) return undefined;
    // a duplicate call may have taken it meanwhile
    if (scheduler.heldCall(task) !== undefined) return joinPendingCall(runtime, call, request);
    const held = new PendingCallState(runtime, call, request, task);
    const entry = scheduler.hold(task, held);
    return pendingOutcome(runtime, entry, held.run.bind(held), { deduplicated: true, signal: call.signal });
  });
}

/** Calls on two objects are not duplicates; which object a stored call was on can only be told where there is one. */
function isOnSoleInstance({ target }: CallFacts<never>, { guardKey }: CallRequest): boolean {
  const [binding, ...others] = bindingsOf(guardKey);
  const sole = binding?.sole;
  return others.length === 0 && sole?.kind === 'sole' && (sole.self === undefined || sole.self === target);
}
