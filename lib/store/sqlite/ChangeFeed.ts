import { publishCallbackError } from '../../model/diagnostics.js';
import type { TaskStatus } from '../../model/Task.js';
import type { SqliteDatabase } from './SqliteDatabase.js';
import { newestChange } from './lostHistory.js';
import { HALT_KIND } from '../RecordStore.js';
import type { StoreChange } from '../TaskStore.js';

/** A change as the transaction that makes it records it. */
export interface RecordedChange {
  /** Of records, only changes of halts are reported; all are counted, so that lost ones are noticed. */
  readonly kind: StoreChange['kind'] | 'record';
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly from: string | undefined;
}

interface ChangeRow {
  readonly seq: number;
  readonly kind: string;
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly from_status: string | null;
}

/** How many changes are kept, and for how long, in milliseconds. */
const KEPT = 10_000;
const KEPT_MS = 3_600_000;
const PAGE = 500;

/** Records a change for the other handles, and returns its number. Numbers grow in the order of commits, because there is one writer at a time. */
export function recordChange(db: SqliteDatabase, { kind, id, version, status, from }: RecordedChange): number {
  const values = [kind, id, version, status, from ?? null, db.ownerId, Date.now()];
  const seq = db.run(
    'INSERT INTO change (kind, id, version, status, from_status, written_by, at) VALUES (?, ?, ?, ?, ?, ?, ?)',
    ...values,
  ).id;
  db.noteChange(seq);
  return seq;
}

/** Deletes old changes, and those beyond the newest 10,000. A handle that has not read them yet finds the rows by the numbers of their last changes. */
export function pruneChanges(db: SqliteDatabase): void {
  db.run('DELETE FROM change WHERE seq <= (SELECT max(seq) FROM change) - ?', KEPT);
  // the order of their numbers is nearly that of time: the oldest one tells whether there is anything to do
  const oldest = db.get<{ at: number }>('SELECT at FROM change ORDER BY seq LIMIT 1');
  const before = Date.now() - KEPT_MS;
  if (oldest !== undefined && oldest.at < before) db.run('DELETE FROM change WHERE at < ?', before);
}

/**
 * Reports the changes that other handles commit. SQLite has no notifications, so an unref'd timer polls `PRAGMA data_version` while there is a listener:
 * that needs no transaction, and the number changes whenever another connection has committed.
 */
export class ChangeFeed {
  readonly #db: SqliteDatabase;
  readonly #pollMs: number;
  readonly #listeners = new Set<{ readonly onChange: (change: StoreChange) => void }>();
  #timer: NodeJS.Timeout | undefined;
  #dataVersion = -1;
  #lastSeq = 0;

  constructor(db: SqliteDatabase, pollMs: number) {
    this.#db = db;
    this.#pollMs = pollMs;
    db.whenClosed(() => this.#stop());
  }

  watch(listener: (change: StoreChange) => void): () => void {
    // an object for each call: one function may watch twice
    const own = { onChange: listener };
    if (this.#listeners.size === 0) this.#start();
    this.#listeners.add(own);
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.#stop();
    };
  }

  #start(): void {
    this.#dataVersion = -1;
    this.#lastSeq = newestChange(this.#db);
    this.#timer = setInterval(() => this.#poll(), this.#pollMs);
    this.#timer.unref();
  }

  #stop(): void {
    this.#listeners.clear();
    clearInterval(this.#timer);
  }

  #poll(): void {
    try {
      const { data_version } = this.#db.get<{ data_version: number }>('PRAGMA data_version') as { data_version: number };
      if (data_version === this.#dataVersion) return;
      this.#readNew();
      this.#dataVersion = data_version;
    } catch (error) {
      // the next tick tries again
      publishCallbackError('reading the changes of a SQLite store', error);
    }
  }

  #readNew(): void {
    for (;;) {
      const rows = this.#db.all<ChangeRow & { written_by: string }>(
        'SELECT * FROM change WHERE seq > ? ORDER BY seq LIMIT ?',
        this.#lastSeq,
        PAGE,
      );
      // only deleted changes leave gaps in the numbers
      if (rows.length === 0 ? newestChange(this.#db) > this.#lastSeq : rows[0]?.seq !== this.#lastSeq + 1)
        return this.#catchUp(newestChange(this.#db));
      for (const row of rows) {
        this.#lastSeq = row.seq;
        if (row.written_by !== this.#db.ownerId && isReported(row)) this.#emit(row);
      }
      if (rows.length < PAGE) return;
    }
  }

  /** The changes themselves were deleted: reports the last change of every row that has changed since instead, this handle's own included. */
  #catchUp(newest: number): void {
    for (const [kind, id] of [
      ['task', 'task_id'],
      ['approval', 'decision_id'],
    ])
      for (const row of this.#db.all<ChangeRow>(
        `SELECT seq, '${kind}' AS kind, ${id} AS id, version, status, NULL AS from_status FROM ${kind} WHERE seq > ? ORDER BY seq`,
        this.#lastSeq,
      ))
        this.#emit(row);
    this.#lastSeq = newest;
  }

  #emit({ kind, id, version, status, from_status }: ChangeRow): void {
    const from = (from_status ?? undefined) as TaskStatus | undefined;
    const change: StoreChange =
      kind === 'task'
        ? { kind: 'task', taskId: id, version, status: status as TaskStatus, from }
        : kind === 'approval'
          ? { kind: 'approval', decisionId: id, version }
          : { kind: 'halt', tenantId: status };
    for (const { onChange } of this.#listeners) {
      try {
        onChange(change);
      } catch (error) {
        publishCallbackError('watch', error);
      }
    }
  }
}

/** A record's change has its kind before its id, and its tenant as its status. */
function isReported({ kind, id }: ChangeRow): boolean {
  return kind !== 'record' || id.startsWith(`${HALT_KIND} `);
}
