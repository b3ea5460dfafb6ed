import { types } from 'node:util';
import type { ErrorSummary } from '../model/AegisError.js';
import { setOwn } from '../common/data/plainObject.js';

/** The property that marks what JSON has no word for. A plain object that has it is itself marked, so that none is taken for a mark. */
const MARK = '$aegis';

/** How large a stored result may be, in characters of its text. */
export const MAX_RESULT_CHARACTERS = 262_144;

/** Text that {@link fromStoredText} makes an equal value of: JSON values, Date and BigInt, as snapshots hold them. `undefined` properties are dropped. */
export function toStoredText(value: unknown): string {
  return JSON.stringify(encoded(value));
}

/** @throws SyntaxError for text that {@link toStoredText} did not make */
export function fromStoredText(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // half the time, and nearly every text
  return text.includes(`"${MARK}"`) ? decoded(value) : value;
}

/**
 * A method's result as it can be stored: a copy of its plain data. Instances become their own data, functions and symbols are left out; what is
 * too large, circular or not to be read becomes `{ $unstored: why }`.
 */
export function toStoredResult(result: unknown): unknown {
  try {
    const plain = plainOf(result, { above: new Set(), left: MAX_RESULT_CHARACTERS });
    return toStoredText(plain ?? null).length <= MAX_RESULT_CHARACTERS ? plain : { $unstored: TOO_LARGE };
  } catch (error) {
    return { $unstored: error instanceof Unstorable ? error.message : 'cannot be read' };
  }
}

/** What a change or an outcome brings, as it can be stored: results as {@link toStoredResult}, and the beginning of a long error. */
export function toStoredChange<T extends { readonly to: string }>(change: T): T {
  const { result, error } = change as { readonly result?: unknown; readonly error?: ErrorSummary };
  if (change.to === 'completed') return { ...change, result: toStoredResult(result) };
  return error === undefined ? change : { ...change, error: toStoredError(error) };
}

function toStoredError(error: ErrorSummary): ErrorSummary {
  return error.message.length <= MAX_MESSAGE_CHARACTERS
    ? error
    : { ...error, message: `${error.message.slice(0, MAX_MESSAGE_CHARACTERS)}…` };
}

const TOO_LARGE = `larger than ${MAX_RESULT_CHARACTERS} characters`;
const MAX_MESSAGE_CHARACTERS = 10_000;

class Unstorable extends Error {}

/** One walk through a result: what is around a value, and how many characters it may still have. */
interface PlainWalk {
  readonly above: Set<object>;
  left: number;
}

function take(walk: PlainWalk, characters: number): void {
  walk.left -= characters;
  // before it is copied: a result may be of any size
  if (walk.left < 0) throw new Unstorable(TOO_LARGE);
}

function plainOf(value: unknown, walk: PlainWalk): unknown {
  const { above } = walk;
  take(walk, typeof value === 'string' ? value.length : 1);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? null : new Date(value.getTime());
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) throw new Unstorable('binary data');
  if (above.has(value)) throw new Unstorable('circular');
  if (Array.isArray(value) || types.isMap(value) || types.isSet(value)) take(walk, Array.isArray(value) ? value.length : value.size);
  above.add(value);
  const copy = Array.isArray(value)
    ? value.map((item) => plainOf(item, walk) ?? null)
    : types.isMap(value)
      ? plainOf([...value], walk)
      : types.isSet(value)
        ? plainOf([...value], walk)
        : recordOf(value, walk);
  above.delete(value);
  return copy;
}

function recordOf(value: object, walk: PlainWalk): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  if (types.isNativeError(value)) for (const key of ['name', 'message'] as const) setOwn(copy, key, String(value[key]));
  for (const key of Object.keys(value)) {
    take(walk, key.length);
    const plain = plainOf((value as Record<string, unknown>)[key], walk);
    if (plain !== undefined) setOwn(copy, key, plain);
  }
  return copy;
}

function encoded(value: unknown): unknown {
  if (typeof value === 'bigint') return { [MARK]: 'bigint', value: String(value) };
  if (typeof value !== 'object' || value === null) return value;
  if (types.isDate(value)) return { [MARK]: 'date', value: value.getTime() };
  if (Array.isArray(value)) return value.map(encoded);
  const record: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) setOwn(record, key, encoded(item));
  return Object.hasOwn(record, MARK) ? { [MARK]: 'record', value: record } : record;
}

function decoded(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(decoded);
  const marked = value as { readonly [MARK]?: unknown; readonly value?: unknown };
  switch (Object.hasOwn(value, MARK) ? marked[MARK] : undefined) {
    case 'bigint':
      return BigInt(marked.value as string);
    case 'date':
      return new Date(marked.value as number);
    case 'record':
      return recordDecoded(marked.value as object);
    default:
      return recordDecoded(value);
  }
}

function recordDecoded(value: object): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) setOwn(record, key, decoded(item));
  return record;
}
