import { readOptions } from '../common/readOptions.js';
import type { OptionKinds } from '../common/readOptions.js';
import { ConfigError } from './errors/SetupErrors.js';
import type { ConfigProblem } from './errors/SetupErrors.js';

/**
 * Copies an object of options, reading each once.
 *
 * @param where what the options belong to, for the error
 * @throws ConfigError naming every option that does not exist, is missing, or has another kind of value
 */
export function checkedOptions<T extends object>(where: string, given: T, kinds: OptionKinds<NoInfer<T>>): T {
  const problems: ConfigProblem[] = [];
  const options = readOptions<T>(given, kinds, (name, message) => {
    problems.push({ where: name === '' ? where : `${where}: ${name}`, message });
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return options;
}
