import { types } from 'node:util';

/** About how many bytes a value takes: its keys, strings and buffers, and 8 for everything else. What is there twice is counted once. */
export function sizeOf(value: unknown, seen: Set<object> = new Set()): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value !== 'object' || value === null || types.isDate(value) || types.isProxy(value)) return 8;
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return value.byteLength;
  if (seen.has(value)) return 8;
  seen.add(value);
  let bytes = 16;
  try {
    if (Array.isArray(value)) for (const item of value) bytes += 8 + sizeOf(item, seen);
    else for (const key of Object.keys(value)) bytes += key.length + sizeOf((value as Record<string, unknown>)[key], seen);
  } catch {
    // a getter threw, or it is nested too deep: what was counted so far is counted
  }
  return bytes;
}
