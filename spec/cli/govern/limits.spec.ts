import { expect } from 'chai';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecretString } from '../../../lib/common/SecretString.js';
import { writeRunFile } from '../../../lib/cli/server/RunFile.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { guardCall } from '../../../lib/guard/guardCall.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import { makeStateKey } from '../../../lib/server/config/stateKey.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import { needsSqlite } from '../../store/sqlite/sqliteFiles.js';
import { failureOf, runAegis } from '../runAegis.js';

const text = `@id("all") permit (principal, action, resource);
@id("budget") @effect("limit") @limit("1000/1d by agent") @cost("/cents") forbid (principal, action == Aegis::Action::"refund", resource);
@id("reads") @effect("limit") @limit("2/1h sliding by agent,session/user_id") forbid (principal, action == Aegis::Action::"read", resource);
@id("never") @effect("limit") @limit("0/90m by tenant") @observe("true") @observe_until("${new Date(Date.now() + 3_600_000).toISOString()}")
forbid (principal, action == Aegis::Action::"watch", resource);`;

describe('aegis limits', function () {
  this.timeout(30_000);
  let folder: string;
  let stateKey: SecretString;
  const closing: (() => unknown)[] = [];
  const data = (): string => join(folder, 'project', '.aegis');
  const run = (...args: string[]) => runAegis([...args, '--data', data()]);
  const fail = (...args: string[]) => failureOf([...args, '--data', data()]);
  const json = async (...args: string[]): Promise<any> => {
    const { code, stdout, stderr } = await run(...args, '--json');
    expect(code, stderr).to.equal(0);
    return JSON.parse(stdout);
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aegis-limits-'));
    mkdirSync(data(), { recursive: true });
    process.env['XDG_CONFIG_HOME'] = join(folder, 'config');
    stateKey = makeStateKey(process.env, data()).key;
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    delete process.env['XDG_CONFIG_HOME'];
    rmSync(folder, { recursive: true });
  });

  it('say what the commands are where one is misspelled, and open nothing for it', async () => {
    for (const [name, meant] of [
      ['shw', "; did you mean 'show'?"],
      ['lst', "; did you mean 'list'?"],
      ['budget', ''],
    ] as const)
      expect(await fail('limits', name)).to.equal(`aegis: unknown command '${name}'; there are list and show <policy>${meant}\n`);
  });

  const CALLS = [
    ['support', 'refund', { cents: 999.5 }],
    ['support', 'refund', { cents: 0.5 }],
    ['ops', 'refund', { cents: 850 }],
    ['support', 'read', {}],
    ['support', 'watch', {}],
  ] as const;

  const readThem = async (): Promise<void> => {
    const { counters } = await json('limits');
    expect(counters.map(({ policy_id: id, by, used, limit, level }: any) => [id, by, used, limit, level])).to.have.deep.members([
      ['budget', { agent: 'support' }, 1000, 1000, 'full'],
      ['budget', { agent: 'ops' }, 850, 1000, 'near'],
      ['reads', { agent: 'support', 'session/user_id': 'ann' }, 1, 2, 'free'],
      ['never', { tenant: 'default' }, 1, 0, 'full'],
    ]);
    expect((await json('limits', 'list', '--near')).counters).to.have.length(3);
    expect((await json('limits', 'list', '--agent', 'ops')).counters).to.have.length(1);
    expect((await json('limits', 'list', '--policy', 'reads')).counters).to.have.length(1);
    const all = await run('limits');
    expect(all.stderr).to.include('npx aegis limits show <policy>');
    expect(all.stdout)
      .to.match(/^budget {2}\[#{20}\] 1,000 of 1,000, used up {2}agent support {2}ends \d{4}-\d\d-\d\dT00:00:00\.000Z$/m)
      .and.match(/^budget {2}\[#{17}\.{3}\] 850 of 1,000, nearly used up {2}agent ops {2}ends /m)
      .and.match(/^reads {2}\[#{10}\.{10}\] 1 of 2 {2}agent support, session\/user_id ann {2}free again by /m)
      .and.match(/^never {2}\[#{20}\] 1 of 0, used up {2}tenant default {2}ends /m)
      .and.match(/^4 counters: 2 used up, 1 nearly$/m);
    expect((await run('limits', 'show', 'budget')).stdout)
      .to.match(/^budget: 1,000 in 1 day, fixed; by agent$/m)
      .and.match(/^2 counters: 1 used up, 1 nearly$/m);
    expect((await run('limits', 'show', 'never')).stdout).to.match(/^never: 0 in 90 minutes, fixed; by tenant$/m);
    expect((await json('limits', 'show', 'reads')).counters).to.have.length(1);
    expect((await run('limits', 'list', '--policy', 'none')).stdout).to.equal('0 counters: 0 used up, 0 nearly\n');
    expect(await fail('limits', 'show', 'bugdet')).to.include('did you mean');
    expect(await fail('limits', 'show', 'something-else')).to.include('list them with npx aegis limits');
  };

  describe('over the store', () => {
    needsSqlite();
    it('lists what programs have counted that share it', async () => {
      const aegis = AegisModule.create({ policies: { text }, store: join(data(), 'aegis.db'), stateKey });
      closing.push(() => aegis.close());
      await aegis.ready();
      expect((await run('limits')).stdout).to.equal('0 counters: 0 used up, 0 nearly\n');
      expect((await run('limits')).stderr).to.include('a limit is a policy with @effect("limit")');
      for (const [agentId, toolName, params] of CALLS)
        expect(
          (await guardCall(aegis, { agentId, toolName, params, session: { user_id: 'ann' } }, () => 'ran')).kind,
          `${agentId} ${toolName}`,
        ).to.equal('ran');
      await readThem();
    });

    it('lists nothing of another tenant, and nothing where nothing was counted', async () => {
      const store = sqliteStore(join(data(), 'aegis.db'));
      store.open();
      await store.forTenant('other', { forOthers: true }).approvals.counters?.take({
        token: 't',
        takes: [{ key: 'k', cost: 1, limit: 1, windowMs: 3_600_000, kind: 'fixed', label: '{"policyId":"theirs","by":{}}' }],
      });
      store.close();
      expect((await json('limits')).counters).to.deep.equal([]);
    });
  });

  it('lists what a server has counted that keeps everything in memory', async () => {
    const plane = createDataPlane({ policies: { text }, store: new MemoryStateStore(), stateKey, audit: false });
    closing.push(() => plane.close({ idleMs: 0 }));
    const { url } = await plane.listen({ port: 0 });
    await plane.ready();
    const key = (await plane.createKey({ name: 'agents', scopes: ['decide'], sessionTrusted: true })).key.reveal();
    for (const [agent, name, params] of CALLS) {
      const body = JSON.stringify({ agent_id: agent, tool: { name, params }, session: { user_id: 'ann' } });
      const answer = await fetch(`${url}/v1/decision`, {
        method: 'POST',
        headers: { 'x-api-key': key, 'content-type': 'application/json' },
        body,
      });
      expect(await answer.text(), `${agent} ${name}`).to.include('"effect":"allow"');
    }
    writeRunFile(data(), { pid: process.pid, url, store: 'memory' });
    await readThem();
  });

  it('says what it looked through where there is more than is listed: what is not found there may be counted all the same', async () => {
    const counter = (n: number): object => ({
      id: String(n),
      policy_id: 'mails',
      by: { agent: `agent-${n}` },
      kind: 'fixed',
      window_s: 3_600,
      used: 1,
      limit: 1,
      level: 'full',
      ends_at: '2030-01-01T00:00:00.000Z',
    });
    let counters = Array.from({ length: 200 }, (_, n) => counter(n));
    const server = createServer((_, answer) => answer.setHeader('content-type', 'application/json').end(JSON.stringify({ counters })));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    writeRunFile(data(), { pid: process.pid, url: `http://127.0.0.1:${port}`, store: 'memory' });
    const CUT = 'among the 200 fullest counters';
    expect(await fail('limits', 'show', 'something-else')).to.include(CUT);
    expect(await fail('limits', 'show', 'mail'))
      .to.include(CUT)
      .and.include('did you mean');
    expect((await run('limits', 'list', '--agent', 'agent-7')).stderr).to.include(CUT);
    expect((await run('limits', 'list', '--agent', 'someone')).stderr).to.include(CUT);
    expect((await run('limits')).stderr).to.not.include(CUT);
    counters = counters.slice(1);
    expect(await fail('limits', 'show', 'something-else')).to.include('in a window that is not over');
    expect((await run('limits', 'list', '--agent', 'someone')).stderr).to.not.include(CUT);
  });

  it('takes nothing else for limits, whatever answers in place of the server', async () => {
    let said: unknown;
    const server = createServer((_, answer) => answer.setHeader('content-type', 'application/json').end(JSON.stringify(said)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    writeRunFile(data(), { pid: process.pid, url: `http://127.0.0.1:${port}`, store: 'memory' });
    const counter = { id: 'k', policy_id: 'p', by: {}, kind: 'fixed', window_s: 1, used: 0, limit: 1, level: 'free', ends_at: 'soon' };
    for (said of [{}, [], { counters: [{}] }, { counters: null }, { counters: [counter] }, 'none'])
      for (const args of [['limits'], ['limits', 'show', 'budget']])
        expect(await fail(...args), JSON.stringify(said)).to.include('the server answered something else than limits');
  });
});
