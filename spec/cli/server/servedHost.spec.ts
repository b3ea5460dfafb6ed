import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeRunFile } from '../../../lib/cli/server/RunFile.js';
import { serverAccess } from '../../../lib/server/access/serverAccess.js';
import { hostCaller } from '../../../lib/server/access/HostSignature.js';
import { makeStateKey } from '../../../lib/server/config/stateKey.js';
import { keyRoutes } from '../../../lib/server/route/keys.js';
import { probeRoutes } from '../../../lib/server/route/probes.js';
import type { Tenant } from '../../../lib/server/tenant/Tenant.js';
import { serve } from '../../support/serve.js';
import type { Served } from '../../support/serve.js';
import { MapRecordStore } from '../../server/access/MapRecordStore.js';
import { failureOf, runAegis } from '../runAegis.js';

describe('The commands for a server that keeps everything in memory', function () {
  this.timeout(20_000);
  let folder: string;
  let served: Served;
  let notReady: string | undefined;
  let access: ReturnType<typeof serverAccess>;
  const run = (...args: string[]) => runAegis([...args, '--data', folder]);
  const json = async (...args: string[]): Promise<any> => {
    const { code, stdout, stderr } = await run(...args, '--json');
    expect(code, stderr).to.equal(0);
    return JSON.parse(stdout);
  };
  const find = (key: string) =>
    access.authenticator
      .authenticate({
        headers: new Headers({ 'x-api-key': key }),
        address: '127.0.0.1',
        method: 'GET',
        path: '/',
        body: () => '',
        site: () => ({ origin: 'http://127.0.0.1', base: '', nonce: '' }),
      })
      .catch(() => undefined);

  before(async () => {
    folder = join(mkdtempSync(join(tmpdir(), 'aegis-served-')), 'project', '.aegis');
    mkdirSync(folder, { recursive: true });
    process.env['XDG_CONFIG_HOME'] = join(folder, '..', '..', 'config');
    const { key: stateKey } = makeStateKey(process.env, folder);
    access = serverAccess({ stateKey, tenants: [{ id: 'default', records: new MapRecordStore() }] });
    const { ringOf, authenticator } = access;
    const routes = [...keyRoutes({ ringOf }), ...probeRoutes({ notReady: () => notReady, capabilities: [] })];
    served = await serve({
      routes,
      tenants: [{ id: 'default' } as Tenant],
      authenticate: (request) => authenticator.authenticate(request),
    });
    writeRunFile(folder, { pid: process.pid, url: served.url, store: 'memory' });
  });
  after(async () => {
    delete process.env['XDG_CONFIG_HOME'];
    await served.close();
    rmSync(join(folder, '..', '..'), { recursive: true });
  });

  it('make, list, rotate and revoke keys over loopback, signed with the state key', async () => {
    const made = await json('keys', 'create', '--name', 'shop', '--agent', 'a', '--expires-in-days', '1', '--trusted-session');
    expect(await find(made.key)).to.deep.include({ agents: ['a'], sessionTrusted: true });
    expect((await json('keys', 'create', '--name', 'all', '--all-agents')).agents).to.equal(null);
    expect((await json('keys', 'list')).keys.map(({ name }: { name: string }) => name)).to.deep.equal(['shop', 'all']);
    const rotated = await json('keys', 'rotate', made.id, '--overlap-hours', '0');
    expect([await find(made.key), (await find(rotated.key))?.id]).to.deep.equal([undefined, made.id]);
    expect((await json('keys', 'rotate', made.id)).id).to.equal(made.id);
    expect((await json('keys', 'revoke', made.id)).status).to.equal('revoked');
    expect((await run('keys', 'revoke', 'x')).stderr).to.include('the server answered 404: There is no such key');
  });

  it('are refused with another state key', async () => {
    process.env['AEGIS_STATE_KEY'] = 'another state key of 32 characters!!';
    try {
      expect((await run('keys', 'list')).stderr).to.include('the server answered 401: The signature of this request is not valid');
    } finally {
      delete process.env['AEGIS_STATE_KEY'];
    }
  });

  it('list more than a page', async () => {
    const maker = hostCaller({ user: 'x', tenantId: 'default' });
    for (let i = 0; i < 3; i++) await access.ringOf('default').create({ name: `n${i}`, scopes: ['decide'] }, maker);
    expect((await json('keys', 'list')).keys.length).to.be.at.least(3);
  });

  it('say whether it can decide, by the exit code', async () => {
    expect(await run('health')).to.deep.equal({ code: 0, stdout: 'ready\n', stderr: '' });
    expect(await json('health', '--url', served.url)).to.deep.equal({ ready: true, state: 'ready' });
    notReady = 'its store cannot be used';
    expect(await run('health')).to.deep.equal({ code: 1, stdout: '', stderr: 'not ready: it answered 503\n' });
    notReady = undefined;
    const { code, stdout } = await run('health', '--url', 'http://127.0.0.1:1', '--json');
    expect([code, JSON.parse(stdout)]).to.deep.equal([1, { ready: false, state: 'it does not answer' }]);
    for (const url of ['canary', 'ftp://canary'])
      expect(await failureOf(['health', '--url', url]))
        .to.include('--url must be')
        .and.not.include('canary');
  });

  it('say what a server that is not one of this package answers', async () => {
    let answer: readonly [number, string] = [200, ''];
    const other = createServer((_, response) => void response.writeHead(answer[0]).end(answer[1]));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    writeRunFile(folder, { pid: 1, url: `http://127.0.0.1:${(other.address() as AddressInfo).port}`, store: 'memory' });
    try {
      expect((await run('keys', 'list')).stderr).to.include('the server answered no list of keys');
      answer = [500, '<html>\u001b[2J'];
      expect((await run('keys', 'list')).stderr).to.include('the server answered 500: no message');
      answer = [400, '{"message":"a\\u001b[2Jb"}'];
      expect((await run('keys', 'list')).stderr).to.not.include('\u001b');
    } finally {
      await new Promise((resolve) => other.close(resolve));
      writeRunFile(folder, { pid: process.pid, url: served.url, store: 'memory' });
    }
  });
});
