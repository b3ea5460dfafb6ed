import { existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { ConsoleLogger } from '../../common/Logger.js';
import type { SecretString } from '../../common/SecretString.js';
import { DAY_MS } from '../../common/time/SteadyClock.js';
import { isLoopbackHost } from '../../common/transport/loopback.js';
import { VERSION } from '../../common/version.js';
import { osUser } from '../../decision/terminal/osUser.js';
import type { AuditLog } from '../../audit/writer/AuditLog.js';
import type { Logger } from '../../common/Logger.js';
import type { KeyRequest } from '../../server/access/KeyRequest.js';
import { hostCaller } from '../../server/access/HostSignature.js';
import { keyRingOf } from '../../server/access/serverAccess.js';
import { HostOutbox } from '../../server/audit/HostOutbox.js';
import { openAuditLog } from '../../server/config/openAuditLog.js';
import type { OpenedAuditLog } from '../../server/config/openAuditLog.js';
import { checkExposure, readServerSettings } from '../../server/config/ServerSettings.js';
import type { ServerSettings, StoreSetting } from '../../server/config/ServerSettings.js';
import { findStateKey, makeStateKey } from '../../server/config/stateKey.js';
import type { StateKey } from '../../server/config/stateKey.js';
import { createDataPlane } from '../../server/createDataPlane.js';
import type { DataPlane } from '../../server/createDataPlane.js';
import { signedTenantStore } from '../../store/signing/signedTenantStore.js';
import type { ServerStore } from '../../store/StateStore.js';
import { CliError, type CliIo, EXIT, writeLines } from '../CliIo.js';
import { readText } from '../readJson.js';
import { DEMO_AGENT, DEMO_POLICIES } from './demoPolicies.js';
import { makeStore } from './openHost.js';
import { removeRunFile, writeRunFile } from './RunFile.js';
import type { ServeFlags } from './serverCommands.js';

const GRACE_MS = 10_000;
const DEMO_KEY = 'demo';

/** Until the server has started, what fails ends the command with a message of its own. */
class ServerLogger extends ConsoleLogger {
  isStarted = false;

  override error(fields: object, message: string): void {
    if (this.isStarted) super.error(fields, message);
  }
}

/**
 * Runs `aegis serve`: serves until it is told to stop, then answers what is in flight.
 *
 * @throws ConfigError, CliError with one clear message where it cannot start
 */
export async function serve(policies: string | undefined, flags: ServeFlags, io: CliIo): Promise<number> {
  io.beforeForeignCode();
  const settings = await settingsOf(policies, flags);
  const isNamed =
    process.env['AEGIS_STATE_KEY'] !== undefined ||
    process.env['AEGIS_STATE_KEY_FILE'] !== undefined ||
    settings.stateKeyFile !== undefined;
  checkExposure(settings, isNamed);
  mkdirSync(settings.dataFolder, { recursive: true, mode: 0o700 });
  const setting =
    flags.demo === true && settings.store === undefined ? storeOf(settings, 'demo.db') : (settings.store ?? storeOf(settings, 'aegis.db'));
  const stateKey = stateKeyOf(settings, setting);
  const store = await makeStore(setting);
  const logger = new ServerLogger(settings.logLevel);
  const audit =
    settings.audit === false
      ? undefined
      : openAuditLog({ setting: settings.audit, dataFolder: settings.dataFolder, store: setting, env: process.env });
  const plane = planeOf(settings, flags.demo === true, { store, stateKey: stateKey.key, logger, audit: audit?.log ?? false });
  const stop = stopSignal();
  try {
    await plane.ready();
    logger.isStarted = true;
    const local = localUrl(await listen(plane, settings));
    writeRunFile(settings.dataFolder, {
      pid: process.pid,
      url: local,
      store: setting.kind === 'sqlite' ? { sqlite: setting.path } : setting.kind,
    });
    const links = await setupLinks(plane, settings);
    const isLocal = isLoopbackHost(settings.listen.host) && isLoopbackHost(settings.publicUrl?.hostname ?? 'localhost');
    const isDevelopment = isLocal && links.length > 0;
    const needsKey = (isDevelopment || (isLocal && flags.demo === true)) && settings.tenants.has('default');
    const key = needsKey ? await developmentKey(plane, store, stateKey.key, flags.demo === true) : undefined;
    const setup = isLocal && io.ask !== undefined ? links : linkFile(links, settings.dataFolder);
    writeLines(io.out, banner({ settings, setting, stateKey, audit, url: local, key, setup, isDemo: flags.demo === true, isDevelopment }));
    await stop;
    writeLines(io.err, ['stopping: answering what is in flight']);
  } finally {
    await plane.close({ graceMs: GRACE_MS });
    // what is in a file stays reachable for the commands
    if (setting.kind === 'memory') removeRunFile(settings.dataFolder, process.pid);
  }
  return EXIT.ok;
}

async function settingsOf(policies: string | undefined, { demo, ...flags }: ServeFlags): Promise<ServerSettings> {
  if (demo === true && policies !== undefined) throw new CliError('--demo has policies of its own; leave it out, or the path');
  const load = (url: string): Promise<Readonly<Record<string, unknown>>> => import(url) as Promise<Readonly<Record<string, unknown>>>;
  const settings = await readServerSettings({ flags: { ...flags, policies }, env: process.env, folder: process.cwd(), load });
  const isWithout = [...settings.tenants.values()].some((tenant) => tenant.policies === undefined);
  if (isWithout && demo !== true) throw new CliError('serve needs policies: npx aegis serve ./policies, or --demo to look around');
  return settings;
}

/** A SQLite file in the data folder where this Node has SQLite; else memory. */
function storeOf({ dataFolder }: ServerSettings, name: string): StoreSetting {
  return process.getBuiltinModule('node:sqlite') === undefined ? { kind: 'memory' } : { kind: 'sqlite', path: join(dataFolder, name) };
}

function stateKeyOf({ stateKeyFile, dataFolder }: ServerSettings, setting: StoreSetting): StateKey {
  const found = findStateKey({ env: process.env, file: stateKeyFile, dataFolder });
  if (found !== undefined) return found;
  if (setting.kind === 'postgres')
    throw new CliError(
      'a store in Postgres needs a state key of your own; set AEGIS_STATE_KEY or AEGIS_STATE_KEY_FILE, the same for every server',
    );
  if (setting.kind === 'sqlite' && existsSync(setting.path))
    throw new CliError(
      `${setting.path}: the file is there, but not the state key that signs what is in it. Set AEGIS_STATE_KEY or AEGIS_STATE_KEY_FILE to that of the programs which use the file, or name another file with --store`,
    );
  return makeStateKey(process.env, dataFolder);
}

function planeOf(
  settings: ServerSettings,
  isDemo: boolean,
  parts: { readonly store: ServerStore; readonly stateKey: SecretString; readonly logger: Logger; readonly audit: AuditLog | false },
): DataPlane {
  const tenants = Object.fromEntries(
    [...settings.tenants].map(([id, tenant]) => [
      id,
      { ...tenant, policies: isDemo ? { text: DEMO_POLICIES } : (tenant.policies as string) },
    ]),
  );
  const { publicUrl, historyMs } = settings;
  return createDataPlane({ tenants, ...parts, publicUrl, historyMs });
}

/** @throws ConfigError where the address cannot be listened at, CliError where a file of TLS cannot be read */
async function listen(plane: DataPlane, { listen: { host, port }, tls }: ServerSettings): Promise<string> {
  const pem = tls === undefined ? undefined : { cert: readText(tls.cert), key: readText(tls.key) };
  return (await plane.listen({ host, port, tls: pem })).url;
}

/** As programs of this machine reach it: where it listens everywhere, by the loopback address. */
function localUrl(url: string): string {
  const local = new URL(url);
  if (local.hostname === '0.0.0.0') local.hostname = '127.0.0.1';
  if (local.hostname === '[::]') local.hostname = '[::1]';
  return local.origin;
}

/** The link by which the first person of each tenant comes, where no one is known yet. */
async function setupLinks(plane: DataPlane, { tenants }: ServerSettings): Promise<readonly string[]> {
  const links: string[] = [];
  for (const id of tenants.keys()) {
    const link = await plane.createSetupLink(id);
    if (link !== undefined) links.push(link.url.href);
  }
  return links;
}

/** Keeps links where only this user reads them: what a program's output is kept in may be read by others. */
function linkFile(links: readonly string[], dataFolder: string): readonly string[] {
  if (links.length === 0) return [];
  const file = join(dataFolder, 'setup-link.txt');
  rmSync(file, { force: true });
  writeFileSync(file, `${links.join('\n')}\n`, { mode: 0o600, flag: 'wx' });
  return [`which is in the file ${short(file)}`];
}

/** The first key of a new store. The demo prints a line with it, so that it has a new one for each start; of those of before one goes on. */
async function developmentKey(
  plane: DataPlane,
  store: ServerStore,
  stateKey: SecretString,
  isDemo: boolean,
): Promise<SecretString | undefined> {
  const operator = { user: osUser(), tenantId: 'default' };
  const host = hostCaller(operator);
  const raw = store.forTenant(operator.tenantId);
  const { tenantId } = operator;
  const { records } = HostOutbox.rowsOf(store, raw, signedTenantStore(raw, { stateKey, tenantId }), { stateKey, tenantId });
  const ring = keyRingOf(stateKey, operator.tenantId, records);
  if (!isDemo) {
    if ((await ring.list(host, { limit: 1 })).keys.length > 0) return undefined;
    return (await plane.createKey({ name: 'development', scopes: ['decide'] })).key;
  }
  const live: string[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await ring.list(host, { cursor });
    for (const { id, name, agents, status } of page.keys)
      if (name === DEMO_KEY && status === 'active' && agents?.join() === DEMO_AGENT) live.push(id);
    cursor = page.cursor;
    if (cursor === undefined) break;
  }
  // an agent that was started with the key of before goes on over a restart
  for (const id of live.slice(0, -1)) await ring.revoke(id, host);
  const request: KeyRequest = { name: DEMO_KEY, scopes: ['decide'], agents: [DEMO_AGENT], expiresAtMs: Date.now() + DAY_MS };
  return (await plane.createKey(request)).key;
}

interface Started {
  readonly settings: ServerSettings;
  readonly setting: StoreSetting;
  readonly stateKey: StateKey;
  readonly audit: OpenedAuditLog | undefined;
  readonly url: string;
  readonly key: SecretString | undefined;
  /** The setup link of each tenant without people, or where they are. */
  readonly setup: readonly string[];
  readonly isDemo: boolean;
  readonly isDevelopment: boolean;
}

function banner({ settings, setting, stateKey, audit, url, key, setup, isDemo, isDevelopment }: Started): readonly string[] {
  const text = key?.reveal();
  const { tenants, publicUrl } = settings;
  const sources = [...tenants].map(
    ([id, tenant]) => `${isDemo ? 'of the demo' : short(tenant.policies ?? '')}${tenants.size > 1 ? ` (${id})` : ''}`,
  );
  return [
    `Aegis Data Plane ${VERSION} at ${publicUrl?.href ?? url}`,
    ...(isDevelopment ? ['  development mode: any program on this machine can act as you'] : []),
    `  policies  ${sources.join(', ')}${isDemo ? '' : '; watched'}`,
    `  store     ${storeText(setting)}`,
    `  state key ${stateKey.file === undefined ? 'of AEGIS_STATE_KEY' : stateKey.file}`,
    ...(stateKey.isExposed ? ['  warning: other users of this machine can read the state key; chmod 600 it'] : []),
    ...(stateKey.file !== undefined && isBelow(stateKey.file, process.cwd())
      ? ['  warning: the state key is in this folder, where an agent that runs here can read it; move it']
      : []),
    ...auditLines(settings, audit),
    ...(text === undefined ? ['  keys      npx aegis keys list'] : [`  key       ${text}   (shown this once)`]),
    '  approvals npx aegis approvals list',
    ...(setup.length === 0
      ? []
      : ['To be the first person, open this link; it works once, for 15 minutes:', ...setup.map((link) => `  ${link}`)]),
    ...(text === undefined
      ? []
      : isDemo
        ? ['An agent that asks something every few seconds, for a second terminal:', `  ${demoLine(url, text)}`]
        : ['For your program:', `  AegisModule.configure({ baseUrl: '${url}', apiKey: '${text}' })`]),
  ];
}

function auditLines({ audit: setting }: ServerSettings, audit: OpenedAuditLog | undefined): readonly string[] {
  if (audit === undefined || setting === false) return ['  audit log none: what is decided is not recorded'];
  const isReadable = audit.keyFile !== undefined && isBelow(audit.keyFile, process.cwd());
  return [
    `  audit log ${audit.folder === undefined ? 'in the same Postgres' : short(audit.folder)}${setting.mode === 'required' ? '' : '; best-effort: a crash may lose its last records'}`,
    `  audit key ${audit.keyFile ?? 'of the environment'}`,
    ...(audit.isExposed ? ['  warning: other users of this machine can read the audit key; chmod 600 it'] : []),
    ...(isReadable ? ['  warning: the audit key is in this folder, where an agent that runs here can read it; move it'] : []),
  ];
}

function demoLine(url: string, key: string): string {
  const command = `npx aegis demo-agent --url ${url}`;
  return process.platform === 'win32' ? `$env:AEGIS_API_KEY='${key}'; ${command}` : `AEGIS_API_KEY=${key} ${command}`;
}

function storeText(setting: StoreSetting): string {
  if (setting.kind === 'sqlite') return `${short(setting.path)} (SQLite)`;
  if (setting.kind === 'postgres') return 'Postgres';
  return `memory: approvals and keys end with this process${process.getBuiltinModule('node:sqlite') === undefined ? `; Node ${process.version} has no node:sqlite, use 22.13 or later for a file` : ''}`;
}

function short(path: string): string {
  return isBelow(path, process.cwd()) ? `.${sep}${relative(process.cwd(), path)}` : path;
}

function isBelow(path: string, folder: string): boolean {
  try {
    return realpathSync(path).startsWith(`${realpathSync(folder)}${sep}`);
  } catch {
    return false;
  }
}

/** Resolves when a signal asks the server to stop. A second one ends it at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
