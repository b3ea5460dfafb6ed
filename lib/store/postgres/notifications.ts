import { publishCallbackError } from '../../model/diagnostics.js';
import type { TaskStatus } from '../../model/Task.js';
import type { StoreChange } from '../TaskStore.js';
import type { PostgresSession } from './PostgresSession.js';

/** Changes this much older than the last one that was seen are read again: the clocks of two transactions may disagree with their order. */
const OVERLAP_MS = 60_000;
const AGAIN_MS = 1_000;

/** The change that a notice tells of, from its payload as the statements write it. */
function changeOf([kind, id, version, status, from]: readonly unknown[]): StoreChange {
  if (kind === 'halt') return { kind, tenantId: id as string };
  if (kind === 'approval') return { kind, decisionId: id as string, version: version as number };
  return {
    kind: 'task',
    taskId: id as string,
    version: version as number,
    status: status as TaskStatus,
    from: (from ?? undefined) as TaskStatus | undefined,
  };
}

/** Reports the changes that other handles make: from notices, and after the connection was lost by reading what has changed since. */
export async function watchNotifications(session: PostgresSession, listener: (change: StoreChange) => void): Promise<() => void> {
  let stopped = false;
  const emit = (note: readonly unknown[]): void => {
    if (stopped || note[5] === session.ownerId) return;
    try {
      listener(changeOf(note));
    } catch (error) {
      publishCallbackError('TaskStore.watch', error);
    }
  };
  const catchUp = async (goneMs: number): Promise<void> => {
    try {
      for (const note of await changedWithin(session, goneMs + OVERLAP_MS)) emit(note);
    } catch {
      if (!stopped) setTimeout(() => void catchUp(goneMs + AGAIN_MS), AGAIN_MS).unref();
    }
  };
  const unlisten = await session.listener.listen(session.schema, {
    onNotice: (payload) => emit(JSON.parse(payload) as unknown[]),
    onReconnect: (goneMs) => void catchUp(goneMs),
  });
  return () => {
    stopped = true;
    unlisten();
  };
}

/** What has changed within the last `ms` milliseconds, oldest first. */
async function changedWithin(session: PostgresSession, ms: number): Promise<readonly (readonly unknown[])[]> {
  const s = session.schema;
  // a scalar subquery is computed once, so that the index is used
  const since = `changed_at >= (SELECT ${s}.now_ms()) - $1::bigint`;
  const text = `SELECT kind, id, version, status, written_by FROM (
      SELECT 'task' AS kind, task_id AS id, version, status, written_by, changed_at FROM ${s}.task WHERE ${since}
      UNION ALL SELECT 'approval', decision_id, version, status, written_by, changed_at FROM ${s}.approval WHERE ${since}) AS changed
    ORDER BY changed_at`;
  const rows = await session.read<{ kind: string; id: string; version: string; status: string; written_by: string }>({
    text,
    values: [Math.ceil(ms)],
  });
  return rows.map((r) => [r.kind, r.id, Number(r.version), r.status, null, r.written_by]);
}
