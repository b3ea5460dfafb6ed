import { ParamsError } from '../model/errors/CallErrors.js';
import type { SnapshotLimits } from '../model/snapshot.js';
import type { AegisModule, AegisModuleView } from './AegisModule.js';
import { decideCall } from './decideCall.js';
import type { GuardedCall, GuardOutcome, RunGuarded } from './GuardedCall.js';
import { runtimeOf } from './GuardRuntime.js';
import { refused } from './refusals.js';
import { takeSession } from './takeSession.js';

/**
 * Guards one call of anything: what adapters of frameworks are made of. Resolves to what became of it, `ran`, `denied` or `pending`, and rejects
 * with nothing but the method's own error. `run` gets its own copy of the params it may run with; it is entered once, or not at all.
 *
 * @throws ConfigError for something that is no module
 */
export async function guardCall<R>(
  module: AegisModule | AegisModuleView,
  call: GuardedCall<Awaited<R>>,
  run: RunGuarded<R>,
): Promise<GuardOutcome<Awaited<R>>> {
  const runtime = runtimeOf(module);
  let own: GuardedCall<Awaited<R>>;
  try {
    own = ownCall(call, runtime.limits);
  } catch (error) {
    return refused(call, error);
  }
  const outcome = await decideCall(runtime, own, run);
  if (outcome.kind !== 'ran') return outcome as GuardOutcome<Awaited<R>>;
  return { ...outcome, value: await outcome.value };
}

/** What is the caller's to change is copied; what decides whose call it is, is checked. */
function ownCall<R>(call: GuardedCall<R>, limits: SnapshotLimits): GuardedCall<R> {
  const { agentId, toolName, guardKey, session, groups, opaque } = call;
  if (!isText(agentId) || !isText(toolName) || (guardKey !== undefined && !isText(guardKey))) {
    throw new ParamsError('', 'A call needs an agentId and a toolName: texts of 1 to 256 characters.', { code: 'invalid_call' });
  }
  return {
    ...call,
    session: session === undefined || session === null ? null : takeSession(session, limits),
    groups: groups === undefined ? undefined : Object.freeze([...groups]),
    opaque: opaque === undefined ? undefined : Object.freeze([...opaque]),
  };
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= 256;
}
