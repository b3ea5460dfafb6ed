import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { didYouMean } from '../../common/didYouMean.js';
import { SecretString } from '../../common/SecretString.js';
import { DAY_MS } from '../../common/time/SteadyClock.js';
import { isLoopbackHost } from '../../common/transport/loopback.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { ConfigProblem } from '../../model/errors/SetupErrors.js';
import { loadConfigFile } from './configFile.js';
import type { AuditConfig, ServerConfig, TenantConfig } from './ServerConfig.js';

/** The flags of the command line that the environment and the file have too. */
export interface ServerFlags {
  readonly config?: string | undefined;
  readonly policies?: string | undefined;
  readonly listen?: string | undefined;
  readonly publicUrl?: string | undefined;
  readonly data?: string | undefined;
  readonly store?: string | undefined;
  readonly stateKeyFile?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly insecureHttp?: boolean | undefined;
  readonly logLevel?: string | undefined;
  readonly audit?: string | undefined;
}

/** Where approvals and keys are kept. */
export type StoreSetting =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: SecretString };

/** How the audit log is kept. */
export interface AuditSetting {
  /** Absolute. `undefined`: none was named. */
  readonly folder: string | undefined;
  readonly mode: 'required' | 'best-effort';
  readonly origin: string;
}

/** The settings of a server: flags over the environment over the configuration file over defaults. */
export interface ServerSettings {
  /** The configuration file, where there is one. */
  readonly configFile: string | undefined;
  readonly listen: { readonly host: string; readonly port: number };
  readonly publicUrl: URL | undefined;
  /** Absolute. */
  readonly dataFolder: string;
  /** `undefined`: none was named, and the default depends on what this Node has. */
  readonly store: StoreSetting | undefined;
  readonly stateKeyFile: string | undefined;
  /** Absolute paths. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly insecureHttp: boolean;
  readonly historyMs: number;
  /** `false`: there is none. */
  readonly audit: AuditSetting | false;
  readonly logLevel: NonNullable<ServerConfig['logLevel']>;
  /** At least one; the paths of policies are absolute. */
  readonly tenants: ReadonlyMap<string, TenantConfig>;
}

/** Where settings come from. */
export interface SettingSources {
  readonly flags: ServerFlags;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths of flags and environment are relative to it. */
  readonly folder: string;
  /** Imports a module by its URL. */
  readonly load: (url: string) => Promise<Readonly<Record<string, unknown>>>;
}

const PREFIX = 'AEGIS_SERVER_';
const DEFAULT_PORT = 4_180;
const HISTORY_DAYS = 90;
const LEVELS = ['debug', 'info', 'warning', 'error'] as const;
/** The variable of each flag. Those that hold a secret can be in a file, which `…_FILE` names. */
const VARIABLES: Readonly<Record<keyof ServerFlags, string>> = {
  config: `${PREFIX}CONFIG`,
  policies: `${PREFIX}POLICIES`,
  listen: `${PREFIX}LISTEN`,
  publicUrl: `${PREFIX}PUBLIC_URL`,
  data: `${PREFIX}DATA`,
  store: `${PREFIX}STORE`,
  stateKeyFile: 'AEGIS_STATE_KEY_FILE',
  tlsCert: `${PREFIX}TLS_CERT`,
  tlsKey: `${PREFIX}TLS_KEY`,
  insecureHttp: `${PREFIX}INSECURE_HTTP`,
  logLevel: `${PREFIX}LOG_LEVEL`,
  audit: `${PREFIX}AUDIT`,
};
const STORE_FILE = `${PREFIX}STORE_FILE`;
/** Every variable that a server reads, but for AEGIS_STATE_KEY. */
export const SERVER_VARIABLES: readonly string[] = [...Object.values(VARIABLES), STORE_FILE];

/**
 * Reads the settings of a server.
 *
 * @throws ConfigError naming every flag, variable and option that does not exist or cannot be used
 */
