import type { DatabaseSync } from 'node:sqlite';
import { ConfigError } from '../../../model/errors/SetupErrors.js';
import type { Task } from '../../../model/Task.js';
import { DEFAULT_TENANT } from '../../tenant/tenantScope.js';
import { renamedTaskFields } from '../../renamedTaskFields.js';
import { fromStoredJson } from '../../storedJson.js';
import { storedSummary } from '../../storedSummary.js';

/** Marks a file as one of this library ("Aegs"), in the file's own header. */
const APPLICATION_ID = 0x41656773;

/** The statuses that a task can still leave by itself. A query uses the partial indexes below only if it has exactly this condition. */
export const OPEN = "status IN ('pending', 'approved')";
/** The statuses that no task leaves. */
export const FINISHED = "status IN ('completed', 'failed', 'denied', 'timeout', 'cancelled')";

/** How many tasks are read at once while their bodies are rewritten. */
const BATCH = 500;

/**
 * From each version of the schema to the next. Never edit one that was released: a file in use may be at any of them. A migration after which older code
 * would read or write something wrong also raises `min_reader` in `meta` to its own version.
 */
const MIGRATIONS: readonly (string | ((db: DatabaseSync) => void))[] = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
  CREATE TABLE owner (
    owner TEXT PRIMARY KEY, lease_until REAL NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL, started_at REAL NOT NULL,
    has_tasks INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE task (
    ord INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL UNIQUE, decision_id TEXT NOT NULL, status TEXT NOT NULL,
    version INTEGER NOT NULL, guard_key TEXT NOT NULL, agent_id TEXT NOT NULL, tool_name TEXT NOT NULL, mode TEXT NOT NULL,
    original_digest TEXT NOT NULL, session_digest TEXT NOT NULL, home TEXT NOT NULL, resumable INTEGER NOT NULL,
    created_at REAL NOT NULL, updated_at REAL NOT NULL, expires_at REAL NOT NULL, look_at REAL NOT NULL DEFAULT 0,
    decided INTEGER NOT NULL DEFAULT 0, lease_until REAL, owner TEXT, body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX task_status ON task (status);
  CREATE INDEX task_equal ON task (original_digest, session_digest, guard_key, agent_id, mode) WHERE ${OPEN};
  CREATE INDEX task_over ON task (expires_at) WHERE ${OPEN};
  CREATE INDEX task_approved ON task (look_at) WHERE status = 'approved';
  CREATE INDEX task_decided ON task (look_at) WHERE status = 'pending' AND decided = 1;
  CREATE INDEX task_stuck ON task (home, look_at) WHERE ${OPEN} AND resumable = 0 AND mode <> 'manual';
  CREATE INDEX task_waiting ON task (home, look_at) WHERE status = 'pending' AND mode <> 'manual';
  CREATE INDEX task_lease ON task (lease_until) WHERE status = 'executing';
  CREATE INDEX task_ended ON task (updated_at) WHERE ${FINISHED};
  CREATE TABLE task_decision (decision_id TEXT PRIMARY KEY, ord INTEGER NOT NULL REFERENCES task ON DELETE CASCADE) STRICT, WITHOUT ROWID;
  CREATE INDEX task_decision_task ON task_decision (ord);
  CREATE TABLE approval (
    ord INTEGER PRIMARY KEY AUTOINCREMENT, decision_id TEXT NOT NULL UNIQUE, status TEXT NOT NULL, agent_id TEXT NOT NULL,
    tool_name TEXT NOT NULL, version INTEGER NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL,
    decided_at REAL NOT NULL, home TEXT NOT NULL, body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX approval_status ON approval (status);
  CREATE INDEX approval_tool ON approval (tool_name, agent_id, status);
  CREATE INDEX approval_expires ON approval (expires_at);
  CREATE TABLE change (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, status TEXT NOT NULL,
    from_status TEXT, owner TEXT NOT NULL, at REAL NOT NULL
  ) STRICT;`,
  // the number of each row's last change, so that a handle that missed deleted changes finds the rows; which approvals ever had a task
  `ALTER TABLE task ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX task_seq ON task (seq);
  CREATE INDEX task_finished ON task (seq) WHERE ${FINISHED};
  ALTER TABLE approval ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX approval_seq ON approval (seq);
  CREATE INDEX approval_denied ON approval (tool_name, agent_id, seq) WHERE status = 'denied';
  ALTER TABLE approval ADD COLUMN tasked INTEGER NOT NULL DEFAULT 0;
  UPDATE approval SET tasked = 1 WHERE decision_id IN (SELECT decision_id FROM task_decision);
  CREATE INDEX approval_lone ON approval (home, created_at) WHERE status = 'pending' AND tasked = 0;`,
  // columns under the names of the fields that they hold, and the lowest version that may use the file
  (db) => {
    db.exec(`ALTER TABLE owner RENAME COLUMN owner TO owner_id;
      ALTER TABLE task RENAME COLUMN home TO owner_id;
      ALTER TABLE task RENAME COLUMN owner TO executor_id;
      ALTER TABLE task RENAME COLUMN look_at TO next_check_at;
      ALTER TABLE approval RENAME COLUMN home TO owner_id;
      ALTER TABLE change RENAME COLUMN owner TO written_by;
      INSERT INTO meta VALUES ('min_reader', 3);`);
    rewriteBodies(db);
  },
  // approvals are bound to their whole call, and say which claim has begun: code that does not know it would run what was not approved
  (db) => {
    db.exec(`UPDATE meta SET value = 4 WHERE key = 'min_reader';
      INSERT INTO meta SELECT 'unbound', 1 WHERE EXISTS (SELECT 1 FROM approval);
      CREATE TABLE begun_page (page INTEGER PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL) STRICT;`);
    addCards(db);
  },
  // tenants, keys of callers that ask again, cards for lists; records. Older code knows `default` alone: `min_reader` is raised by the first row of another
  // tenant. It writes no cards: a card that is not of its row's version is not believed
  `ALTER TABLE approval ADD COLUMN tenant_id TEXT NOT NULL DEFAULT '${DEFAULT_TENANT}';
  ALTER TABLE approval ADD COLUMN idempotency_key TEXT;
  ALTER TABLE approval ADD COLUMN card TEXT;
  ALTER TABLE approval ADD COLUMN card_version INTEGER;
  ALTER TABLE approval ADD COLUMN keep_until REAL NOT NULL DEFAULT 0;
  CREATE INDEX approval_made ON approval (tenant_id);
  CREATE INDEX approval_tenant ON approval (tenant_id, status);
  CREATE INDEX approval_tenant_tool ON approval (tenant_id, tool_name, agent_id, status);
  CREATE INDEX approval_tenant_expires ON approval (tenant_id, expires_at);
  CREATE INDEX approval_tenant_denied ON approval (tenant_id, tool_name, agent_id, seq) WHERE status = 'denied';
  CREATE UNIQUE INDEX approval_idempotency ON approval (tenant_id, agent_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
  DROP INDEX approval_status;
  DROP INDEX approval_tool;
  DROP INDEX approval_denied;
  CREATE TABLE record (
    tenant_id TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, index1 TEXT, index2 TEXT, created_at REAL NOT NULL,
    delete_after REAL, body TEXT NOT NULL, mac TEXT, PRIMARY KEY (tenant_id, kind, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX record_made ON record (tenant_id, kind, created_at, id);
  CREATE INDEX record_index1 ON record (tenant_id, kind, index1, created_at, id) WHERE index1 IS NOT NULL;
  CREATE INDEX record_index2 ON record (tenant_id, kind, index2, created_at, id) WHERE index2 IS NOT NULL;
  CREATE INDEX record_over ON record (tenant_id, kind, delete_after) WHERE delete_after IS NOT NULL;
  CREATE TABLE record_head (
    tenant_id TEXT NOT NULL, kind TEXT NOT NULL, part INTEGER NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (tenant_id, kind, part)
  ) STRICT, WITHOUT ROWID;`,
  // limits and halts. The first row of either raises `min_reader`: older code would count nothing, and would run what is halted
  `CREATE TABLE counter (
    tenant_id TEXT NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL, window_ms INTEGER NOT NULL, position INTEGER NOT NULL, slices TEXT NOT NULL,
    used INTEGER NOT NULL, most INTEGER NOT NULL, latest_ms INTEGER NOT NULL, expires_at INTEGER NOT NULL, label TEXT, PRIMARY KEY (tenant_id, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX counter_over ON counter (tenant_id, expires_at);
  CREATE TABLE counter_token (
    tenant_id TEXT NOT NULL, token TEXT NOT NULL, key TEXT NOT NULL, cost INTEGER NOT NULL, at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, token, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX counter_token_over ON counter_token (tenant_id, expires_at);
  CREATE TABLE gate (tenant_id TEXT PRIMARY KEY, halts INTEGER NOT NULL) STRICT;`,
];

/** The version that first knew tenants. */
export const TENANTS_VERSION = 5;

/** The version that first knew limits and halts. */
export const GOVERNANCE_VERSION = 6;

/** The version that this code reads and writes. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

/** Brings a file to {@link SCHEMA_VERSION}, in one transaction. Of several processes that try, one does it. */
export function migrate(db: DatabaseSync): void {
  if (checkedVersion(db) >= SCHEMA_VERSION) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    // another process may have been first
    const from = checkedVersion(db);
    for (const step of MIGRATIONS.slice(from)) {
      if (typeof step === 'string') db.exec(step);
      else step(db);
    }
    if (from < SCHEMA_VERSION) db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`);
    db.exec('COMMIT');
  } catch (error) {
    // a commit that fails may have ended it
    if (db.isTransaction !== false) db.exec('ROLLBACK');
    throw error;
  }
}

/**
 * The version of a file's schema: that of this code, an older one, or a newer one that this code may use.
 *
 * @throws ConfigError where the file belongs to another program, or may not be used by code of this version
 */
export function checkedVersion(db: DatabaseSync): number {
  const number = (sql: string): number => Number(Object.values(db.prepare(sql).get() as Record<string, unknown>)[0]);
  // in this order, because another process may create the file in between: it marks it in the transaction that creates its tables
  const tables = number('SELECT count(*) FROM sqlite_master');
  const version = number('PRAGMA user_version');
  const ours = number('PRAGMA application_id') === APPLICATION_ID;
  if (!ours && (version !== 0 || tables > 0)) throw refusal('the database belongs to another program: name a file for aegislib alone');
  if (version > SCHEMA_VERSION && !(minReader(db) <= SCHEMA_VERSION))
    throw refusal(
      `the file has schema version ${version}, which this aegislib (schema version ${SCHEMA_VERSION}) may not read or write: update aegislib, or name another file`,
    );
  return version;
}

/** The lowest version that may read and write the file; NaN where the file does not say it as a whole number. */
function minReader(db: DatabaseSync): number {
  const row = db.prepare("SELECT value FROM meta WHERE key = 'min_reader'").get() as { readonly value: unknown } | undefined;
  return Number.isInteger(row?.value) ? (row?.value as number) : NaN;
}

function rewriteBodies(db: DatabaseSync): void {
  const read = db.prepare('SELECT ord, body FROM task WHERE ord > ? ORDER BY ord LIMIT ?');
  const write = db.prepare('UPDATE task SET body = ? WHERE ord = ?');
  for (let last = 0; ;) {
    const rows = read.all(last, BATCH) as { readonly ord: number; readonly body: string }[];
    for (const { ord, body } of rows) {
      const renamed = renamedTaskFields(body);
      if (renamed !== body) write.run(renamed, ord);
      last = ord;
    }
    if (rows.length < BATCH) return;
  }
}

/** What lists show of each task, in small rows of their own: a list never reads the bodies. Code that does not keep them would make lists wrong. */
function addCards(db: DatabaseSync): void {
  db.exec(`CREATE TABLE task_card (
      ord INTEGER PRIMARY KEY REFERENCES task ON DELETE CASCADE, status TEXT NOT NULL, agent_id TEXT NOT NULL, tool_name TEXT NOT NULL, card TEXT NOT NULL
    ) STRICT;
    CREATE INDEX task_card_status ON task_card (status);`);
  const read = db.prepare('SELECT ord, body FROM task WHERE ord > ? ORDER BY ord LIMIT ?');
  const write = db.prepare('INSERT INTO task_card (ord, status, agent_id, tool_name, card) VALUES (?, ?, ?, ?, ?)');
  for (let last = 0; ;) {
    const rows = read.all(last, BATCH) as { readonly ord: number; readonly body: string }[];
    for (const { ord, body } of rows) {
      const task = fromStoredJson(body) as Task;
      write.run(ord, task.status, task.agentId, task.toolName, storedSummary(task));
      last = ord;
    }
    if (rows.length < BATCH) return;
  }
}

function refusal(message: string): ConfigError {
  return new ConfigError([{ where: 'sqliteStore(path)', message }]);
}
