import { createHash } from 'node:crypto';
import type { AuditSink, AuditSource } from '../sink/AuditSink.js';
import type { RowTarget } from './OutboxRows.js';

/** The names of logs are only unique within a sink. These ids are unique among all of them. */
export const logPlaces = {
  /** Identifies a log, by its name and its first line, which has the process that began it, and when; `undefined` where it has none. */
  async idOf(source: AuditSource, writer: string): Promise<string | undefined> {
    for await (const lines of source.lines(writer, 0)) {
      const first = 'torn' in lines ? undefined : lines[0];
      if (first === undefined) return undefined;
      return `${writer}:${createHash('sha256').update(first).digest('base64url').slice(0, 22)}`;
    }
    return undefined;
  },

  /** The name of a log in a source; `undefined` where it has no such log. */
  async writerOf(source: AuditSource, logId: string): Promise<string | undefined> {
    const name = logId.slice(0, logId.lastIndexOf(':'));
    if (!(await source.writers()).includes(name)) return undefined;
    return (await logPlaces.idOf(source, name)) === logId ? name : undefined;
  },

  /**
   * Whether a change is in a log. It reads what is durable.
   *
   * @returns `undefined` where there is no such log in the source
   */
  async has(source: AuditSource, change: string, { logId, from }: RowTarget): Promise<boolean | undefined> {
    const writer = await logPlaces.writerOf(source, logId);
    if (writer === undefined) return undefined;
    const wanted = `"change":${JSON.stringify(change)}`;
    for await (const lines of source.lines(writer, from)) {
      if ('torn' in lines) continue;
      if (lines.some((line) => line.includes(wanted))) return true;
    }
    return false;
  },

  /**
   * Works while no one else can write a log: its writer has ended, or has let it go.
   *
   * @returns false, without having worked, where someone else has the log open, or this cannot be told
   */
  async whileFree(sink: AuditSink, writer: string, work: () => Promise<void>): Promise<boolean> {
    const other = sink.another?.();
    if (other === undefined) return false;
    try {
      await other.open(writer);
    } catch {
      return false;
    }
    try {
      await work();
    } finally {
      await other.close();
    }
    return true;
  },
} as const;
