import { types } from 'node:util';
import type { ErrorSummary } from '../model/AegisError.js';
import { setOwn } from '../common/data/plainObject.js';

/** The property that marks a value that JSON lacks. A plain object that has this property is marked itself, so that it is not taken for a mark. */
const MARK = '$aegis';

/** How large a stored result may be, in characters of its text. */
export const MAX_RESULT_CHARACTERS = 262_144;

/** The text of a value that holds JSON, Date and BigInt, as snapshots do. {@link fromStoredJson} restores an equal value, without `undefined` properties. */
export function toStoredJson(value: unknown): string {
  return JSON.stringify(encoded(value));
}

/**
 * The value of a stored text.
 *
 * @throws SyntaxError for text that {@link toStoredJson} did not make
 */
export function fromStoredJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // takes half the time, and holds for nearly every text
  return text.includes(`"${MARK}"`) ? decoded(value) : value;
}

/**
 * The value that {@link fromStoredJson} restores from the text of this one, without making the text.
 */
export function storedForm(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'object' || value === null || types.isDate(value)) return value;
  if (Array.isArray(value)) return value.map((item) => (isLost(item) ? null : storedForm(item)));
  const record: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key];
    if (!isLost(item)) setOwn(record, key, storedForm(item));
  }
  return record;
}

/** JSON has no text for it. */
function isLost(value: unknown): boolean {
  return value === undefined || typeof value === 'function' || typeof value === 'symbol';
}

/**
 * A method's result as it can be stored: a copy of its plain data. Instances become their own data, and functions and symbols are left out. A result that
 * is too large, circular, binary or unreadable becomes `{ $unstored: why }`.
 */
export function toStoredResult(result: unknown): unknown {
  try {
    const plain = plainOf(result, { above: new Set(), left: MAX_RESULT_CHARACTERS });
    return toStoredJson(plain ?? null).length <= MAX_RESULT_CHARACTERS ? plain : { $unstored: TOO_LARGE };
  } catch (error) {
    return { $unstored: error instanceof Unstorable ? error.message : 'cannot be read' };
  }
}

/** A change or an outcome as it can be stored: its result as {@link toStoredResult}, and only the beginning of a long error message. */
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

/** The state of one walk through a result: the objects around a value, and how many characters may still follow. */
interface PlainWalk {
  readonly above: Set<object>;
  left: number;
}

function take(walk: PlainWalk, characters: number): void {
  walk.left -= characters;
  // checked before copying: a result may have any size
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
