import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import type { AegisOptions } from '../../lib/guard/module/AegisOptions.js';
import { bindingOf } from '../../lib/guard/method/GuardBinding.js';
import { decideCall } from '../../lib/guard/decideCall.js';
import { runtimeOf } from '../../lib/guard/call/GuardRuntime.js';
import { takeSession } from '../../lib/guard/call/validateParams.js';
import type { GuardedCall, PendingOutcome } from '../../lib/guard/call/GuardedCall.js';
import type { GuardInfo } from '../../lib/guard/method/guardMetadata.js';
import type { Params } from '../../lib/model/Params.js';
import { takeParams } from '../../lib/model/snapshot/takeSnapshot.js';
import type { SharedMemoryStore } from './SharedMemoryStore.js';

/** Every call needs a person. */
export const ASK_ALWAYS = `@id("all") permit (principal, action, resource);
  @id("ask") @effect("approval_needed") @reason("a person decides") forbid (principal, action, resource);`;

export const LEASE_MS = 10_000;
export const SWEEP_MS = 1_000;

/** A module on a handle of a durable store, as in a process of its own. */
export function durableModule(store: SharedMemoryStore, options: AegisOptions = {}): AegisModule {
  const recovery = { leaseMs: LEASE_MS, sweepMs: SWEEP_MS };
  const source = options.decisions === undefined ? { policies: { text: ASK_ALWAYS } } : {};
  return AegisModule.create({ ...source, agentId: 'bot', store, recovery, ...options });
}

/** A person says yes, at the desk of that module. */
export async function approve(module: AegisModule, decisionId: string): Promise<void> {
  const record = await module.approvals.get(decisionId);
  await module.approvals.approve(decisionId, { by: 'bob', digest: record?.digest });
}

/** The same call of a guard, as another process makes it that has a class of its own: none of this one's instances is seen by it. */
export async function callElsewhere(
  module: AegisModule,
  info: GuardInfo,
  params: Params,
  more: Partial<GuardedCall> & { readonly argumentCount?: number; readonly idempotent?: boolean; readonly signature?: string } = {},
): Promise<PendingOutcome<unknown>> {
  const { toolName, key: guardKey, approval: mode, opaque } = info;
  const signature = bindingOf(info)?.spec.signature;
  const target = new (class Till {})();
  const call = {
    agentId: 'bot',
    target,
    toolName,
    guardKey,
    params,
    mode,
    opaque,
    signature,
    argumentCount: Object.keys(params).length,
    ...more,
  };
  // as a guard makes it: guardCall() takes none of what only a guard knows
  const runtime = runtimeOf(module);
  const {
    session,
    sensitive: _sensitive,
    preview: _preview,
    ...rest
  } = call as typeof call & Pick<GuardedCall, 'session' | 'sensitive' | 'preview'>;
  const outcome = await decideCall<unknown>(runtime, {
    ...rest,
    session: session === undefined || session === null ? null : takeSession(session, runtime.limits),
    takeSnapshot: (limits) => takeParams(rest.params, limits),
    invokeMethod: () => {
      throw new Error('it ran in the process that had ended');
    },
  });
  if (outcome.kind === 'pending') return outcome;
  throw outcome.kind === 'denied' ? outcome.error : new Error('it ran');
}
