import { pointer } from '../../model/Params.js';
import type { Params } from '../../model/Params.js';

/** One step into a value. */
interface Step {
  /** As a pointer has it. */
  readonly name: string;
  /** Whether it is into a list: then `*` names it too. */
  readonly isItem: boolean;
}

/**
 * The JSON pointer of the first null that a call must not have. Cedar takes a null for an absent attribute, so that a policy on it would not match.
 *
 * @param nullable pointers of params that may be null; a segment `*` is every item of a list
 */
export function forbiddenNull(params: Params, nullable: readonly string[]): string | undefined {
  const allowed = nullable.map((at) => at.split('/').slice(1));
  return findNull(params, [], (path) => allowed.some((segments) => names(segments, path)));
}

function findNull(value: unknown, path: readonly Step[], mayBeNull: (path: readonly Step[]) => boolean): string | undefined {
  if (value === null) return mayBeNull(path) ? undefined : path.map(({ name }) => `/${name}`).join('');
  if (typeof value !== 'object') return undefined;
  const isItem = Array.isArray(value);
  for (const [key, item] of Object.entries(value)) {
    const found = findNull(item, [...path, { name: pointer('', key).slice(1), isItem }], mayBeNull);
    if (found !== undefined) return found;
  }
  return undefined;
}

function names(segments: readonly string[], path: readonly Step[]): boolean {
  return segments.length === path.length && path.every(({ name, isItem }, i) => segments[i] === name || (isItem && segments[i] === '*'));
}

/** Why a call with that null is denied, in words for its caller. */
export function nullReason(at: string): string {
  const which = at.length <= 200 ? `The parameter at ${at}` : 'A parameter';
  return `${which} is null, and the tool does not allow that there. Leave it out, or list its pointer under \`nullable\` of the tool at the server.`;
}
