import { expect } from 'chai';
import sinon from 'sinon';
import { SecretString } from '../../../lib/common/SecretString.js';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { AuthError } from '../../../lib/model/errors/ServiceErrors.js';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { approvalUseRoutes } from '../../../lib/server/route/approvalUse.js';
import { decisionRoutes } from '../../../lib/server/route/decisions.js';
import { Tenants } from '../../../lib/server/tenant/Tenants.js';
import type { TenantsOptions } from '../../../lib/server/tenant/Tenants.js';
import type { StoreChange } from '../../../lib/store/TaskStore.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import { diagnosed } from '../../support/diagnosed.js';
import { rejection } from '../../support/rejection.js';
import { needsSqlite, sqliteFiles } from '../../store/sqlite/sqliteFiles.js';
import { POLICIES, sender } from '../tenantSetup.js';
import type { TestAnswer } from '../tenantSetup.js';
import type { ApprovalRecord, ApprovalStore } from '../../../lib/store/ApprovalStore.js';

const KEY = new SecretString('k'.repeat(32));
const TEXT = { text: POLICIES };
const REFUND = { agent_id: 'bot', tool: { name: 'refund', params: { amount: 1 } }, session: null };
const routes = [...decisionRoutes(), ...approvalUseRoutes()];

describe('Tenants', () => {
  const open: Tenants[] = [];
  const make = (over: Partial<TenantsOptions> = {}): Tenants => {
    const tenants = new Tenants({ store: new MemoryStateStore(), stateKey: KEY, tenants: { default: { policies: TEXT } }, ...over });
    open.push(tenants);
    return tenants;
  };
  afterEach(async () => {
    await Promise.all(open.splice(0).map(async (tenants) => tenants.close()));
  });

  it('have policies, approvals and records of their own', async () => {
    const strict = { text: '@id("no") @reason("closed") forbid (principal, action, resource);' };
    const tenants = make({ tenants: { one: { policies: TEXT }, two: { policies: TEXT }, three: { policies: strict } } });
    await tenants.ready();
    const [one, two, three] = ['one', 'two', 'three'].map((id) => tenants.get(id));
    const asked = await sender(one as never, routes)('decide', { body: REFUND });
    const id = String(asked.json['decision_id']);
    expect((await sender(two as never, routes)('status', { id })).status).to.equal(404);
    expect((await sender(one as never, routes)('status', { id })).status).to.equal(200);
    expect((await sender(three as never, routes)('decide', { body: REFUND })).json.final_decision).to.include({ reason: 'closed' });
    expect(tenants.all.map((tenant) => tenant.id)).to.deep.equal(['one', 'two', 'three']);
  });

  it('are found by the id in the key of a caller, and no other', () => {
    const tenants = make();
    expect(tenants.get('default').id).to.equal('default');
    for (const id of ['other', '', 'toString', '__proto__']) expect(() => tenants.get(id)).to.throw(AuthError, 'not served here');
  });

  const wrong: readonly (readonly [what: string, tenants: unknown, words: string])[] = [
    ['no tenant', {}, 'at least one tenant'],
    ['an option that there is not', { default: { policies: TEXT, polices: TEXT } }, 'did you mean'],
    ['no policies', { default: {} }, 'policies'],
    ['policies that cannot be parsed', { default: { policies: { text: 'permit (' } } }, '1:'],
    ['an id that cannot be one', { 'a b': { policies: TEXT } }, 'tenantId'],
    ['a tool whose name cannot be one', { default: { policies: TEXT, tools: { 'a b': {} } } }, "tools['…']"],
    ['a tool with an option that there is not', { default: { policies: TEXT, tools: { pay: { nulable: [] } } } }, 'nullable'],
    ['groups that are not a list', { default: { policies: TEXT, tools: { pay: { groups: 'a' } } } }, "tools['pay'].groups"],
    ['a group whose name cannot be one', { default: { policies: TEXT, tools: { pay: { groups: ['a b'] } } } }, "tools['pay'].groups"],
    ['a pointer without a slash', { default: { policies: TEXT, tools: { pay: { nullable: ['limit'] } } } }, "tools['pay'].nullable"],
    ['a pointer with a wrong escape', { default: { policies: TEXT, tools: { pay: { nullable: ['/a~2'] } } } }, "tools['pay'].nullable"],
  ];
  for (const [what, tenants, words] of wrong) {
    it(`are refused with ${what}, in words that say what to do`, () => {
      expect(() => new Tenants({ store: new MemoryStateStore(), tenants: tenants as never })).to.throw(ConfigError, words);
    });
  }

  it('sign what they keep, each with a key of its own, where there is a state key', async () => {
    const store = new MemoryStateStore();
    const tenants = make({ store, tenants: { default: { policies: TEXT }, two: { policies: TEXT } } });
    for (const id of ['default', 'two']) {
      const { json } = await sender(tenants.get(id), routes)('decide', { body: REFUND });
      const row = await store.forTenant(id).approvals.get(String(json['decision_id']));
      expect(row?.mac).to.be.a('string');
      await store.forTenant('three').approvals.insert({ ...row, decisionId: `copy-${id}` } as never);
    }
    const unsigned = make({ store: new MemoryStateStore(), stateKey: undefined });
    const { json } = await sender(unsigned.get('default'), routes)('decide', { body: REFUND });
    expect((await unsigned.get('default').approvals.get(String(json['decision_id'])))?.mac).to.equal(undefined);
  });

  it('find the approval that the same request has opened, after a restart and by another server: one row', async () => {
    const store = new MemoryStateStore();
    const headers = { 'Idempotency-Key': 'k1' };
    const ids = new Set<unknown>();
    for (const tenants of [make({ store }), make({ store })]) {
      const ask = sender(tenants.get('default'), [...decisionRoutes()]);
      const { json } = await ask('decide', { body: REFUND, headers });
      expect(json.final_decision['effect']).to.equal('approval_needed');
      ids.add(json['decision_id']);
    }
    expect(ids.size).to.equal(1);
    const third = make({ store });
    const ask = sender(third.get('default'), [...decisionRoutes()]);
    const other = await ask('decide', { body: { ...REFUND, session: { user_id: 'ann' } }, headers });
    expect(other.status).to.equal(422);
    expect(other.json).to.include({ error: 'idempotency_mismatch' });
    const { desk } = third.get('default');
    expect(await desk.list()).to.have.length(1);
    await desk.deny(String([...ids][0]), { by: 'rita' });
    const ended = await sender(make({ store }).get('default'), [...decisionRoutes()])('decide', { body: REFUND, headers });
    expect(ended.json['decision_id']).to.equal([...ids][0]);
    expect(ended.json.final_decision).to.include({ effect: 'deny' });
  });

  it('find it also where another server was first in that very moment, and with the params that a policy changed', async () => {
    const store = new MemoryStateStore();
    const [here, there] = [make({ store }), make({ store })].map((tenants) => sender(tenants.get('default'), [...decisionRoutes()]));
    const headers = { 'Idempotency-Key': 'k1', 'X-AEGIS-CAPABILITIES': 'effective-digest' };
    const body = { ...REFUND, tool: { name: 'refund', params: { amount: 1, note: 'secret' } } };
    const approvals = store.approvals as Required<ApprovalStore>;
    const find = approvals.ofIdempotencyKey.bind(approvals);
    let first: TestAnswer | undefined;
    approvals.ofIdempotencyKey = () => {
      approvals.ofIdempotencyKey = find;
      return undefined;
    };
    const insert = approvals.insert.bind(approvals);
    approvals.insert = ((record: ApprovalRecord) => {
      approvals.insert = insert;
      return (async () => {
        first = await there?.('decide', { body, headers });
        return insert(record);
      })();
    }) as never;
    const second = await here?.('decide', { body, headers });
    expect(second?.json['decision_id']).to.equal(first?.json['decision_id']);
    expect(second?.json.final_decision).to.deep.include(first?.json.final_decision);
    expect(second?.json.final_decision['sanitize']).to.deep.include({ params: { note: '[redacted]' } });
    expect(await approvals.list({})).to.have.length(1);
  });

  it('make one row of 1,000 requests whose answers were lost', async () => {
    const store = new MemoryStateStore();
    const servers = [make({ store }), make({ store })].map((tenants) => sender(tenants.get('default'), [...decisionRoutes()]));
    for (let i = 0; i < 1_000; i++) {
      const headers = { 'Idempotency-Key': `k${i}` };
      const body = { ...REFUND, agent_id: `bot${i % 7}`, tool: { name: 'refund', params: { amount: i } } };
      const [a, b] = await Promise.all(servers.map(async (ask) => ask('decide', { body, headers })));
      expect(a?.json['decision_id']).to.equal(b?.json['decision_id']);
    }
    expect(await store.approvals.list({ limit: Infinity })).to.have.length(1_000);
  });

  it('have at most 1,000 pending approvals of one agent and tool, unless told otherwise', async () => {
    const tenants = make({ tenants: { default: { policies: TEXT, maxPendingPerTool: 2 } } });
    const ask = sender(tenants.get('default'), routes);
    for (const status of [200, 200, 429]) expect((await ask('decide', { body: REFUND })).status).to.equal(status);
    expect((await ask('decide', { body: { ...REFUND, agent_id: 'bot2' } })).status).to.equal(200);
  });

  it('end approvals whose time has passed, every five seconds, and forget in time which requests were given up', async () => {
    const time = sinon.useFakeTimers({ now: 1_700_000_000_000, toFake: ['Date', 'performance', 'setInterval', 'clearInterval'] });
    try {
      const tenants = make();
      await tenants.ready();
      const tenant = tenants.get('default');
      const ask = sender(tenant, routes);
      const headers = { 'X-AEGIS-APPROVAL-TIMEOUT-S': '60' };
      const id = String((await ask('decide', { body: REFUND, headers })).json['decision_id']);
      await tenant.records.insert({
        kind: 'withdrawal',
        id: 'x',
        version: 1,
        createdAtMs: 0,
        deleteAfterMs: Date.now() + 60_000,
        body: '{}',
      });
      const settled = new Promise((resolve) => {
        tenant.desk.on('settled', ({ status }) => resolve(status));
      });
      await time.tickAsync(65_000);
      expect(await settled).to.equal('expired');
      expect((await tenant.approvals.get(id))?.status).to.equal('expired');
      await time.tickAsync(5_000);
      while ((await tenant.records.get('withdrawal', 'x')) !== undefined) await time.tickAsync(5_000);
      await tenants.close();
      expect(time.countTimers()).to.equal(0);
    } finally {
      time.restore();
    }
  });

  it('live on in the time that their store has seen, though the clock is set back while none of them runs', async () => {
    const startMs = 1_700_000_000_000;
    const time = sinon.useFakeTimers({ now: startMs, toFake: ['Date', 'performance', 'setInterval', 'clearInterval'] });
    try {
      const store = new MemoryStateStore();
      const openedMs = async (tenants: Tenants): Promise<number | undefined> => {
        const tenant = tenants.get('default');
        const { json } = await sender(tenant, routes)('decide', { body: REFUND });
        return (await tenant.desk.get(String(json['decision_id'])))?.createdAtMs;
      };
      const first = make({ store });
      await first.ready();
      expect(await openedMs(first)).to.equal(startMs);
      // an hour passes, and the last look at the store is 2 s old when the server ends
      await time.tickAsync(3_602_000);
      await first.close();
      time.setSystemTime(startMs);
      const second = make({ store });
      await second.ready();
      expect(await openedMs(second)).to.equal(startMs + 3_600_000);
      // a server beside it whose clock is ahead
      await store.tasks.heartbeat(1_000, startMs + 7_200_000);
      await time.tickAsync(5_000);
      expect(await openedMs(second)).to.equal(startMs + 7_200_000);
    } finally {
      time.restore();
    }
  });

  it('report what fails while they look through their approvals, and go on', async () => {
    const time = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const tenants = make();
      await tenants.ready();
      const { desk } = tenants.get('default');
      let runs = 0;
      desk.endOverdue = async () => {
        runs += 1;
        await Promise.resolve();
        throw new Error('the disk is gone');
      };
      const seen = await diagnosed(async () => {
        // the second comes while the first runs
        time.tick(10_000);
        await new Promise((resolve) => setImmediate(resolve));
        time.tick(5_000);
        await new Promise((resolve) => setImmediate(resolve));
      });
      expect(runs).to.equal(2);
      expect(seen).to.have.length(2);
    } finally {
      time.restore();
    }
  });

  it('tell what another server has decided also where it cannot be read at first, until they are closed', async () => {
    const store = new MemoryStateStore();
    let changed: (change: StoreChange) => void = () => {};
    store.tasks.watch = ((listener: typeof changed) => {
      changed = listener;
      return () => {};
    }) as never;
    const tenants = make({ store });
    await tenants.ready();
    const { desk } = tenants.get('default');
    const id = String((await sender(tenants.get('default'), routes)('decide', { body: REFUND })).json['decision_id']);
    const elsewhere = make({ store }).get('default');
    await elsewhere.desk.approve(id, { by: 'rita', digest: canonicalDigest({ amount: 1 }) });
    const told: string[] = [];
    desk.on('settled', ({ decisionId, status }) => told.push(`${decisionId} ${status}`));
    const read = store.approvals.get.bind(store.approvals);
    let away = 2;
    store.approvals.get = (decisionId) => {
      away -= 1;
      if (away >= 0) throw new Error('the store is away');
      return read(decisionId);
    };
    const time = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const seen = await diagnosed(async () => {
        changed({ kind: 'approval', decisionId: id, version: 2 });
        await time.tickAsync(2_000);
        expect(told).to.deep.equal([]);
        await time.tickAsync(1_000);
      });
      expect(told).to.deep.equal([`${id} approved`]);
      expect(seen).to.have.length(2);
      away = Infinity;
      changed({ kind: 'approval', decisionId: id, version: 2 });
      await tenants.close();
      await time.tickAsync(7_200_000);
      expect(time.countTimers()).to.equal(0);
    } finally {
      time.restore();
    }
  });

  describe('on one file', () => {
    needsSqlite();
    const files = sqliteFiles();
    const on = (tenants: TenantsOptions['tenants']): Tenants => make({ store: sqliteStore(files.path(), { pollMs: 20 }), tenants });

    it('tell what another server on it has decided, to the tenant that it is about', async () => {
      const here = on({ default: { policies: TEXT }, two: { policies: TEXT } });
      const elsewhere = on({ two: { policies: TEXT } });
      await Promise.all([here.ready(), elsewhere.ready()]);
      const { desk } = here.get('two');
      const told = new Promise((resolve) => {
        desk.on('settled', ({ decisionId, status }) => resolve(`${decisionId} ${status}`));
      });
      const others: unknown[] = [];
      here.get('default').desk.on('settled', (record) => others.push(record));
      const id = String((await sender(elsewhere.get('two'), routes)('decide', { body: REFUND })).json['decision_id']);
      await elsewhere.get('two').desk.approve(id, { by: 'rita', digest: canonicalDigest({ amount: 1 }) });
      expect(await told).to.equal(`${id} approved`);
      expect(others).to.deep.equal([]);
    });

    it('give an approval to one of 64 that use it up at two servers at once', async () => {
      const servers = [on({ default: { policies: TEXT } }), on({ default: { policies: TEXT } })];
      await Promise.all(servers.map(async (tenants) => tenants.ready()));
      const asks = servers.map((tenants) => sender(tenants.get('default'), routes));
      const headers = { 'X-AEGIS-CAPABILITIES': 'effective-digest,consume', 'X-AEGIS-BINDING': 'b'.repeat(64) };
      const id = String((await asks[0]?.('decide', { body: REFUND, headers }))?.json['decision_id']);
      const digest = canonicalDigest({ amount: 1 });
      await servers[1]?.get('default').desk.approve(id, { by: 'rita', digest });
      const use = (i: number) => ({ digest, bindingBase: 'b'.repeat(64), token: `t${i}` });
      const all = await Promise.all(Array.from({ length: 64 }, async (_, i) => asks[i % 2]?.('consume', { id, body: use(i) })));
      expect(all.filter((answer) => answer?.json['consumed'] === true)).to.have.length(1);
    });

    it("keep an approval when the server that opened it dies: it is nobody's", async () => {
      const first = on({ default: { policies: TEXT } });
      await first.ready();
      const id = String((await sender(first.get('default'), routes)('decide', { body: REFUND })).json['decision_id']);
      await first.close();
      const module = AegisModule.create({ policies: TEXT, store: sqliteStore(files.path()), stateKey: KEY });
      await module.ready();
      const second = on({ default: { policies: TEXT } });
      await second.ready();
      expect((await second.get('default').desk.get(id))?.status).to.equal('pending');
      await module.close();
    });
  });

  it('say why where their store cannot be opened, and can be closed then', async () => {
    const store = new MemoryStateStore();
    store.open = () => {
      throw new Error('no such disk');
    };
    const tenants = make({ store });
    expect(await rejection(tenants.ready())).to.include({ message: 'no such disk' });
    await tenants.close();
  });

  it('that are closed while they open start nothing', async () => {
    const time = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const tenants = make();
      const opening = tenants.ready();
      await tenants.close();
      await opening;
      expect(time.countTimers()).to.equal(0);
    } finally {
      time.restore();
    }
  });

  it('of a module are one, of its own desk and policies, which close with the module only', async () => {
    const module = AegisModule.create({ policies: TEXT });
    const tenants = new Tenants({ module, store: new MemoryStateStore(), tools: { read: { nullable: ['/x'] } } });
    await tenants.ready();
    const tenant = tenants.get('default');
    expect(tenant.desk).to.equal(module.approvals);
    const ask = sender(tenant, routes);
    await ask('decide', { body: REFUND });
    expect(await module.approvals.list()).to.have.length(1);
    const nulled = await ask('decide', { body: { agent_id: 'bot', tool: { name: 'read', params: { x: null } }, session: null } });
    expect(nulled.json.final_decision['effect']).to.equal('allow');
    await tenants.close();
    expect((await module.policies.reload()).status).to.equal('unchanged');
    await module.close();
  });

  it('of a module without policies are refused', async () => {
    const module = AegisModule.create({ apiKey: 'k', baseUrl: 'https://aegis.example' });
    expect(() => new Tenants({ module, store: new MemoryStateStore() })).to.throw(ConfigError, 'without `policies` has no desk');
    await module.close();
  });
});