export async function readServerSettings({ flags, env, folder, load }: SettingSources): Promise<ServerSettings> {
  const problems: ConfigProblem[] = unknownVariables(env);
  const problem = (where: string, message: string): undefined => void problems.push({ where, message });
  const { path, folder: base, config } = await loadConfigFile(flags.config ?? env[VARIABLES.config], folder, load);
  const named = (name: Exclude<keyof ServerFlags & keyof ServerConfig, 'audit'>): Named => {
    const flag = flags[name];
    if (flag !== undefined) return { value: String(flag), where: flagOf(name), folder };
    const variable = env[VARIABLES[name]] ?? '';
    if (variable !== '') return { value: variable, where: VARIABLES[name], folder };
    return { value: config[name] === undefined ? undefined : String(config[name]), where: `${path ?? ''}: ${name}`, folder: base };
  };
  const pathOf = ({ value, folder: from }: Named): string | undefined => (value === undefined ? undefined : resolve(from, value));
  const cert = pathOf(named('tlsCert'));
  const key = pathOf(named('tlsKey'));
  if ((cert === undefined) !== (key === undefined)) problem('--tls-cert', 'and --tls-key belong together; give both files, or neither.');
  const settings: ServerSettings = {
    configFile: path,
    listen: listenOf(named('listen'), problem) ?? { host: '127.0.0.1', port: DEFAULT_PORT },
    publicUrl: publicUrlOf(named('publicUrl'), problem),
    dataFolder: pathOf(named('data')) ?? resolve(base, '.aegis'),
    store: storeOf(storeNamed(named('store'), env, folder, problem)),
    stateKeyFile: pathOf(named('stateKeyFile')),
    tls: cert === undefined || key === undefined ? undefined : { cert, key },
    insecureHttp: isOn(named('insecureHttp'), problem),
    historyMs: config.historyMs ?? HISTORY_DAYS * DAY_MS,
    audit: auditOf(config.audit, flags.audit ?? env[VARIABLES.audit], folder, base),
    logLevel: levelOf(named('logLevel'), problem),
    tenants: tenantsOf(config, pathOf(named('policies')), base, problem),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return settings;
}

/**
 * Checks that what is off loopback is safe there.
 *
 * @throws ConfigError naming what is missing
 */
export function checkExposure({ listen, tls, insecureHttp, publicUrl }: ServerSettings, isKeyNamed: boolean): void {
  if (isLoopbackHost(listen.host)) return;
  const problems: ConfigProblem[] = [];
  const where = 'listen';
  if (tls === undefined && !insecureHttp)
    problems.push({
      where,
      message:
        'Off loopback, keys and params must not go over plain HTTP. Give --tls-cert and --tls-key, or --insecure-http behind a proxy that ends TLS.',
    });
  if (!isKeyNamed)
    problems.push({
      where,
      message: 'Off loopback, the state key must be your own: set AEGIS_STATE_KEY or AEGIS_STATE_KEY_FILE, the same for every server.',
    });
  if (publicUrl === undefined)
    problems.push({ where, message: 'Off loopback, the server must know its name. Give --public-url, such as https://aegis.example.com.' });
  else if (publicUrl.protocol !== 'https:' && !isLoopbackHost(publicUrl.hostname))
    problems.push({ where, message: 'Off loopback, people sign in over https only. Give --public-url an https URL.' });
  if (problems.length > 0) throw new ConfigError(problems);
}

/** A value as text, and where it is from. */
interface Named {
  readonly value: string | undefined;
  readonly where: string;
  readonly folder: string;
}

type Problem = (where: string, message: string) => undefined;

function unknownVariables(env: SettingSources['env']): ConfigProblem[] {
  const known = SERVER_VARIABLES.filter((name) => name.startsWith(PREFIX));
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !known.includes(name))
    .map((name) => ({
      where: name.slice(0, 64),
      message: `There is no such variable${didYouMean(name, known) || `; the variables are ${known.join(', ')}.`}`,
    }));
}

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function listenOf({ value, where }: Named, problem: Problem): ServerSettings['listen'] | undefined {
  if (value === undefined) return undefined;
  const [, bracketed, plain, digits = ''] = /^(?:(?:\[([\da-f:.]+)\]|([\w.-]+)):)?(\d{1,5})$/i.exec(value) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) return problem(where, 'must be a port from 0 to 65535, or host:port, such as 127.0.0.1:4180.');
  return { host: bracketed ?? plain ?? '127.0.0.1', port };
}

