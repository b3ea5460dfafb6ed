import { expect } from 'chai';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guard } from '../../lib/guard/guard.js';
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import type { Task } from '../../lib/model/Task.js';
import { renamedTaskFields } from '../../lib/store/renamedTaskFields.js';
import { sqliteStore } from '../../lib/store/sqlite/index.js';
import type { StateStore } from '../../lib/store/StateStore.js';
import { fromStoredJson } from '../../lib/store/storedJson.js';
import { diagnosed, securityCodes } from '../support/diagnosed.js';
import { postgresServer } from '../support/postgresServer.js';
import { PostgresStores } from '../support/postgresStores.js';
import { runInChild } from '../support/runInChild.js';
import { until } from '../support/until.js';
import { needsSqlite, sqlite } from './sqlite/sqliteFiles.js';

const FIXTURES = new URL('../../../spec/fixtures/store-7d28cb1/', import.meta.url);
const KEY = 'the state key of the store of 7d28cb1';
const POLICIES = `@id("all") permit (principal, action, resource);
@id("ask") @effect("approval_needed") @reason("a person decides") forbid (principal, action, resource);`;

type OldTask = Record<string, unknown> & { readonly toolName: string; readonly origin: Record<string, unknown> };
type Rows = readonly Record<string, unknown>[];

/** A copy of a store that 7d28cb1 wrote, as it is on the disk. */
interface OldStore {
  /** All rows of a table, read without the library. */
  rows(table: string): Promise<Rows>;
  open(): Promise<StateStore>;
  /** Opens it in several processes, or on several connections, at the same time. */
  openAtOnce(): Promise<void>;
  end(): Promise<void>;
}

/** The module and the record of runs of the spec that is under way. */
const now: { aegis?: AegisModule; ran: unknown[][] } = { ran: [] };

/** The functions that 7d28cb1 guarded, guarded by today's code. Only once: two guards of one key could not be told apart. */
const TOOLS: Readonly<Record<string, (order: unknown, amount: unknown) => Promise<unknown>>> = (() => {
  const options = {
    params: ['order', 'amount'],
    module: (): AegisModule => now.aegis as AegisModule,
    session: () => ({ user_id: 'ann', owner: 'session', home: 'session' }),
  } as const;
  const body = (toolName: string) => async (order: unknown, amount: unknown) => {
    now.ran.push([toolName, order, amount]);
    return 'done';
  };
  const deferred = ['old.refund', 'old.ship', 'old.pay', 'old.lost', 'old.paid', 'old.refused'];
  return {
    ...Object.fromEntries(deferred.map((toolName) => [toolName, guard(body(toolName), { ...options, toolName })])),
    'old.again': guard(body('old.again'), { ...options, toolName: 'old.again', idempotent: true }),
    'old.redeem': guard(body('old.redeem'), { ...options, toolName: 'old.redeem', approval: 'throw' }),
  };
})();

function orderFor(tool: string): unknown {
  return { tool, owner: 'params', origin: { home: 'params' }, at: new Date(0), odd: '\u0000\ud800"$aegis' };
}

describe('A store that commit 7d28cb1 wrote', function () {
  this.timeout(30_000);

  describe('in a SQLite file', () => {
    needsSqlite();
    for (const name of ['plain', 'signed'] as const) behavesLikeItsOwn(name, async () => oldFile(name));
  });

  describe('in PostgreSQL', () => {
    let stores: PostgresStores;
    before(async function () {
      stores = new PostgresStores(await postgresServer(this));
    });
    after(() => stores?.end());
    for (const name of ['plain', 'signed'] as const) behavesLikeItsOwn(name, () => oldTables(stores, name));
  });
});

