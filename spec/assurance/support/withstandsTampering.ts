import { expect } from 'chai';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SecretString } from '../../../lib/common/SecretString.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { guard } from '../../../lib/guard/guard.js';
import { bindingOf } from '../../../lib/guard/method/GuardBinding.js';
import { getGuard } from '../../../lib/guard/method/guardMetadata.js';
import type { GuardInfo } from '../../../lib/guard/method/guardMetadata.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { bindingBaseOf } from '../../../lib/model/bindingBase.js';
import type { Task } from '../../../lib/model/Task.js';
import { SignedApprovalStore } from '../../../lib/store/SignedApprovalStore.js';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import type { StateStore } from '../../../lib/store/StateStore.js';
import { counted, volume } from '../../support/assurance.js';
import { diagnosed } from '../../support/diagnosed.js';
import type { PostgresStores } from '../../support/postgresStores.js';
import { sqlite } from '../../store/sqlite/sqliteFiles.js';
import { postgresRows, sqliteRows } from './rawRows.js';
import type { RawRow, RawRows } from './rawRows.js';
import { coherentEdits, singleEdits } from './storeAttacks.js';
import type { StoreAttack, Victim } from './storeAttacks.js';

const KEY = 'the state key, which is not in the store';
const ASKS = `@id("all") permit (principal, action, resource) unless { action == Aegis::Action::"vault.admin" };
  @id("admins") permit (principal, action == Aegis::Action::"vault.admin", resource) when { context.session has role && context.session.role == "admin" };
  @id("ask") @effect("approval_needed") @reason("a person decides") forbid (principal, action, resource) unless { action == Aegis::Action::"vault.admin" };`;
/** What asked before is allowed now: a fresh decision no longer compares anything with the approval. */
const ALLOWS = ASKS.slice(0, ASKS.indexOf('@id("ask")'));

const STAGES = ['pending', 'approved', 'executing', 'finished'] as const;
type Stage = (typeof STAGES)[number];

const ALL = STAGES.flatMap((stage) => (['asks', 'allows'] as const).map((policies) => [stage, policies] as const));
const SMALL: typeof ALL = [
  ['approved', 'allows'],
  ['finished', 'asks'],
  ['executing', 'allows'],
  ['pending', 'allows'],
];

interface Run {
  readonly tool: string;
  readonly order: unknown;
  readonly amount: unknown;
  /** Whether the nested guard, which wants an admin, let it in. */
  readonly admin: boolean;
}

const now: { aegis?: AegisModule; runs: Run[] } = { runs: [] };
const common = { module: (): AegisModule => now.aegis as AegisModule };
const admin = guard(async () => true, { ...common, toolName: 'vault.admin', params: [] });
const body = (tool: string) => async (order: unknown, amount: unknown) => {
  now.runs.push({ tool, order, amount, admin: (await admin().catch(() => false)) === true });
  return 'done';
};
const pay = guard(body('vault.pay'), { ...common, toolName: 'vault.pay', params: ['order', 'amount'], approval: 'defer' });
const refund = guard(body('vault.refund'), { ...common, toolName: 'vault.refund', params: ['order', 'amount'], approval: 'defer' });

/** A store that is attacked. */
export interface Vault {
  readonly rows: RawRows;
  open(): Promise<StateStore>;
  end(): Promise<void>;
}

/** The stages that are attacked: in a small run `few` of them. */
export function withstandsTampering(make: () => Promise<Vault>, few: number): void {
  const rounds = volume(50) >= 50 ? ALL : SMALL.slice(0, few);
  for (const [stage, policies] of rounds) holds(stage, policies, make);
}

