import { publishCallbackError } from '../../model/diagnostics.js';
import type { TaskStatus } from '../../model/Task.js';
import type { SqliteDatabase } from './SqliteDatabase.js';
import type { StoreChange } from '../TaskStore.js';

/** A change as it is recorded, in the transaction that makes it. */
export interface RecordedChange {
  readonly kind: StoreChange['kind'];
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

const KEPT = 10_000;
const KEPT_MS = 3_600_000;
const PAGE = 500;

/** Writes it down for the other handles; gives its number. Numbers grow in the order of commits, because there is one writer at a time. */
export function recordChange(db: SqliteDatabase, { kind, id, version, status, from }: RecordedChange): number {
  const values = [kind, id, version, status, from ?? null, db.ownerId, Date.now()];
  return db.run('INSERT INTO change (kind, id, version, status, from_status, written_by, at) VALUES (?, ?, ?, ?, ?, ?, ?)', ...values).id;
}

/** Forgets changes that are old or many. Who has not read them yet finds out by the numbers of the rows that changed. */
export function pruneChanges(db: SqliteDatabase): void {
  db.run('DELETE FROM change WHERE seq <= (SELECT max(seq) FROM change) - ?', KEPT);
  // in the order of their numbers they are nearly in that of time: the oldest tells whether there is anything to do
  const oldest = db.get<{ at: number }>('SELECT at FROM change ORDER BY seq LIMIT 1');
  const before = Date.now() - KEPT_MS;
  if (oldest !== undefined && oldest.at < before) db.run('DELETE FROM change WHERE at < ?', before);
}

/**
 * Tells of changes that other handles commit. SQLite has no way to be told, so that `PRAGMA data_version` is read every so often, by an unref'd timer,
 * only while somebody listens: it costs no transaction and changes when another connection has committed.
 */
export class ChangeFeed {
  readonly #db: SqliteDatabase;
  readonly #pollMs: number;
  readonly #listeners = new Set<{ readonly told: (change: StoreChange) => void }>();
  #timer: NodeJS.Timeout | undefined;
  #dataVersion = -1;
  #last = 0;

  constructor(db: SqliteDatabase, pollMs: number) {
    this.#db = db;
    this.#pollMs = pollMs;
    db.whenClosed(() => this.#stop());
  }

  watch(listener: (change: StoreChange) => void): () => void {
    const own = { told: listener };
    if (this.#listeners.size === 0) this.#start();
    this.#listeners.add(own);
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.#stop();
    };
  }

  #start(): void {
    this.#dataVersion = -1;
    this.#last = this.#newest();
    this.#timer = setInterval(() => this.#look(), this.#pollMs);
    this.#timer.unref();
  }

  #stop(): void {
    this.#listeners.clear();
    clearInterval(this.#timer);
  }

  #look(): void {
    try {
      const { data_version } = this.#db.get<{ data_version: number }>('PRAGMA data_version') as { data_version: number };
      if (data_version === this.#dataVersion) return;
      this.#readOn();
      this.#dataVersion = data_version;
    } catch (error) {
      // looked at again at the next tick
      publishCallbackError('hearing of changes in a SQLite store', error);
    }
  }

  #readOn(): void {
    for (;;) {
      const rows = this.#db.all<ChangeRow & { written_by: string }>(
        'SELECT * FROM change WHERE seq > ? ORDER BY seq LIMIT ?',
        this.#last,
        PAGE,
      );
      // numbers have no gaps but those of changes that were forgotten
      if (rows.length === 0 ? this.#newest() > this.#last : rows[0]?.seq !== this.#last + 1) return this.#catchUp(this.#newest());
      for (const row of rows) {
        this.#last = row.seq;
        if (row.written_by !== this.#db.ownerId) this.#tell(row);
      }
      if (rows.length < PAGE) return;
    }
  }

  /** The number of the last change ever, forgotten or not. */
  #newest(): number {
    return this.#db.get<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'change'")?.seq ?? 0;
  }

  /** The changes themselves are forgotten: the last one of every row that has changed since is told instead, whoever made it. */
  #catchUp(newest: number): void {
    for (const [kind, id] of [
      ['task', 'task_id'],
      ['approval', 'decision_id'],
    ])
      for (const row of this.#db.all<ChangeRow>(
        `SELECT seq, '${kind}' AS kind, ${id} AS id, version, status, NULL AS from_status FROM ${kind} WHERE seq > ? ORDER BY seq`,
        this.#last,
      ))
        this.#tell(row);
    this.#last = newest;
  }

  #tell({ kind, id, version, status, from_status }: ChangeRow): void {
    const from = (from_status ?? undefined) as TaskStatus | undefined;
    const change: StoreChange =
      kind === 'task'
        ? { kind: 'task', taskId: id, version, status: status as TaskStatus, from }
        : { kind: 'approval', decisionId: id, version };
    for (const { told } of this.#listeners) {
      try {
        told(change);
      } catch (error) {
        publishCallbackError('watch', error);
      }
    }
  }
}
