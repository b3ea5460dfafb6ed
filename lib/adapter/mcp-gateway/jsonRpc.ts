import { isPlainObject, setOwn } from '../../common/data/plainObject.js';

/**
 * Whether a record has a key that another decoder would read as one of these names: decoders in Go and other languages ignore case, and of two such keys they take
 * the last.
 */
export function isMisspelt(record: object, names: readonly string[]): boolean {
  // by way of upper case: these decoders also read the long s and the Kelvin sign as s and k
  return Object.keys(record).some((key) => !names.includes(key) && names.includes(key.toUpperCase().toLowerCase()));
}

/** The keys of a message of JSON-RPC. */
export const JSON_RPC_NAMES: readonly string[] = ['jsonrpc', 'id', 'method', 'params', 'result', 'error'];

/** The keys of a tool call that determine what runs. */
export const CALL_NAMES: readonly string[] = ['name', 'arguments', 'task', '_meta'];

/** Copies JSON without the properties that are `null`, because policies cannot read them. Lists keep their nulls, because the position of an item has a meaning. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isPlainObject(value)) return value;
  const kept: Record<string, unknown> = {};
  for (const name of Object.keys(value)) if (value[name] !== null) setOwn(kept, name, withoutNulls(value[name]));
  return kept;
}
