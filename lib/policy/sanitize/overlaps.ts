import { canonicalText } from '../../common/data/canonical.js';
import type { SanitizeOperation } from './grammar.js';

/**
 * Why two operations cannot both be applied, or undefined: the outcome would depend on their order.
 *
 * They conflict where one's pointer lies within the other's, and where they meet on one pointer and one of them sets or removes.
 */
export function sanitizeConflict(a: SanitizeOperation, b: SanitizeOperation): string | undefined {
  if (overlaps(a.path, b.path)) return `'${a.op} ${a.pointer}' and '${b.op} ${b.pointer}' overlap`;
  if (a.pointer !== b.pointer || isSame(a, b)) return undefined;
  if (replaces(a) || replaces(b) || a.op === b.op) return `'${a.op} ${a.pointer}' and another '${b.op} ${b.pointer}' contradict each other`;
  return undefined;
}

/** The first conflict among operations, or undefined. */
export function firstConflict(operations: readonly SanitizeOperation[]): string | undefined {
  for (const [i, a] of operations.entries()) {
    for (const b of operations.slice(i + 1)) {
      const conflict = sanitizeConflict(a, b);
      if (conflict !== undefined) return conflict;
    }
  }
  return undefined;
}

/** Whether they do the same to the same place: applying one is enough. */
function isSame(a: SanitizeOperation, b: SanitizeOperation): boolean {
  return canonicalText(a) === canonicalText(b);
}

/** Whether one path lies strictly within the other. */
export function overlaps(a: readonly string[], b: readonly string[]): boolean {
  return a.length !== b.length && a.slice(0, b.length).every((name, i) => name === b[i]);
}

function replaces({ op }: SanitizeOperation): boolean {
  return op === 'set' || op === 'remove' || op === 'redact';
}
