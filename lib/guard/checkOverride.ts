import { GuardDefinitionError } from '../model/errors/SetupErrors.js';
import { agentDefaultsOf, guardInfoOf, valueOf } from './method/guardMetadata.js';
import type { LooseGuardOptions } from './method/LooseGuardOptions.js';
import { currentHandle, runtimeOf } from './call/GuardRuntime.js';

/**
 * Refuses an undecorated override of a guarded method, which would run unguarded. Called in the constructor of every instance of a class with a guarded
 * method, and so of its subclasses. Refuses only where the guarded function is still further up the prototype chain, so that a test may replace it.
 */
export function checkOverride(self: object, key: string | symbol, guarded: unknown, options: LooseGuardOptions): void {
  const seen = valueOf(self, key);
  if (seen === guarded || guardInfoOf(seen) !== undefined || !sitsBelow(self, key, guarded)) return;
  const onClass = agentDefaultsOf(self);
  const mode = onClass?.onUnguardedOverride ?? modeOfModule(options.module ?? onClass?.module) ?? 'throw';
  if (mode === 'ignore') return;
  const message = `${classNameOf(self)}.${String(key)} overrides a guarded method, but is not guarded itself; decorate it with @AegisGuard.`;
  if (mode === 'throw') throw new GuardDefinitionError(message);
  process.emitWarning(message, 'AegisWarning');
}

function sitsBelow(self: object, key: string | symbol, guarded: unknown): boolean {
  for (let p = Object.getPrototypeOf(self) as object | null; p !== null; p = Object.getPrototypeOf(p) as object | null) {
    if (Object.getOwnPropertyDescriptor(p, key)?.value === guarded) return true;
  }
  return false;
}

/** Construction may come before configure(): then there is no mode to read yet. */
function modeOfModule(module: LooseGuardOptions['module']): 'throw' | 'warn' | 'ignore' | undefined {
  const handle = typeof module === 'object' ? module : currentHandle();
  return handle === undefined ? undefined : runtimeOf(handle).onUnguardedOverride;
}

function classNameOf({ constructor }: object): string {
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'a subclass';
}