function holds(stage: Stage, policies: 'asks' | 'allows', make: () => Promise<Vault>): void {
  it(`runs nothing that was not approved, and nothing twice: ${stage}, and a fresh decision ${policies}`, async () => {
    const vault = await make();
    try {
      const attacks = await attacksOn(vault, stage);
      // the last ones are left as they are: a spec in which nothing runs proves nothing
      const victims = await victimsIn(vault, stage, attacks.length + NEIGHBOURS);
      const neighbour = (i: number): number => attacks.length + (i % NEIGHBOURS);
      now.runs = [];
      for (const [i, attack] of attacks.entries()) await attack.run(vault.rows, victims[i] as Victim, victims[neighbour(i)] as Victim);
      const may = stage === 'pending' || stage === 'approved' ? 1 : 0;
      const idsOf = (i: number): readonly string[] => {
        // a task that names the approval of a neighbour is reported under that one
        const of = [victims[i], /decision/.test(attacks[i]?.name ?? '') ? victims[neighbour(i)] : undefined];
        return of.flatMap((victim) => (victim === undefined ? [] : [victim.decisionId]));
      };
      const revives = (name: string): boolean => may === 0 && REVIVES.test(name);
      const seen = await diagnosed((told) => {
        const isTold = (i: number): boolean => told.some((d) => d.kind === 'security' && idsOf(i).includes(d.subject?.decisionId ?? ''));
        const done = (): boolean => {
          const ran = now.runs.filter(({ order }) => (order as number) >= attacks.length).length;
          return ran >= may * (NEIGHBOURS - 1) && attacks.every(({ name }, i) => !revives(name) || isTold(i));
        };
        return restart(vault, stage, policies === 'asks' ? ASKS : ALLOWS, victims, done);
      });
      const reported = new Set(
        seen.flatMap((d) => (d.kind === 'security' && d.subject?.decisionId !== undefined ? [d.subject.decisionId] : [])),
      );
      const wrong: string[] = [];
      const silent: string[] = [];
      for (const [i, { name }] of attacks.entries()) {
        const attacked = now.runs.filter((run) => run.order === i);
        if (attacked.length > may || !attacked.every(isAsApproved)) wrong.push(`${name}: ran ${JSON.stringify(attacked)}`);
        if (!idsOf(i).some((id) => reported.has(id)) && (attacked.length !== may || revives(name))) silent.push(name);
      }
      let unharmed = 0;
      for (let i = 0; i < NEIGHBOURS; i++) {
        const ran = now.runs.filter((run) => run.order === neighbour(i));
        if (ran.length > may || !ran.every(isAsApproved)) wrong.push(`a neighbour ran ${JSON.stringify(ran)}`);
        unharmed += ran.length === may ? 1 : 0;
      }
      // a row that says that it is the neighbour's ends the neighbour's task, as deleting it would
      if (unharmed < NEIGHBOURS - 1) wrong.push(`of ${NEIGHBOURS} neighbours ${unharmed} ran`);
      const orders = now.runs.filter(({ order }) => typeof order !== 'number' || order < 0 || order >= victims.length);
      for (const run of orders) wrong.push(`a call that nobody made: ${JSON.stringify(run)}`);
      const explained = (name: string): boolean =>
        NOTHING_RAN_UNNOTICED.some(([edit]) => edit.test(name)) || (/#(?!1$)/.test(name) && OTHER_VALUES.some(([edit]) => edit.test(name)));
      const unexplained = silent.filter((name) => !explained(name));
      counted({ what: `A1, A2 tampered store: ${stage}, ${policies}`, cases: attacks.length, wrong: wrong.length + unexplained.length });
      expect(wrong).to.deep.equal([]);
      expect(unexplained, 'nothing ran, and nothing says why').to.deep.equal([]);
    } finally {
      await vault.end();
    }
  });
}

const NEIGHBOURS = 8;
/** Edits after which a call that has begun would run again. */
const REVIVES = /approved again|task.* as (?:it was|they were) when approved/;
/** Edits that end a call, or leave it waiting, without a word: what they are, and why no more is lost than by deleting the row. */
const NOTHING_RAN_UNNOTICED: readonly (readonly [edit: RegExp, why: string])[] = [
  [/^task column guard_key /, 'the column is there to find rows: no process finds it to run'],
  [/^(?:task (?:field|both) resumable #1|not resumable)$/, 'pending, it is cancelled as one that ends with its process'],
  [/^(?:task|approval) (?:field|both) decisionId /, 'pending, it waits for an approval that is not there'],
  [/^its (?:task|approval) deleted$/, 'what is not there does not run'],
  [/^(?:the task|task and approval) as (?:it was|they were) when pending$/, 'it waits for a verdict again'],
  [/^task column queue /, 'the column says in which queue its job is: no process asks there'],
  [/^the decision of a neighbour$/, 'pending, it waits for the verdict on a call that is not its own'],
];

/** The same, of the values that only a large run tries, beyond the first of each column and field. */
const OTHER_VALUES: readonly (readonly [edit: RegExp, why: string])[] = [
  [
    /^task column (?:ord|task_id|decision_id|status|next_check_at) /,
    'the column is there to find rows: no process finds it to run, or only later',
  ],
  [/^task both status /, 'it has ended, or is in no status that is handled: as if it had been settled or deleted'],
  [/^task (?:field|both) expiresAtMs /, 'its time is over'],
  [/^task field (?:origin|resumable) /, 'no process can make a call of it, or it is cancelled as one that ends with its process'],
  [/^approval column decision_id /, 'the approval is not there'],
  [/^approval (?:field|both) status /, 'it has ended: what is not signed of an approval can only end it'],
];

function isAsApproved({ tool, amount, admin: isAdmin }: Run): boolean {
  return tool === 'vault.pay' && amount === 10 && !isAdmin;
}

async function attacksOn(vault: Vault, stage: Stage): Promise<readonly StoreAttack[]> {
  const [victim, neighbour] = (await victimsIn(vault, stage, 2)) as [Victim, Victim];
  const spec = bindingOf(getGuard(refund) as GuardInfo)?.spec;
  const other = { key: 'vault.refund', toolName: 'vault.refund', signature: spec?.signature ?? '' };
  const single: StoreAttack[] = [];
  for (const table of ['task', 'approval'] as const) single.push(...singleEdits(table, await vault.rows.columns(table), victim, neighbour));
  // one value for each column and field, in a small run at one of the stages; `npm run fuzz` tries them all
  const first = single.filter(({ name }) => name.endsWith('#1'));
  const chosen =
    volume(50) >= 500 ? single : volume(50) >= 50 ? first : first.filter((_, i) => i % STAGES.length === STAGES.indexOf(stage));
  for (const table of ['task', 'approval', 'task_decision', 'begun_page'] as const)
    for (const row of await vault.rows.rows(table)) {
      const key = { task: 'task_id', approval: 'decision_id', task_decision: 'decision_id', begun_page: 'page' }[table];
      await vault.rows.remove(table, key, row[key]);
    }
  return [...chosen, ...coherentEdits(victim, other)];
}

/** Calls whose process has ended, at that stage. */
async function victimsIn(vault: Vault, stage: Stage, count: number): Promise<readonly Victim[]> {
  const earlier: { stage: string; task: readonly RawRow[]; approval: readonly RawRow[] }[] = [];
  const keep = async (at: string): Promise<void> =>
    void earlier.push({ stage: at, task: await vault.rows.rows('task'), approval: await vault.rows.rows('approval') });
  const aegis = moduleOn(await vault.open(), ASKS);
  await aegis.ready();
  await aegis.withSession({ user_id: 'ann' }, () => Promise.all(Array.from({ length: count }, (_, order) => pay(order, 10))));
  await aegis.close({ graceMs: 0 });
  await keep('pending');
  if (stage !== 'pending') {
    const store = await vault.open();
    const desk = new ApprovalDesk(new SignedApprovalStore(store.approvals, new SecretString(KEY)));
    await each(await store.tasks.list({ limit: count }), async ({ taskId, decisionId, digest }) => {
      await desk.approve(decisionId, { by: 'bob', digest });
      await store.tasks.transition(taskId, ['pending'], { to: 'approved', approvedBy: 'bob' }, Date.now());
    });
    await keep('approved');
    if (stage === 'executing') await each(await store.tasks.list({ limit: count }), (task) => execute(store, desk, task));
    await store.close();
  }
  if (stage === 'executing') await keep('executing');
  if (stage === 'finished') {
    now.runs = [];
    await restart(vault, 'approved', ASKS, [], () => now.runs.length >= count);
    await keep('finished');
  }
  const last = earlier.at(-1) as (typeof earlier)[number];
  const of = (rows: readonly RawRow[], key: string, id: unknown): RawRow => rows.find((row) => row[key] === id) as RawRow;
  const victims = last.task.map((task) => ({
    taskId: String(task['task_id']),
    decisionId: String(task['decision_id']),
    task,
    approval: of(last.approval, 'decision_id', task['decision_id']),
    earlier: earlier.slice(0, -1).map((at) => ({
      stage: at.stage,
      task: of(at.task, 'task_id', task['task_id']),
      approval: of(at.approval, 'decision_id', task['decision_id']),
    })),
  }));
  const orderOf = ({ task }: Victim): number => (JSON.parse(String(task['body'])) as { params: { order: number } }).params.order;
  return victims.sort((a, b) => orderOf(a) - orderOf(b));
}

/** As many at a time as a store has connections. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = [...items];
  const next = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all([next(), next(), next()]);
}

/** As far as a process gets that dies in the method. */
async function execute({ tasks }: StateStore, desk: ApprovalDesk, task: Task): Promise<void> {
  const { taskId, decisionId, digest } = task;
  const claimToken = `claim of ${taskId}`;
  expect(await desk.consume({ decisionId, digest, token: taskId, bindingBase: bindingBaseOf(task) })).to.equal(true);
  expect(await tasks.claim({ taskId, token: claimToken, digest, nowMs: Date.now(), leaseMs: 1 })).to.include({ status: 'executing' });
  expect(await desk.begin({ decisionId, token: taskId, claimToken })).to.equal(true);
}

/** The next life of the program; what is pending is approved by a person, who sees what is signed. Ends when nothing happens any more. */
async function restart(vault: Vault, stage: Stage, policies: string, victims: readonly Victim[], done: () => boolean): Promise<void> {
  const aegis = moduleOn(await vault.open(), policies);
  await aegis.ready();
  if (stage === 'pending') {
    for (const { decisionId } of victims) {
      const record = await aegis.approvals.get(decisionId);
      if (record?.status === 'pending')
        await aegis.approvals.approve(decisionId, { by: 'bob', digest: record.digest }).catch(() => undefined);
    }
  }
  const state = async (): Promise<string> => JSON.stringify([now.runs.length, await aegis.tasks.getStats()]);
  for (let same = 0, last = ''; same < 6;) {
    await sleep(50);
    const is = await state();
    same = is === last && done() ? same + 1 : 0;
    last = is;
  }
  await aegis.close();
}

function moduleOn(store: StateStore, text: string): AegisModule {
  const aegis = AegisModule.create({
    policies: { text },
    store,
    stateKey: KEY,
    agentId: 'bot',
    sessions: 'async-local',
    recovery: { leaseMs: 1_000, sweepMs: 100 },
  });
  now.aegis = aegis;
  return aegis;
}

export async function sqliteVault(): Promise<Vault> {
  // in memory where that can be: nothing here is about what survives a power cut
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'aegis-tampered-'));
  const path = join(folder, 'aegis.db');
  const first = sqliteStore(path);
  await first.open();
  await first.close();
  const db = new sqlite!.DatabaseSync(path);
  db.exec('PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF');
  return {
    rows: sqliteRows(db),
    open: async () => {
      const store = sqliteStore(path, { pollMs: 20 });
      await store.open();
      return store;
    },
    end: async () => {
      db.close();
      rmSync(folder, { recursive: true });
    },
  };
}

export async function postgresVault(stores: PostgresStores): Promise<Vault> {
  const schema = stores.newSchema();
  await (await stores.open({ schema })).close();
  return { rows: postgresRows(await stores.client(), schema), open: () => stores.open({ schema }), end: () => stores.closeAll() };
}
