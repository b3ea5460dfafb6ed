import { nextId } from '../../common/nextId.js';
import type { ApprovalQuery, ApprovalRecord, ApprovalStore } from '../ApprovalStore.js';
import { noteOf } from './notifications.js';
import { APPROVAL, approvalOf, approvalValuesOf, keyOf } from './rows.js';
import type { PostgresSession } from './PostgresSession.js';
import { DEFAULT_LIST_LIMIT } from '../../model/Task.js';

const MAX_DENIED = 1_000;

/** Keeps approvals in PostgreSQL, beside the tasks that wait for them. */
export class PostgresApprovalStore implements ApprovalStore {
  readonly #session: PostgresSession;

  constructor(session: PostgresSession) {
    this.#session = session;
  }

  open(): Promise<void> {
    return this.#session.open(this);
  }

  close(): Promise<void> {
    return this.#session.close(this);
  }

  async insert(record: ApprovalRecord): Promise<boolean> {
    const { schema: s, owner } = this.#session;
    const stamp = nextId('w');
    const text = `WITH made AS (INSERT INTO ${s}.approval (${APPROVAL.join(', ')}, stamp, written_by, home, made_at, changed_at)
        VALUES (${APPROVAL.map((_, i) => `$${i + 1}`).join(', ')}, $11, $12, $12, ${s}.now_ms(), ${s}.now_ms()) ON CONFLICT DO NOTHING RETURNING 1)
      SELECT ${s}.durably(), pg_notify('${s}', $13) FROM made`;
    const values = [...approvalValuesOf(record), stamp, owner, this.#note(record, undefined)];
    return this.#session.certainly(async (inDoubt) => {
      if ((await this.#session.once({ name: 'aegis ask', text, values })).length > 0) return true;
      return inDoubt && (await this.#isStamped(record.decisionId, stamp));
    });
  }

  async get(decisionId: string): Promise<ApprovalRecord | undefined> {
    return (await this.#some('WHERE decision_id = $1', [keyOf(decisionId)]))[0];
  }

  async replace(record: ApprovalRecord, version: number): Promise<boolean> {
    const { schema: s, owner } = this.#session;
    const stamp = nextId('w');
    const sets = APPROVAL.map((column, i) => `${column} = $${i + 1}`).join(', ');
    const text = `WITH changed AS (UPDATE ${s}.approval SET ${sets}, stamp = $11, written_by = $12, changed_at = ${s}.now_ms()
        WHERE decision_id = $1 AND version = $13 RETURNING 1)
      SELECT ${s}.durably(), pg_notify('${s}', $14) FROM changed`;
    const values = [...approvalValuesOf(record), stamp, owner, version, this.#note(record, undefined)];
    const decided = record.status !== 'pending' && record.consumed === undefined;
    return this.#session.certainly(async (inDoubt) => {
      const done = decided
        ? await this.#session.together(async (run) => {
            if ((await run(text, values)).rows.length === 0) return false;
            // a statement of its own, so that it sees a task that was recorded while this one waited for its row
            await run(
              `UPDATE ${s}.task SET decided = true, look_at = 0, changed_at = ${s}.now_ms(), lane = CASE WHEN lane IS NULL THEN NULL ELSE 'decided' END
              WHERE decision_id = $1 AND status = 'pending'
              AND task_id = (SELECT task_id FROM ${s}.task_decision WHERE decision_id = $1)`,
              [keyOf(record.decisionId)],
            );
            return true;
          })
        : (await this.#session.once({ name: 'aegis replace', text, values })).length > 0;
      return done || (inDoubt && (await this.#isStamped(record.decisionId, stamp)));
    });
  }

  async list({ status, agentId, toolName, overdueAtMs, limit = DEFAULT_LIST_LIMIT }: ApprovalQuery): Promise<readonly ApprovalRecord[]> {
    const conditions: string[] = [];
    const values: unknown[] = [limit];
    const add = (condition: string, value: unknown): void => void conditions.push(`${condition} $${values.push(value)}`);
    if (status !== undefined) add('status =', status);
    if (agentId !== undefined) add('agent_id =', keyOf(agentId));
    if (toolName !== undefined) add('tool_name =', keyOf(toolName));
    if (overdueAtMs !== undefined) add('expires_at <=', Math.floor(overdueAtMs));
    return this.#some(`${conditions.length > 0 ? 'WHERE ' : ''}${conditions.join(' AND ')} ORDER BY seq LIMIT $1`, values);
  }

  async countPending(agentId: string, toolName: string): Promise<number> {
    const text = `SELECT count(*) AS count FROM ${this.#session.schema}.approval WHERE agent_id = $1 AND tool_name = $2 AND status = 'pending'`;
    const [row] = await this.#session.read<{ count: string }>({ text, values: [keyOf(agentId), keyOf(toolName)] });
    return Number(row?.count);
  }

  async listDenied(agentId: string, toolName: string, sinceMs: number): Promise<readonly ApprovalRecord[]> {
    const newest = await this.#some(
      `WHERE agent_id = $1 AND tool_name = $2 AND status = 'denied' AND denied_at >= $3 ORDER BY denied_at DESC, changed_at DESC, seq DESC LIMIT $4`,
      [keyOf(agentId), keyOf(toolName), Math.floor(sinceMs), MAX_DENIED],
    );
    return newest.toReversed();
  }

  async prune(endedByMs: number): Promise<number> {
    const text = `WITH gone AS (DELETE FROM ${this.#session.schema}.approval WHERE expires_at <= $1 RETURNING 1) SELECT count(*) AS count FROM gone`;
    const endMs = Math.min(Math.floor(endedByMs), Number.MAX_SAFE_INTEGER);
    const [row] = await this.#session.read<{ count: string }>({ text, values: [endMs] });
    return Number(row?.count);
  }

  #note({ decisionId, version, status }: ApprovalRecord, from: string | undefined): string {
    return noteOf({ kind: 'approval', id: decisionId, version, status, from }, this.#session.owner);
  }

  async #isStamped(decisionId: string, stamp: string): Promise<boolean> {
    const text = `SELECT 1 FROM ${this.#session.schema}.approval WHERE decision_id = $1 AND stamp = $2`;
    return (await this.#session.once({ text, values: [keyOf(decisionId), stamp] })).length > 0;
  }

  async #some(rest: string, values: unknown[]): Promise<readonly ApprovalRecord[]> {
    const text = `SELECT body FROM ${this.#session.schema}.approval ${rest}`;
    return (await this.#session.read<{ body: string }>({ text, values })).map(approvalOf);
  }
}
