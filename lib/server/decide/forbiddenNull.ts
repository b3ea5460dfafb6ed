import { pointer } from '../../model/Params.js';
import type { Params } from '../../model/Params.js';

/**
 * The JSON pointer of the first null that a call must not have. Cedar takes a null for an absent attribute, so that a policy on it would not match.
 *
 * @param nullable pointers of params that may be null
 */
export function forbiddenNull(params: Params, nullable: readonly string[]): string | undefined {
  return findNull(params, '', nullable);
}

function findNull(value: unknown, at: string, nullable: readonly string[]): string | undefined {
  if (value === null) return nullable.includes(at) ? undefined : at;
  if (typeof value !== 'object') return undefined;
  for (const [key, item] of Object.entries(value)) {
    const found = findNull(item, pointer(at, key), nullable);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Why a call with that null is denied, in words for its caller. */
export function nullReason(at: string): string {
  const which = at.length <= 200 ? `The parameter at ${at}` : 'A parameter';
  return `${which} is null, and the tool does not allow that there. Leave it out, or list its pointer under \`nullable\` of the tool at the server.`;
}
