import { expect } from 'chai';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecretString } from '../../../lib/common/SecretString.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { hostCaller } from '../../../lib/server/access/HostSignature.js';
import { keyRingOf } from '../../../lib/server/access/serverAccess.js';
import { makeStateKey } from '../../../lib/server/config/stateKey.js';
import { signedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import type { SignedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import { readRunFile, removeRunFile, writeRunFile } from '../../../lib/cli/server/RunFile.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { runProgram } from '../../../lib/cli/program.js';
import { recordOf } from '../../support/approvalRecords.js';
import { failureOf, runAegis } from '../runAegis.js';

const hasSqlite = process.getBuiltinModule('node:sqlite') !== undefined;

describe('The commands for a server, over its SQLite file', function () {
  this.timeout(20_000);
  let folder: string;
  let stateKey: SecretString;
  const data = (): string => join(folder, 'project', '.aegis');
  const run = (...args: string[]) => runAegis([...args, '--data', data()]);
  const fail = (...args: string[]) => failureOf([...args, '--data', data()]);
  const json = async (...args: string[]): Promise<any> => {
    const { code, stdout, stderr } = await run(...args, '--json');
    expect(code, stderr).to.equal(0);
    return JSON.parse(stdout);
  };

  before(function () {
    if (!hasSqlite) {
      console.log('      skipped: needs node:sqlite (Node 22.13)');
      this.skip();
    }
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aegis-host-'));
    mkdirSync(data(), { recursive: true });
    process.env['XDG_CONFIG_HOME'] = join(folder, 'config');
    stateKey = makeStateKey(process.env, data()).key;
  });
  afterEach(() => {
    delete process.env['XDG_CONFIG_HOME'];
    rmSync(folder, { recursive: true });
  });

  /** Uses the store as a server beside the commands does. */
  async function asServer<T>(use: (rows: SignedTenantStore) => Promise<T>, tenantId = 'default'): Promise<T> {
    const store = sqliteStore(join(data(), 'aegis.db'));
    await store.open();
    try {
      return await use(signedTenantStore(store.forTenant(tenantId, { forOthers: true }), { stateKey, tenantId }));
    } finally {
      await store.close();
    }
  }

  const pending = (change: Partial<ApprovalRecord> = {}): Promise<ApprovalRecord> =>
    asServer(async ({ approvals }) => {
      const record = { ...recordOf(), createdAtMs: Date.now(), expiresAtMs: Date.now() + 3_600_000, ...change } as ApprovalRecord;
      expect(await approvals.insert(record)).to.equal(true);
      return record;
    });

  describe('aegis keys', () => {
    it('makes, lists, rotates and revokes keys that the server takes', async () => {
      await asServer(async () => {});
      const { code, stdout, stderr } = await run(
        'keys',
        'create',
        '--name',
        'shop',
        '--agent',
        'a',
        '--agent',
        'b',
        '--expires-in-days',
        '30',
      );
      expect(code, stderr).to.equal(0);
      // the key alone, so that a script can take it
      expect(stdout).to.match(/^aeg_\S+\n$/);
      expect(stderr).to.include('the only time');
      const find = (key: string) => asServer(async ({ records }) => keyRingOf(stateKey, 'default', records).find(key.trim()));
      const caller = await find(stdout);
      expect(caller).to.deep.include({ agents: ['a', 'b'], sessionTrusted: false });
      const id = caller?.id as string;
      const { keys } = await json('keys', 'list');
      expect(keys).to.have.length(1);
      expect(keys[0]).to.deep.include({ id, name: 'shop', scopes: ['decide'], status: 'active' });
      const rotated = await json('keys', 'rotate', id, '--overlap-hours', '0');
      expect([await find(stdout), (await find(rotated.key))?.id]).to.deep.equal([undefined, id]);
      expect((await json('keys', 'rotate', id)).id).to.equal(id);
      expect((await run('keys', 'list')).stdout).to.include(`${id}  active   decide  a,b  shop, until `);
      expect((await run('keys', 'revoke', id)).stdout).to.include('is revoked');
      expect(await find(rotated.key)).to.equal(undefined);
      expect((await json('keys', 'revoke', id)).status).to.equal('revoked');
      expect(await fail('keys', 'rotate', id)).to.include('There is no such key');
    });

    it('makes a key of other scopes, for all agents, with a session that is believed', async () => {
      await asServer(async () => {});
      const made = await json(
        'keys',
        'create',
        '--name',
        'n',
        '--scope',
        'metrics:read',
        '--scope',
        'policies:read',
        '--all-agents',
        '--trusted-session',
      );
      expect(made).to.deep.include({ scopes: ['metrics:read', 'policies:read'], agents: null, session_trusted: true, expires_at: null });
      expect((await run('keys', 'list')).stdout).to.include('all agents');
    });

    it('lists more than a page, and says so where there is none', async () => {
      await asServer(async () => {});
      expect((await run('keys', 'list')).stdout).to.equal('no keys; make one with npx aegis keys create\n');
      await asServer(async ({ records }) => {
        const ring = keyRingOf(stateKey, 'default', records);
        const maker = hostCaller({ user: 'x', tenantId: 'default' });
        for (let i = 0; i < 201; i++) await ring.create({ name: String(i), scopes: ['decide'] }, maker);
      });
      expect((await json('keys', 'list')).keys).to.have.length(201);
    });

    const wrong: [readonly string[], string][] = [
      [['create', '--name', 'n'], 'say whom the key may speak for'],
      [['create', '--name', 'n', '--agent', 'a', '--all-agents'], 'say whom the key may speak for'],
      [['create', '--agent', 'a'], "required option '--name <name>'"],
      [['create', '--name', 'n', '--agent', 'a', '--scope', 'decid'], "did you mean 'decide'?"],
      [['create', '--name', 'n', '--all-agents', '--scope', 'decide', '--scope', 'keys:admin'], 'Make two keys'],
      [['create', '--name', 'n', '--agent', 'a', '--expires-in-days', 'x'], '--expires-in-days must be a number from 0 to 3650'],
      [['create', '--name', 'n', '--agent', 'a', '--expires-in-days', '0'], '`expires_at` must be a time in the future'],
      [['rotate', 'x', '--overlap-hours', '721'], '--overlap-hours must be a number from 0 to 720'],
      [['revoke', 'x'], 'There is no such key'],
      [['revoke'], "missing required argument 'id'"],
    ];
    for (const [args, message] of wrong)
      it(`refuses ${args.join(' ')}`, async () => {
        await asServer(async () => {});
        expect(await fail('keys', ...args)).to.include(message);
      });
  });

  describe('aegis approvals', () => {
    it('lists, shows and denies, by the operator of the host', async () => {
      const record = await pending();
      const listed = await run('approvals', 'list');
      expect(listed.stdout).to.include(record.decisionId).and.include('1 pending approval\n');
      expect(listed.stderr).to.include('npx aegis approvals show');
      expect((await json('approvals', 'list')).approvals[0]).to.include({ decisionId: record.decisionId, status: 'pending' });
      const shown = (await run('approvals', 'show', record.decisionId)).stdout;
      expect(shown).to.include(`Digest    ${record.digest}`).and.include('Status    pending');
      expect((await json('approvals', 'show', record.decisionId)).digest).to.equal(record.digest);
      expect(await run('approvals', 'deny', record.decisionId, '--reason', 'no')).to.deep.equal({
        code: 0,
        stdout: 'denied\n',
        stderr: '',
      });
      const denied = await asServer(async ({ approvals }) => approvals.get(record.decisionId));
      expect(denied?.verdicts[0]).to.include({ approve: false, reason: 'no' });
      expect(denied?.verdicts[0]?.by).to.match(/^host:./);
      expect((await run('approvals', 'list', '--status', 'denied')).stdout).to.include('1 denied approval\n');
      expect(await fail('approvals', 'deny', record.decisionId)).to.include('already denied by host:');
      expect((await run('approvals', 'show', record.decisionId)).stdout).to.include('Status    denied by host:');
    });

    it('approves for the code, and for nothing else', async () => {
      const record = await pending();
      const { decisionId, digest } = record;
      const status = async (): Promise<unknown> => (await asServer(async ({ approvals }) => approvals.get(decisionId)))?.status;
      expect(await run('approvals', 'approve', decisionId))
        .to.include({ code: 2 })
        .and.to.have.property('stderr')
        .that.includes('there is no terminal');
      for (const code of ['', 'y', digest.slice(0, 3), digest.slice(1, 5), digest])
        expect((await run('approvals', 'approve', decisionId, '--code', code)).stderr).to.include('nothing was decided');
      expect(await status()).to.equal('pending');
      const { code, stdout } = await run('approvals', 'approve', decisionId, '--code', digest.slice(0, 4));
      expect(code).to.equal(0);
      // what was shown, and what became of it
      expect(stdout)
        .to.include(`Digest`)
        .and.match(/\napproved\n$/);
      expect(await status()).to.equal('approved');
    });

    it('asks for the code at the terminal, where No is the default', async () => {
      const { decisionId, digest } = await pending();
      const asked: string[] = [];
      const at = async (answer: string): Promise<number> => {
        const ask = async (question: string): Promise<string> => (asked.push(question), answer);
        const io = { out: () => {}, err: () => {}, beforeForeignCode: () => {}, ask };
        return runProgram(['approvals', 'approve', decisionId, '--data', data()], io);
      };
      for (const answer of ['', 'yes', 'y']) expect(await at(answer)).to.equal(2);
      expect(await at(` ${digest.slice(0, 4)} `)).to.equal(0);
      expect(asked).to.have.length(4);
      expect(asked[0]).to.include(`Type ${digest.slice(0, 4)} to approve`);
    });

    it('prints JSON alone where it is asked to', async () => {
      const { decisionId, digest } = await pending();
      expect(await json('approvals', 'approve', decisionId, '--code', digest.slice(0, 4))).to.include({ decisionId, status: 'approved' });
    });

    it('says where other policies still need a yes', async () => {
      const record = await pending({
        policies: [
          { id: 'one', hash: 'h', approvers: undefined },
          { id: 'two', hash: 'h', approvers: ['empty'] },
        ],
      });
      writeFileSync(
        join(folder, 'project', 'aegis.config.mjs'),
        'export default { mayApprove: (by, request, policy) => policy.id === "one" };',
      );
      const { stdout } = await runAegis([
        'approvals', 'approve', record.decisionId, '--code', record.digest.slice(0, 4), '--config', join(folder, 'project', 'aegis.config.mjs'),
      ]); // prettier-ignore
      expect(stdout).to.include('recorded; the call still waits for other people');
    });

    it('edits nothing where no policies could decide the edited call, and shows nothing that could be edited', async () => {
      const base = { policies: [{ id: 'one', hash: 'h', editable: ['/amount'] }], params: { amount: 1 } };
      const { decisionId, digest } = await pending({ ...base, amendable: { groups: [], removable: [], bindingBase: {} } as never });
      for (const command of ['show', 'approve', 'edit'])
        expect(await fail('approvals', command, decisionId, '--set', '/amount=2')).to.include('name its policies in AEGIS_SERVER_POLICIES');
      // the server that ran here last has stopped
      writeRunFile(data(), { pid: 1, url: 'http://127.0.0.1:9', store: { sqlite: join(data(), 'aegis.db') } });
      expect(await fail('approvals', 'edit', decisionId, '--set', '/amount=2')).to.include('start the server with npx aegis serve');
      // one that runs there has another store
      const other = createServer((_request, response) => response.writeHead(404, { 'content-type': 'application/json' }).end('{}'));
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
      writeRunFile(data(), { pid: 1, url, store: { sqlite: join(data(), 'aegis.db') } });
      try {
        expect(await fail('approvals', 'edit', decisionId, '--set', '/amount=2')).to.include('policies have to decide the edited call');
      } finally {
        other.close();
      }
      expect((await json('approvals', 'show', decisionId)).digest).to.equal(digest);
    });

    it('shows what its guard hides neither in lines nor in JSON, and nothing of the signatures in its store', async () => {
      const card = 'canary-of-the-card-0017';
      const secret = { approver: 'last4', log: 'hidden', model: 'hidden', audit: 'hidden' } as const;
      const { decisionId, digest } = await pending({
        params: { card, n: 1n },
        originalParams: { card, n: 2n },
        sensitive: { '/card': secret },
        auditSalt: 'canary-of-the-salt',
      });
      const lines = (await run('approvals', 'show', decisionId)).stdout;
      const shown = await json('approvals', 'show', decisionId);
      const masked = '(hidden, but for the end: …0017)';
      expect(shown).to.deep.include({
        digest,
        status: 'pending',
        hidden: ['/card'],
        params: { card: masked, n: '1' },
        originalParams: { card: masked, n: '2' },
      });
      expect(lines + JSON.stringify(shown)).to.not.contain('canary');
      expect(shown).to.not.have.any.keys('mac', 'bindingDigest', 'sensitive');
    });

    it('approves what its guard hides for who says how many values that are', async () => {
      const hidden = { approver: 'hidden', log: 'hidden', model: 'hidden', audit: 'hidden' } as const;
      for (const [params, message] of [
        [{ iban: 'DE00' }, '1 value of this approval is hidden from you'],
        [{ iban: 'DE00', bic: 'X' }, '2 values of this approval are hidden from you'],
      ] as const) {
        const [decisionId, count] = [`d${message.length}`, Object.keys(params).length];
        const { digest } = await pending({ decisionId, params, originalParams: params, sensitive: { '/iban': hidden, '/bic': hidden } });
        const code = ['--code', digest.slice(0, 4)];
        for (const more of [[], ['--acknowledge-hidden', '7']])
          expect((await run('approvals', 'approve', decisionId, ...code, ...more)).stderr).to.include(message);
        const given = await json('approvals', 'approve', decisionId, ...code, '--acknowledge-hidden', String(count));
        expect(given).to.include({ status: 'approved' });
      }
    });

    it('selects by agent and tool, and says where there may be more', async () => {
      await pending({ decisionId: 'd1', agentId: 'one', toolName: 'x', expiresAtMs: Date.now() + 90 * 3_600_000 });
      await pending({ decisionId: 'd2', agentId: 'two', toolName: 'y' });
      const ids = async (...args: string[]): Promise<unknown> =>
        (await json('approvals', 'list', ...args)).approvals.map((a: ApprovalRecord) => a.decisionId);
      expect(await ids('--agent', 'one')).to.deep.equal(['d1']);
      expect(await ids('--tool', 'y')).to.deep.equal(['d2']);
      const { stdout } = await run('approvals', 'list', '--limit', '1');
      expect(stdout).to.include('1 pending approval, or more: raise --limit').and.include('90 h left');
    });

    const wrong: [readonly string[], string][] = [
      [['list', '--status', 'open'], '--status must be one of pending'],
      [['list', '--limit', '0'], '--limit must be'],
      [['list', '--limit', '1001'], '--limit must be'],
      [['list', '--limit', 'x'], '--limit must be'],
      [['show', 'x'], 'there is no approval with this id'],
      [['approve', 'x', '--code', 'abcd'], 'there is no approval with this id'],
      [['deny', 'x', '--code', 'abcd'], "unknown option '--code'"],
    ];
    for (const [args, message] of wrong)
      it(`refuses ${args.join(' ')}`, async () => {
        await asServer(async () => {});
        expect(await fail('approvals', ...args)).to.include(message);
      });

    it('ignores an approval that was written without the state key', async () => {
      const record = await pending();
      process.env['AEGIS_STATE_KEY'] = 'another state key of 32 characters!!';
      try {
        expect(await fail('approvals', 'show', record.decisionId)).to.include('there is no approval with this id');
        expect((await run('approvals', 'list')).stdout).to.equal('0 pending approvals\n');
      } finally {
        delete process.env['AEGIS_STATE_KEY'];
      }
    });
  });

  describe('of tenants', () => {
    const config = (): string => join(folder, 'aegis.config.json');
    beforeEach(() =>
      writeFileSync(config(), JSON.stringify({ tenants: { one: { policies: 'p' }, two: { policies: 'p' } }, data: data() })),
    );
    const ofTenant = (...args: string[]) => runAegis([...args, '--config', config()]);

    it('want the tenant to be named, and reach nothing of another one', async () => {
      await asServer(async () => {});
      expect((await ofTenant('keys', 'list')).stderr).to.include('name one with --tenant: one, two');
      expect((await ofTenant('keys', 'list', '--tenant', 'twoo')).stderr).to.include("did you mean 'two'?");
      expect((await ofTenant('keys', 'list', '--tenant', 'something')).stderr).to.include('there is one, two');
      expect((await ofTenant('keys', 'create', '--tenant', 'one', '--name', 'n', '--all-agents')).code).to.equal(0);
      expect((await ofTenant('keys', 'list', '--tenant', 'one')).stdout).to.include('active');
      expect((await ofTenant('keys', 'list', '--tenant', 'two')).stdout).to.include('no keys');
      expect((await ofTenant('approvals', 'list', '--tenant', 'one')).stdout).to.equal('0 pending approvals\n');
    });
  });

  describe('aegis backup and migrate', () => {
    it('copy a store in use, which then opens with the same rows', async () => {
      const record = await pending();
      const copy = join(folder, 'copy.db');
      await asServer(async () => {
        const { code, stdout, stderr } = await run('backup', copy);
        expect(code, stderr).to.equal(0);
        expect(stdout).to.include(`${copy}: `).and.include('bytes');
        expect(stderr).to.include('100 %');
      });
      expect(await fail('backup', copy)).to.include('it exists already');
      const other = await json('backup', join(folder, 'copy2.db'));
      expect(other.bytes).to.equal(statSync(join(folder, 'copy2.db')).size);
      const restored = await runAegis(['approvals', 'show', record.decisionId, '--data', data(), '--store', copy]);
      expect(restored.stdout).to.include(`Digest    ${record.digest}`);
    });

    it('say which version the store is at', async () => {
      const store = join(folder, 'new.db');
      const first = await runAegis(['migrate', '--data', data(), '--store', store]);
      expect(first.stdout).to.match(/^the store is at version \d+ now, and was at 0\n$/);
      expect((await runAegis(['migrate', '--data', data(), '--store', store])).stdout).to.match(/^the store is at version \d+ already\n$/);
      const { from, to } = JSON.parse((await runAegis(['migrate', '--data', data(), '--store', store, '--json'])).stdout);
      expect(from).to.equal(to);
    });

    it('refuse a store in memory, and leave a backup of Postgres to Postgres', async () => {
      expect(await fail('backup', join(folder, 'x'), '--store', 'memory')).to.include('cannot be copied');
      expect(await fail('migrate', '--store', 'memory')).to.include('nothing to migrate');
      expect(await fail('backup', join(folder, 'x'), '--store', 'postgres://canary@nowhere/x'))
        .to.include('pg_dump')
        .and.not.include('canary');
      expect(existsSync(join(folder, 'x'))).to.equal(false);
    });
  });

  describe('where there is nothing', () => {
    it('say how to start', async () => {
      expect(await fail('keys', 'list')).to.include('no server has kept anything here; start one with npx aegis serve');
      expect(await fail('keys', 'list', '--store', 'memory')).to.include('no server runs here');
      expect(await fail('health')).to.include('no server has run here');
      expect(await failureOf(['keys', 'list', '--data', join(folder, 'other')])).to.include('there is no state key for this folder');
    });

    it('follow the server that ran here last, if it says where', async () => {
      writeRunFile(data(), { pid: 1, url: 'http://127.0.0.1:1', store: 'postgres' });
      expect(await fail('keys', 'list')).to.include('set AEGIS_SERVER_STORE');
      const elsewhere = join(folder, 'elsewhere.db');
      writeRunFile(data(), { pid: 1, url: 'http://127.0.0.1:1', store: { sqlite: elsewhere } });
      expect(await fail('keys', 'list')).to.include('no server has kept anything here');
      await runAegis(['migrate', '--data', data(), '--store', elsewhere]);
      expect((await run('keys', 'list')).stdout).to.include('no keys');
      writeRunFile(data(), { pid: 1, url: 'http://127.0.0.1:1', store: 'memory' });
      expect(await fail('keys', 'list')).to.include('http://127.0.0.1:1: the server does not answer');
    });

    it('take no word of a file that says anything else', () => {
      const odd: unknown[] = [
        '',
        '[]',
        '{',
        { pid: 1 },
        { pid: 1, url: 'http://10.0.0.1:1', store: 'memory' },
        { pid: 1, url: 'x', store: 'memory' },
      ];
      for (const content of odd) {
        writeFileSync(join(data(), 'server.json'), typeof content === 'string' ? content : JSON.stringify(content));
        expect(readRunFile(data())).to.equal(undefined);
      }
      writeRunFile(data(), { pid: 7, url: 'http://[::1]:1', store: 'memory' });
      removeRunFile(data(), 8);
      expect(readRunFile(data())?.pid).to.equal(7);
      removeRunFile(data(), 7);
      expect(readRunFile(data())).to.equal(undefined);
    });
  });

  it('know who may decide from the same configuration as the server', async () => {
    const { decisionId, digest } = await pending({ policies: [{ id: 'p', hash: 'h', approvers: ['leads'] }] });
    writeFileSync(join(folder, 'aegis.config.mjs'), 'export default { mayApprove: () => false };');
    const { stderr } = await runAegis([
      'approvals',
      'approve',
      decisionId,
      '--code',
      digest.slice(0, 4),
      '--data',
      data(),
      '--config',
      join(folder, 'aegis.config.mjs'),
    ]);
    expect(stderr).to.include('You are not an approver');
    const desk = await asServer(async ({ approvals }) => new ApprovalDesk(approvals).get(decisionId));
    expect(desk?.status).to.equal('pending');
  });
});
