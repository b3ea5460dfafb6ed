import { randomBytes } from 'node:crypto';
import { AuditLog } from '../audit/writer/AuditLog.js';
import { isPlainObject } from '../common/data/plainObject.js';
import { readOptions } from '../common/readOptions.js';
import { SecretString } from '../common/SecretString.js';
import { AegisModule } from '../guard/module/AegisModule.js';
import { ConfigError } from '../model/errors/SetupErrors.js';
import type { ConfigProblem } from '../model/errors/SetupErrors.js';
import { combineJournals } from '../model/Journal.js';
import { MemoryStateStore } from '../store/memory/MemoryStateStore.js';
import type { ServerStore } from '../store/StateStore.js';
import { DEFAULT_TENANT } from '../store/tenant/tenantScope.js';
import { DATA_PLANE_SETTINGS } from './DataPlaneOptions.js';
import type { DataPlaneOptions, DataPlaneSettings } from './DataPlaneOptions.js';
import { basePath } from './serve/basePath.js';
import { TENANT_OPTIONS } from './tenant/buildTenant.js';
import type { TenantOptions } from './tenant/buildTenant.js';
import type { ModuleTenantOptions, TenantsOptions } from './tenant/Tenants.js';

/** The options of a Data Plane, checked and with their defaults. */
export interface CheckedDataPlane extends Omit<DataPlaneSettings, 'store' | 'stateKey' | 'previousStateKey' | 'basePath' | 'publicUrl'> {
  readonly store: ServerStore;
  readonly stateKey: SecretString;
  readonly previousStateKey: SecretString | undefined;
  readonly basePath: string;
  readonly publicUrl: URL | undefined;
  /** Whose policies decide. */
  readonly whose: Pick<TenantsOptions, 'tenants'> | Pick<ModuleTenantOptions, 'module' | 'tools' | 'oidc' | 'notify' | 'autoHalt'>;
}

const WHOSE = ['policies', 'tenants', 'module'] as const;

/**
 * Checks the options of a Data Plane. Those of tenants are checked where tenants are made.
 *
 * @throws ConfigError naming every problem
 */
