import type { ClientBase } from 'pg';
import { StoreError } from '../../model/errors/ServiceErrors.js';
import type { Task } from '../../model/Task.js';
import { DEFAULT_TENANT } from '../tenant/tenantScope.js';
import type { Migration } from '../StateStore.js';
import { renamedTaskFields } from '../renamedTaskFields.js';
import { fromStoredJson } from '../storedJson.js';
import { storedSummary } from '../storedSummary.js';
import { counterFunctions } from './counter/counterFunctions.js';
import { OUTDATED } from './errors.js';

/** How many tasks are read at once while their bodies are rewritten. */
const BATCH = 500;

/**
 * What each version changes in the one before; `$S` is the schema. Never edit a version that was released: add one. A version after which older code would
 * read or write something wrong also raises `min_reader` to itself. Times are epoch milliseconds. The columns beside `body` are there to search by; only
 * `attempt_count` and `lease_until` may be newer than the body.
 */
const VERSIONS: readonly (string | ((client: ClientBase, schema: string) => Promise<void>))[] = [
  `
  CREATE TABLE $S.meta (single boolean PRIMARY KEY DEFAULT true CHECK (single), epoch text, clock_ms bigint NOT NULL DEFAULT 0, latest_ms bigint NOT NULL DEFAULT 0);
  INSERT INTO $S.meta DEFAULT VALUES;
  CREATE TABLE $S.owner (owner text PRIMARY KEY, live_until bigint NOT NULL DEFAULT 0, opened_at bigint NOT NULL);
  CREATE OR REPLACE FUNCTION $S.now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT greatest((extract(epoch FROM clock_timestamp()) * 1000)::bigint, clock_ms) FROM $S.meta $$;
  CREATE OR REPLACE FUNCTION $S.durably() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT set_config('synchronous_commit',
      CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true) $$;
  CREATE TABLE $S.task (
    seq bigint GENERATED ALWAYS AS IDENTITY, task_id text PRIMARY KEY, decision_id text NOT NULL, status text NOT NULL, version bigint NOT NULL,
    guard_key text NOT NULL, agent_id text NOT NULL, tool_name text NOT NULL, mode text NOT NULL,
    original_digest text NOT NULL, session_digest text NOT NULL, home text NOT NULL, resumable boolean NOT NULL,
    created_at bigint NOT NULL, updated_at bigint NOT NULL, expires_at bigint NOT NULL, look_at bigint NOT NULL DEFAULT 0,
    decided boolean NOT NULL DEFAULT false, lane text, attempt_count bigint NOT NULL, lease_until bigint, owner text,
    changed_at bigint NOT NULL, written_by text NOT NULL, stamp text NOT NULL, body text NOT NULL);
  CREATE TABLE $S.task_decision (decision_id text PRIMARY KEY, task_id text NOT NULL);
  CREATE INDEX task_decision_task ON $S.task_decision (task_id);
  CREATE INDEX task_status ON $S.task (status, seq);
  CREATE INDEX task_equal ON $S.task (guard_key, agent_id, original_digest, session_digest, mode, seq) WHERE status IN ('pending', 'approved');
  CREATE INDEX task_lane ON $S.task (lane, home, look_at) WHERE lane IS NOT NULL;
  CREATE INDEX task_idle ON $S.task (lane, changed_at) WHERE lane IN ('run', 'decided');
  CREATE INDEX task_expiry ON $S.task (expires_at) WHERE status IN ('pending', 'approved');
  CREATE INDEX task_lease ON $S.task (lease_until) WHERE status = 'executing';
  CREATE INDEX task_owner ON $S.task (owner) WHERE status = 'executing';
  CREATE INDEX task_finished ON $S.task (updated_at) WHERE status IN ('completed', 'failed', 'denied', 'timeout', 'cancelled');
  CREATE INDEX task_changed ON $S.task (changed_at);
  CREATE TABLE $S.approval (
    seq bigint GENERATED ALWAYS AS IDENTITY, decision_id text PRIMARY KEY, agent_id text NOT NULL, tool_name text NOT NULL, status text NOT NULL,
    version bigint NOT NULL, created_at bigint NOT NULL, expires_at bigint NOT NULL, denied_at bigint, consumed boolean NOT NULL,
    made_at bigint NOT NULL, changed_at bigint NOT NULL, home text NOT NULL, written_by text NOT NULL, stamp text NOT NULL, body text NOT NULL);
  CREATE INDEX approval_status ON $S.approval (status, seq);
  CREATE INDEX approval_pending ON $S.approval (agent_id, tool_name) WHERE status = 'pending';
  CREATE INDEX approval_denied ON $S.approval (agent_id, tool_name, denied_at) WHERE status = 'denied';
  CREATE INDEX approval_expiry ON $S.approval (expires_at);
  CREATE INDEX approval_changed ON $S.approval (changed_at);
  `,
  // approvals whose process died between asking and recording the task
  `
  ALTER TABLE $S.owner ADD COLUMN has_tasks boolean NOT NULL DEFAULT false;
  CREATE INDEX approval_home ON $S.approval (home, made_at) WHERE status = 'pending';
  `,
  // columns under the names of the fields that they hold; the lowest version that may use the schema, which every write checks
  async (client, schema) => {
    await client.query(
      `ALTER TABLE $S.version ADD COLUMN min_reader integer NOT NULL DEFAULT 3;
      DROP FUNCTION $S.durably();
      CREATE OR REPLACE FUNCTION $S.durably(reader integer) RETURNS text LANGUAGE plpgsql VOLATILE AS $$ BEGIN
        IF (SELECT min_reader FROM $S.version) > reader THEN RAISE EXCEPTION USING ERRCODE = '${OUTDATED}'; END IF;
        RETURN set_config('synchronous_commit',
          CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true);
      END $$;
      ALTER TABLE $S.meta RENAME COLUMN epoch TO incarnation;
      ALTER TABLE $S.owner RENAME COLUMN owner TO owner_id;
      ALTER TABLE $S.task RENAME COLUMN home TO owner_id;
      ALTER TABLE $S.task RENAME COLUMN owner TO executor_id;
      ALTER TABLE $S.task RENAME COLUMN lane TO queue;
      ALTER TABLE $S.task RENAME COLUMN look_at TO next_check_at;
      ALTER TABLE $S.approval RENAME COLUMN home TO owner_id;
      ALTER INDEX $S.task_lane RENAME TO task_queue;
      ALTER INDEX $S.task_owner RENAME TO task_executor;
      ALTER INDEX $S.approval_home RENAME TO approval_owner`.replaceAll('$S', schema),
    );
    await rewriteBodies(client, schema);
  },
  // approvals are bound to their whole call, and say which claim has begun: code that does not know it would run what was not approved
  async (client, schema) => {
    await client.query(
      `UPDATE $S.version SET min_reader = 4;
      ALTER TABLE $S.meta ADD COLUMN unbound boolean NOT NULL DEFAULT false;
      UPDATE $S.meta SET unbound = EXISTS (SELECT 1 FROM $S.approval);
      CREATE TABLE $S.begun_page (page integer PRIMARY KEY, version bigint NOT NULL, body text NOT NULL)`.replaceAll('$S', schema),
    );
    await addCards(client, schema);
  },
  // tenants, keys of callers that ask again, cards for lists; records. Older code knows `default` alone: `min_reader` is raised by the first row of another
  // tenant. It writes no cards: a card that is not of its row's version is not believed. Ids are compared by their bytes, as every store does
  `
  ALTER TABLE $S.approval ADD COLUMN tenant_id text NOT NULL DEFAULT '${DEFAULT_TENANT}', ADD COLUMN idempotency_key text, ADD COLUMN card text,
    ADD COLUMN card_version bigint, ADD COLUMN keep_until double precision NOT NULL DEFAULT 0;
  CREATE INDEX approval_made ON $S.approval (tenant_id, seq);
  CREATE INDEX approval_tenant ON $S.approval (tenant_id, status, seq);
  CREATE INDEX approval_tenant_pending ON $S.approval (tenant_id, agent_id, tool_name) WHERE status = 'pending';
  CREATE INDEX approval_tenant_denied ON $S.approval (tenant_id, agent_id, tool_name, denied_at) WHERE status = 'denied';
  CREATE INDEX approval_tenant_expiry ON $S.approval (tenant_id, expires_at);
  CREATE UNIQUE INDEX approval_idempotency ON $S.approval (tenant_id, agent_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
  DROP INDEX $S.approval_status, $S.approval_pending, $S.approval_denied, $S.approval_expiry;
  CREATE TABLE $S.record (
    tenant_id text NOT NULL, kind text NOT NULL, id text COLLATE "C" NOT NULL, version integer NOT NULL, index1 text, index2 text,
    created_at double precision NOT NULL, delete_after double precision, body text NOT NULL, mac text, stamp text NOT NULL,
    PRIMARY KEY (tenant_id, kind, id));
  CREATE INDEX record_made ON $S.record (tenant_id, kind, created_at, id);
  CREATE INDEX record_index1 ON $S.record (tenant_id, kind, index1, created_at, id) WHERE index1 IS NOT NULL;
  CREATE INDEX record_index2 ON $S.record (tenant_id, kind, index2, created_at, id) WHERE index2 IS NOT NULL;
  CREATE INDEX record_over ON $S.record (tenant_id, kind, delete_after) WHERE delete_after IS NOT NULL;
  CREATE TABLE $S.record_head (
    tenant_id text NOT NULL, kind text NOT NULL, part integer NOT NULL, version integer NOT NULL, body text NOT NULL, stamp text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, kind, part));
  `,
  // limits and halts. The first row of either raises `min_reader`: older code would count nothing, and would run what is halted
  `
  CREATE TABLE $S.counter (
    tenant_id text NOT NULL, key text COLLATE "C" NOT NULL, kind text NOT NULL, window_ms bigint NOT NULL, position bigint NOT NULL, slices bigint[] NOT NULL,
    used bigint NOT NULL, most bigint NOT NULL, latest_ms bigint NOT NULL, expires_at bigint NOT NULL, label text, PRIMARY KEY (tenant_id, key));
  CREATE INDEX counter_over ON $S.counter (tenant_id, expires_at);
  CREATE TABLE $S.counter_token (
    tenant_id text NOT NULL, token text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, cost bigint NOT NULL, at bigint NOT NULL,
    expires_at bigint NOT NULL, PRIMARY KEY (tenant_id, token, key));
  CREATE INDEX counter_token_over ON $S.counter_token (tenant_id, expires_at);
  CREATE TABLE $S.gate (tenant_id text PRIMARY KEY, halts bigint NOT NULL DEFAULT 0);
  INSERT INTO $S.gate (tenant_id) VALUES ('${DEFAULT_TENANT}');
  CREATE OR REPLACE FUNCTION $S.halts_are(tenant text, expected bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$ DECLARE found_halts bigint; BEGIN
    SELECT halts INTO found_halts FROM $S.gate WHERE tenant_id = tenant FOR SHARE;
    IF NOT FOUND THEN
      INSERT INTO $S.gate (tenant_id) VALUES (tenant) ON CONFLICT DO NOTHING;
      SELECT halts INTO found_halts FROM $S.gate WHERE tenant_id = tenant FOR SHARE;
    END IF;
    RETURN found_halts = expected;
  END $$;
  ${counterFunctions}`,
];

