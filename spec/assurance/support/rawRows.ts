import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type pg from 'pg';

/** A row as it is in the database, without the library. */
export type RawRow = Readonly<Record<string, unknown>>;

/** The tables whose every column is attacked, and the ones that an attacker may put back with them. */
export type RawTable = 'task' | 'approval' | 'task_decision' | 'begun_page';

/** Reads and writes a store as somebody does who has the database, but not the state key. */
export interface RawRows {
  /** The columns of a table, from the schema itself. */
  columns(table: RawTable): Promise<readonly string[]>;
  rows(table: RawTable): Promise<readonly RawRow[]>;
  /** Writes some columns of the rows in which `key` is `value`. False where the database itself refuses. */
  write(table: RawTable, key: string, value: unknown, change: RawRow): Promise<boolean>;
  /** Inserts a row. False where the database itself refuses. */
  insert(table: RawTable, row: RawRow): Promise<boolean>;
  remove(table: RawTable, key: string, value: unknown): Promise<void>;
}

/** The column that names a row. */
export const KEYS: Readonly<Record<RawTable, string>> = {
  task: 'task_id',
  approval: 'decision_id',
  task_decision: 'decision_id',
  begun_page: 'page',
};

/** The rows of a SQLite file. */
export function sqliteRows(db: DatabaseSync): RawRows {
  const run = (sql: string, values: readonly unknown[]): boolean => {
    try {
      db.prepare(sql).run(...(values as SQLInputValue[]));
      return true;
    } catch {
      return false;
    }
  };
  return {
    columns: async (table) =>
      db
        .prepare(`SELECT name FROM pragma_table_info('${table}')`)
        .all()
        .map((row) => String(row['name'])),
    rows: async (table) => db.prepare(`SELECT * FROM ${table}`).all(),
    write: async (table, key, value, change) => {
      const names = Object.keys(change);
      const set = names.map((name) => `${name} = ?`).join(', ');
      return run(`UPDATE ${table} SET ${set} WHERE ${key} = ?`, [...Object.values(change), value]);
    },
    insert: async (table, row) => {
      const names = Object.keys(row);
      return run(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`, Object.values(row));
    },
    remove: async (table, key, value) => void run(`DELETE FROM ${table} WHERE ${key} = ?`, [value]),
  };
}

/** The rows of a schema of PostgreSQL. */
export function postgresRows(client: pg.Client, schema: string): RawRows {
  const run = async (sql: string, values: unknown[]): Promise<boolean> =>
    client.query(sql, values).then(
      () => true,
      () => false,
    );
  return {
    columns: async (table) => {
      const sql = 'SELECT column_name AS name FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2';
      return (await client.query<{ name: string }>(sql, [schema, table])).rows.map(({ name }) => name);
    },
    rows: async (table) => (await client.query<RawRow>(`SELECT * FROM ${schema}.${table}`)).rows,
    write: (table, key, value, change) => {
      const names = Object.keys(change);
      const set = names.map((name, i) => `${name} = $${i + 2}`).join(', ');
      return run(`UPDATE ${schema}.${table} SET ${set} WHERE ${key} = $1`, [value, ...Object.values(change)]);
    },
    insert: (table, row) => {
      const names = Object.keys(row);
      const values = names.map((_, i) => `$${i + 1}`).join(', ');
      return run(`INSERT INTO ${schema}.${table} (${names.join(', ')}) OVERRIDING SYSTEM VALUE VALUES (${values})`, Object.values(row));
    },
    remove: async (table, key, value) => void (await run(`DELETE FROM ${schema}.${table} WHERE ${key} = $1`, [value])),
  };
}
