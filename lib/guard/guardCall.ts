import { isPlainObject } from '../common/data/plainObject.js';
import { recordOf } from '../model/snapshot/ArgumentList.js';
import { ParamsError } from '../model/errors/CallErrors.js';
import { isId, TOOL_NAME } from '../model/Params.js';
import { takeParams } from '../model/snapshot/takeSnapshot.js';
import type { AegisModule, AegisModuleView } from './module/AegisModule.js';
import { decideCall } from './decideCall.js';
import { runOfferingDecision } from './call/reuseDecision.js';
import type { CallToDecide, GuardedCall, GuardOutcome, OwnParams, RunGuarded } from './call/GuardedCall.js';
import type { GuardRuntime } from './call/GuardRuntime.js';
import { runtimeOf } from './call/GuardRuntime.js';
import { refused } from './call/refusals.js';
import { takeSession } from './call/validateParams.js';

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
  let own: CallToDecide<R>;
  try {
    own = ownCall(runtime, call, run);
  } catch (error) {
    return refused(call, error);
  }
  const outcome = await decideCall<R>(runtime, own);
  if (outcome.kind !== 'ran') return outcome as GuardOutcome<Awaited<R>>;
  return { kind: 'ran', value: await outcome.value, decision: outcome.decision, params: recordOf(outcome.effectiveParams) };
}

/** What is the caller's to change is copied; what decides whose call it is, is checked. */
function ownCall<R>(runtime: GuardRuntime, given: GuardedCall<Awaited<R>>, run: RunGuarded<R>): CallToDecide<R> {
  const { limits } = runtime;
  // every field is read once: what is checked is what counts
  const call = { ...given };
  const { agentId, toolName, guardKey, params, session, groups, opaque, approvalTimeoutMs, covers } = call;
  if (!isId(agentId) || !isId(toolName) || (guardKey !== undefined && !isId(guardKey))) {
    throw new ParamsError('', 'A call needs an agentId and a toolName: texts of 1 to 256 characters.', { code: 'invalid_call' });
  }
  if (!TOOL_NAME.test(toolName))
    throw new ParamsError('', `'${toolName.slice(0, 128)}' is no tool name: letters, digits and _ . : / - only.`);
  if (approvalTimeoutMs !== undefined && !(Number.isFinite(approvalTimeoutMs) && approvalTimeoutMs > 0)) {
    throw new ParamsError('', '`approvalTimeoutMs` is a number of milliseconds above 0.', { code: 'invalid_call' });
  }
  if (!isPlainObject(params)) throw new ParamsError('', 'The params are no plain object, so they have no names.');
  const own = {
    ...call,
    takeSnapshot: () => takeParams(params, limits),
    session: session === undefined || session === null ? null : takeSession(session, limits),
    groups: groups === undefined ? undefined : Object.freeze([...groups]),
    opaque: opaque === undefined ? undefined : Object.freeze([...opaque]),
  };
  if (covers !== true || own.opaque !== undefined) return { ...own, invokeMethod: (params: OwnParams): R => run(recordOf(params)) };
  return { ...own, invokeMethod: (params) => runOfferingDecision(runtime, own, recordOf(params), run) };
}
