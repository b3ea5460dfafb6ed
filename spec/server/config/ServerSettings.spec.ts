import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkExposure, readServerSettings } from '../../../lib/server/config/ServerSettings.js';
import type { ServerFlags, ServerSettings } from '../../../lib/server/config/ServerSettings.js';
import type { ServerConfig } from '../../../lib/server/config/ServerConfig.js';
import { rejection } from '../../support/rejection.js';

describe('The settings of a server', () => {
  let folder: string;
  const at = (name: string): string => join(folder, name);
  const write = (name: string, content: unknown): void =>
    writeFileSync(at(name), typeof content === 'string' ? content : JSON.stringify(content));
  const load = (url: string): Promise<Readonly<Record<string, unknown>>> => import(url) as never;
  const read = (flags: ServerFlags = {}, env: Record<string, string> = {}): Promise<ServerSettings> =>
    readServerSettings({ flags, env, folder, load });
  const faults = async (flags: ServerFlags = {}, env: Record<string, string> = {}): Promise<string> => {
    const error = await rejection(read(flags, env));
    expect(error.name).to.equal('ConfigError');
    return error.message;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aegis-settings-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are these without any configuration', async () => {
    const settings = await read();
    expect(settings).to.deep.equal({
      configFile: undefined,
      listen: { host: '127.0.0.1', port: 4180 },
      publicUrl: undefined,
      dataFolder: at('.aegis'),
      store: undefined,
      stateKeyFile: undefined,
      tls: undefined,
      insecureHttp: false,
      historyMs: 90 * 86_400_000,
      logLevel: 'info',
      audit: { folder: undefined, mode: 'required', origin: 'aegis-server' },
      tenants: settings.tenants,
    });
    expect([...settings.tenants.keys()]).to.deep.equal(['default']);
    expect(settings.tenants.get('default')?.policies).to.equal(undefined);
  });

  it('are those of a flag, else of the environment, else of the file', async () => {
    write('aegis.config.json', {
      listen: 1,
      policies: 'file',
      store: 'memory',
      data: 'd',
      logLevel: 'error',
      insecureHttp: true,
      stateKeyFile: 'k',
    });
    const file = await read();
    expect(file).to.deep.include({
      configFile: at('aegis.config.json'),
      listen: { host: '127.0.0.1', port: 1 },
      store: { kind: 'memory' },
      dataFolder: at('d'),
      logLevel: 'error',
      insecureHttp: true,
      stateKeyFile: at('k'),
    });
    expect(file.tenants.get('default')?.policies).to.equal(at('file'));
    const env = {
      AEGIS_SERVER_LISTEN: '0.0.0.0:2',
      AEGIS_SERVER_POLICIES: 'env',
      AEGIS_SERVER_STORE: 'env.db',
      AEGIS_SERVER_INSECURE_HTTP: 'off',
      AEGIS_SERVER_LOG_LEVEL: 'DEBUG',
      AEGIS_SERVER_PUBLIC_URL: 'https://a.example/x',
    };
    const environment = await read({}, env);
    expect(environment).to.deep.include({ listen: { host: '0.0.0.0', port: 2 }, insecureHttp: false, logLevel: 'debug' });
    expect(environment.store).to.deep.equal({ kind: 'sqlite', path: at('env.db') });
    expect(environment.publicUrl?.href).to.equal('https://a.example/x');
    expect(environment.tenants.get('default')?.policies).to.equal(at('env'));
    const flags = await read({ listen: '[::1]:3', policies: 'flag', store: 'postgres://u:canary@h/d', insecureHttp: true }, env);
    expect(flags).to.deep.include({ listen: { host: '::1', port: 3 }, insecureHttp: true });
    expect(flags.tenants.get('default')?.policies).to.equal(at('flag'));
    expect(flags.store?.kind === 'postgres' && flags.store.url.reveal()).to.equal('postgres://u:canary@h/d');
    expect(JSON.stringify(flags)).to.not.include('canary');
  });

  it('are those of a module, with its functions, and of tenants', async () => {
    write('aegis.config.mjs', `export default { tenants: { a: { policies: './p', facts: () => ({}) }, b: { policies: 'q' } } };`);
    const { tenants } = await read();
    expect([...tenants].map(([id, { policies }]) => [id, policies])).to.deep.equal([
      ['a', at('p')],
      ['b', at('q')],
    ]);
    expect(tenants.get('a')?.facts).to.be.a('function');
    write('other.mjs', 'export default { listen: "a:5" };');
    expect((await read({ config: 'other.mjs' })).listen).to.deep.equal({ host: 'a', port: 5 });
    expect((await read({}, { AEGIS_SERVER_CONFIG: 'other.mjs' })).listen.port).to.equal(5);
  });

  it('take the URL of the database from a file', async () => {
    write('url', 'postgres://canary\n');
    const { store } = await read({}, { AEGIS_SERVER_STORE_FILE: 'url' });
    expect(store?.kind).to.equal('postgres');
    expect((await read({ store: 'memory' }, { AEGIS_SERVER_STORE_FILE: 'url' })).store).to.deep.equal({ kind: 'memory' });
    expect(await faults({}, { AEGIS_SERVER_STORE_FILE: 'url', AEGIS_SERVER_STORE: 'x' })).to.include('are both set');
    expect(await faults({}, { AEGIS_SERVER_STORE_FILE: 'nothing' })).to.include('cannot be read (ENOENT)');
  });

  it('take the files of TLS, both or neither', async () => {
    expect((await read({ tlsCert: 'c', tlsKey: 'k' })).tls).to.deep.equal({ cert: at('c'), key: at('k') });
    expect(await faults({ tlsCert: 'c' })).to.include('--tls-key');
    expect(await faults({}, { AEGIS_SERVER_TLS_KEY: 'k' })).to.include('--tls-cert');
  });

  const refused: [string, ServerFlags, Record<string, string>, string][] = [
    [
      'an unknown variable',
      {},
      { AEGIS_SERVER_LISTN: 'canary' },
      "AEGIS_SERVER_LISTN: There is no such variable; did you mean 'AEGIS_SERVER_LISTEN'?",
    ],
    ['one that is far from all', {}, { AEGIS_SERVER_XXXXXXXXXXXXXXXXXXXXXXXXXX: '' }, 'the variables are AEGIS_SERVER_CONFIG'],
    ['a port', { listen: '65536' }, {}, '--listen: must be a port'],
    ['a host without a port', {}, { AEGIS_SERVER_LISTEN: 'canary' }, 'AEGIS_SERVER_LISTEN: must be a port'],
    ['a public URL', { publicUrl: 'canary' }, {}, '--public-url: must be an http or https URL'],
    ['a public URL with a password', { publicUrl: 'https://u:canary@a.example' }, {}, '--public-url: must be'],
    ['a public URL of another kind', { publicUrl: 'ftp://a.example' }, {}, '--public-url: must be'],
    ['a switch', {}, { AEGIS_SERVER_INSECURE_HTTP: 'canary' }, 'AEGIS_SERVER_INSECURE_HTTP: must be true'],
    ['a level', { logLevel: 'warnin' }, {}, "--log-level: must be one of debug, info, warning, error; did you mean 'warning'?"],
    ['a level that is far from all', { logLevel: 'canary-of-all' }, {}, '--log-level: must be one of debug, info, warning, error.'],
    ['a file that is not there', { config: 'none.mjs' }, {}, 'There is no such file'],
    ['a JSON file that is not there', { config: 'none.json' }, {}, 'cannot be read (ENOENT)'],
  ];
  for (const [what, flags, env, message] of refused)
    it(`refuse ${what}, and quote nothing of it`, async () => {
      const said = await faults(flags, env);
      expect(said).to.include(message);
      expect(said).to.not.include('canary');
    });

  const files: [string, string, unknown, string][] = [
    ['text that is not JSON', 'aegis.config.json', '{"listen": canary', 'aegis.config.json'],
    ['a name twice', 'aegis.config.json', '{"listen": 1, "listen": 2}', 'aegis.config.json'],
    ['an option that does not exist', 'aegis.config.json', { polices: 'canary' }, "polices: is not an option; did you mean 'policies'?"],
    ['an option of another kind', 'aegis.config.json', { tools: ['canary'] }, 'tools: must be a plain object'],
    ['a function in JSON', 'aegis.config.json', { facts: 'canary' }, 'facts: must be a function'],
    [
      'an option of a tenant',
      'aegis.config.json',
      { tenants: { a: { policis: 'canary' } } },
      "tenants.a: policis: is not an option; did you mean 'policies'?",
    ],
    ['a tenant with an odd id', 'aegis.config.json', { tenants: { 'a/b': {} } }, 'The id of a tenant must be'],
    ['no tenants', 'aegis.config.json', { tenants: {} }, 'tenants: has no tenant'],
    ['a tenant without policies', 'aegis.config.json', { tenants: { a: {} } }, 'tenants.a: has no `policies`'],
    [
      'an option beside tenants',
      'aegis.config.json',
      { tenants: { a: { policies: 'p' } }, agents: {} },
      'agents: is given beside `tenants`',
    ],
    ['a module without a default export', 'aegis.config.mjs', 'export const listen = 1;', 'has no default export'],
    ['a module that throws', 'aegis.config.mjs', 'throw new RangeError("canary");', 'cannot be loaded (RangeError)'],
    ['a module that throws a text', 'aegis.config.mjs', 'throw "canary";', 'cannot be loaded (it threw a value that is not an Error)'],
    ['a module that throws nothing', 'aegis.config.mjs', 'throw undefined;', 'cannot be loaded (it threw a value that is not an Error)'],
    ['a module that imports what is not there', 'aegis.config.mjs', 'import "./canary.js";', 'cannot be loaded (ERR_MODULE_NOT_FOUND)'],
  ];
  for (const [what, name, content, message] of files)
    it(`refuse a file with ${what}, and quote nothing of it`, async () => {
      write(name, content);
      const said = await faults();
      expect(said).to.include(message);
      expect(said).to.not.include('canary');
    });

  it('refuse two files in one folder', async () => {
    write('aegis.config.json', {});
    write('aegis.config.mjs', 'export default {};');
    expect(await faults()).to.include('are both configurations of this folder');
    expect((await read({ config: 'aegis.config.json' })).configFile).to.equal(at('aegis.config.json'));
  });

  it('know that every option of a file is documented as a kind', async () => {
    const whole: Required<ServerConfig> = {
      policies: 'p',
      agents: {},
      tools: {},
      facts: () => ({}),
      factsTimeoutMs: 1,
      approverGroups: {},
      mayApprove: () => true,
      directory: { personOf: () => undefined, hasPeople: () => false },
      oidc: { issuer: 'https://login.example.com', clientId: 'aegis' },
      requireRequester: true,
      requireKnownRequester: true,
      maxPendingPerTool: 1,
      denialTtlMs: 0,
      onLoosened: 'hold',
      notify: {},
      autoHalt: { after: 3, withinMs: 60_000 },
      listen: '1',
      publicUrl: 'https://a.example',
      data: 'd',
      store: 'sqlite:s',
      stateKeyFile: 'k',
      tlsCert: 'c',
      tlsKey: 't',
      insecureHttp: false,
      historyMs: 5,
      logLevel: 'info',
      audit: { folder: 'log', mode: 'best-effort', origin: 'acme.example/aegis' },
      tenants: { default: { policies: 'p' } },
    };
    const { tenants, ...one } = whole;
    write('aegis.config.json', { tenants });
    expect((await read()).tenants.size).to.equal(1);
    const settings = await readServerSettings({
      flags: { config: 'x.mjs' },
      env: {},
      folder,
      load: () => {
        throw new Error('not this one');
      },
    }).catch(() => undefined);
    expect(settings).to.equal(undefined);
    write('x.mjs', '');
    const loaded = await readServerSettings({ flags: { config: 'x.mjs' }, env: {}, folder, load: async () => ({ default: one }) });
    const audit = { folder: at('log'), mode: 'best-effort', origin: 'acme.example/aegis' };
    expect(loaded).to.deep.include({ store: { kind: 'sqlite', path: at('s') }, historyMs: 5, audit });
    expect(loaded.tenants.get('default')?.mayApprove).to.equal(one.mayApprove);
  });

  it('keep an audit log unless the file says that there is none, in the folder of the flag, the environment or the file', async () => {
    const usual = { folder: undefined, mode: 'required', origin: 'aegis-server' };
    expect((await read()).audit).to.deep.equal(usual);
    expect((await read({ audit: 'flag' }, { AEGIS_SERVER_AUDIT: 'env' })).audit).to.deep.equal({ ...usual, folder: at('flag') });
    expect((await read({}, { AEGIS_SERVER_AUDIT: 'env' })).audit).to.deep.equal({ ...usual, folder: at('env') });
    expect((await read({}, { AEGIS_SERVER_AUDIT: '' })).audit).to.deep.equal(usual);
    write('aegis.config.json', { audit: 'file' });
    expect((await read()).audit).to.deep.equal({ ...usual, folder: at('file') });
    write('aegis.config.json', { audit: { mode: 'best-effort' } });
    expect((await read({ audit: 'flag' })).audit).to.deep.equal({ ...usual, folder: at('flag'), mode: 'best-effort' });
    write('aegis.config.json', { audit: false });
    expect((await read()).audit).to.equal(false);
    expect((await read({ audit: 'flag' })).audit).to.deep.equal({ ...usual, folder: at('flag') });
    const refused: readonly (readonly [unknown, string])[] = [
      [true, 'must be a folder, { folder, mode, origin } or false'],
      ['', 'audit: must be'],
      [1, 'audit: must be'],
      [{ mode: 'off' }, 'mode: must be'],
      [{ folder: '' }, 'folder: must be'],
      [{ dir: 'x' }, 'dir: is not an option'],
    ];
    for (const [audit, message] of refused) {
      write('aegis.config.json', { audit });
      expect(await faults(), JSON.stringify(audit)).to.include(message);
    }
  });

  it('are checked for what is safe off loopback', async () => {
    for (const listen of ['1', 'localhost:1', '[::1]:1', '127.0.0.2:1']) checkExposure(await read({ listen }), false);
    const bare = await read({ listen: '0.0.0.0:1' });
    expect(() => checkExposure(bare, false)).to.throw(/--tls-cert[^]*AEGIS_STATE_KEY[^]*--public-url/);
    const publicUrl = 'https://a.example';
    checkExposure(await read({ listen: '0.0.0.0:1', insecureHttp: true, publicUrl }), true);
    checkExposure(await read({ listen: '[::]:1', tlsCert: 'c', tlsKey: 'k', publicUrl }), true);
    const noKey = await read({ listen: '[::]:1', tlsCert: 'c', tlsKey: 'k', publicUrl });
    expect(() => checkExposure(noKey, false)).to.throw('the state key must be your own');
  });
});
