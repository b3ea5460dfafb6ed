import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { TASK_STATUSES } from '../../../lib/model/Task.js';
import { KEYS } from './rawRows.js';
import type { RawRow, RawRows, RawTable } from './rawRows.js';

/** A call whose rows are attacked: as they are, and as they were at earlier stages. */
export interface Victim {
  readonly taskId: string;
  readonly decisionId: string;
  readonly task: RawRow;
  readonly approval: RawRow;
  /** Its rows of before, oldest first. */
  readonly earlier: readonly { readonly stage: string; readonly task: RawRow; readonly approval: RawRow }[];
}

/** One change of the rows of a victim. */
export interface StoreAttack {
  readonly name: string;
  /** @param neighbour another call, whose values are stolen; its own rows stay as they are */
  readonly run: (rows: RawRows, victim: Victim, neighbour: Victim) => Promise<unknown>;
}

type Body = Record<string, unknown> & { readonly origin?: Record<string, unknown> };

/** Fields that a body has at some stages only. */
const TASK_FIELDS = ['claimToken', 'executorId', 'leaseUntilMs', 'startedAtMs', 'approvedBy', 'deniedBy', 'result', 'error', 'resolution'];
const APPROVAL_FIELDS = ['consumed', 'begun', 'mac', 'message', 'bindingDigest', 'requires'];

const STATUSES: readonly string[] = [...TASK_STATUSES, 'expired', 'withdrawn'];
const EVIL_SESSION = { role: 'admin', user_id: 'ceo' };
const EVIL_PARAMS = { order: -1, amount: 1_000_000 };

const snake = (name: string): string => name.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const bodyOf = (row: RawRow): Body => JSON.parse(String(row['body'])) as Body;

/** What an attacker would write instead of a value: that of a neighbour, and what is easily made of the own one. */
function others(name: string, own: unknown, neighbours: unknown): readonly unknown[] {
  const found = new Map<string, unknown>();
  const add = (value: unknown): void => {
    if (JSON.stringify(value) !== JSON.stringify(own)) found.set(JSON.stringify(value) ?? 'none', value);
  };
  add(neighbours);
  // a text that cannot be read stops its store, as deleting the rows would
  if (name === 'column body') return [...found.values()];
  if (name.endsWith(' status')) STATUSES.forEach(add);
  else if (typeof own === 'string' && /^-?\d+$/.test(own)) ['0', '1', '4102444800000'].forEach(add);
  else if (typeof own === 'string') ['', 'other'].forEach(add);
  else if (typeof own === 'number') [0, own + 1, 4_102_444_800_000].forEach(add);
  else if (typeof own === 'boolean') add(!own);
  else if (Array.isArray(own)) [[], ['other']].forEach(add);
  else if (own === null || own === undefined) ['other', 1, '1', true].forEach(add);
  else [{}, EVIL_SESSION].forEach(add);
  // left out
  if (name.startsWith('field')) found.set('none', undefined);
  return [...found.values()];
}

/** Every column of a table, and every field of its body: alone, and together where one is the copy of the other. */
export function singleEdits(
  table: 'task' | 'approval',
  columns: readonly string[],
  victim: Victim,
  neighbour: Victim,
): readonly StoreAttack[] {
  const attacks: StoreAttack[] = [];
  /** One attack for each value that there would be for `victim`: the values themselves are those of the call that is attacked. */
  const edit = (name: string, read: (row: RawRow) => unknown, change: (row: RawRow, value: unknown) => RawRow): void => {
    const values = (of: Victim, by: Victim): readonly unknown[] => others(name, read(of[table]), read(by[table]));
    for (const [nth] of values(victim, neighbour).entries()) {
      attacks.push({
        name: `${table} ${name} #${nth + 1}`,
        run: (rows, of, by) => rows.write(table, KEYS[table], of[table][KEYS[table]], change(of[table], values(of, by)[nth])),
      });
    }
  };
  for (const column of columns)
    edit(
      `column ${column}`,
      (row) => row[column],
      (_, value) => ({ [column]: value }),
    );
  const body = bodyOf(victim[table]);
  const top = [...new Set([...Object.keys(body), ...(table === 'task' ? TASK_FIELDS : APPROVAL_FIELDS)])];
  const places = [
    ...top.map((field) => [field, (of: Body): Record<string, unknown> => of] as const),
    ...Object.keys(body.origin ?? {}).map((field) => [field, (of: Body): Record<string, unknown> => of.origin ?? {}] as const),
  ];
  for (const [field, place] of places) {
    const changed = (row: RawRow, value: unknown): string => {
      const copy = bodyOf(row);
      place(copy)[field] = value;
      return JSON.stringify(copy);
    };
    const read = (row: RawRow): unknown => place(bodyOf(row))[field];
    edit(`field ${field}`, read, (row, value) => ({ body: changed(row, value) }));
    const column = snake(field);
    if (columns.includes(column)) edit(`both ${field}`, read, (row, value) => ({ [column]: value, body: changed(row, value) }));
  }
  return attacks;
}

