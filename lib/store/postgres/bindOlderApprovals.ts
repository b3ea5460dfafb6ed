import type { BindOlder } from '../ApprovalStore.js';
import type { PostgresSession } from './PostgresSession.js';
import { approvalFromRow, indexKey, TASK_COLUMNS, taskFromRow } from './rows.js';
import type { TaskRow } from './rows.js';
import type { ApprovalStatements, RunSql } from './statements.js';

/** How many approvals are read at once. */
const BATCH = 500;

type ApprovalRow = { readonly seq: string; readonly body: string };

/** Binds what schema version 3 left unbound, in one transaction. Of several processes that try, one does it. */
export async function bindOlderApprovals(session: PostgresSession, statements: ApprovalStatements, bind: BindOlder): Promise<void> {
  const { schema: s } = session;
  const [meta] = await session.read<{ unbound: boolean }>({ text: `SELECT unbound FROM ${s}.meta`, values: [] });
  if (meta?.unbound !== true) return;
  await session.certainly(() => session.together((run) => bindAll(session, statements, bind, run)));
}

async function bindAll(session: PostgresSession, statements: ApprovalStatements, bind: BindOlder, run: RunSql): Promise<void> {
  const { schema: s, ownerId } = session;
  const unbound = await run(`SELECT 1 FROM ${s}.meta WHERE unbound FOR UPDATE`);
  if (unbound.rowCount === 0) return;
  const found = { bound: 0, left: 0 };
  const page = `SELECT seq, body FROM ${s}.approval WHERE status IN ('pending', 'approved') AND seq > $1 ORDER BY seq LIMIT ${BATCH} FOR UPDATE`;
  for (let rows: ApprovalRow[], last = '0'; (rows = (await run(page, [last])).rows as ApprovalRow[]).length > 0;) {
    for (const { seq, body } of rows) {
      last = seq;
      const record = approvalFromRow({ body });
      const task = record.bindingDigest === undefined ? await taskOf(s, record.decisionId, run) : undefined;
      if (task === undefined) continue;
      const bound = bind(record, taskFromRow(task));
      found[bound === undefined ? 'left' : 'bound'] += 1;
      if (bound === undefined) continue;
      const { text, values } = statements.overwrite(seq, bound, { stamp: `${ownerId} bound`, ownerId });
      await run(text, values);
    }
  }
  // a process with another state key can bind none of them: the right one still has to
  if (found.bound > 0 || found.left === 0) await run(`UPDATE ${s}.meta SET unbound = false`);
}

async function taskOf(s: string, decisionId: string, run: RunSql): Promise<TaskRow | undefined> {
  const text = `SELECT ${TASK_COLUMNS} FROM ${s}.task WHERE decision_id = $1 AND task_id = (SELECT task_id FROM ${s}.task_decision WHERE decision_id = $1)`;
  return (await run(text, [indexKey(decisionId)])).rows[0] as TaskRow | undefined;
}
