import { expect } from 'chai';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readRunFile } from '../../../lib/cli/server/RunFile.js';
import { serve } from '../../../lib/cli/server/serve.js';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { ownKeyFile } from '../../../lib/server/config/stateKey.js';
import { until } from '../../support/until.js';
import { runProgram } from '../../../lib/cli/program.js';
import { PageClient } from '../../support/PageClient.js';
import { runAegis } from '../runAegis.js';
import type { ChildResult } from '../../support/runInChild.js';

const hasSqlite = process.getBuiltinModule('node:sqlite') !== undefined;
const POLICY = '@id("all") permit (principal, action, resource);\n';

describe('aegis serve', function () {
  this.timeout(60_000);
  let folder: string;
  let policies: string;
  const data = (): string => join(folder, 'project', '.aegis');
  const run = (...args: string[]): Promise<ChildResult> => runAegis(['serve', ...args, '--data', data()], { serve });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aegis-serve-'));
    policies = join(folder, 'policies');
    mkdirSync(policies);
    writeFileSync(join(policies, 'all.cedar'), POLICY);
    process.env['XDG_CONFIG_HOME'] = join(folder, 'config');
  });
  afterEach(() => {
    delete process.env['XDG_CONFIG_HOME'];
    delete process.env['AEGIS_STATE_KEY'];
    rmSync(folder, { recursive: true });
  });

  /** Serves in this process while `use` runs, then stops it as a signal would. */
  async function serving(
    args: readonly string[],
    use: (url: string) => Promise<void>,
    terminal: { readonly ask?: () => Promise<string> } = {},
  ): Promise<ChildResult> {
    let [stdout, stderr] = ['', ''];
    const io = {
      out: (text: string) => void (stdout += text),
      err: (text: string) => void (stderr += text),
      beforeForeignCode: () => {},
      ...terminal,
    };
    const ended = runProgram(['serve', ...args, '--data', data(), '--listen', '127.0.0.1:0'], io, { serve });
    try {
      await Promise.race([ended, until(() => stdout !== '')]);
      await use(readRunFile(data())?.url ?? '');
    } finally {
      process.emit('SIGTERM', 'SIGTERM');
    }
    return { code: await ended, stdout, stderr };
  }

  it('serves a folder without any configuration, and prints the line for a program', async () => {
    const { code, stdout, stderr } = await serving([policies], async (url) => {
      expect((await runAegis(['health', '--data', data()])).stdout).to.equal('ready\n');
      expect((await fetch(`${url}/v1/keys`)).status).to.equal(401);
    });
    expect(code, stderr).to.equal(0);
    expect(stdout).to.include('development mode').and.include('; watched').and.include('npx aegis approvals list');
    const [, baseUrl, apiKey] = /AegisModule\.configure\(\{ baseUrl: '([^']+)', apiKey: '(aeg_[^']+)' \}\)/.exec(stdout) ?? [];
    expect(baseUrl).to.match(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(apiKey).to.be.a('string');
    if (process.platform !== 'win32') expect(statSync(data()).mode & 0o777).to.equal(0o700);
    expect(stdout).to.include(ownKeyFile(process.env, data()));
    expect(stdout).to.include(hasSqlite ? '(SQLite)' : 'memory: approvals and keys end with this process');
    if (!hasSqlite) return expect(readRunFile(data())).to.equal(undefined);
    // the second start has the same key, and does not show it again
    const again = await serving([policies], async () => {});
    expect(again.stdout).to.include('npx aegis keys list').and.not.include('aeg_');
  });

  it('keeps an audit log in its data folder, says so, and goes on with it after a restart', async () => {
    const { stdout } = await serving([policies], async () => {});
    expect(stdout).to.match(/audit log .*audit\n/);
    expect(stdout).to.match(/audit key .*audit-keys.*\.key\n/);
    const kinds = (): readonly string[] =>
      readFileSync(join(data(), 'audit', 'w0', 'records-000000.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { kind: string }).kind);
    expect(kinds().slice(0, 2)).to.deep.equal(['started', 'policies']);
    expect(kinds().at(-1)).to.equal('closed');
    expect(readFileSync(join(data(), 'audit', 'key.pub'), 'utf8')).to.match(/^[\w-]{43}\n$/);
    const before = kinds().length;
    await serving([policies], async () => {});
    expect(kinds().slice(before, before + 2)).to.deep.equal(['started', 'policies']);
    const elsewhere = join(folder, 'elsewhere');
    await serving([policies, '--audit', elsewhere], async () => {});
    expect(existsSync(join(elsewhere, 'w0'))).to.equal(true);
  });

  it('turns the audit log off only where no policy asks for an approval', async () => {
    const config = join(folder, 'aegis.config.json');
    writeFileSync(config, JSON.stringify({ audit: false }));
    const { stdout } = await serving([policies, '--config', config], async () => {});
    expect(stdout).to.include('audit log none');
    expect(existsSync(join(data(), 'audit'))).to.equal(false);
    writeFileSync(
      join(policies, 'ask.cedar'),
      '@id("ask") @effect("approval_needed") @reason("r") forbid (principal, action, resource);\n',
    );
    const refused = await run(policies, '--config', config);
    expect(refused.code).to.equal(2);
    expect(refused.stderr).to.include("audit: cannot be false: policy 'ask' asks for an approval");
    const blocked = join(folder, 'blocked');
    writeFileSync(blocked, '');
    expect((await run(policies, '--audit', join(blocked, 'x'))).stderr).to.include('cannot be written');
  });

  it('prints the link by which the first person comes, or keeps it in a file of this user where there is no terminal', async () => {
    const terminal = { ask: async () => '' };
    const { stdout } = await serving([policies, '--store', 'memory'], async () => {}, terminal);
    expect(stdout).to.match(/open this link; it works once, for 15 minutes:\n  http:\/\/localhost:\d+\/bootstrap#[\w-]{43}\n/);
    const file = join(data(), 'setup-link.txt');
    expect(existsSync(file)).to.equal(false);
    let link = '';
    const piped = await serving([policies, '--store', 'memory'], async (url) => {
      link = readFileSync(file, 'utf8').trim();
      if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).to.equal(0o600);
      const client = new PageClient(url.replace('127.0.0.1', 'localhost'));
      await client.open('/bootstrap');
      await client.submit('/bootstrap', { secret: new URL(link).hash.slice(1), name: '', how: 'enter' });
      expect([...client.cookies.keys()]).to.deep.equal(['aegis-local']);
    });
    expect(piped.stdout).to.include('setup-link.txt').and.not.include(new URL(link).hash.slice(1));
  });

  it('lets a program in by the key that it printed, and keeps all in memory where it is told to', async () => {
    const lines: string[] = [];
    const io = { out: (text: string) => void lines.push(text), err: () => {}, beforeForeignCode: () => {} };
    const ended = serve(policies, { data: data(), store: 'memory', listen: '0' }, io);
    await until(() => lines.length > 0);
    const [, baseUrl = '', apiKey = ''] = /baseUrl: '([^']+)', apiKey: '([^']+)'/.exec(lines.join('')) ?? [];
    const module = AegisModule.create({ baseUrl, apiKey, agentId: 'a' });
    const call = guard(async (text: string) => `ran ${text}`, { toolName: 't', params: ['text'], approval: 'wait', module });
    expect(await call('it')).to.equal('ran it');
    await module.close();
    expect((await runAegis(['keys', 'list', '--data', data()])).stdout).to.include('development');
    process.emit('SIGINT', 'SIGINT');
    expect(await ended).to.equal(0);
    // nothing is left to find
    expect(readRunFile(data())).to.equal(undefined);
  });

  it('has no key of its own where tenants are configured, and names where each has its policies', async () => {
    const config = join(folder, 'aegis.config.json');
    writeFileSync(config, JSON.stringify({ tenants: { one: { policies }, two: { policies } }, store: 'memory' }));
    process.env['AEGIS_STATE_KEY'] = 'a state key that has 32 characters';
    const { stdout } = await serving(['--config', config, '--public-url', 'https://aegis.example'], async () => {});
    expect(stdout).to.include('(one)').and.include('(two)').and.include('of AEGIS_STATE_KEY').and.include('at https://aegis.example/');
    expect(stdout).to.not.include('development mode');
  });

  it('warns of a state key that others can read', async function () {
    if (process.platform === 'win32') this.skip();
    const file = join(folder, 'key');
    writeFileSync(file, 'a state key that has 32 characters', { mode: 0o644 });
    const { stdout } = await serving([policies, '--store', 'memory', '--state-key-file', file], async () => {});
    expect(stdout).to.include('other users of this machine can read the state key');
  });

  describe('ends with one message and exit code 2 where', () => {
    const failing = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await run(...args);
      expect({ code, stdout }, stderr).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr).to.match(/^(?:aegis: .*\n)+$/);
      return stderr;
    };

    it('the port is in use', async () => {
      const other = createServer();
      await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
      const { port } = other.address() as AddressInfo;
      expect(await failing(policies, '--store', 'memory', '--listen', String(port))).to.include(String(port));
      await new Promise((done) => other.close(done));
    });

    it('there are no policies, or they do not load', async () => {
      expect(await failing()).to.include('serve needs policies: npx aegis serve ./policies');
      expect(await failing(policies, '--demo')).to.include('--demo has policies of its own');
      expect(await failing(join(folder, 'nothing'))).to.include('nothing');
      writeFileSync(join(policies, 'broken.cedar'), 'permit (');
      expect(await failing(policies)).to.include('broken.cedar');
    });

    it('it would be unsafe off loopback', async () => {
      const said = await failing(policies, '--listen', '0.0.0.0:0');
      expect(said).to.include('--tls-cert').and.include('AEGIS_STATE_KEY').and.include('--public-url');
    });

    it('the files of TLS cannot be read', async () => {
      expect(await failing(policies, '--store', 'memory', '--tls-cert', join(folder, 'c'), '--tls-key', join(folder, 'k'))).to.include(
        'there is no such file',
      );
    });

    it('the state key of a store is missing', async () => {
      expect(await failing(policies, '--store', 'postgres://canary@127.0.0.1:1/x'))
        .to.include('needs a state key of your own')
        .and.not.include('canary');
      const file = join(folder, 'old.db');
      writeFileSync(file, '');
      if (hasSqlite) expect(await failing(policies, '--store', file)).to.include('but not the state key that signs what is in it');
    });

    it('the store cannot be opened', async function () {
      if (!hasSqlite) return this.skip();
      process.env['AEGIS_STATE_KEY'] = 'a state key that has 32 characters';
      const file = join(folder, 'text.db');
      writeFileSync(file, 'This is not a database. '.repeat(100));
      expect(await failing(policies, '--store', file)).to.include('not a SQLite database');
    });

    it('an option or variable does not exist', async () => {
      const { code, stderr } = await run(policies, '--lsten', '1');
      expect([code, stderr]).to.deep.equal([2, "aegis: unknown option '--lsten'\n(Did you mean --listen?)\n"]);
      process.env['AEGIS_SERVER_LISTN'] = '1';
      try {
        expect(await failing(policies)).to.include("did you mean 'AEGIS_SERVER_LISTEN'?");
      } finally {
        delete process.env['AEGIS_SERVER_LISTN'];
      }
    });
  });

  describe('--demo', () => {
    const children: ChildProcess[] = [];
    afterEach(() => {
      for (const child of children.splice(0)) child.kill('SIGKILL');
    });

    /** Starts the built command in a terminal of its own. */
    function terminal(args: readonly string[], env: Record<string, string> = {}): { readonly child: ChildProcess; text(): string } {
      const child = spawn(process.execPath, [resolve('dist/cli/aegis.js'), ...args], {
        cwd: join(folder, 'project'),
        env: { ...process.env, ...env },
      });
      children.push(child);
      let text = '';
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more: string) => (text += more));
      return { child, text: () => text };
    }

    const LINE = /AEGIS_API_KEY=['"]?(aeg_[\w-]+)['"]?;? npx aegis (demo-agent --url (\S+))/;

    it('is seen in three terminals: allowed, denied, sanitized, pending, and run once it was approved, also over a kill -9', async () => {
      mkdirSync(join(folder, 'project'));
      const first = terminal(['serve', '--demo', '--listen', '127.0.0.1:0']);
      await until(() => LINE.test(first.text()));
      const [, key = '', line = '', url = ''] = LINE.exec(first.text()) ?? [];
      expect(url, first.text()).to.not.equal('');
      const agent = terminal([...line.split(' '), '--calls', '2', '--every', '0.1'], { AEGIS_API_KEY: key });
      await until(() => agent.text().split('pending ').length === 3);
      expect(agent.text()).to.match(
        /^allowed {3}order-7.*\ndenied .*customer lists never leave the shop\nsanitized replied .*\[email\].*\npending .*\npending .*\n/,
      );
      const [one = '', two = ''] = [...agent.text().matchAll(/approve (\S+)/g)].map(([, id]) => id);
      const command = async (...args: string[]): Promise<string> => {
        const { child, text } = terminal(args);
        await new Promise((done) => child.once('close', done));
        expect(child.exitCode, text()).to.equal(0);
        return text();
      };
      const approve = async (id: string): Promise<void> => {
        const [, code = ''] = /Digest {4}(\w{4})/.exec(await command('approvals', 'show', id)) ?? [];
        expect(await command('approvals', 'approve', id, '--code', code)).to.match(/^approved$/m);
      };
      const runs = (): number => agent.text().split('approved  refunded').length - 1;

      await approve(one);
      await until(() => runs() === 1);
      expect(runs(), agent.text()).to.equal(1);

      if (hasSqlite) {
        first.child.kill('SIGKILL');
        await new Promise((done) => first.child.once('close', done));
        // the store is in a file: also while no server runs
        expect(await command('approvals', 'list')).to.include(two);
        const second = terminal(['serve', '--demo', '--listen', new URL(url).port]);
        await until(() => LINE.test(second.text()));
        expect(second.text()).to.include(url);
      }
      await approve(two);
      await until(() => agent.child.exitCode !== null);
      expect([agent.child.exitCode, runs()], agent.text()).to.deep.equal([0, 2]);
      if (!hasSqlite) return;
      // each start prints a key, and of those of before only the newest goes on
      const third = terminal(['serve', '--demo', '--listen', '127.0.0.1:0']);
      await until(() => LINE.test(third.text()));
      const keys = await command('keys', 'list', '--json');
      expect([keys.split('"active"').length - 1, keys.split('"revoked"').length - 1], keys).to.deep.equal([2, 1]);
    });
  });
});