/** What somebody would do who knows the code: several columns that fit each other, rows of others, and rows of before. */
export function coherentEdits(
  victim: Victim,
  otherGuard: { readonly key: string; readonly toolName: string; readonly signature: string },
): readonly StoreAttack[] {
  const attacks: StoreAttack[] = [];
  const add = (name: string, run: StoreAttack['run']): void => void attacks.push({ name, run });
  const task =
    (change: (body: Body, of: Victim, neighbour: Victim) => RawRow): StoreAttack['run'] =>
    (rows, of, neighbour) => {
      const body = bodyOf(of.task);
      const columns = change(body, of, neighbour);
      return rows.write('task', 'task_id', of.taskId, { ...columns, body: JSON.stringify(body) });
    };
  const revive: RawRow = { status: 'approved', next_check_at: 0 };
  const revived = (body: Body): RawRow => {
    for (const field of ['claimToken', 'executorId', 'leaseUntilMs', 'startedAtMs', 'result', 'error', 'deniedBy']) delete body[field];
    Object.assign(body, { status: 'approved', approvedBy: 'eve', runs: 0 });
    return 'queue' in victim.task
      ? { ...revive, queue: 'run', lease_until: null, executor_id: null }
      : { ...revive, lease_until: null, executor_id: null };
  };
  const session = (body: Body): RawRow => {
    const digest = canonicalDigest(EVIL_SESSION);
    Object.assign(body, { session: EVIL_SESSION, sessionDigest: digest });
    return { session_digest: digest };
  };
  const params = (body: Body): RawRow => {
    const digest = canonicalDigest(EVIL_PARAMS);
    Object.assign(body, { params: EVIL_PARAMS, digest, originalDigest: digest });
    Object.assign(body.origin as object, { originalParams: EVIL_PARAMS });
    return { original_digest: digest };
  };
  const tool = (body: Body): RawRow => {
    const { key, toolName, signature } = otherGuard;
    Object.assign(body, { guardKey: key, toolName });
    Object.assign(body.origin as object, { signature });
    return { guard_key: key, tool_name: toolName };
  };
  const flag =
    (field: 'idempotent' | 'resumable', value: boolean) =>
    (body: Body): RawRow => {
      Object.assign(body.origin as object, { [field]: value });
      return {};
    };
  const mode =
    (to: string) =>
    (body: Body): RawRow => {
      Object.assign(body, { mode: to });
      return { mode: to };
    };
  const parts: Readonly<Record<string, (body: Body) => RawRow>> = {
    'session and digest': session,
    'params and digests': params,
    'tool, guard key and signature': tool,
    idempotent: flag('idempotent', true),
    'not resumable': flag('resumable', false),
    'mode throw': mode('throw'),
    'mode wait': mode('wait'),
    agent: (body) => (Object.assign(body, { agentId: 'other' }), { agent_id: 'other' }),
  };
  for (const [name, part] of Object.entries(parts)) {
    add(
      name,
      task((body) => part(body)),
    );
    add(
      `${name}, approved again`,
      task((body) => ({ ...part(body), ...revived(body) })),
    );
  }
  add(
    'session, params and tool',
    task((body) => ({ ...session(body), ...params(body), ...tool(body) })),
  );
  add(
    'session, params and tool, approved again',
    task((body) => ({ ...session(body), ...params(body), ...tool(body), ...revived(body) })),
  );
  add('approved again', task(revived));
  add(
    'idempotent, lease over',
    task((body) => (flag('idempotent', true)(body), { lease_until: 0 })),
  );
  add('the decision of a neighbour', (rows, of, neighbour) => {
    const body = bodyOf(of.task);
    body['decisionId'] = neighbour.decisionId;
    return rows.write('task', 'task_id', of.taskId, { body: JSON.stringify(body) });
  });
  add('the approval of a neighbour in its row', (rows, of, neighbour) =>
    rows.write('approval', 'decision_id', of.decisionId, { body: neighbour.approval['body'], status: neighbour.approval['status'] }),
  );
  add('the task of a neighbour in its row', (rows, of, neighbour) =>
    rows.write('task', 'task_id', of.taskId, { body: neighbour.task['body'] }),
  );
  add('a copy of its task under another id', async (rows, of) => {
    const body = { ...bodyOf(of.task), taskId: `${of.taskId}-copy` };
    const columns = revived(body);
    const { ord: _ord, seq: _seq, ...row } = of.task;
    await rows.insert('task', { ...row, ...columns, task_id: body.taskId, body: JSON.stringify(body) });
  });
  add('its task deleted', (rows, of) => rows.remove('task', 'task_id', of.taskId));
  add('its approval deleted', (rows, of) => rows.remove('approval', 'decision_id', of.decisionId));
  for (const { stage, ...row } of victim.earlier) {
    const back = (table: RawTable & ('task' | 'approval')): StoreAttack['run'] => {
      return (rows, of) => {
        const { seq: _seq, ord: _ord, ...columns } = of.earlier.find((e) => e.stage === stage)?.[table] ?? row[table];
        return rows.write(table, KEYS[table], of[table][KEYS[table]], columns);
      };
    };
    const [backTask, backApproval] = [back('task'), back('approval')];
    add(`the task as it was when ${stage}`, backTask);
    add(`the approval as it was when ${stage}`, backApproval);
    add(`task and approval as they were when ${stage}`, async (...on) => [await backTask(...on), await backApproval(...on)]);
    add(`the approval as it was when ${stage}, and the task approved again`, async (...on) => [
      await task(revived)(...on),
      await backApproval(...on),
    ]);
    add(`the approval as it was when ${stage}, with a copy of the task`, async (rows, of, neighbour) => {
      await backApproval(rows, of, neighbour);
      await attacks.find(({ name }) => name === 'a copy of its task under another id')?.run(rows, of, neighbour);
    });
  }
  return attacks;
}
