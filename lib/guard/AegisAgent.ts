import '../common/runtime.js';
import { GuardDefinitionError } from '../model/errors/SetupErrors.js';
import type { AegisModule, AegisModuleView } from './module/AegisModule.js';
import { runtimeOf } from './call/GuardRuntime.js';
import { setAgentDefaults, unguardedOverrides, whyUnguarded } from './method/guardMetadata.js';
import { checkedGuardOptions } from './method/checkedGuardOptions.js';
import type { OptionKinds } from '../common/readOptions.js';

/** Options of `@AegisAgent`. */
export interface AegisAgentOptions {
  /**
   * The module that guards this class.
   *
   * @defaultValue `AegisModule.current`
   */
  readonly module?: AegisModule | AegisModuleView | undefined;
  /**
   * What happens when a class with an undecorated override of a guarded method is defined or constructed.
   *
   * @defaultValue that of the base class, else of `module`, else `throw`
   */
  readonly onUnguardedOverride?: 'throw' | 'warn' | 'ignore' | undefined;
}

const AGENT_OPTIONS: OptionKinds<AegisAgentOptions> = { module: 'object', onUnguardedOverride: "'throw'|'warn'|'ignore'" };

/**
 * Names the agent of a class, for all its guards; subclasses inherit it. A class decorator under TC39 decorators and `experimentalDecorators` alike,
 * which never replaces the class.
 *
 * @param agentId the agent: 1 to 256 characters
 * @throws GuardDefinitionError where the class overrides a guarded method without a guard, or `agentId` is not such a string
 */
export function AegisAgent(
  agentId: string,
  options: AegisAgentOptions = {},
): <T extends abstract new (...args: never) => object>(target: T, context?: ClassDecoratorContext<T>) => void {
  if (typeof agentId !== 'string' || agentId === '' || agentId.length > 256) {
    throw new GuardDefinitionError('@AegisAgent(…) must get an agent id, a string of 1 to 256 characters: @AegisAgent("ops-agent").');
  }
  const checked = checkedGuardOptions('@AegisAgent(…)', options, AGENT_OPTIONS);
  return (target, context) => {
    if (typeof target !== 'function' || (context !== undefined && (typeof context !== 'object' || context.kind !== 'class'))) {
      throw new GuardDefinitionError('@AegisAgent decorates classes only; guard a method with @AegisGuard.');
    }
    const defaults = setAgentDefaults(target, { ...checked, agentId });
    const mode = defaults.onUnguardedOverride ?? (defaults.module && runtimeOf(defaults.module).onUnguardedOverride) ?? 'throw';
    if (mode === 'ignore') return;
    const [unguarded] = unguardedOverrides(target);
    if (unguarded === undefined) return;
    const message = `${target.name}.${String(unguarded)} ${whyUnguarded(target, unguarded)}`;
    if (mode !== 'warn') throw new GuardDefinitionError(message);
    process.emitWarning(message, 'AegisWarning');
  };
}