function behavesLikeItsOwn(name: 'plain' | 'signed', make: () => Promise<OldStore>): void {
  describe(name === 'signed' ? 'with a state key' : 'without a state key', () => {
    const stateKey = name === 'signed' ? KEY : undefined;
    let old: OldStore;
    beforeEach(async () => (old = await make()));
    afterEach(() => old?.end());

    const start = async (key: string | undefined = stateKey) => {
      const aegis = AegisModule.create({
        policies: { text: POLICIES },
        store: await old.open(),
        ...(key === undefined ? {} : { stateKey: key }),
        agentId: 'bot',
        recovery: { leaseMs: 1_000, sweepMs: 100 },
        // the finished tasks of the fixture are as old as the fixture
        tasks: { finishedTtlMs: 3_153_600_000_000 },
        env: false,
      });
      Object.assign(now, { aegis, ran: [] });
      await aegis.ready();
      const of = async (toolName: string): Promise<Task> => {
        const [task] = await aegis.tasks.listTasks({ toolName });
        if (task === undefined) throw new Error(`no task of ${toolName}`);
        return task;
      };
      const becomes = async (tool: string, status: Task['status']): Promise<Task> => {
        await until(async () => (await of(tool)).status === status);
        expect(await of(tool)).to.include({ toolName: tool, status });
        return of(tool);
      };
      return { aegis, of, becomes };
    };

    it('is brought to the present schema with everything that is in it', async () => {
      const bodies = async (table: string): Promise<string[]> => (await old.rows(table)).map((row) => String(row['body']));
      const [tasks, approvals] = [await bodies('task'), await bodies('approval')];
      const store = await old.open();
      for (const text of tasks) {
        const { owner, origin, ...rest } = fromStoredJson(text) as OldTask;
        const { home, ...place } = origin;
        const executor = owner === undefined ? {} : { executorId: owner };
        const task = (await store.tasks.get(String(rest['taskId']))) as Task;
        // in PostgreSQL two columns are newer than the text
        const newer = { attemptCount: rest['attemptCount'], leaseUntilMs: rest['leaseUntilMs'] };
        expect(defined({ ...task, ...newer })).to.deep.equal({
          ...rest,
          ...executor,
          origin: { ...place, ownerId: home },
        });
      }
      // they are signed: not a character of them changes
      expect(await bodies('approval')).to.deep.equal(approvals);
      for (const row of await old.rows('task')) {
        const task = fromStoredJson(String(row['body'])) as Task & { readonly executorId?: string };
        expect(row['owner_id']).to.equal(task.origin?.ownerId);
        if (task.status === 'executing' || task.status === 'unknown') expect(row['executor_id']).to.equal(task.executorId);
        expect(row).to.not.have.any.keys('home', 'owner', 'look_at', 'lane');
      }
      expect(await store.tasks.counts()).to.include({ pending: 1, approved: 2, executing: 2, completed: 1, denied: 1, unknown: 1 });
    });

    it('is brought there once, however many processes open it at the same time', async () => {
      await old.openAtOnce();
      const first = await old.rows('task');
      await old.openAtOnce();
      expect(await old.rows('task')).to.deep.equal(first);
      expect(await (await old.open()).tasks.counts()).to.include({ pending: 1, approved: 2, executing: 2 });
    });

    it('has its pending approval approved and run, once, with the arguments of then', async () => {
      const { aegis, becomes, of } = await start();
      expect(await of('old.refund')).to.include({ status: 'pending' });
      const [record] = await aegis.approvals.list({ status: 'pending', toolName: 'old.refund' });
      await aegis.approvals.approve(String(record?.decisionId), { by: 'eve', digest: String(record?.digest) });
      expect(await becomes('old.refund', 'completed')).to.deep.include({ result: 'done', runs: 1, approvedBy: 'eve' });
      await aegis.close();
      expect(now.ran.filter(([tool]) => tool === 'old.refund')).to.deep.equal([['old.refund', orderFor('old.refund'), 10n]]);
    });

    it('has what was approved and not used run, once', async () => {
      const { aegis, becomes, of } = await start();
      expect(await becomes('old.ship', 'completed')).to.deep.include({ result: 'done', runs: 1, approvedBy: 'bob' });
      // mode `throw`: nothing runs until the equal call is made
      expect(await of('old.redeem')).to.include({ status: 'approved' });
      const { 'old.redeem': redeem } = TOOLS;
      expect(await redeem?.(orderFor('old.redeem'), 10n)).to.equal('done');
      expect(await becomes('old.redeem', 'completed')).to.include({ runs: 1 });
      await aegis.close();
      expect(now.ran.filter(([tool]) => tool === 'old.ship' || tool === 'old.redeem').map(([tool]) => tool)).to.deep.equal([
        'old.ship',
        'old.redeem',
      ]);
    });

    it('has what was executing become unknown, or run again where it is idempotent, and leaves the rest alone', async () => {
      const { aegis, becomes } = await start();
      const pay = await becomes('old.pay', 'unknown');
      expect(pay).to.have.property('executorId', pay.origin?.ownerId);
      await becomes('old.lost', 'unknown');
      expect(await becomes('old.again', 'completed')).to.include({ runs: 2 });
      expect(await becomes('old.paid', 'completed')).to.have.deep.nested.property('result.origin', { home: 'result' });
      await becomes('old.refused', 'denied');
      const resolved = await aegis.tasks.resolveUnknown(pay.taskId, { outcome: 'done', by: 'eve', reason: 'seen in the ledger' });
      expect(resolved).to.include({ status: 'completed' });
      await aegis.close();
      for (const tool of ['old.pay', 'old.lost', 'old.paid', 'old.refused']) expect(now.ran.map(([ran]) => ran)).to.not.include(tool);
      expect(now.ran.filter(([tool]) => tool === 'old.again')).to.have.length(1);
    });

    if (name === 'signed')
      it('runs nothing for a process that has another state key', async () => {
        const startedMs = Date.now();
        const seen = await diagnosed(async () => {
          const { aegis, of, becomes } = await start('another state key, of 32 characters or more');
          // what is asked again meanwhile is signed with this key
          const pending = await aegis.approvals.list({ status: 'pending' });
          expect(pending.filter((record) => record.createdAtMs < startedMs)).to.deep.equal([]);
          await becomes('old.pay', 'unknown');
          // a yes that is not signed is none: a person is asked again
          await becomes('old.ship', 'pending');
          for (const tool of ['old.refund', 'old.ship', 'old.again'])
            expect((await of(tool)).status).to.not.be.oneOf(['executing', 'completed']);
          await aegis.close();
        });
        expect(securityCodes(seen)).to.include('approval_signature_invalid');
        expect(now.ran).to.deep.equal([]);
      });
  });
}

