import type { QueryResult } from 'pg';
import { nextId } from '../../common/nextId.js';
import type { PendingTask, Task } from '../../model/Task.js';
import { storedCard } from '../approval/approvalCard.js';
import type { ApprovalCard, ApprovalRecord } from '../ApprovalStore.js';
import type { CounterChange } from '../counter/CounterStore.js';
import { checkedRecord } from '../record/checkedRecord.js';
import type { StoredRecord } from '../RecordStore.js';
import { DEFAULT_SCOPE, DEFAULT_TENANT, UNOWNED } from '../tenant/tenantScope.js';
import type { TenantScope } from '../tenant/tenantScope.js';
import { countBeside } from './counter/countBeside.js';
import { SCHEMA_VERSION } from './schema.js';
import {
  APPROVAL_COLUMNS,
  approvalValues,
  CHANGING_COLUMNS,
  changingValues,
  FIXED_COLUMNS,
  fixedValues,
  indexKey,
  TASK_COLUMNS,
} from './rows.js';

/** A statement, its values, and a name for one that is worth preparing. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
  readonly values: unknown[];
}

/** Runs SQL: on any connection, or on that of a transaction. */
export type RunSql = (text: string, values?: unknown[]) => Promise<QueryResult>;

/** The values of a statement by the names that its text gives them. */
export type NamedValues = Readonly<Record<string, unknown>>;

/** What every write leaves in its row. */
export interface WriteMark {
  /** Unique to this write, so that a write whose answer was lost is recognized. */
  readonly stamp: string;
  /** The handle that writes. */
  readonly ownerId: string;
}

/**
 * A statement whose text names its values (`:task_id`), so that no placeholder has to be counted.
 *
 * @throws TypeError where the text names a value that was not given: PostgreSQL would take it for NULL
 */
export function named(text: string, name?: string): (values: NamedValues) => Statement {
  const names: string[] = [];
  const numbered = text.replaceAll(/(?<!:):([a-z_]+)/g, (_, value: string) => {
    if (!names.includes(value)) names.push(value);
    return `$${names.indexOf(value) + 1}`;
  });
  return (values) => ({
    ...(name === undefined ? {} : { name }),
    text: numbered,
    values: names.map((value) => {
      if (!Object.hasOwn(values, value)) throw new TypeError(`The statement needs a value for :${value}.`);
      return values[value];
    }),
  });
}

/** The statements that read and write one task. */
export class TaskStatements {
  readonly #read: (values: NamedValues) => Statement;
  readonly #taken: (values: NamedValues) => Statement;
  readonly #insert: (values: NamedValues) => Statement;
  readonly #change: (values: NamedValues) => Statement;
  readonly #overwrite: (values: NamedValues) => Statement;
  readonly #askAgain: (values: NamedValues) => Statement;