export function checkedDataPlane(given: DataPlaneOptions): CheckedDataPlane {
  const problems: ConfigProblem[] = [];
  const found = (where: string, message: string): void => void problems.push({ where, message });
  const kinds = { ...DATA_PLANE_SETTINGS, ...TENANT_OPTIONS, policies: 'text|object', tenants: 'record', module: 'object' };
  const options = readOptions<DataPlaneSettings & Partial<TenantOptions> & { tenants?: object; module?: unknown }>(
    given,
    kinds,
    (name, message) => found(name === '' ? 'createDataPlane()' : `createDataPlane(): ${name}`, message),
  );
  const {
    store,
    stateKey,
    previousStateKey,
    basePath: base = '',
    publicUrl,
    clientAddress,
    beforeAnswer,
    historyMs,
    logger,
    journal,
    audit,
    ...rest
  } = options;
  const named = WHOSE.filter((name) => rest[name] !== undefined);
  if (named.length !== 1)
    found(
      'createDataPlane()',
      `needs exactly one of \`policies\`, \`tenants\` and \`module\` (got ${named.length === 0 ? 'none' : named.join(' and ')}).`,
    );
  if (rest.module !== undefined && !(rest.module instanceof AegisModule))
    found('module', 'must be what AegisModule.configure() or create() returns.');
  if (store !== undefined && typeof store.forTenant !== 'function')
    found('store', 'must have the rows of many tenants: give sqliteStore(…), postgresStore(…) or new MemoryStateStore().');
  if (rest.module !== undefined && store === undefined)
    found('store', 'is missing: give the store that the module was configured with, so that both have the same approvals.');
  if (publicUrl === undefined && tellsSomeone(rest))
    found('publicUrl', 'is missing: `notify` sends links to the pages, such as https://aegis.example.com.');
  const module = rest.module instanceof AegisModule ? rest.module : undefined;
  const log = module === undefined ? ownLog(audit, found) : logOf(module, audit, found);
  const inMemory = store === undefined || store instanceof MemoryStateStore;
  if (stateKey === undefined && !inMemory)
    found(
      'stateKey',
      'is missing: a store that outlives the process needs one, of 32 characters or more, and the same one after a restart.',
    );
  const result = {
    store: store ?? new MemoryStateStore(),
    stateKey: secretOf('stateKey', stateKey, found) ?? new SecretString(randomBytes(32).toString('base64url')),
    previousStateKey: secretOf('previousStateKey', previousStateKey, found),
    basePath: basePathOf(base, problems),
    publicUrl: urlOf(publicUrl, found),
    clientAddress,
    beforeAnswer,
    historyMs,
    logger,
    journal: combineJournals(journal),
    audit: log,
    whose: whoseOf(rest, found),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return result;
}

function tellsSomeone({ notify, tenants = {} }: { readonly notify?: unknown; readonly tenants?: object }): boolean {
  return notify !== undefined || Object.values(tenants).some((tenant) => isPlainObject(tenant) && tenant['notify'] !== undefined);
}

type Found = (where: string, message: string) => void;

function ownLog(audit: unknown, found: Found): CheckedDataPlane['audit'] {
  if (audit === undefined || audit === false || audit instanceof AuditLog) return audit;
  found('audit', 'must be what auditLog(…) returns, or false.');
  return undefined;
}

/** The log that a module writes: what people do here is in it too. */
function logOf(module: AegisModule, audit: unknown, found: Found): CheckedDataPlane['audit'] {
  const logs = module.journals.filter((journal) => journal instanceof AuditLog);
  const given = ownLog(audit, found);
  if (given === undefined && logs.length <= 1) return logs[0];
  if (given === undefined) found('audit', 'is missing: the module has several audit logs. Name the one that the server writes to as well.');
  else if (given === false && logs.length > 0)
    found('audit', 'cannot be false: the module has an audit log, and what people decide here belongs into it. Leave it out.');
  else if (given !== false && !logs.includes(given))
    found('audit', 'must be the log that the module has as its `journal`: what the module decides and runs would not be in another one.');
  return given;
}

function whoseOf(
  { module, tenants, ...tenant }: Partial<TenantOptions> & { readonly tenants?: object; readonly module?: unknown },
  found: Found,
): CheckedDataPlane['whose'] {
  const names = Object.keys(tenant);
  if (module !== undefined) {
    const { tools, oidc, notify, autoHalt, ...others } = tenant;
    for (const name of Object.keys(others)) found(name, 'has no effect beside `module`, which has its own; leave it out.');
    return { module: module as AegisModule, tools, oidc, notify, autoHalt };
  }
  if (tenants !== undefined) {
    for (const name of names) found(name, 'is given beside `tenants`, and would count for none of them. Move it into each tenant.');
    return { tenants: tenants as Readonly<Record<string, TenantOptions>> };
  }
  return { tenants: { [DEFAULT_TENANT]: tenant as TenantOptions } };
}

function secretOf(where: string, given: string | SecretString | undefined, found: Found): SecretString | undefined {
  if (given === undefined) return undefined;
  const secret = given instanceof SecretString ? given : typeof given === 'string' ? new SecretString(given) : undefined;
  if (secret !== undefined && secret.reveal().length >= 32) return secret;
  found(where, 'must be a string of 32 characters or more, or a SecretString of one.');
  return undefined;
}

function basePathOf(given: string, problems: ConfigProblem[]): string {
  try {
    return basePath(given);
  } catch (error) {
    problems.push(...(error as ConfigError).problems);
    return '';
  }
}

function urlOf(given: string | URL | undefined, found: Found): URL | undefined {
  if (given === undefined) return undefined;
  const url = URL.canParse(String(given)) ? new URL(String(given)) : undefined;
  if (url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  found('publicUrl', 'must be an http or https URL, such as https://aegis.example.com.');
  return undefined;
}
