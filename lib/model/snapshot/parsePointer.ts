import { FORBIDDEN_KEYS } from '../Params.js';

/**
 * The names in a JSON pointer (RFC 6901), without the empty one before the first slash.
 *
 * @returns `undefined` for a text that is not a pointer, for the pointer of the whole, and for one with a name that no params have, such as `__proto__`
 */
export function parsePointer(text: string): readonly string[] | undefined {
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return undefined;
  const path = text
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  return path.some((name) => FORBIDDEN_KEYS.has(name)) ? undefined : path;
}

/** The value at a path, by own keys only; an index of an array is written as JSON pointers write it. @returns `undefined` where there is none */
export function valueAt(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    // `length` is an own property of arrays, and '01' is not an index
    if (Array.isArray(value) && !/^(?:0|[1-9][0-9]*)$/.test(name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}
