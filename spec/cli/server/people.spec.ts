import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecretString } from '../../../lib/common/SecretString.js';
import { writeRunFile } from '../../../lib/cli/server/RunFile.js';
import { Identity } from '../../../lib/server/people/Identity.js';
import { makeStateKey } from '../../../lib/server/config/stateKey.js';
import { signedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import { rejection } from '../../support/rejection.js';
import { SoftAuthenticator } from '../../support/SoftAuthenticator.js';
import { failureOf, runAegis } from '../runAegis.js';

const hasSqlite = process.getBuiltinModule('node:sqlite') !== undefined;
const ORIGIN = 'http://localhost:4180';

describe('aegis people', function () {
  this.timeout(20_000);
  let folder: string;
  let stateKey: SecretString;
  const data = (): string => join(folder, 'project', '.aegis');
  const run = (...args: string[]) => runAegis(['people', ...args, '--data', data()]);
  const fail = (...args: string[]) => failureOf(['people', ...args, '--data', data()]);
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
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aegis-people-'));
    mkdirSync(data(), { recursive: true });
    process.env['XDG_CONFIG_HOME'] = join(folder, 'config');
    stateKey = makeStateKey(process.env, data()).key;
    await asServer(async () => {});
  });
  afterEach(() => {
    delete process.env['XDG_CONFIG_HOME'];
    rmSync(folder, { recursive: true });
  });

  /** Uses the store as a server beside the commands does. */
  async function asServer<T>(use: (identity: Identity) => Promise<T>): Promise<T> {
    const store = sqliteStore(join(data(), 'aegis.db'));
    await store.open();
    try {
      const { records } = signedTenantStore(store.forTenant('default', { forOthers: true }), { stateKey, tenantId: 'default' });
      return await use(new Identity({ tenantId: 'default', records, stateKey, isLoopback: () => true }));
    } finally {
      await store.close();
    }
  }

  const secretOf = (link: string): string => new URL(link.trim()).hash.slice(1);

  it('invites someone, who comes, is confirmed, is listed and removed', async () => {
    const { code, stdout, stderr } = await run('invite', '--name', 'Ann', '--role', 'approver', '--group', 'finance', '--user-id', 'u-1');
    expect(code, stderr).to.equal(0);
    // the link alone, so that a script can send it
    expect(stdout).to.match(/^http:\/\/localhost:4180\/invite#[\w-]{43}\n$/);
    const { invitations } = await json('list');
    expect(invitations[0]).to.deep.include({
      name: 'Ann',
      status: 'open',
      roles: ['approver'],
      groups: ['finance'],
      user_ids: ['u-1'],
      came: null,
    });
    const { id } = invitations[0];
    expect(stderr).to.include(`npx aegis people confirm ${id}`).and.not.include(secretOf(stdout));
    expect(await fail('confirm', id)).to.include('No one waits by this invitation');
    const device = new SoftAuthenticator(ORIGIN);
    const came = await asServer(async ({ invitations: links }) => {
      const response = device.create(await links.options(secretOf(stdout), 'Ann L.', ORIGIN));
      return (await links.register(secretOf(stdout), { name: 'Ann L.', origin: ORIGIN, response })).person;
    });
    expect((await run('list')).stdout)
      .to.match(/unconfirmed +no role +no group +Ann L\./)
      .and.match(/waiting +approver +finance +Ann \(Ann L\. came; host:\S+ has to confirm\)/);
    expect(await json('confirm', id)).to.deep.include({ id: came.id, status: 'active', roles: ['approver'], groups: ['finance'] });
    expect((await run('list')).stdout).to.equal(`${came.id}  active       approver  finance  Ann L.\n`);
    const text = await asServer(async ({ passkeys, sessions }) => {
      const { person, passkeyId } = await passkeys.signIn({ origin: ORIGIN, response: device.get(await passkeys.signInOptions(ORIGIN)) });
      return (await sessions.create({ personId: person.id, method: 'passkey', passkeyId })).text.reveal();
    });
    expect((await run('remove', came.id)).stdout).to.include('Ann L. is removed');
    expect(await asServer(({ sessions }) => sessions.find(text))).to.equal(undefined);
    expect((await json('list')).people[0]).to.include({ id: came.id, status: 'removed' });
    expect(await fail('remove', came.id)).to.include('This person was removed');
  });

  it('makes links for the public URL, with the name of this machine where there is none', async () => {
    writeRunFile(data(), { pid: process.pid, url: 'http://127.0.0.1:4999', store: { sqlite: join(data(), 'aegis.db') } });
    expect((await json('invite', '--name', 'Ann')).link).to.match(/^http:\/\/localhost:4999\/invite#/);
    process.env['AEGIS_SERVER_PUBLIC_URL'] = 'https://aegis.example.com/guard/';
    try {
      expect((await json('bootstrap')).link).to.match(/^https:\/\/aegis\.example\.com\/guard\/bootstrap#[\w-]{43}$/);
    } finally {
      delete process.env['AEGIS_SERVER_PUBLIC_URL'];
    }
  });

  it('lets another admin in though there are people, and replaces the link before', async () => {
    const [one, two] = [(await run('bootstrap')).stdout, (await run('bootstrap')).stdout];
    const device = new SoftAuthenticator(ORIGIN);
    const come = (link: string): Promise<unknown> =>
      asServer(async ({ setup }) => {
        const response = device.create(await setup.options(secretOf(link), 'Root', ORIGIN));
        return setup.register(secretOf(link), { name: 'Root', origin: ORIGIN, response });
      });
    expect(await rejection(come(one))).to.include({ status: 410 });
    await come(two);
    await come((await run('bootstrap')).stdout);
    const { people } = await json('list');
    expect(people.map(({ roles }: { roles: unknown }) => roles)).to.deep.equal([
      ['approver', 'admin'],
      ['approver', 'admin'],
    ]);
  });

  it('revokes an invitation, and says what is wrong with what it is given', async () => {
    expect((await run('list')).stdout).to.include('npx aegis people bootstrap');
    const { id, link } = await json('invite', '--name', 'Ann');
    expect(await json('remove', id)).to.deep.equal({ id, status: 'revoked' });
    expect(await asServer(({ invitations }) => invitations.find(secretOf(link)))).to.equal(undefined);
    expect((await json('list')).invitations).to.deep.equal([]);
    expect(await fail('invite', '--name', 'Ann', '--role', 'aprover')).to.include("did you mean 'approver'?");
    expect(await fail('invite', '--name', '\u202e')).to.include('`name` must have 1 to 128 characters');
    expect(await fail('invite', '--name', 'Ann', '--user-id', 'host:root')).to.include('are taken');
    expect(await fail('invite')).to.include('--name');
    expect(await fail('remove', 'person-none')).to.include('There is no such invitation');
    expect(await fail('confirm', 'none')).to.include('No one waits');
  });

  it('says what to do where the people are in the memory of a server that does not answer', async () => {
    writeRunFile(data(), { pid: process.pid, url: 'http://127.0.0.1:1', store: 'memory' });
    expect(await fail('list'))
      .to.include('the server does not answer')
      .and.include('npx aegis serve');
  });
});
