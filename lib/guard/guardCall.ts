import { recordOf } from '../model/snapshot/ArgumentList.js';
import { readSensitive } from '../model/view/readSensitive.js';
import { ParamsError } from '../model/errors/CallErrors.js';
import { takeParams } from '../model/snapshot/takeSnapshot.js';
import { checkCall } from './call/checkCall.js';
import type { AegisModule, AegisModuleView } from './module/AegisModule.js';
import { decideCall } from './decideCall.js';
import { runOfferingDecision } from './call/reuseDecision.js';
import type { CallToDecide, GuardedCall, GuardOutcome, OwnParams, RunGuarded } from './call/GuardedCall.js';
import type { GuardRuntime } from './call/GuardRuntime.js';
import { runtimeOf } from './call/GuardRuntime.js';
import { refused } from './call/refusals.js';
import { takeSession } from './call/validateParams.js';
import { previewBy } from './preview/previewBy.js';
import { previewTimeoutProblem } from './preview/previewTimeout.js';
import { readOptions } from '../common/readOptions.js';
import type { OptionKinds } from '../common/readOptions.js';
import { GuardDefinitionError } from '../model/errors/SetupErrors.js';

/**
 * Guards one call of any function. Adapters of frameworks are made of it.
 *
 * @param run entered once or not at all, with a copy of the params that it may run with
 * @returns whether the call `ran`, was `denied`, or is `pending`; rejects only with the method's own error
 * @throws ConfigError where `module` is not a module of this copy of the package
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

/** `any` is checked further below. The functions of a call are its author's, and its schema may be a function too. */
const CALL_OPTIONS: OptionKinds<GuardedCall> = {
  agentId: 'any',
  toolName: 'any',
  params: 'any',
  guardKey: 'any',
  session: 'any',
  groups: 'strings',
  opaque: 'strings',
  knows: 'function',
  schema: 'object|function',
  schemaAppliesTo: "'every'|'sanitized'",
  mode: "'defer'|'wait'|'throw'",
  approvalTimeoutMs: 'any',
  wireTypes: "'string'",
  sensitive: 'any',
  preview: 'function',
  previewTimeoutMs: 'any',
  signal: 'object',
  guard: 'object|function',
  target: 'any',
  recheck: 'function',
  onSettled: 'function',
  metadata: 'record',
  signature: 'string',
  covers: 'boolean',
};

/** Copies what the caller could change later, and checks what says whose call it is. */
function ownCall<R>(runtime: GuardRuntime, given: GuardedCall<Awaited<R>>, run: RunGuarded<R>): CallToDecide<R> {
  const { limits } = runtime;
  // every field is read once, so that a getter cannot answer twice
  const call = readOptions<GuardedCall<Awaited<R>>>(given, CALL_OPTIONS as OptionKinds<GuardedCall<Awaited<R>>>, (name, message) => {
    throw new GuardDefinitionError(`guardCall(): ${name === '' ? 'the call' : `\`${name}\``} ${message}`);
  });
  const { agentId, toolName, guardKey, params, session, groups, opaque, approvalTimeoutMs, covers } = call;
  checkCall({ agentId, toolName, guardKey, params });
  if (approvalTimeoutMs !== undefined && !(Number.isFinite(approvalTimeoutMs) && approvalTimeoutMs > 0)) {
    throw new ParamsError('', '`approvalTimeoutMs` must be a number of milliseconds above 0.', { code: 'invalid_call' });
  }
  const sensitive = call.sensitive === undefined ? undefined : readSensitive(call.sensitive);
  if (typeof sensitive === 'string') throw new ParamsError('', `guardCall(): \`sensitive\` ${sensitive}`, { code: 'invalid_call' });
  const { preview, previewTimeoutMs: timeoutMs, ...rest } = call;
  const timeoutProblem = previewTimeoutProblem(timeoutMs);
  if (timeoutProblem !== undefined) throw new ParamsError('', timeoutProblem, { code: 'invalid_call' });
  const describe = preview && ((own: OwnParams, signal: AbortSignal): unknown => preview(recordOf(own), signal));
  const own = {
    ...rest,
    sensitive,
    preview: describe && previewBy(rest, { limits, timeoutMs, describe }),
    takeSnapshot: () => takeParams(params, limits),
    session: session === undefined || session === null ? null : takeSession(session, limits),
    groups: groups === undefined ? undefined : Object.freeze([...groups]),
    opaque: opaque === undefined ? undefined : Object.freeze([...opaque]),
  };
  if (covers !== true || own.opaque !== undefined) return { ...own, invokeMethod: (params: OwnParams): R => run(recordOf(params)) };
  return { ...own, invokeMethod: (params) => runOfferingDecision(runtime, own, recordOf(params), run) };
}
