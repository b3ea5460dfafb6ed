import { expect } from 'chai';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecretString } from '../../../lib/common/SecretString.js';
import { writeRunFile } from '../../../lib/cli/server/RunFile.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { guard } from '../../../lib/guard/guard.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import { makeStateKey } from '../../../lib/server/config/stateKey.js';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import { signedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { rejection } from '../../support/rejection.js';
import { until } from '../../support/until.js';
import { needsSqlite } from '../../store/sqlite/sqliteFiles.js';
import { failureOf, runAegis } from '../runAegis.js';

const policies = { text: '@id("all") permit (principal, action, resource);' };

describe('aegis halt, lift and halts', function () {
  this.timeout(30_000);
  let folder: string;
  let stateKey: SecretString;
  const closing: (() => unknown)[] = [];
  const data = (): string => join(folder, 'project', '.aegis');
  const run = (...args: string[]) => runAegis([...args, '--data', data()]);
  const json = async (...args: string[]): Promise<any> => {
    const { code, stdout, stderr } = await run(...args, '--json');
    expect(code, stderr).to.equal(0);
    return JSON.parse(stdout);
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aegis-halts-'));
    mkdirSync(data(), { recursive: true });
    process.env['XDG_CONFIG_HOME'] = join(folder, 'config');
    stateKey = makeStateKey(process.env, data()).key;
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    delete process.env['XDG_CONFIG_HOME'];
    rmSync(folder, { recursive: true });
  });

  const orderAndLift = async (): Promise<void> => {
    const halt = await json('halt', '--agent', 'support', '--tool', 'refund', '--reason', 'wild', '--for', '30m', '--cancel');
    expect(halt).to.deep.include({ scope: { agent: 'support', tool: 'refund' }, reason: 'wild', pending: 'cancel', lifted: null });
    expect(halt.by).to.match(/^host:./);
    expect(Date.parse(halt.until) - Date.now()).to.be.within(29 * 60_000, 30 * 60_000);
    expect((await run('halts')).stdout)
      .to.include(halt.id)
      .and.include('agent support, tool refund');
    expect((await run('lift', halt.id, '--reason', 'fixed')).stdout)
      .to.include(`lifted ${halt.id}`)
      .and.include('fixed');
    expect((await run('halts')).stdout).to.equal('nothing is halted\n');
    expect(await json('halts', '--all')).to.have.nested.property('halts[0].lifted.reason', 'fixed');
    const all = await run('halt', '--all', '--reason', 'incident');
    expect(all.stdout).to.match(/^halted halt_\S+ {2}everything {2}by host:/);
    expect((await json('halt', '--group', 'money', '--reason', 'r')).scope).to.deep.equal({ group: 'money' });
  };

  describe('over the store', () => {
    needsSqlite();
    it('order, list and lift', async () => {
      const store = sqliteStore(join(data(), 'aegis.db'));
      store.open();
      store.close();
      await orderAndLift();
    });

    it('stop a program that shares the store and its key, within a second', async () => {
      const aegis = AegisModule.create({ policies, agentId: 'support', store: join(data(), 'aegis.db'), stateKey });
      closing.push(() => aegis.close());
      await aegis.ready();
      const refund = guard(async (amount: number) => amount, { toolName: 'refund', params: ['amount'], module: aegis });
      expect(await refund(1)).to.equal(1);
      const { id } = await json('halt', '--agent', 'support', '--reason', 'test');
      await until(async () => (await aegis.halts.list()).length > 0);
      await new Promise((resolve) => setTimeout(resolve, 600));
      expect(await rejection(refund(1))).to.include({ code: 'halted' });
      await json('lift', id, '--reason', 'over');
      await until(async () => (await refund(1).catch(() => 0)) === 1);
      expect(await refund(1)).to.equal(1);
    });

    it('end what waits, and what was approved and not used, with --cancel: also where no program runs before it is lifted', async () => {
      const text = `${policies.text} @id("ask") @effect("approval_needed") @reason("a person decides") forbid (principal, action, resource);`;
      const ran: string[] = [];
      const open = (agentId: string, tag: string): { readonly aegis: AegisModule; pay(amount: number): Promise<unknown> } => {
        const aegis = AegisModule.create({
          policies: { text },
          agentId,
          store: join(data(), 'aegis.db'),
          stateKey,
          recovery: { sweepMs: 200 },
        });
        const method = async (amount: number): Promise<number> => ran.push(`${agentId} ${amount}`);
        return {
          aegis,
          pay: guard(method, { key: `pay ${agentId} ${tag}`, toolName: 'pay', params: ['amount'], approval: 'defer', module: aegis }),
        };
      };
      for (const agentId of ['support', 'sales']) {
        const { aegis, pay } = open(agentId, 'cancelled');
        for (const amount of [1, 2]) await pay(amount);
        await aegis.close();
      }
      const store = sqliteStore(join(data(), 'aegis.db'));
      store.open();
      closing.push(() => store.close());
      const desk = new ApprovalDesk(signedTenantStore(store.forTenant('default'), { stateKey, tenantId: 'default' }).approvals);
      const statuses = async (): Promise<readonly string[]> => {
        const all = await Promise.all((['pending', 'approved', 'withdrawn'] as const).map((status) => desk.list({ status })));
        // of what has ended, the params are not kept
        return all.flat().map(({ agentId, params, status }) => `${agentId} ${status} ${JSON.stringify(params)}`);
      };
      for (const { decisionId, digest, params } of await desk.list({ status: 'pending' }))
        if (params['amount'] === 2) await desk.approve(decisionId, { by: 'bob', digest });
      const before = ['support', 'sales'].flatMap((agentId) => [`${agentId} pending {"amount":1}`, `${agentId} approved {"amount":2}`]);
      expect(await statuses()).to.have.members(before);
      const { id: frozen } = await json('halt', '--agent', 'support', '--reason', 'wild');
      expect(await statuses()).to.have.members(before);
      const { id } = await json('halt', '--agent', 'support', '--reason', 'wild', '--cancel');
      const after = ['sales pending {"amount":1}', 'sales approved {"amount":2}', 'support withdrawn {}', 'support withdrawn {}'];
      expect(await statuses()).to.have.members(after);
      for (const halt of [frozen, id]) await json('lift', halt, '--reason', 'over');

      const { aegis } = open('support', 'cancelled');
      closing.push(() => aegis.close());
      await aegis.ready();
      const ended = async (): Promise<readonly string[]> =>
        (await aegis.tasks.listTasks({})).filter(({ agentId }) => agentId === 'support').map(({ status }) => status);
      await until(async () => (await ended()).every((status) => status === 'denied' || status === 'cancelled'));
      expect(ran.filter((call) => call.startsWith('support'))).to.deep.equal([]);
    });

    it('refuse what is not an order', async () => {
      const store = sqliteStore(join(data(), 'aegis.db'));
      store.open();
      store.close();
      const fail = (...args: string[]) => failureOf([...args, '--data', data()]);
      for (const [args, message] of [
        [['halt', '--reason', 'r'], /say what to halt: --all, or --agent, --tool or --group/],
        [['halt', '--all', '--agent', 'a', '--reason', 'r'], /--all halts every call: leave it out/],
        [['halt', '--tool', 'two words', '--reason', 'r'], /toolName: must have 1 to 128 letters/],
        [['halt', '--agent', 'a', '--reason', '  '], /reason: must say why/],
        [['halt', '--all', '--reason', 'r', '--for', 'soon'], /--for must be a time such as/],
        [['halt', '--all', '--reason', 'r', '--for', '0m'], /--for must be a time such as/],
        [['halt', '--all'], /--reason/],
        [['lift', 'halt_x', '--reason', 'r'], /is not the id of a halt/],
      ] as const)
        expect(JSON.stringify(await fail(...args))).to.match(message);
    });
  });

  /** What the tenant of these specs names. */
  const named = { agents: { support: {} }, tools: { refund: { groups: ['money'] } } };
  const warnAndHalt = async (...more: string[]): Promise<void> => {
    const args = ['halt', '--agent', 'suport', '--tool', 'refund', '--group', 'mony', '--reason', 'r', ...more];
    const { code, stdout, stderr } = await run(...args);
    expect(stderr).to.equal(
      "warning: No agent 'suport' is configured here; did you mean 'support'? It is halted all the same.\n" +
        "warning: No group 'mony' is configured here; did you mean 'money'? It is halted all the same.\n",
    );
    expect([code, stdout.startsWith('halted halt_')]).to.deep.equal([0, true]);
    expect((await json('halts')).halts[0].scope).to.deep.equal({ agent: 'suport', tool: 'refund', group: 'mony' });
    expect((await json('halt', '--agent', 'support', '--reason', 'r', ...more)).warnings).to.deep.equal([]);
  };

  it('say what no configuration names, and halt all the same, at a server', async () => {
    const plane = createDataPlane({ policies, ...named, store: new MemoryStateStore(), stateKey, audit: false });
    closing.push(() => plane.close());
    const { url } = await plane.listen({ port: 0 });
    await plane.ready();
    writeRunFile(data(), { pid: process.pid, url, store: 'memory' });
    await warnAndHalt();
  });

  describe('over the store', () => {
    needsSqlite();
    it('say what no configuration names, and halt all the same', async () => {
      const store = sqliteStore(join(data(), 'aegis.db'));
      store.open();
      store.close();
      const config = join(folder, 'aegis.config.json');
      writeFileSync(config, JSON.stringify(named));
      await warnAndHalt('--config', config);
    });
  });

  it('take nothing else for halts than halts, whatever answers in place of the server', async () => {
    let said: unknown;
    const server = createServer((_, answer) => answer.setHeader('content-type', 'application/json').end(JSON.stringify(said)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    writeRunFile(data(), { pid: process.pid, url: `http://127.0.0.1:${port}`, store: 'memory' });
    for (said of [{}, [], { halts: [{}] }, { halts: null }, 'nothing is halted'])
      for (const args of [['halts'], ['halt', '--all', '--reason', 'r'], ['lift', 'halt_x', '--reason', 'r']])
        expect(await failureOf([...args, '--data', data()]), JSON.stringify(said)).to.include(
          'the server answered something else than halts',
        );
  });

  it('order, list and lift at a server that keeps everything in memory', async () => {
    const plane = createDataPlane({ policies, store: new MemoryStateStore(), stateKey, audit: false });
    closing.push(() => plane.close());
    const { url } = await plane.listen({ port: 0 });
    await plane.ready();
    writeRunFile(data(), { pid: process.pid, url, store: 'memory' });
    await orderAndLift();
  });
});