describe('renamedTaskFields', () => {
  const old = '{"status":"executing","owner":"h2","params":{"owner":"p"},"origin":{"home":"h1","originalParams":{"home":"p"}}}';

  it('renames the two fields, and nothing of the same name elsewhere', () => {
    expect(JSON.parse(renamedTaskFields(old))).to.deep.equal({
      status: 'executing',
      executorId: 'h2',
      params: { owner: 'p' },
      origin: { ownerId: 'h1', originalParams: { home: 'p' } },
    });
  });

  it('gives a text back as it is that has none of them, and so its own', () => {
    for (const text of [renamedTaskFields(old), '{ "status": "pending" }', '{"origin":{}}']) expect(renamedTaskFields(text)).to.equal(text);
  });
});

/** Without fields that are undefined, which no text holds. */
function defined(record: object): object {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

async function oldFile(name: string): Promise<OldStore> {
  const folder = mkdtempSync(join(tmpdir(), 'aegis-7d28cb1-'));
  const path = join(folder, 'aegis.db');
  copyFileSync(new URL(`${name}.db`, FIXTURES), path);
  const bare = <T>(work: (db: DatabaseSync) => T): T => {
    const db = new sqlite!.DatabaseSync(path);
    try {
      return work(db);
    } finally {
      db.close();
    }
  };
  // a copy counts as restored, by the identity that it carries
  bare((db) => db.exec("DELETE FROM meta WHERE key = 'file'"));
  const opened: StateStore[] = [];
  const module = new URL('../../lib/store/sqlite/index.js', import.meta.url).href;
  const program = `const { sqliteStore } = await import(${JSON.stringify(module)});
    const store = sqliteStore(${JSON.stringify(path)}); store.open(); store.close(); console.log('done');`;
  return {
    rows: async (table) => bare((db) => db.prepare(`SELECT * FROM ${table} ORDER BY 1`).all()),
    open: async () => {
      const store = sqliteStore(path, { pollMs: 20 });
      await store.open();
      opened.push(store);
      return store;
    },
    openAtOnce: async () => {
      const ended = await Promise.all(Array.from({ length: 3 }, () => runInChild(program, { timeoutMs: 20_000 })));
      expect(ended.map((e) => e.stdout.trim())).to.deep.equal(['done', 'done', 'done'], ended.map((e) => e.stderr).join('\n'));
    },
    end: async () => {
      for (const store of opened) await store.close();
      rmSync(folder, { recursive: true });
    },
  };
}

async function oldTables(stores: PostgresStores, name: string): Promise<OldStore> {
  const schema = stores.newSchema();
  const client = await stores.client();
  await client.query(readFileSync(new URL(`${name}.sql`, FIXTURES), 'utf8').replaceAll(`store_7d28cb1_${name}`, schema));
  // a copy counts as restored, by the identity that it carries
  await client.query(`UPDATE ${schema}.meta SET epoch = NULL`);
  return {
    rows: async (table) => (await client.query(`SELECT * FROM ${schema}.${table} ORDER BY 1`)).rows as Rows,
    open: () => stores.open({ schema }),
    openAtOnce: async () => {
      const opened = await Promise.all(Array.from({ length: 3 }, () => stores.open({ schema })));
      await Promise.all(opened.map((store) => store.close()));
    },
    end: () => stores.closeAll(),
  };
}
