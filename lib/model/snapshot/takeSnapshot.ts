import { isBuiltIn, kindOf } from '../../common/data/plainObject.js';
import { ArgumentList } from './ArgumentList.js';
import { copyRecord, copyValue, count, DEFAULT_LIMITS, exactBytes, place, unsupported } from './copyValue.js';
import type { SnapshotLimits, Walk } from './copyValue.js';
import { AegisError } from '../AegisError.js';
import { UnsupportedParamError } from '../errors/CallErrors.js';
import type { Params } from '../Params.js';
import { pointer } from '../Params.js';

export { DEFAULT_LIMITS } from './copyValue.js';
export type { SnapshotLimits } from './copyValue.js';

/** A copy, and what was noticed while making it. */
export interface SnapshotResult {
  /** The copy. */
  readonly value: unknown;
  /** JSON pointer of the first null; undefined without one. */
  readonly firstNull: string | undefined;
}

/** The snapshot of a call: its params by name, or its positional arguments. */
export interface CallSnapshot extends SnapshotResult {
  readonly value: Params | ArgumentList;
}

/**
 * Copies data deeply, reading every property once and calling no code of the value except getters. Accepts JSON values (finite numbers; -0 becomes
 * 0), Date and BigInt; undefined properties are dropped.
 *
 * @param at JSON pointer of the value, for errors
 * @throws UnsupportedParamError naming the place, for any other kind of value, a forbidden key or an exceeded limit
 */
export function takeSnapshot(value: unknown, at: string = '', limits: SnapshotLimits = DEFAULT_LIMITS): SnapshotResult {
  return walked(at, limits, (walk) => copyValue(value, at, undefined, 0, walk));
}

/**
 * Copies the own data properties of a class instance (a DTO) whose prototype is kept by the caller.
 *
 * @throws UnsupportedParamError for an accessor, or anything {@link takeSnapshot} refuses below
 */
export function takeInstanceSnapshot(value: object, at: string, limits: SnapshotLimits = DEFAULT_LIMITS): SnapshotResult {
  if (isBuiltIn(value)) throw unsupported(at, kindOf(value));
  for (const key of Object.keys(value)) {
    const own = Object.getOwnPropertyDescriptor(value, key);
    if (own?.get !== undefined || own?.set !== undefined) throw unsupported(pointer(at, key), 'an accessor');
  }
  return walked(at, limits, (walk) => copyRecord(value as Record<string, unknown>, at, 0, walk));
}

/** As {@link takeSnapshot}, for params by name in a plain object. */
export function takeParams(params: Readonly<Record<string, unknown>>, limits: SnapshotLimits = DEFAULT_LIMITS): CallSnapshot {
  return takeSnapshot(params, '', limits) as CallSnapshot;
}

/**
 * As {@link takeSnapshot}, for positional arguments: gives what it would give for the record by name, without making the record.
 *
 * @param names at least one for each argument, none of them forbidden
 * @throws UnsupportedParamError as {@link takeSnapshot}
 */
export function takeArguments(names: readonly string[], args: readonly unknown[], limits: SnapshotLimits = DEFAULT_LIMITS): CallSnapshot {
  const walk: Walk = { limits, keys: 0, bytes: 0, firstNull: undefined };
  if (args.length > names.length)
    throw new UnsupportedParamError(
      '',
      `There are more arguments (${args.length}) than parameter names (${names.length}); name every parameter in the guard.`,
    );
  let nested = false;
  let values: readonly unknown[];
  try {
    count(args.length, '', walk);
    // map defines its items, where an assignment would look for setters on the prototype
    values = args.map((arg, i) => {
      if (arg === undefined) return undefined;
      const name = names[i] as string;
      walk.bytes += name.length * 3;
      if (typeof arg === 'object' && arg !== null) nested = true;
      return copyValue(arg, '', name, 1, walk);
    });
  } catch (error) {
    throw unreadable(error, '');
  }
  const value = new ArgumentList(names, values, nested);
  if (walk.bytes > limits.maxBytes) checkBytes(value.record(), '', limits);
  return { value, firstNull: walk.firstNull };
}

function walked(at: string, limits: SnapshotLimits, copyWith: (walk: Walk) => unknown): SnapshotResult {
  const walk: Walk = { limits, keys: 0, bytes: 0, firstNull: undefined };
  let value: unknown;
  try {
    value = copyWith(walk);
  } catch (error) {
    throw unreadable(error, at);
  }
  if (walk.bytes > limits.maxBytes) checkBytes(value, at, limits);
  return { value, firstNull: walk.firstNull };
}

function checkBytes(value: unknown, at: string, { maxBytes }: SnapshotLimits): void {
  if (exactBytes(value, maxBytes) <= maxBytes) return;
  throw new UnsupportedParamError(at, `${place(at)} is larger than ${maxBytes} bytes; pass a reference to the data instead.`);
}

function unreadable(error: unknown, at: string): AegisError {
  if (AegisError.is(error)) return error;
  return new UnsupportedParamError(at, `${place(at)} cannot be read: a getter in it threw.`);
}
