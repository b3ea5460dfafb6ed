import type { AuditRecord } from './AuditRecord.js';

const FIRST: readonly string[] = ['v', 'seq', 'at', 'writer', 'kind'];

/**
 * The one way to write a record: JSON with `v, seq, at, writer, kind` first and the other fields sorted, without those that are undefined. Its UTF-8 is
 * the leaf of the tree. A file adds a line end.
 */
export function canonicalLine(record: AuditRecord): string {
  const keys = Object.keys(record);
  if (isOrdered(keys)) return JSON.stringify(record);
  const fields = record as unknown as Readonly<Record<string, unknown>>;
  const parts: string[] = [];
  for (const key of [...FIRST, ...keys.filter((name) => !FIRST.includes(name)).sort()])
    if (fields[key] !== undefined) parts.push(`${JSON.stringify(key)}:${JSON.stringify(fields[key])}`);
  return `{${parts.join(',')}}`;
}

/** The records that this library makes are: sorting them would cost more than writing them. */
function isOrdered(keys: readonly string[]): boolean {
  for (let i = 0; i < FIRST.length; i++) if (keys[i] !== FIRST[i]) return false;
  for (let i = FIRST.length + 1; i < keys.length; i++) if ((keys[i - 1] as string) > (keys[i] as string)) return false;
  return true;
}
