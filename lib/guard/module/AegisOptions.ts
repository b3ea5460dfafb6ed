import type { Logger, LogLevel } from '../../common/Logger.js';
import type { SecretString } from '../../common/SecretString.js';
import type { ApprovalPolling, ApprovalSchedulerOptions } from '../../approval/ApprovalSchedulerOptions.js';
import type { ApprovalScheduler } from '../../approval/ApprovalScheduler.js';
import type { TaskRegistryOptions } from '../../approval/task/TaskRegistry.js';
import type { RecoveryOptions } from '../../approval/recovery/RecoveryWorker.js';
import type { ApprovalDeskOptions } from '../../decision/desk/ApprovalDesk.js';
import type { FactsHook } from '../../decision/embedded/computeFacts.js';
import type { DecisionService } from '../../decision/DecisionService.js';
import type { Approver } from '../../decision/terminal/terminalApprover.js';
import type { Journal } from '../../model/Journal.js';
import type { SnapshotLimits } from '../../model/snapshot/takeSnapshot.js';
import type { AgentConfig } from '../../policy/engine/AgentDirectory.js';
import type { PolicySource } from '../../policy/PolicySource.js';
import type { ReloadResult } from '../../policy/live/ReloadablePolicies.js';
import type { ResolveInstance } from './StoredCalls.js';
import type { ApprovalStore } from '../../store/ApprovalStore.js';
import type { StateStore } from '../../store/StateStore.js';
import type { TaskStore } from '../../store/TaskStore.js';

/** Policies in this process: a file or folder of Cedar, or the text itself. */
export interface EmbeddedOptions {
  /** A path or file URL of a folder or file of `*.cedar`, or `{ text }`. Variable AEGIS_POLICIES (a path). */
  readonly policies?: PolicySource;
  /** Reload when the files change. Default false. */
  readonly watch?: boolean;
  /** A reload that drops a forbid waits for `aegis.policies.confirm(hash)`, or is taken. Default `hold`. */
  readonly onRemovedForbid?: 'hold' | 'accept';
  /** Told of every reload of the policies. */
  readonly onReload?: (result: ReloadResult) => void;
  /**
   * Every n-th decision is evaluated by cedar-wasm too; where the two differ the call is denied, the difference reported, and from then on
   * cedar-wasm decides: 0 … 1,000,000. Default 0, none.
   */
  readonly verify?: number;
  /** Roles and attributes of agents, by id; others have none. */
  readonly agents?: Readonly<Record<string, AgentConfig>>;
  /** The resource of every call: `Aegis::Toolset::"<toolset>"`. Default `default`. */
  readonly toolset?: string;
  /** Computes `context.facts` for each decision, and again before an approved call runs. */
  readonly facts?: FactsHook;
  /** How long the facts hook may take, in milliseconds: 1 … 30,000. Default 1,000. */
  readonly factsTimeoutMs?: number;
  /** What an approval becomes while no approver is attached: it waits, or the call is denied. Default `pending`. */
  readonly unattended?: 'pending' | 'deny';
  /** Decides approvals as they come, for example `terminalApprover()`. */
  readonly approver?: Approver;
  /** People by group, for `@approvers`. */
  readonly approverGroups?: ApprovalDeskOptions['approverGroups'];
  /** Says whether a person may decide; when given, it decides instead of `approverGroups`. */
  readonly mayApprove?: ApprovalDeskOptions['mayApprove'];
  /** Refuses verdicts on calls whose session names no `user_id`. Default false. */
  readonly requireRequester?: boolean;
  /** Pending approvals of one agent and tool: 1 … 10,000,000. Default 100,000. */
  readonly maxPendingPerTool?: number;
  /** How long an equal call stays refused after a person refused it, in milliseconds: 0 … 86,400,000. Default 300,000. */
  readonly denialTtlMs?: number;
  /** Names the policies that decided in `violations`. Default false. */
  readonly exposePolicies?: boolean;
  /** Where approvals and verdicts are kept. Default: where `store` keeps its own, else in memory. */
  readonly approvalStore?: ApprovalStore;
  /**
   * Signs stored approvals, so that writing the store is not enough to approve: 32 characters or more, the same for every process on the store.
   * Variable AEGIS_STATE_KEY.
   */
  readonly stateKey?: string | SecretString;
}

