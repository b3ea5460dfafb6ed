import type { LogLevel } from '../../common/Logger.js';
import type { OptionKinds } from '../../common/readOptions.js';
import type { FactsHook } from '../../decision/embedded/computeFacts.js';
import type { AutoHaltOptions } from '../../decision/halt/AutoHalt.js';
import type { EligibilityRules } from '../../decision/desk/eligibility.js';
import type { AgentConfig } from '../../policy/engine/AgentDirectory.js';
import type { IssuerOptions } from '../tenant/IssuerOptions.js';
import type { NotifyOptions } from '../notify/NotifyOptions.js';
import type { ToolSettings } from '../tenant/Tenant.js';

/** What decides for one tenant, beside its policies. A policy that works in a program works behind the server with the same options. */
export interface TenantConfig {
  /** A `*.cedar` file, or a folder of them; relative to the configuration file. */
  readonly policies?: string | undefined;
  /** Agents with their roles and attributes, by id. Callers cannot claim them. */
  readonly agents?: Readonly<Record<string, AgentConfig>> | undefined;
  /** Tools by name, with their groups and the params that may be null. Callers cannot claim them. */
  readonly tools?: Readonly<Record<string, ToolSettings>> | undefined;
  /** Facts that policies see as `context.facts`. */
  readonly facts?: FactsHook | undefined;
  /** How long `facts` may take, in milliseconds. */
  readonly factsTimeoutMs?: number | undefined;
  /** People by group, for `@approvers`. */
  readonly approverGroups?: EligibilityRules['approverGroups'] | undefined;
  /** Says who may decide; used instead of `approverGroups`. */
  readonly mayApprove?: EligibilityRules['mayApprove'] | undefined;
  /** Knows people with all their ids and groups, such as those of an organisation's LDAP. */
  readonly directory?: EligibilityRules['directory'] | undefined;
  /** An issuer of identities at which people sign in, beside passkeys. */
  readonly oidc?: IssuerOptions | undefined;
  /** Refuses verdicts on calls whose session has no `user_id`. */
  readonly requireRequester?: boolean | undefined;
  /** Refuses verdicts on calls whose requester no directory knows. */
  readonly requireKnownRequester?: boolean | undefined;
  /** Pending approvals that one agent and tool may have at a time. */
  readonly maxPendingPerTool?: number | undefined;
  /** How long the same call stays refused after a person denied it, in milliseconds. */
  readonly denialTtlMs?: number | undefined;
  /** How approvers are told that something waits: webhooks, Slack and mail. It needs `publicUrl`. */
  readonly notify?: NotifyOptions | undefined;
  /** When an agent is halted without a person. */
  readonly autoHalt?: AutoHaltOptions | undefined;
  /** What to do with a reload that lets more run. */
  readonly onLoosened?: 'hold' | 'accept' | undefined;
}

/** Where and how `aegis serve` keeps its audit log. */
export interface AuditConfig {
  /** The folder; relative to the configuration file. @defaultValue `audit` in the data folder, or beside the SQLite file */
  readonly folder?: string | undefined;
  /**
   * `required`: nothing is answered or shown before its record is durable. `best-effort`: calls do not wait for the log, and a crash may lose its last records.
   *
   * @defaultValue `required`
   */
  readonly mode?: 'required' | 'best-effort' | undefined;
  /** Whose log it is: its checkpoints are signed under this name. @defaultValue `aegis-server` */
  readonly origin?: string | undefined;
}

/** The configuration of `aegis serve`: what `aegis.config.mjs` exports by default, or `aegis.config.json` holds. */
export interface ServerConfig extends TenantConfig {
  /**
   * Where to listen: a port, or `host:port`.
   *
   * @defaultValue `127.0.0.1:4180`
   */
  readonly listen?: string | number | undefined;
  /** Where clients reach the server, such as `https://aegis.example.com`, if that is not where it listens. */
  readonly publicUrl?: string | undefined;
  /**
   * The folder for what the server keeps; relative to the configuration file.
   *
   * @defaultValue `.aegis`
   */
  readonly data?: string | undefined;
  /**
   * Where approvals and keys are kept: `memory`, the path of a SQLite file, or a `postgres://` URL.
   *
   * @defaultValue `aegis.db` in the data folder
   */
  readonly store?: string | undefined;
  /** A file with the state key, which signs approvals and keys. The environment's AEGIS_STATE_KEY goes before it. */
  readonly stateKeyFile?: string | undefined;
  /** The file of the TLS certificate, in PEM. */
  readonly tlsCert?: string | undefined;
  /** The file of its private key, in PEM. */
  readonly tlsKey?: string | undefined;
  /**
   * Allows plain HTTP off loopback: only behind a proxy that ends TLS.
   *
   * @defaultValue false
   */
  readonly insecureHttp?: boolean | undefined;
  /**
   * How long the history of decided approvals is kept, in milliseconds.
   *
   * @defaultValue 90 days
   */
  readonly historyMs?: number | undefined;
  /**
   * The audit log: its folder, relative to the configuration file, or more about it. `false`: there is none, which is refused where a policy asks for an
   * approval.
   *
   * @defaultValue `audit` in the data folder, or beside the SQLite file, and `required`
   */
  readonly audit?: string | false | AuditConfig | undefined;
  /** @defaultValue `info` */
  readonly logLevel?: LogLevel | undefined;
  /** Tenants by id, each with its own policies. Without it there is one, `default`, of the options beside this one. */
  readonly tenants?: Readonly<Record<string, TenantConfig>> | undefined;
}

const TENANT: OptionKinds<TenantConfig> = {
  policies: 'text',
  agents: 'record',
  tools: 'record',
  facts: 'function',
  factsTimeoutMs: 'ms',
  approverGroups: 'record',
  mayApprove: 'function',
  directory: 'object',
  oidc: 'record',
  requireRequester: 'boolean',
  requireKnownRequester: 'boolean',
  maxPendingPerTool: 'count',
  denialTtlMs: 'age',
  onLoosened: "'hold'|'accept'",
  notify: 'record',
  autoHalt: 'record',
};

/** The kinds of the options of a tenant. */
export const TENANT_CONFIG: OptionKinds<TenantConfig> = TENANT;

/** The kinds of the options of an audit log. */
export const AUDIT_CONFIG: OptionKinds<AuditConfig> = { folder: 'text', mode: "'required'|'best-effort'", origin: 'text' };

/** The kinds of the options of a server. */
export const SERVER_CONFIG: OptionKinds<ServerConfig> = {
  ...TENANT,
  listen: 'text|count',
  publicUrl: 'text',
  data: 'text',
  store: 'text',
  stateKeyFile: 'text',
  tlsCert: 'text',
  tlsKey: 'text',
  insecureHttp: 'boolean',
  historyMs: 'age',
  audit: 'text|boolean|record',
  logLevel: "'debug'|'info'|'warning'|'error'",
  tenants: 'record',
};