  constructor(schema: string) {
    const s = schema;
    // locks the approval, so that a verdict waits for the task that is being written, or this write for the verdict
    const lockApproval = `approval AS (SELECT status FROM ${s}.approval WHERE decision_id = :decision_id FOR SHARE)`;
    const isDecided = `EXISTS (SELECT 1 FROM approval WHERE status <> 'pending')`;
    const queueByVerdict = `CASE WHEN ${isDecided} AND :queue::text IS NOT NULL THEN 'decided' ELSE :queue::text END`;
    const notify = `SELECT ${s}.durably(${SCHEMA_VERSION}), pg_notify('${s}', :note)`;
    const inserted = [...FIXED_COLUMNS, ...CHANGING_COLUMNS];
    const update = (values: readonly string[], condition: string): string =>
      `UPDATE ${s}.task SET ${values.join(', ')}, next_check_at = 0, changed_at = ${s}.now_ms(), stamp = :stamp, written_by = :written_by
      WHERE ${condition} RETURNING task_id`;
    const isAsRead = 'task_id = :task_id AND version = :read_version';
    const inTime = `(:lease_ends_by::bigint IS NULL OR lease_until <= :lease_ends_by) AND ${unlessHalted(s, `'${DEFAULT_TENANT}'`)}`;
    this.#read = named(`SELECT ${TASK_COLUMNS}, stamp, ${s}.now_ms() AS now FROM ${s}.task WHERE task_id = :task_id`, 'aegis read');
    this.#taken = named(`SELECT ${TASK_COLUMNS}, stamp FROM ${s}.task
      WHERE task_id = :task_id OR task_id = (SELECT task_id FROM ${s}.task_decision WHERE decision_id = :decision_id)
      ORDER BY task_id <> :task_id LIMIT 1`);
    this.#insert = named(
      `WITH ${lockApproval},
      free AS (
        INSERT INTO ${s}.task_decision (decision_id, task_id)
        SELECT :decision_id, :task_id WHERE NOT EXISTS (SELECT 1 FROM ${s}.task WHERE task_id = :task_id)
        ON CONFLICT DO NOTHING RETURNING task_id),
      made AS (
        INSERT INTO ${s}.task (stamp, written_by, ${inserted.join(', ')}, decided, changed_at)
        SELECT :stamp, :written_by, ${inserted.map((column) => (column === 'queue' ? queueByVerdict : `:${column}`)).join(', ')}, ${isDecided}, ${s}.now_ms()
        FROM free RETURNING task_id),
      noted AS (UPDATE ${s}.owner SET has_tasks = true WHERE owner_id = :written_by AND NOT has_tasks)
      ${notify} FROM made`,
      'aegis insert',
    );
    const changed = assignments(CHANGING_COLUMNS);
    this.#change = named(`WITH changed AS (${update(changed, `${isAsRead} AND ${inTime}`)}) ${notify} FROM changed`, 'aegis change');
    this.#overwrite = named(`WITH changed AS (${update(changed, 'seq = :seq')}) ${notify} FROM changed`);
    const asked = assignments(CHANGING_COLUMNS.filter((column) => column !== 'queue'));
    this.#askAgain = named(
      `WITH ${lockApproval},
      free AS (
        INSERT INTO ${s}.task_decision (decision_id, task_id)
        SELECT :decision_id, task_id FROM (SELECT task_id FROM ${s}.task WHERE ${isAsRead} FOR UPDATE) AS held
        ON CONFLICT DO NOTHING RETURNING task_id),
      changed AS (${update([...asked, `queue = ${queueByVerdict}`, `decided = ${isDecided}`], `${isAsRead} AND EXISTS (SELECT 1 FROM free)`)})
      ${notify} FROM changed`,
      'aegis ask again',
    );
  }

  /** Reads a task, with its stamp and the store's time. */
  read(taskId: string): Statement {
    return this.#read({ task_id: indexKey(taskId) });
  }

  /** Reads the task that has the new task's id or decisionId. */
  taken({ taskId, decisionId }: PendingTask): Statement {
    return this.#taken({ task_id: indexKey(taskId), decision_id: indexKey(decisionId) });
  }

  /** Inserts a task where its id and decisionId are free. */
  insert(task: PendingTask, mark: WriteMark): Statement {
    return this.#insert({ ...fixedValues(task), ...changingValues(task), ...markValues(mark), note: taskNote(task, undefined, mark) });
  }

  /**
   * Writes what became of a task, if it still is at the version that was read.
   *
   * @param leaseEndsByMs the write happens only if the lease still ends by then: renewing a lease makes no new version
   * @param haltChanges the write happens only if the halts were changed so often
   */
  change(task: Task, next: Task, mark: WriteMark, leaseEndsByMs?: number, haltChanges?: number): Statement {
    return this.#change({ ...changeValues(task, next, mark), lease_ends_by: leaseEndsByMs ?? null, halts: haltChanges ?? null });
  }

  /** Writes the row of a task without a condition; only for a row that is locked. */
  overwrite(seq: string, task: Task, next: Task, mark: WriteMark): Statement {
    return this.#overwrite({ ...changeValues(task, next, mark), seq });
  }

  /** Writes a task that now waits for another approval, where that decisionId is free. */
  askAgain(task: Task, next: Task, mark: WriteMark): Statement {
    return this.#askAgain(changeValues(task, next, mark));
  }
}

/** The statements that write one approval. */
export class ApprovalStatements {
  readonly #scope: TenantScope;
  readonly #insert: (values: NamedValues) => Statement;
  readonly #replace: (values: NamedValues) => Statement;
  readonly #overwrite: (values: NamedValues) => Statement;
  readonly #withdrawOrphan: (values: NamedValues) => Statement;
  readonly #markDecided: (values: NamedValues) => Statement;

  /** @param scope whose approvals are inserted and replaced; what has a row of its own number, or no task, is ended for every tenant */
  constructor(schema: string, scope: TenantScope = DEFAULT_SCOPE) {
    const s = schema;
    this.#scope = scope;
    const update = (condition: string): string => `WITH changed AS (
      UPDATE ${s}.approval SET ${assignments(APPROVAL_COLUMNS).join(', ')}, stamp = :stamp, written_by = :written_by, changed_at = ${s}.now_ms(),
        card = :card, card_version = :version, keep_until = greatest(keep_until, :keep_until)
      WHERE ${condition} RETURNING 1)
      SELECT ${s}.durably(${SCHEMA_VERSION}), pg_notify('${s}', :note) FROM changed`;
    const inserted = [...APPROVAL_COLUMNS, 'tenant_id', 'owner_id', 'idempotency_key', 'card', 'keep_until'];
    this.#insert = named(
      `WITH made AS (
        INSERT INTO ${s}.approval (${inserted.join(', ')}, card_version, stamp, written_by, made_at, changed_at)
        VALUES (${inserted.map((column) => `:${column}`).join(', ')}, :version, :stamp, :written_by, ${s}.now_ms(), ${s}.now_ms())
        ON CONFLICT DO NOTHING RETURNING 1)
      SELECT ${s}.durably(${SCHEMA_VERSION}), pg_notify('${s}', :note) FROM made`,
      'aegis ask',
    );
    const isAsRead = 'decision_id = :decision_id AND version = :read_version';
    this.#replace = named(update(`${isAsRead} AND tenant_id = :tenant_id AND ${unlessHalted(s, ':tenant_id')}`), 'aegis replace');
    this.#overwrite = named(update('seq = :seq'));
    this.#withdrawOrphan = named(
      update(`${isAsRead} AND status = 'pending' AND NOT EXISTS (SELECT 1 FROM ${s}.task_decision d WHERE d.decision_id = :decision_id)`),
    );
    this.#markDecided = named(`UPDATE ${s}.task
      SET decided = true, next_check_at = 0, changed_at = ${s}.now_ms(), queue = CASE WHEN queue IS NULL THEN NULL ELSE 'decided' END
      WHERE decision_id = :decision_id AND status = 'pending'
      AND task_id = (SELECT task_id FROM ${s}.task_decision WHERE decision_id = :decision_id)`);
  }

  /** Inserts an approval where its decisionId and its idempotency key are free. */
  insert(record: ApprovalRecord, mark: WriteMark, card?: ApprovalCard): Statement {
    const { tenantId, forOthers } = this.#scope;
    const key = record.idempotency?.key;
    return this.#insert({
      ...this.#values(record, mark, card),
      tenant_id: tenantId,
      owner_id: forOthers ? UNOWNED : mark.ownerId,
      idempotency_key: key === undefined ? null : indexKey(key),
    });
  }

  /** Replaces an approval of the tenant that still is at that version, if the halts were changed so often. */
  replace(record: ApprovalRecord, version: number, mark: WriteMark, card?: ApprovalCard, haltChanges?: number): Statement {
    const { tenantId } = this.#scope;
    return this.#replace({ ...this.#values(record, mark, card), read_version: version, tenant_id: tenantId, halts: haltChanges ?? null });
  }

  /** Writes the row of an approval without a condition; only for a row that is locked. */
  overwrite(seq: string, record: ApprovalRecord, mark: WriteMark): Statement {
    return this.#overwrite({ ...this.#values(record, mark), seq });
  }

  /** Replaces a pending approval that still is at that version and has no task. */
  withdrawOrphan(record: ApprovalRecord, version: number, mark: WriteMark): Statement {
    return this.#withdrawOrphan({ ...this.#values(record, mark), read_version: version });
  }

  /** Makes the task that waits for the approval due. */
  markDecided(decisionId: string): Statement {
    return this.#markDecided({ decision_id: indexKey(decisionId) });
  }

  #values(record: ApprovalRecord, mark: WriteMark, card?: ApprovalCard): NamedValues {
    const { decisionId, version, status, expiresAtMs } = record;
    const { keepMs } = this.#scope;
    return {
      ...approvalValues(record),
      ...markValues(mark),
      card: storedCard(record, card),
      keep_until: keepMs === 0 ? 0 : expiresAtMs + keepMs,
      note: JSON.stringify(['approval', decisionId, version, status, null, mark.ownerId]),
    };
  }
}

/**
 * A condition: the halts of a tenant were changed so often and no oftener, and none is changed until the transaction ends. The function locks the gate in a
 * statement of its own, with a snapshot of its own: a condition on the table would go by what was committed before this statement began to wait.
 */
export function unlessHalted(schema: string, tenant: string, halts = ':halts'): string {
  return `(${halts}::bigint IS NULL OR ${schema}.halts_are(${tenant}, ${halts}))`;
}

function assignments(columns: readonly string[]): readonly string[] {
  return columns.map((column) => `${column} = :${column}`);
}

function markValues({ stamp, ownerId }: WriteMark): NamedValues {
  return { stamp, written_by: ownerId };
}

function changeValues(task: Task, next: Task, mark: WriteMark): NamedValues {
  const read = { task_id: indexKey(task.taskId), read_version: task.version };
  return { ...changingValues(next), ...markValues(mark), ...read, note: taskNote(next, task.status, mark) };
}

/** The payload of a notice: no more than ids, because it has room for 8,000 bytes. */
function taskNote({ taskId, version, status }: Task, from: Task['status'] | undefined, { ownerId }: WriteMark): string {
  return JSON.stringify(['task', taskId, version, status, from ?? null, ownerId]);
}

/** Where a record is kept. */
export interface RecordPlace {
  readonly schema: string;
  readonly tenantId: string;
}

/** Inserts records, and counts what is counted with them, in the transaction that is open. @throws TakeRefusedError where that does not fit */
export async function insertBeside(
  run: RunSql,
  place: RecordPlace,
  beside: readonly StoredRecord[] = [],
  takes?: CounterChange,
): Promise<true> {
  await countBeside(run, { ...place, reader: SCHEMA_VERSION }, takes);
  for (const record of beside) {
    const { text, values } = insertRecord(place, checkedRecord(record, 1), nextId('w'));
    await run(text, values);
  }
  return true;
}

/** Inserts a record whose id is not taken. */
export function insertRecord({ schema: s, tenantId }: RecordPlace, record: StoredRecord, stamp: string): Statement {
  return {
    text: `WITH made AS (INSERT INTO ${s}.record (tenant_id, kind, id, version, index1, index2, created_at, delete_after, body, mac, stamp)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING 1) SELECT ${s}.durably(${SCHEMA_VERSION}) FROM made`,
    values: [...recordValues(tenantId, record), stamp],
  };
}

/** A record whose absent fields become NULL. */
type NullableFields = { readonly [Field in keyof StoredRecord]: StoredRecord[Field] | null };

/** The values of the columns of a record, in the order in which they are written. */
export function recordValues(
  tenantId: string,
  { kind, id, version, index1 = null, index2 = null, createdAtMs, deleteAfterMs = null, body, mac = null }: NullableFields,
): unknown[] {
  return [tenantId, kind, id, version, index1, index2, createdAtMs, deleteAfterMs, body, mac];
}
