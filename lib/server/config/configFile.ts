import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseJsonStrictly } from '../../common/data/parseJsonStrictly.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import { AUDIT_CONFIG, SERVER_CONFIG, TENANT_CONFIG } from './ServerConfig.js';
import type { AuditConfig, ServerConfig, TenantConfig } from './ServerConfig.js';

/** A configuration, and what its paths are relative to. */
export interface ConfigFile {
  /** The file, where there is one. */
  readonly path: string | undefined;
  readonly folder: string;
  readonly config: ServerConfig;
}

/** In this order; two in one folder are refused. */
const NAMES = ['aegis.config.mjs', 'aegis.config.js', 'aegis.config.json'];

/**
 * Loads `aegis.config.mjs` or `.json`: the file that is named, else that of the folder, else nothing. A module is run.
 *
 * @param load imports a module by its URL
 * @throws ConfigError naming the file and every option that does not exist or has another kind of value
 */
export async function loadConfigFile(
  named: string | undefined,
  folder: string,
  load: (url: string) => Promise<Readonly<Record<string, unknown>>>,
): Promise<ConfigFile> {
  const path = named === undefined ? configFileIn(folder) : resolve(folder, named);
  if (path === undefined) return { path, folder, config: {} };
  const given = path.endsWith('.json') ? readJsonConfig(path) : await loadModule(path, load);
  const config = checkedOptions(path, given as ServerConfig, SERVER_CONFIG);
  const audit: unknown = config.audit;
  if (audit === true)
    fail(`${path}: audit`, 'must be a folder, { folder, mode, origin } or false. Leave it out for the log in the data folder.');
  if (typeof audit === 'object') checkedOptions(`${path}: audit`, audit as AuditConfig, AUDIT_CONFIG);
  for (const [id, tenant] of Object.entries(config.tenants ?? {})) checkTenant(`${path}: tenants.${id.slice(0, 64)}`, id, tenant);
  return { path, folder: dirname(path), config };
}

function configFileIn(folder: string): string | undefined {
  const found = NAMES.map((name) => resolve(folder, name)).filter((path) => existsSync(path));
  const [path, second] = found;
  if (path !== undefined && second !== undefined)
    fail(path, `and ${second} are both configurations of this folder. Remove one, or name one with --config.`);
  return path;
}

function checkTenant(where: string, id: string, tenant: TenantConfig): void {
  if (!/^[A-Za-z0-9][\w.-]{0,63}$/.test(id)) fail(where, 'The id of a tenant must be 1 to 64 letters, digits, _, . and -.');
  checkedOptions(where, tenant, TENANT_CONFIG);
}

function readJsonConfig(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    fail(path, `cannot be read (${codeOf(error)}). Name another file with --config.`);
  }
  try {
    return parseJsonStrictly(text);
  } catch (error) {
    fail(path, (error as Error).message);
  }
}

async function loadModule(path: string, load: (url: string) => Promise<Readonly<Record<string, unknown>>>): Promise<unknown> {
  if (!existsSync(path)) fail(path, 'There is no such file. Name another one with --config, or leave it out.');
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await load(pathToFileURL(path).href);
  } catch (error) {
    // its message comes from the file, and may quote a secret
    fail(path, `cannot be loaded (${codeOf(error)}). Run it with node to see the error.`);
  }
  return module['default'] ?? fail(path, 'has no default export. Write `export default { … }`.');
}

function codeOf(error: unknown): string {
  const { code, name } = Object(error) as { code?: unknown; name?: unknown };
  return String([code, name].find((text) => typeof text === 'string') ?? 'it threw a value that is not an Error');
}

function fail(where: string, message: string): never {
  throw new ConfigError([{ where, message }]);
}
