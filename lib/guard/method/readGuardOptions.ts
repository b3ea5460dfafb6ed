import { didYouMean } from '../../common/didYouMean.js';
import { isId, TOOL_NAME } from '../../model/Params.js';
import { GuardDefinitionError } from '../../model/errors/SetupErrors.js';
import { toldErrors } from '../call/toldErrors.js';
import { readSensitive } from '../../model/view/readSensitive.js';
import { previewTimeoutProblem } from '../preview/previewTimeout.js';
import { GuardSpec } from './GuardSpec.js';
import type { LooseGuardOptions } from './LooseGuardOptions.js';
import { ParamsBinding } from './ParamsBinding.js';

const MODES: readonly string[] = ['defer', 'wait', 'throw'];
const NAME = '1 to 128 letters, digits and _ . : / -';

/**
 * Reads the options of a guard, once, where it is defined.
 *
 * @param length how many parameters the function declares
 * @param deduplicates whether duplicate calls share one approval while it is pending
 * @throws GuardDefinitionError naming the method and the fix
 */
export function readGuardOptions(
  method: string | symbol,
  length: number,
  options: LooseGuardOptions,
  deduplicates: boolean = true,
): GuardSpec {
  const where = `The guard of ${String(method)}`;
  const refuse = (why: string): never => {
    throw new GuardDefinitionError(`${where}: ${why}`);
  };
  const toolName =
    options.toolName ??
    (typeof method === 'string' ? method.replace(/^#/, '') : refuse('a method that is named by a symbol needs a `toolName`.'));
  if (typeof toolName !== 'string' || !TOOL_NAME.test(toolName)) refuse(`a tool name must have ${NAME}; give the guard a \`toolName\`.`);
  const approval = options.approval ?? 'defer';
  if (!MODES.includes(approval)) refuse(`\`approval\` must be 'defer', 'wait' or 'throw'${didYouMean(approval, MODES) || '.'}`);
  for (const name of ['waitMs', 'approvalTimeoutMs'] as const) {
    const ms = options[name];
    if (ms !== undefined && !(Number.isFinite(ms) && ms > 0)) refuse(`\`${name}\` must be a number of milliseconds above 0.`);
  }
  const timeoutProblem = previewTimeoutProblem(options.previewTimeoutMs);
  if (timeoutProblem !== undefined) refuse(timeoutProblem);
  const { agentId, groups = [], opaque = [], key, schema, idempotent = false } = options;
  if (agentId !== undefined && typeof agentId !== 'function' && !isId(agentId))
    refuse('`agentId` must be a string of 1 to 256 characters, or a function that returns one.');
  if (!Array.isArray(groups)) refuse('`groups` must be a list of names.');
  for (const group of groups as readonly unknown[])
    if (typeof group !== 'string' || !TOOL_NAME.test(group)) refuse(`each name in \`groups\` must have ${NAME}.`);
  if (key !== undefined && !isId(key)) refuse('`key` must be a string of 1 to 256 characters.');
  if (schema !== undefined && typeof schema?.['~standard']?.validate !== 'function')
    refuse('`schema` must be a Standard Schema, such as one of valibot, zod or arktype.');
  if (approval === 'throw' && opaque.length > 0) {
    refuse("approval 'throw' finds an approval again by the call's arguments, so none may be opaque; choose 'wait' or 'defer'.");
  }
  const binding = new ParamsBinding(where, length, options);
  const names = binding.names?.map((name) => name.replace(/^\.\.\./, ''));
  const sensitive = options.sensitive === undefined ? undefined : readSensitive(options.sensitive, names);
  if (typeof sensitive === 'string') return refuse(`\`sensitive\` ${sensitive}`);
  // one that cannot wait has it, too
  if (sensitive !== undefined) toldErrors.prepare();
  const info = Object.freeze({
    method,
    toolName,
    key: key ?? toolName,
    agentId: typeof agentId === 'string' ? agentId : undefined,
    approval,
    params: binding.names,
    groups: Object.freeze([...groups]),
    opaque: binding.opaque,
    idempotent,
  });
  // copied: what the program changes in its own object later does not reach the guard
  const own = options.plain === undefined ? { ...options } : { ...options, plain: Object.freeze([...options.plain]) };
  return new GuardSpec(info, Object.freeze({ ...own, sensitive }), binding, deduplicates);
}
