import type { AuditLog } from '../audit/writer/AuditLog.js';
import type { Logger } from '../common/Logger.js';
import type { OptionKinds } from '../common/readOptions.js';
import type { SecretString } from '../common/SecretString.js';
import type { AutoHaltOptions } from '../decision/halt/AutoHalt.js';
import type { AegisModule } from '../guard/module/AegisModule.js';
import type { Journal } from '../model/Journal.js';
import type { ServerStore } from '../store/StateStore.js';
import type { BeforeAnswer } from './dispatch/AnswerBatch.js';
import type { IssuerOptions } from './tenant/IssuerOptions.js';
import type { NotifyOptions } from './notify/NotifyOptions.js';
import type { TenantOptions } from './tenant/buildTenant.js';
import type { ToolSettings } from './tenant/Tenant.js';

/** The options of {@link createDataPlane} that do not depend on whose policies they are. */
export interface DataPlaneSettings {
  /**
   * Where approvals, keys and the rest are kept, such as `sqliteStore('aegis.db')`.
   *
   * @defaultValue memory
   */
  readonly store?: ServerStore | undefined;
  /**
   * Signs what is kept, so that writing to the store grants nothing: 32 characters or more, the same for every server on one store, and never in it.
   *
   * @defaultValue a random one with a store in memory; required with any other
   */
  readonly stateKey?: string | SecretString | undefined;
  /** The state key before: what it signed is still believed. */
  readonly previousStateKey?: string | SecretString | undefined;
  /**
   * The path below which the routes are, where `fetch` or `node` gets requests with it. Express takes its own prefix off.
   *
   * @defaultValue the root
   */
  readonly basePath?: string | undefined;
  /** Where clients reach the server, such as `https://aegis.example.com`. Requests for another host are then refused, but for those of this machine. */
  readonly publicUrl?: string | URL | undefined;
  /**
   * The address of the client of a request that `fetch` gets: of the connection, never of a header that the client could have sent.
   *
   * @defaultValue not known, so that the host's operator is not let in by `fetch`
   */
  readonly clientAddress?: ((request: Request) => string | undefined) | undefined;
  /** Records answers before they are sent. See {@link BeforeAnswer}. */
  readonly beforeAnswer?: BeforeAnswer | undefined;
  /**
   * How long ended approvals are kept, in milliseconds.
   *
   * @defaultValue 90 days
   */
  readonly historyMs?: number | undefined;
  /**
   * Gets warnings and errors; never params, keys or the texts of other programs' errors.
   *
   * @defaultValue none
   */
  readonly logger?: Logger | undefined;
  /** Gets an event for every verdict and every change of policies. @defaultValue none */
  readonly journal?: Journal | undefined;
  /**
   * The audit log, such as `auditLog({ sink: jsonlFolder('audit'), origin: 'acme.example/aegis', key })`: every decision, approval and verdict, and every change
   * of keys, people and policies. In `required`, nothing is answered or shown before its record is durable. It is opened and closed with the server. `false`:
   * there is none, and no policy may ask for an approval. Beside `module` it is the log that the module has as its `journal`, and stays open.
   *
   * @defaultValue none; that of the module, where there is one
   */
  readonly audit?: AuditLog | false | undefined;
}

/** One tenant, `default`, of these policies. */
export interface SingleTenantOptions extends DataPlaneSettings, TenantOptions {
  /** Not beside `policies`. */
  readonly module?: undefined;
  /** Not beside `policies`. */
  readonly tenants?: undefined;
}

/** Several tenants, each with its own policies. A key belongs to one of them. */
export interface TenantsOptions extends DataPlaneSettings {
  /** By id: 1 to 64 letters, digits, `_`, `.` and `-`. */
  readonly tenants: Readonly<Record<string, TenantOptions>>;
  /** Not beside `tenants`. */
  readonly module?: undefined;
  /** Each tenant has its own. */
  readonly policies?: undefined;
}

/** The policies and the desk of a module of one's own, whose in-process approvals are then shown too. The module is not closed with the server. */
export interface ModuleOptions extends DataPlaneSettings {
  /** A module with `policies`, and with this `store`. */
  readonly module: AegisModule;
  /** Tools by name, with the params that may be null. */
  readonly tools?: Readonly<Record<string, ToolSettings>> | undefined;
  /** An issuer of identities at which people sign in, beside passkeys. @defaultValue none */
  readonly oidc?: IssuerOptions | undefined;
  /** How approvers are told that something waits. It needs `publicUrl`. @defaultValue they are not told */
  readonly notify?: NotifyOptions | undefined;
  /** When an agent is halted without a person, for what is asked over HTTP. The module has an option of its own for its guards. @defaultValue never */
  readonly autoHalt?: AutoHaltOptions | undefined;
  /** Not beside `module`. */
  readonly tenants?: undefined;
  /** Those of the module. */
  readonly policies?: undefined;
}

/** The options of {@link createDataPlane}. */
export type DataPlaneOptions = SingleTenantOptions | TenantsOptions | ModuleOptions;

/** The kinds of the settings. */
export const DATA_PLANE_SETTINGS: OptionKinds<DataPlaneSettings> = {
  store: 'object',
  stateKey: 'text|object',
  previousStateKey: 'text|object',
  basePath: 'string',
  publicUrl: 'text|object',
  clientAddress: 'function',
  beforeAnswer: 'function',
  historyMs: 'age',
  logger: 'object',
  journal: 'object|list',
  audit: 'object|boolean',
};
