import '../common/runtime.js';
import { GuardDefinitionError } from '../model/errors/SetupErrors.js';
import type { AegisModule, AegisModuleView } from './module/AegisModule.js';
import { runtimeOf } from './call/GuardRuntime.js';
import { setAgentDefaults, unguardedOverrides } from './method/guardMetadata.js';

export interface AegisAgentOptions {
  /** The module that guards this class. Default `AegisModule.current`. */
  readonly module?: AegisModule | AegisModuleView;
  /** What an undecorated override of a guarded method does. Default: what the base class says, then `module`, then `throw`. */
  readonly onUnguardedOverride?: 'throw' | 'warn' | 'ignore';
}

/**
 * Says who the agent of a class is, for all its guards; subclasses inherit it. A class decorator under both emits, which never replaces the class.
 *
 * @throws GuardDefinitionError where the class overrides a guarded method without a guard, or the id is none
 */
export function AegisAgent(
  agentId: string,
  options: AegisAgentOptions = {},
): <T extends abstract new (...args: never) => object>(target: T, context?: ClassDecoratorContext<T>) => void {
  if (typeof agentId !== 'string' || agentId === '' || agentId.length > 256) {
    throw new GuardDefinitionError('@AegisAgent needs an agent id: a text of 1 to 256 characters.');
  }
  return (target, context) => {
    if (typeof target !== 'function' || (context !== undefined && (typeof context !== 'object' || context.kind !== 'class'))) {
      throw new GuardDefinitionError('@AegisAgent stands on classes; guard a method with @AegisGuard.');
    }
    const defaults = setAgentDefaults(target, { ...options, agentId });
    const mode = defaults.onUnguardedOverride ?? (defaults.module && runtimeOf(defaults.module).onUnguardedOverride) ?? 'throw';
    if (mode === 'ignore') return;
    const [unguarded] = unguardedOverrides(target);
    if (unguarded === undefined) return;
    const message = `${target.name}.${String(unguarded)} overrides a guarded method, but is not guarded itself; decorate it with @AegisGuard.`;
    if (mode !== 'warn') throw new GuardDefinitionError(message);
    process.emitWarning(message, 'AegisWarning');
  };
}