/** A Data Plane over HTTP. */
export interface RemoteOptions {
  /** The tenant's key. Variable AEGIS_API_KEY. */
  readonly apiKey?: string | SecretString;
  /** Default `https://api.beta.aegissecurity.dev`. Variable AEGIS_BASE_URL. */
  readonly baseUrl?: string | URL;
  /** One deadline over all attempts of a decision, in milliseconds: 100 … 30,000. Default 10,000. Variable AEGIS_TIMEOUT_S (seconds). */
  readonly timeoutMs?: number;
  /** Attempts after the first: 0 … 10. Default 2. Variable AEGIS_RETRIES. */
  readonly retries?: number;
  /** Default `aegis-typescript-sdk/<version>`. */
  readonly userAgent?: string;
  /** Allows plain http to other machines. Default false. */
  readonly allowInsecureHttp?: boolean;
}

/** What a module takes. It has one source of decisions: `policies`, an `apiKey` (or `baseUrl`), or `decisions`. */
export interface AegisOptions extends EmbeddedOptions, RemoteOptions {
  /** A decision service of your own. */
  readonly decisions?: DecisionService;
  /** The agent of guards that name none. */
  readonly agentId?: string;
  /** How long an approval may take, in milliseconds: 1 … 3,153,600,000,000. Default 86,400,000 (a day). */
  readonly approvalTimeoutMs?: number;
  /** How approvals are polled where the service does not push. */
  readonly approvalPolling?: Partial<ApprovalPolling>;
  /**
   * Whether pending approvals keep the process alive. Default: while the store is in memory. With a durable store and true, a process that has nothing else
   * to do waits for what it can run.
   */
  readonly keepAlive?: boolean;
  /**
   * Where tasks, and approvals with them, are kept: the path of a SQLite file, or a store such as `postgresStore(…)`. Default: in memory. A TaskStore
   * keeps tasks only.
   */
  readonly store?: string | StateStore | TaskStore;
  /** Hands over the instance that a stored call runs on, for example out of a DI container. Default: the only one that was constructed. */
  readonly resolve?: ResolveInstance;
  /** How tasks of a durable store are kept alive and taken over. */
  readonly recovery?: RecoveryOptions;
  /** Bounds of the task registry. */
  readonly tasks?: TaskRegistryOptions;
  /** Makes the scheduler, for one of your own that extends ApprovalScheduler. */
  readonly scheduler?: (options: ApprovalSchedulerOptions) => ApprovalScheduler;
  /** Whether guards find the session of `aegis.withSession()`. Switches AsyncLocalStorage on, which slows every await. Default `explicit`. */
  readonly sessions?: 'explicit' | 'async-local';
  /** What a null among params is, where the guard has no schema. Default: `refuse` with policies (they cannot see it), else `allow`. */
  readonly nullParams?: 'refuse' | 'allow';
  /** How large a call's params may be. */
  readonly limits?: Partial<SnapshotLimits>;
  /** What an undecorated override of a guarded method does when it is constructed. Default `throw`. */
  readonly onUnguardedOverride?: 'throw' | 'warn' | 'ignore';
  /**
   * Gets an event for everything that is decided and run, and can stop a call in the moment before its method is entered.
   *
   * @defaultValue none
   */
  readonly journal?: Journal | readonly Journal[];
  /** Any logger of pino's shape. Default: none, or with `debug` one that writes JSON lines to standard error. */
  readonly logger?: Logger;
  /** The least that the logger of `debug` writes. Default `debug`. Variable AEGIS_LOG_LEVEL. */
  readonly logLevel?: LogLevel;
  /** Logs every decision. Default false. Variable AEGIS_DEBUG. */
  readonly debug?: boolean;
  /** Whether `configure()` reads environment variables. `create()` never does. Default true. */
  readonly env?: boolean;
}

/** What `configure()` takes besides. */
export interface ConfigureOptions extends AegisOptions {
  /** Closes the module that is configured and takes its place, instead of refusing. Default false. */
  readonly replace?: boolean;
}
