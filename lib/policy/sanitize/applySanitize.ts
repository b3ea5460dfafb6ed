import { copyData } from '../../model/snapshot/copyValue.js';
import type { Params } from '../../model/Params.js';
import { maskEmails } from './maskEmails.js';
import { firstConflict, type SanitizeOperation } from './operations.js';

/** An operation does not fit the call, which is denied. */
export class SanitizeFailure extends Error {
  override readonly name = 'SanitizeFailure';
}

type Container = Record<string, unknown> | unknown[];
type Target = { readonly operation: SanitizeOperation; readonly container: Container; readonly key: string };
type Change = Target & { readonly operation: Exclude<SanitizeOperation, { readonly op: 'remove' }> };

/**
 * Applies operations to a copy of the params: first those that change values, in the order given, then truncations, then removals. All
 * pointers refer to the params as they were.
 *
 * @param removable top-level params that may be removed; anything deeper always may
 * @throws SanitizeFailure for a missing place, a wrong type, a param that may not be removed, or operations that contradict each other
 */
export function applySanitize(operations: readonly SanitizeOperation[], params: Params, removable: readonly string[]): Params {
  const conflict = firstConflict(operations);
  if (conflict !== undefined) throw new SanitizeFailure(`operations ${conflict}`);
  const copy = copyData(params) as Record<string, unknown>;
  const targets = operations.map((operation) => findTarget(copy, operation));
  const changes = targets.filter(isChange);
  for (const target of changes) if (target.operation.op !== 'truncate') change(target);
  for (const target of changes) if (target.operation.op === 'truncate') change(target);
  remove(
    targets.filter((target) => !isChange(target)),
    copy,
    removable,
  );
  return copy;
}

function isChange(target: Target): target is Change {
  return target.operation.op !== 'remove';
}

/** Follows own keys only. */
function findTarget(root: Record<string, unknown>, operation: SanitizeOperation): Target {
  let container: unknown = root;
  for (const name of operation.path.slice(0, -1)) {
    if (!isContainer(container) || !has(container, name)) throw missing(operation);
    container = (container as Record<string, unknown>)[name];
  }
  const key = operation.path.at(-1) as string;
  if (!isContainer(container)) throw missing(operation);
  const creates = operation.op === 'set' && !Array.isArray(container);
  if (!creates && !has(container, key)) throw missing(operation);
  return { operation, container, key };
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null && (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype);
}

function has(container: Container, name: string): boolean {
  // `length` is an own property of arrays, and '01' is not an index
  if (Array.isArray(container) && !/^(0|[1-9][0-9]*)$/.test(name)) return false;
  return Object.hasOwn(container, name);
}

function change({ operation, container, key }: Change): void {
  const record = container as Record<string, unknown>;
  const value = record[key];
  switch (operation.op) {
    case 'mask_email':
      record[key] = Array.isArray(value) ? value.map((item) => maskEmails(text(item, operation))) : maskEmails(text(value, operation));
      break;
    case 'redact':
      text(value, operation);
      record[key] = operation.text;
      break;
    case 'truncate':
      record[key] = truncate(text(value, operation), operation.length);
      break;
    case 'set':
      record[key] = copyData(operation.value);
      break;
  }
}

/** By whole characters (code points). */
function truncate(value: string, length: number): string {
  let end = 0;
  for (let n = 0; n < length && end < value.length; n++) end += (value.codePointAt(end) as number) > 0xffff ? 2 : 1;
  return value.slice(0, end);
}

/** Highest index first, so that no removal shifts another's place. */
function remove(targets: Target[], root: Container, removable: readonly string[]): void {
  const seen = new Set<string>();
  for (const { operation, container, key } of targets.sort((a, b) => position(b) - position(a))) {
    // two policies may remove the same place
    if (seen.has(operation.pointer)) continue;
    seen.add(operation.pointer);
    if (container === root && !removable.includes(key))
      throw new SanitizeFailure(`'${operation.pointer}' may not be removed: it is required`);
    if (Array.isArray(container)) container.splice(Number(key), 1);
    else delete container[key];
  }
}

function position({ container, key }: Target): number {
  return Array.isArray(container) ? Number(key) : -1;
}

function text(value: unknown, { op, pointer }: SanitizeOperation): string {
  if (typeof value !== 'string') throw new SanitizeFailure(`'${op} ${pointer}' needs a string there`);
  return value;
}

function missing({ op, pointer }: SanitizeOperation): SanitizeFailure {
  return new SanitizeFailure(`'${op} ${pointer}' points at nothing in this call`);
}