/** The version that first knew tenants. */
export const TENANTS_VERSION = 5;

/** The version that first knew limits and halts. */
export const GOVERNANCE_VERSION = 6;

/** The version that this code reads and writes. */
export const SCHEMA_VERSION: number = VERSIONS.length;

/**
 * Creates the tables, or brings older ones up to date: all of it or nothing, one process at a time.
 *
 * @throws StoreError where the schema may not be used by code of this version
 */
export async function migrate(client: ClientBase, schema: string): Promise<Migration> {
  await client.query('BEGIN');
  try {
    await client.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [`aegislib ${schema}`]);
    await client.query(`SET LOCAL client_min_messages = warning`);
    const namespace = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
    // creating a schema that exists needs a right that its user may not have
    if (namespace.rowCount === 0) await client.query(`CREATE SCHEMA ${schema}`);
    const table = await client.query('SELECT to_regclass($1) AS name', [`${schema}.version`]);
    if ((table.rows[0] as { name: unknown }).name === null) {
      await client.query(
        `CREATE TABLE ${schema}.version (single boolean PRIMARY KEY DEFAULT true CHECK (single), version integer NOT NULL)`,
      );
      await client.query(`INSERT INTO ${schema}.version (version) VALUES (0)`);
    }
    // every column: the older versions have no `min_reader`
    const found = (await client.query(`SELECT * FROM ${schema}.version`)).rows[0] as { version: number; min_reader?: number };
    const { version, min_reader: minReader = version } = found;
    if (version > SCHEMA_VERSION && minReader > SCHEMA_VERSION)
      throw new StoreError(
        `The schema "${schema}" has version ${version}, which this aegislib (schema version ${SCHEMA_VERSION}) may not read or write: update aegislib, or name another schema.`,
      );
    for (const step of VERSIONS.slice(version)) {
      if (typeof step === 'string') await client.query(step.replaceAll('$S', schema));
      else await step(client, schema);
    }
    if (version < SCHEMA_VERSION) await client.query(`UPDATE ${schema}.version SET version = $1`, [SCHEMA_VERSION]);
    await client.query('COMMIT');
    // a newer one that this code may use stays as it is
    return { from: version, to: Math.max(version, SCHEMA_VERSION) };
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** What lists show of each task: a list never reads the bodies. Code that does not keep them would make lists wrong. */
async function addCards(client: ClientBase, schema: string): Promise<void> {
  await client.query(`ALTER TABLE ${schema}.task ADD COLUMN card text NOT NULL DEFAULT '{}'`);
  for (let last = '0'; ;) {
    const read = `SELECT seq, body FROM ${schema}.task WHERE seq > $1 ORDER BY seq LIMIT ${BATCH}`;
    const rows = (await client.query(read, [last])).rows as { readonly seq: string; readonly body: string }[];
    if (rows.length === 0) return;
    last = rows.at(-1)?.seq ?? last;
    await client.query(
      `UPDATE ${schema}.task SET card = made.card FROM unnest($1::bigint[], $2::text[]) AS made (seq, card) WHERE task.seq = made.seq`,
      [rows.map(({ seq }) => seq), rows.map(({ body }) => storedSummary(fromStoredJson(body) as Task))],
    );
  }
}

async function rewriteBodies(client: ClientBase, schema: string): Promise<void> {
  for (let last = '0'; ;) {
    const read = `SELECT seq, body FROM ${schema}.task WHERE seq > $1 ORDER BY seq LIMIT ${BATCH}`;
    const rows = (await client.query(read, [last])).rows as { readonly seq: string; readonly body: string }[];
    if (rows.length === 0) return;
    last = rows.at(-1)?.seq ?? last;
    const renamed = rows.map(({ seq, body }) => ({ seq, body, next: renamedTaskFields(body) })).filter(({ body, next }) => next !== body);
    await client.query(
      `UPDATE ${schema}.task SET body = renamed.body FROM unnest($1::bigint[], $2::text[]) AS renamed (seq, body) WHERE task.seq = renamed.seq`,
      [renamed.map(({ seq }) => seq), renamed.map(({ next }) => next)],
    );
  }
}
