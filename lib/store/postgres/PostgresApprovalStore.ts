import { nextId } from '../../common/nextId.js';
import type { ApprovalQuery, ApprovalRecord, ApprovalStore, BindOlder } from '../ApprovalStore.js';
import { bindOlderApprovals } from './bindOlderApprovals.js';
import { storeLimits } from '../storeLimits.js';
import type { PostgresSession } from './PostgresSession.js';
import { approvalFromRow, indexKey } from './rows.js';
import { ApprovalStatements } from './statements.js';

/** Keeps approvals in PostgreSQL, beside the tasks that wait for them. */
export class PostgresApprovalStore implements ApprovalStore {
  readonly #session: PostgresSession;
  readonly #statements: ApprovalStatements;

  constructor(session: PostgresSession) {
    this.#session = session;
    this.#statements = new ApprovalStatements(session.schema);
  }

  open(): Promise<void> {
    return this.#session.open(this);
  }

  close(): Promise<void> {
    return this.#session.close(this);
  }

  async insert(record: ApprovalRecord): Promise<boolean> {
    const mark = { stamp: nextId('w'), ownerId: this.#session.ownerId };
    const statement = this.#statements.insert(record, mark);
    return this.#session.certainly(async (inDoubt) => {
      if ((await this.#session.once(statement)).length > 0) return true;
      return inDoubt && (await this.#isStamped(record.decisionId, mark.stamp));
    });
  }

  async get(decisionId: string): Promise<ApprovalRecord | undefined> {
    return (await this.#some('WHERE decision_id = $1', [indexKey(decisionId)]))[0];
  }

  async replace(record: ApprovalRecord, version: number): Promise<boolean> {
    const mark = { stamp: nextId('w'), ownerId: this.#session.ownerId };
    const statement = this.#statements.replace(record, version, mark);
    const decided = record.status !== 'pending' && record.consumed === undefined;
    return this.#session.certainly(async (inDoubt) => {
      const done = decided
        ? await this.#session.together(async (run) => {
            if ((await run(statement.text, statement.values)).rows.length === 0) return false;
            // a statement of its own, so that it sees a task that was recorded while this one waited for its row
            const { text, values } = this.#statements.markDecided(record.decisionId);
            await run(text, values);
            return true;
          })
        : (await this.#session.once(statement)).length > 0;
      return done || (inDoubt && (await this.#isStamped(record.decisionId, mark.stamp)));
    });
  }

  async list({ status, agentId, toolName, overdueAtMs, limit = storeLimits.listed }: ApprovalQuery): Promise<readonly ApprovalRecord[]> {
    const conditions: string[] = [];
    const values: unknown[] = [limit];
    const add = (condition: string, value: unknown): void => void conditions.push(`${condition} $${values.push(value)}`);
    if (status !== undefined) add('status =', status);
    if (agentId !== undefined) add('agent_id =', indexKey(agentId));
    if (toolName !== undefined) add('tool_name =', indexKey(toolName));
    if (overdueAtMs !== undefined) add('expires_at <=', Math.floor(overdueAtMs));
    return this.#some(`${conditions.length > 0 ? 'WHERE ' : ''}${conditions.join(' AND ')} ORDER BY seq LIMIT $1`, values);
  }

  async countPending(agentId: string, toolName: string): Promise<number> {
    const text = `SELECT count(*) AS count FROM ${this.#session.schema}.approval WHERE agent_id = $1 AND tool_name = $2 AND status = 'pending'`;
    const [row] = await this.#session.read<{ count: string }>({ text, values: [indexKey(agentId), indexKey(toolName)] });
    return Number(row?.count);
  }

  async listDenied(agentId: string, toolName: string, sinceMs: number): Promise<readonly ApprovalRecord[]> {
    const newest = await this.#some(
      `WHERE agent_id = $1 AND tool_name = $2 AND status = 'denied' AND denied_at >= $3 ORDER BY denied_at DESC, changed_at DESC, seq DESC LIMIT $4`,
      [indexKey(agentId), indexKey(toolName), Math.floor(sinceMs), storeLimits.listedDenied],
    );
    return newest.toReversed();
  }

  async prune(endedByMs: number): Promise<number> {
    const text = `WITH gone AS (DELETE FROM ${this.#session.schema}.approval WHERE expires_at <= $1 RETURNING 1) SELECT count(*) AS count FROM gone`;
    const endMs = Math.min(Math.floor(endedByMs), Number.MAX_SAFE_INTEGER);
    const [row] = await this.#session.read<{ count: string }>({ text, values: [endMs] });
    return Number(row?.count);
  }

  bindOlder(bind: BindOlder): Promise<void> {
    return bindOlderApprovals(this.#session, this.#statements, bind);
  }

  async #isStamped(decisionId: string, stamp: string): Promise<boolean> {
    const text = `SELECT 1 FROM ${this.#session.schema}.approval WHERE decision_id = $1 AND stamp = $2`;
    return (await this.#session.once({ text, values: [indexKey(decisionId), stamp] })).length > 0;
  }

  async #some(rest: string, values: unknown[]): Promise<readonly ApprovalRecord[]> {
    const text = `SELECT body FROM ${this.#session.schema}.approval ${rest}`;
    return (await this.#session.read<{ body: string }>({ text, values })).map(approvalFromRow);
  }
}
