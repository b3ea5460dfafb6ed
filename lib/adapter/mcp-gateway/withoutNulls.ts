import { isPlainObject, setOwn } from '../../common/data/plainObject.js';

/** JSON without the properties that are `null`: what policies do not see is not there. Lists keep theirs, because their items have places. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isPlainObject(value)) return value;
  const kept: Record<string, unknown> = {};
  for (const name of Object.keys(value)) if (value[name] !== null) setOwn(kept, name, withoutNulls(value[name]));
  return kept;
}
