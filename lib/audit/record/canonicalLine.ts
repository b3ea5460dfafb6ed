import type { AuditRecord } from './AuditRecord.js';

const FIRST: readonly string[] = ['v', 'seq', 'at', 'writer', 'kind'];

/**
 * The one way to write a record: JSON with `v, seq, at, writer, kind` first and the other fields sorted, without those that are undefined. Its UTF-8 is
 * the leaf of the tree. A file adds a line end.
 */
export function canonicalLine(record: AuditRecord): string {
  const { v, seq, at, writer, kind } = record;
  let line = `{"v":${JSON.stringify(v)},"seq":${JSON.stringify(seq)},"at":${JSON.stringify(at)},"writer":${JSON.stringify(writer)},"kind":${JSON.stringify(kind)}`;
  const fields = record as unknown as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(record).sort()) {
    const value = FIRST.includes(key) ? undefined : fields[key];
    if (value !== undefined) line += `,${JSON.stringify(key)}:${JSON.stringify(value)}`;
  }
  return `${line}}`;
}
