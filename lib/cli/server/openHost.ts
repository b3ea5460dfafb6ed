import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { SecretString } from '../../common/SecretString.js';
import { osUser } from '../../decision/terminal/osUser.js';
import type { HostOperator } from '../../server/access/HostSignature.js';
import { HostOutbox } from '../../server/audit/HostOutbox.js';
import { readServerSettings } from '../../server/config/ServerSettings.js';
import type { ServerFlags, ServerSettings, StoreSetting } from '../../server/config/ServerSettings.js';
import type { TenantConfig } from '../../server/config/ServerConfig.js';
import { findStateKey } from '../../server/config/stateKey.js';
import { signedTenantStore } from '../../store/signing/signedTenantStore.js';
import type { SignedTenantStore } from '../../store/signing/signedTenantStore.js';
import type { ServerStore } from '../../store/StateStore.js';
import { didYouMean } from '../../common/didYouMean.js';
import { CliError } from '../CliIo.js';
import { HostClient } from './HostClient.js';
import { readRunFile } from './RunFile.js';

/** The options that every command for a server has. */
export interface HostFlags extends Pick<ServerFlags, 'config' | 'data' | 'store' | 'stateKeyFile'> {
  readonly tenant?: string | undefined;
  readonly json?: boolean | undefined;
}

/** One tenant of a server, as the operator of its host reaches it: over the store, or, where that is in the server's memory, over the server. */
export type Host = HostFields & (StoredHost | ServedHost);

interface HostFields {
  readonly operator: HostOperator;
  readonly stateKey: SecretString;
  /** What the configuration says of the tenant. */
  readonly tenant: TenantConfig;
  close(): Promise<void>;
}

interface StoredHost {
  readonly kind: 'store';
  readonly rows: SignedTenantStore;
  /** The server that ran here last, with its policies; it may have stopped, or be one of another store. */
  readonly served: HostClient | undefined;
}

interface ServedHost {
  readonly kind: 'server';
  readonly client: HostClient;
}

/** Reads the settings of the server that commands are for. @throws ConfigError */
export function hostSettings(flags: HostFlags): Promise<ServerSettings> {
  const { config, data, store, stateKeyFile } = flags;
  const load = (url: string): Promise<Readonly<Record<string, unknown>>> => import(url) as Promise<Readonly<Record<string, unknown>>>;
  return readServerSettings({ flags: { config, data, store, stateKeyFile }, env: process.env, folder: process.cwd(), load });
}

/**
 * Opens one tenant of a server as the operator of its host.
 *
 * @throws CliError where there is no such tenant, no state key, no store and no server
 */
export async function openHost(flags: HostFlags): Promise<Host> {
  const settings = await hostSettings(flags);
  const { tenantId, tenant } = tenantOf(settings, flags.tenant);
  const stateKey = stateKeyOf(settings);
  const operator = { tenantId, user: osUser() };
  const setting = storeSettingOf(settings);
  if (setting.kind === 'memory') {
    const client = new HostClient(runningServer(settings, 'one that keeps everything in memory').url, stateKey, operator);
    return { kind: 'server', client, operator, stateKey, tenant, close: async () => {} };
  }
  const store = await makeStore(setting);
  await store.open();
  const raw = store.forTenant(tenantId, { forOthers: true });
  const rows = HostOutbox.rowsOf(store, raw, signedTenantStore(raw, { stateKey, tenantId }), { stateKey, tenantId });
  const run = readRunFile(settings.dataFolder);
  const served = run && new HostClient(run.url, stateKey, operator);
  return { kind: 'store', rows, served, operator, stateKey, tenant, close: async () => store.close() };
}

/** The server that runs, asked by the operator of its host: for what only it can do. @throws CliError */
export async function servedHost(flags: HostFlags): Promise<HostClient> {
  const settings = await hostSettings(flags);
  const { tenantId } = tenantOf(settings, flags.tenant);
  return new HostClient(runningServer(settings, 'one').url, stateKeyOf(settings), { tenantId, user: osUser() });
}

/** The store that the options, the environment or the file name, else that of the server that ran last. @throws CliError */
export function storeSettingOf({ store, dataFolder }: ServerSettings): StoreSetting {
  if (store !== undefined) return store;
  const run = readRunFile(dataFolder);
  if (run?.store === 'memory') return { kind: 'memory' };
  if (run?.store === 'postgres')
    throw new CliError(
      'the server keeps its approvals in Postgres; set AEGIS_SERVER_STORE or AEGIS_SERVER_STORE_FILE to its URL, as for the server',
    );
  const path = run?.store.sqlite ?? join(dataFolder, 'aegis.db');
  if (!existsSync(path))
    throw new CliError(`${dataFolder}: no server has kept anything here; start one with npx aegis serve, or name its folder with --data`);
  return { kind: 'sqlite', path };
}

/** Makes a store, not open yet. */
export async function makeStore(setting: StoreSetting): Promise<ServerStore> {
  switch (setting.kind) {
    case 'sqlite':
      return (await import('../../store/sqlite/index.js')).sqliteStore(setting.path);
    case 'postgres':
      return (await import('../../store/postgres/index.js')).postgresStore(setting.url.reveal());
    case 'memory':
      return new (await import('../../store/memory/MemoryStateStore.js')).MemoryStateStore();
  }
}

/** The server that runs, where only it can answer. @throws CliError */
function runningServer({ dataFolder }: ServerSettings, which: string): { readonly url: string } {
  const run = readRunFile(dataFolder);
  if (run === undefined)
    throw new CliError(
      `${dataFolder}: no server runs here, and ${which} must run for this; start it with npx aegis serve, or name its folder with --data`,
    );
  return run;
}

function tenantOf({ tenants }: ServerSettings, named: string | undefined): { readonly tenantId: string; readonly tenant: TenantConfig } {
  const [only, ...more] = tenants.keys();
  if (named === undefined && more.length > 0)
    throw new CliError(`the server has several tenants; name one with --tenant: ${[...tenants.keys()].join(', ')}`);
  const tenantId = named ?? (only as string);
  const tenant = tenants.get(tenantId);
  if (tenant === undefined)
    throw new CliError(
      `--tenant: there is no such tenant${didYouMean(tenantId, tenants.keys()) || `; there is ${[...tenants.keys()].join(', ')}`}`,
    );
  return { tenantId, tenant };
}

function stateKeyOf({ stateKeyFile, dataFolder }: ServerSettings): SecretString {
  const found = findStateKey({ env: process.env, file: stateKeyFile, dataFolder });
  if (found !== undefined) return found.key;
  throw new CliError(
    `${dataFolder}: there is no state key for this folder; set AEGIS_STATE_KEY or AEGIS_STATE_KEY_FILE to that of the server, or start a server here with npx aegis serve`,
  );
}
