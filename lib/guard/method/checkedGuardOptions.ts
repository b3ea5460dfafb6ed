import { readOptions } from '../../common/readOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';
import { GuardDefinitionError } from '../../model/errors/SetupErrors.js';
import type { LooseGuardOptions } from './LooseGuardOptions.js';

/** @internal The options of every guard. `any` is checked further in readGuardOptions, which knows the method too. */
export const GUARD_OPTIONS: OptionKinds<LooseGuardOptions> = {
  agentId: 'any',
  toolName: 'any',
  key: 'any',
  params: 'any',
  opaque: 'any',
  plain: 'any',
  groups: 'any',
  schema: 'any',
  session: 'object|function|null',
  approval: 'any',
  waitMs: 'any',
  approvalTimeoutMs: 'any',
  wireTypes: "'string'",
  sensitive: 'any',
  preview: 'function',
  previewTimeoutMs: 'any',
  signal: 'object|function',
  onSettled: 'function',
  idempotent: 'boolean',
  module: 'object|function',
};

/**
 * @internal Copies the options of a guard, reading each once.
 *
 * @param where what the options were given to, for the error
 * @param kinds those of the guard that takes them
 * @throws GuardDefinitionError for an option that does not exist, or has another kind of value
 */
export function checkedGuardOptions<T extends object>(where: string, given: T, kinds: OptionKinds<NoInfer<T>>): T {
  const problems: string[] = [];
  const options = readOptions<T>(given, kinds, (name, message) => {
    problems.push(name === '' ? `the options ${message}` : `\`${name}\` ${message}`);
  });
  if (problems.length > 0) throw new GuardDefinitionError(`${where}: ${problems.join(' ')}`);
  return options;
}
