import type { AuditSource } from '../sink/AuditSink.js';

/** The last checkpoint of a log; `undefined` where it has none. */
export async function lastNote(source: AuditSource, writer: string): Promise<string | undefined> {
  if (source.lastCheckpoint !== undefined) return source.lastCheckpoint(writer);
  let last: string | undefined;
  for await (const note of source.checkpoints(writer)) last = note;
  return last;
}
