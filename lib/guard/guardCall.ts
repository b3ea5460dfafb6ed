import type { AegisModule, AegisModuleView } from './AegisModule.js';
import { decideCall } from './decideCall.js';
import type { RunGuarded } from './decideCall.js';
import type { GuardedCall, GuardOutcome } from './GuardedCall.js';
import { runtimeOf } from './GuardRuntime.js';

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
  const outcome = await decideCall(runtimeOf(module), call, run);
  if (outcome.kind !== 'ran') return outcome as GuardOutcome<Awaited<R>>;
  return { ...outcome, value: await outcome.value };
}