function publicUrlOf({ value, where }: Named, problem: Problem): URL | undefined {
  if (value === undefined) return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isPlain = url !== undefined && /^https?:$/.test(url.protocol) && `${url.username}${url.password}${url.search}${url.hash}` === '';
  return isPlain ? url : problem(where, 'must be an http or https URL without credentials or query, such as https://aegis.example.com.');
}

function storeNamed(named: Named, env: SettingSources['env'], folder: string, problem: Problem): Named {
  const file = env[STORE_FILE] ?? '';
  if (file === '' || named.where.startsWith('--')) return named;
  if (named.where === VARIABLES.store) problem(STORE_FILE, `and ${VARIABLES.store} are both set. Unset one of them.`);
  try {
    return { value: readFileSync(resolve(folder, file), 'utf8').trim(), where: STORE_FILE, folder };
  } catch (error) {
    problem(STORE_FILE, `The file cannot be read (${(error as { code?: string }).code ?? 'unknown'}).`);
    return named;
  }
}

function storeOf({ value, folder }: Named): StoreSetting | undefined {
  if (value === undefined) return undefined;
  if (value === 'memory') return { kind: 'memory' };
  if (/^postgres(?:ql)?:\/\//.test(value)) return { kind: 'postgres', url: new SecretString(value) };
  return { kind: 'sqlite', path: resolve(folder, value.replace(/^sqlite:/, '')) };
}

/** A flag or variable names the folder; what the file says beside it stays. `false` is of the file alone: a flag that was forgotten turns nothing off. */
function auditOf(given: ServerConfig['audit'], named: string | undefined, folder: string, base: string): ServerSettings['audit'] {
  const isNamed = named !== undefined && named !== '';
  if (given === false && !isNamed) return false;
  const config: AuditConfig = typeof given === 'object' ? given : typeof given === 'string' ? { folder: given } : {};
  const { mode = 'required', origin = 'aegis-server' } = config;
  const inFile = config.folder === undefined ? undefined : resolve(base, config.folder);
  return { folder: isNamed ? resolve(folder, named) : inFile, mode, origin };
}

function isOn({ value = 'false', where }: Named, problem: Problem): boolean {
  const text = value.trim().toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(text)) return true;
  if (!['false', '0', 'no', 'off'].includes(text)) problem(where, 'must be true, 1, yes or on, or false, 0, no or off.');
  return false;
}

function levelOf({ value = 'info', where }: Named, problem: Problem): ServerSettings['logLevel'] {
  const level = LEVELS.find((known) => known === value.trim().toLowerCase());
  return level ?? problem(where, `must be one of ${LEVELS.join(', ')}${didYouMean(value, LEVELS) || '.'}`) ?? 'info';
}

/** The tenants of the file, or the one of the options beside them. */
function tenantsOf(config: ServerConfig, policies: string | undefined, base: string, problem: Problem): ReadonlyMap<string, TenantConfig> {
  const {
    tenants,
    agents,
    tools,
    facts,
    factsTimeoutMs,
    approverGroups,
    mayApprove,
    directory,
    oidc,
    requireRequester,
    requireKnownRequester,
    maxPendingPerTool,
    denialTtlMs,
    onLoosened,
    notify,
    autoHalt,
  } = config;
  const only: TenantConfig = {
    policies,
    agents,
    tools,
    facts,
    factsTimeoutMs,
    approverGroups,
    mayApprove,
    directory,
    oidc,
    requireRequester,
    requireKnownRequester,
    maxPendingPerTool,
    denialTtlMs,
    onLoosened,
    notify,
    autoHalt,
  };
  if (tenants === undefined) return new Map([['default', only]]);
  const [beside] = Object.entries(only).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (beside !== undefined) problem(beside, 'is given beside `tenants`, and would count for none of them. Move it into each tenant.');
  if (Object.keys(tenants).length === 0) problem('tenants', 'has no tenant. Name one, or leave `tenants` out.');
  return new Map(
    Object.entries(tenants).map(([id, tenant]) => {
      if (tenant.policies === undefined) problem(`tenants.${id}`, 'has no `policies`. Name a *.cedar file, or a folder of them.');
      return [id, { ...tenant, policies: tenant.policies === undefined ? undefined : resolve(base, tenant.policies) }];
    }),
  );
}
