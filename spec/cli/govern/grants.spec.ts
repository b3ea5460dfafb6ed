import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecretString } from '../../../lib/common/SecretString.js';
import { writeRunFile } from '../../../lib/cli/server/RunFile.js';
import { writeGrant, writeGrants } from '../../../lib/decision/wire/grant/grantAnswer.js';
import { makeStateKey } from '../../../lib/server/config/stateKey.js';
import { asked, call, GRANTABLE, granted, grantModule, LOOSE, REFUND } from '../../decision/grant/grantSetup.js';
import { grantOf } from '../../decision/grant/behavesLikeGrantRows.js';
import { needsSqlite } from '../../store/sqlite/sqliteFiles.js';
import { servedInbox, SPEC_STATE_KEY } from '../../support/servedInbox.js';
import { failureOf, runAegis } from '../runAegis.js';

describe('aegis grants', function () {
  this.timeout(30_000);
  let folder: string;
  const closing: (() => unknown)[] = [];
  const data = (): string => join(folder, 'project', '.aegis');
  let more: readonly string[] = [];
  const run = (...args: string[]) => runAegis(['grants', ...args, '--data', data(), ...more]);
  const fail = (...args: string[]) => failureOf(['grants', ...args, '--data', data(), ...more]);
  const json = async (...args: string[]): Promise<any> => {
    const { code, stdout, stderr } = await run(...args, '--json');
    expect(code, stderr).to.equal(0);
    return JSON.parse(stdout);
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aegis-grants-'));
    mkdirSync(data(), { recursive: true });
    process.env['XDG_CONFIG_HOME'] = join(folder, 'config');
    more = [];
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    delete process.env['XDG_CONFIG_HOME'];
    rmSync(folder, { recursive: true });
  });

  /** Reads one grant and takes it back. `ask` calls as the agent, and says what came of it. */
  const readAndRevoke = async (id: string, ask: () => Promise<string>): Promise<void> => {
    expect(await ask()).to.equal('ran');
    const listed = await run('list');
    expect(listed.stdout).to.match(new RegExp(`^${id} {2}active {2}bot refund {2}1 of 10 uses, until \\S+Z, by \\S+\\n1 active grant\\n$`));
    expect(listed.stderr).to.equal('npx aegis grants show <id>, explain <id> or revoke <id>\n');
    expect((await json('list', '--agent', 'bot', '--tool', 'refund')).grants).to.have.length(1);
    for (const other of [
      ['--agent', 'another'],
      ['--tool', 'another'],
    ]) {
      expect(await run('list', ...other)).to.include({ code: 0, stdout: '0 active grants\n', stderr: '' });
    }
    const { stdout } = await run('show', id);
    for (const line of [
      /^Policies {3}refund$/m,
      /^Requester {2}\S+$/m,
      /^Made with {2}dec_\S+$/m,
      /^ {2}params\/amount {2}a number >= 0, <= 100$/m,
      /^ {2}params\/to {2}exactly "ann@example\.com"$/m,
    ])
      expect(stdout).to.match(line);
    expect(stdout).to.not.include('Revoked');
    expect(await json('show', id)).to.deep.include({ id, agentId: 'bot', maxUses: 10, used: 1 });
    const explained = await run('explain', id);
    expect(explained.stdout).to.include('context.input["amount"] >= 0 && context.input["amount"] <= 100');
    expect(await json('explain', id)).to.deep.equal({ id, cedar: (await json('explain', id)).cedar });
    for (const command of ['show', 'explain', 'revoke'])
      expect(await fail(command, 'grt_none')).to.include('there is no grant with this id');

    expect((await run('revoke', id, '--reason', 'wrong limit')).stdout).to.match(/^revoked by host:\S+: 1 of 10 uses were used\n$/);
    expect(await ask()).to.equal('pending');
    expect((await run('list')).stdout).to.equal('0 active grants\n');
    const all = await run('list', '--all');
    expect(all.stdout, all.stderr).to.match(new RegExp(`^${id} {2}revoked .*\\n1 grant\\n$`));
    expect((await run('show', id)).stdout).to.match(/^Revoked {4}by host:\S+ at \S+Z: wrong limit$/m);
    const again = await json('revoke', id);
    expect(again.revoked).to.include({ reason: 'wrong limit' });
  };

  describe('over the store', () => {
    needsSqlite();
    let stateKey: SecretString;
    const stored = async (): Promise<ReturnType<typeof grantModule>> => {
      stateKey = makeStateKey(process.env, data()).key;
      const aegis = grantModule({ store: join(data(), 'aegis.db'), stateKey });
      closing.push(() => aegis.close());
      await aegis.ready();
      return aegis;
    };

    it('list, show, explain and revoke those of a program that shares the store and its key', async () => {
      const aegis = await stored();
      const { id } = await granted(aegis);
      await readAndRevoke(id, () => call(aegis, 7));
    });

    it('show where it may come from every user, its session, why it was made, and nothing that deceives', async () => {
      const aegis = await stored();
      const session = { user_id: 'ann', team: { name: 'a' } };
      const loosen = { '/to': { in: ['ann@example.com', 'bob@example.com'] } };
      const { decisionId, digest } = await asked(aegis, REFUND, { session });
      const grant = { ...LOOSE, loosen, anyRequester: true };
      await aegis.approvals.approve(decisionId, { by: 'rita', digest, grant, reason: 'all of \u202eAnn' });
      const [{ id }] = (await json('list')).grants;
      const { stdout } = await run('show', id);
      expect(stdout).to.match(/^Made with {2}dec_\S+: all of .+Ann$/m);
      expect(stdout).to.match(/^Requester {2}every user$/m);
      expect(stdout).to.match(/^ {2}session\/team\/name {2}exactly "a"$/m);
      expect(stdout).to.include('params/to  one of "ann@example.com", "bob@example.com"').and.not.include('\u202e');
      expect((await run('revoke', id)).code).to.equal(0);
      expect((await run('show', id)).stdout).to.match(/^Revoked {4}by host:\S+ at \S+Z$/m);
    });
  });

  it('list, show, explain and revoke those of a server that keeps everything in memory', async () => {
    const inbox = await servedInbox({ policies: { text: GRANTABLE } as never });
    closing.push(() => inbox.close());
    const { url } = await inbox.plane.listen({ port: 0 });
    writeRunFile(data(), { pid: process.pid, url, store: 'memory' });
    const file = join(folder, 'state.key');
    writeFileSync(file, SPEC_STATE_KEY.reveal(), { mode: 0o600 });
    more = ['--state-key-file', file];
    const rita = await inbox.person('Rita', { roles: ['approver'] });
    const decisionId = await inbox.ask('refund', REFUND, { user: 'u1' });
    const { digest, version } = (await inbox.store.approvals.get(decisionId)) as { digest: string; version: number };
    const answer = await rita.post(`/v1/approvals/${decisionId}/verdict`, {
      verdict: 'approve',
      digest,
      version: String(version),
      grant: 'on',
      grant_uses: '10',
      grant_hours: '1',
      grant_path_1: 'params/amount',
      grant_kind_1: 'range',
      grant_value_1: '0 to 100',
    });
    expect(answer.status, answer.text).to.equal(303);
    const [{ id }] = (await json('list')).grants;
    await readAndRevoke(id, async () => {
      const body = { agent_id: 'bot', tool: { name: 'refund', params: { ...REFUND, amount: 7 } }, session: { user_id: 'u1' } };
      const { json: answered } = await inbox.call('POST', '/v1/decision', body);
      return (answered['final_decision'] as { effect: string }).effect === 'allow' ? 'ran' : 'pending';
    });
  });

  /** A server that gives these answers, one after the other. */
  const answering = async (...answers: readonly (readonly [status: number, text: string])[]): Promise<void> => {
    makeStateKey(process.env, data());
    const left = [...answers];
    const server = createServer((_request, response) => {
      const [status, text] = left.shift() ?? [500, '{}'];
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    writeRunFile(data(), { pid: process.pid, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, store: 'memory' });
  };

  it('say that a server answers something else than grants', async () => {
    await answering([200, '{"grants":1}']);
    expect(await fail('list')).to.include('the server answered something else than grants');
  });

  it('say that a server does not tell what a grant covers, and that it has not taken one back', async () => {
    const now = Date.now();
    const grant = grantOf({ createdAtMs: now, expiresAtMs: now + 60_000 });
    const one = writeGrant(grant, 'permit (principal, action, resource);', now);
    await answering([200, one], [200, writeGrants([grant], now)], [200, one], [404, '{}'], [200, one], [200, one]);
    expect(await fail('explain', grant.id)).to.include('the server does not say what this grant covers');
    expect(await fail('explain', grant.id)).to.include('the server does not say what this grant covers');
    expect(await fail('revoke', grant.id)).to.include('the grant is not taken back');
  });
});
