import { GuardDefinitionError } from '../../model/errors/SetupErrors.js';
import type { OnUnguardable } from './AdapterOptions.js';

/**
 * A tool that runs where nobody can guard it.
 *
 * @throws GuardDefinitionError unless told to warn or to ignore it
 */
export function refuseUnguardable(framework: string, name: string, why: string, unguardable: OnUnguardable = 'throw'): void {
  const message = `${framework}: tool '${name.slice(0, 128)}' cannot be guarded: ${why}.`;
  if (unguardable === 'throw') throw new GuardDefinitionError(`${message} Leave it out, or say \`unguardable\`.`);
  if (unguardable === 'warn') process.emitWarning(message, { type: 'AegisWarning', code: 'unguardable_tool' });
}
