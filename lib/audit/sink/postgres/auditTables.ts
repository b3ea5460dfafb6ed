import type { ClientBase } from 'pg';
import { StoreError } from '../../../model/errors/ServiceErrors.js';

/** The version that this code reads and writes. */
const VERSION = 1;

/** What each version changes in the one before; `$S` is the schema. Never edit one that was released. */
const VERSIONS: readonly string[] = [
  `
  CREATE TABLE $S.audit_record (writer text COLLATE "C", seq bigint, line text NOT NULL, PRIMARY KEY (writer, seq));
  CREATE TABLE $S.audit_checkpoint (
    ord bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, writer text COLLATE "C" NOT NULL, note text NOT NULL, tree text);
  CREATE INDEX audit_checkpoint_writer ON $S.audit_checkpoint (writer, ord);
  CREATE TABLE $S.audit_opening (ord bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, writer text COLLATE "C" NOT NULL, body text NOT NULL);
  CREATE INDEX audit_opening_writer ON $S.audit_opening (writer, ord);
  `,
];

/**
 * Creates the tables where they are missing: a role that may only insert finds them there.
 *
 * @throws StoreError where a newer version made them
 */
export async function makeAuditTables(client: ClientBase, schema: string): Promise<void> {
  if ((await versionOf(client, schema)) === VERSION) return;
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`aegislib audit tables ${schema}`]);
    await client.query('SET LOCAL client_min_messages = warning');
    // another process may have been first
    const found = await versionOf(client, schema);
    if (found > VERSION)
      throw new StoreError(
        `The audit tables in the schema "${schema}" have version ${found}, and this aegislib knows ${VERSION}: update aegislib, or name another schema.`,
      );
    const namespace = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
    // creating a schema that exists needs a right that its user may not have
    if (namespace.rowCount === 0) await client.query(`CREATE SCHEMA ${schema}`);
    if (found === 0) await client.query(`CREATE TABLE ${schema}.audit_version (version integer PRIMARY KEY)`);
    for (const step of VERSIONS.slice(found)) await client.query(step.replaceAll('$S', schema));
    if (found < VERSION) await client.query(`INSERT INTO ${schema}.audit_version (version) VALUES ($1)`, [VERSION]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

async function versionOf(client: ClientBase, schema: string): Promise<number> {
  // not `to_regclass`: in a transaction that waited it may answer from before
  const table = await client.query(
    `SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = $1 AND relname = 'audit_version'`,
    [schema],
  );
  if (table.rowCount === 0) return 0;
  const { rows } = await client.query(`SELECT max(version) AS version FROM ${schema}.audit_version`);
  return Number((rows[0] as { readonly version: number }).version);
}
