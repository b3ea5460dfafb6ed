import type { AuditSource, Opening } from '../../../lib/audit/sink/AuditSink.js';

/** All that a source says of a log. */
export interface ReadBack {
  readonly lines: readonly string[];
  readonly torn: readonly string[];
  readonly openings: readonly Opening[];
  readonly checkpoints: readonly string[];
}

export async function readBack(source: AuditSource, writer = 'w0', from?: number): Promise<ReadBack> {
  const lines: string[] = [];
  const torn: string[] = [];
  for await (const part of source.lines(writer, from)) {
    if ('torn' in part) torn.push(part.torn);
    else lines.push(...part);
  }
  return { lines, torn, openings: await listed(source.openings(writer)), checkpoints: await listed(source.checkpoints(writer)) };
}

async function listed<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
