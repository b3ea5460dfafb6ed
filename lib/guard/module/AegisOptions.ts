import type { Logger, LogLevel } from '../../common/Logger.js';
import type { SecretString } from '../../common/SecretString.js';
import type { ApprovalPolling, ApprovalSchedulerOptions } from '../../approval/ApprovalSchedulerOptions.js';
import type { ApprovalScheduler } from '../../approval/ApprovalScheduler.js';
import type { TaskRegistryOptions } from '../../approval/task/TaskRegistry.js';
import type { RecoveryOptions } from '../../approval/recovery/RecoveryWorker.js';
import type { ApprovalDeskOptions } from '../../decision/desk/ApprovalDeskOptions.js';
import type { CountersOptions } from '../../decision/embedded/EmbeddedDecisionServiceOptions.js';
import type { FactsHook } from '../../decision/embedded/computeFacts.js';
import type { DecisionService } from '../../decision/DecisionService.js';
import type { AutoHaltOptions } from '../../decision/halt/AutoHalt.js';
import type { DataPlaneRequirements } from '../../decision/remote/remoteSettings.js';
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
  readonly policies?: PolicySource | undefined;
  /**
   * Whether to reload when the files change.
   *
   * @defaultValue false
   */
  readonly watch?: boolean | undefined;
  /**
   * Whether a reload that lets more calls run, or more people approve them, waits for `aegis.policies.confirm(hash)`, or takes effect.
   *
   * @defaultValue `hold`
   */
  readonly onLoosened?: 'hold' | 'accept' | undefined;
  /** Called after every reload of the policies. */
  readonly onReload?: ((result: ReloadResult) => void) | undefined;
  /**
   * Every n-th decision is evaluated by cedar-wasm too. Where the two differ, the call is denied, the difference is reported, and from then on cedar-wasm
   * decides: 0 … 1,000,000. 0 evaluates none.
   *
   * @defaultValue 0
   */
  readonly verify?: number | undefined;
  /** Roles and attributes of agents, by id; others have none. */
  readonly agents?: Readonly<Record<string, AgentConfig>> | undefined;
  /**
   * The resource of every call: `Aegis::Toolset::"<toolset>"`.
   *
   * @defaultValue `default`
   */
  readonly toolset?: string | undefined;
  /** Computes `context.facts` for each decision, and again before an approved call runs. */
  readonly facts?: FactsHook | undefined;
  /**
   * How long the facts hook may take, in milliseconds: 1 … 30,000.
   *
   * @defaultValue 1,000
   */
  readonly factsTimeoutMs?: number | undefined;
  /**
   * Whether an approval waits while no approver is attached, or its call is denied.
   *
   * @defaultValue `pending`
   */
  readonly unattended?: 'pending' | 'deny' | undefined;
  /** Decides approvals as they arrive, for example `terminalApprover()`. */
  readonly approver?: Approver | undefined;
  /** People by group, for `@approvers`. */
  readonly approverGroups?: ApprovalDeskOptions['approverGroups'] | undefined;
  /** Says whether a person may decide an approval. It replaces `approverGroups`. */
  readonly mayApprove?: ApprovalDeskOptions['mayApprove'] | undefined;
  /**
   * Knows the people of your organisation with all their ids and groups: no one approves the own request under another id, and who is removed or leaves a
   * group before the call runs has not approved it.
   */
  readonly directory?: ApprovalDeskOptions['directory'] | undefined;
  /**
   * Whether verdicts on calls whose requester no directory knows are refused.
   *
   * @defaultValue false
   */
  readonly requireKnownRequester?: boolean | undefined;
  /**
   * Whether verdicts on calls whose session has no `user_id` are refused.
   *
   * @defaultValue false
   */
  readonly requireRequester?: boolean | undefined;
  /**
   * The most pending approvals of one agent and tool: 1 … 10,000,000.
   *
   * @defaultValue 100,000
   */
  readonly maxPendingPerTool?: number | undefined;
  /**
   * How long duplicates of a call stay refused after a person refused it, in milliseconds: 0 … 86,400,000.
   *
   * @defaultValue 300,000
   */
  readonly denialTtlMs?: number | undefined;
  /**
   * Whether `violations` names the policies that decided.
   *
   * @defaultValue false
   */
  readonly exposePolicies?: boolean | undefined;
  /** How the calls of limits are counted. */
  readonly counters?: CountersOptions | undefined;
  /**
   * Where approvals and verdicts are kept.
   *
   * @defaultValue where `store` keeps its own, else in memory
   */
  readonly approvalStore?: ApprovalStore | undefined;
  /**
   * Signs stored approvals, so that writing the store is not enough to approve: 32 characters or more, the same for every process on the store.
   * Variable AEGIS_STATE_KEY.
   */
  readonly stateKey?: string | SecretString | undefined;
}

/** How a Data Plane is asked over HTTP. */
export interface RemoteOptions {
  /** The tenant's key. Variable AEGIS_API_KEY. */
  readonly apiKey?: string | SecretString | undefined;
  /**
   * The address of the Data Plane. Variable AEGIS_BASE_URL.
   *
   * @defaultValue `https://api.beta.aegissecurity.dev`
   */
  readonly baseUrl?: string | URL | undefined;
  /**
   * One deadline over all attempts of a decision, in milliseconds: 100 … 30,000. Variable AEGIS_TIMEOUT_S (seconds: 0.1 … 30).
   *
   * @defaultValue 10,000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Attempts after the first: 0 … 10. Variable AEGIS_RETRIES.
   *
   * @defaultValue 2
   */
  readonly retries?: number | undefined;
  /**
   * The `User-Agent` header.
   *
   * @defaultValue `aegis-typescript-sdk/<version>`
   */
  readonly userAgent?: string | undefined;
  /**
   * Whether plain http to other machines is allowed.
   *
   * @defaultValue false
   */
  readonly allowInsecureHttp?: boolean | undefined;
  /** What the Data Plane must be able to do, in `require`. */
  readonly dataPlane?: DataPlaneRequirements | undefined;
}

/** The options of a module. It has one source of decisions: `policies`, an `apiKey` (or `baseUrl`), or `decisions`. */
export interface AegisOptions extends EmbeddedOptions, RemoteOptions {
  /** A decision service of your own. */
  readonly decisions?: DecisionService | undefined;
  /** The agent of guards that do not name one. */
  readonly agentId?: string | undefined;
  /**
   * How long an approval may take, in milliseconds: 1 … 3,153,600,000,000.
   *
   * @defaultValue 86,400,000 (a day)
   */
  readonly approvalTimeoutMs?: number | undefined;
  /** How approvals are polled where the service does not push. */
  readonly approvalPolling?: { readonly [K in keyof ApprovalPolling]?: ApprovalPolling[K] | undefined } | undefined;
  /**
   * Whether pending approvals keep the process alive. With `true` and a durable store, a process that has nothing else to do waits for calls that it can
   * run.
   *
   * @defaultValue true while the store is in memory
   */
  readonly keepAlive?: boolean | undefined;
  /**
   * Where tasks, and approvals with them, are kept: the path of a SQLite file, or a store such as `postgresStore(…)`. A TaskStore keeps tasks only.
   *
   * @defaultValue in memory
   */
  readonly store?: string | StateStore | TaskStore | undefined;
  /**
   * Supplies the instance that a stored call runs on, for example out of a DI container.
   *
   * @defaultValue the only instance that was constructed
   */
  readonly resolve?: ResolveInstance | undefined;
  /** How this process keeps its tasks of a durable store alive, and takes over those of dead processes. */
  readonly recovery?: RecoveryOptions | undefined;
  /** How many tasks are kept, and for how long. */
  readonly tasks?: TaskRegistryOptions | undefined;
  /** Makes the scheduler, where yours extends ApprovalScheduler. */
  readonly scheduler?: ((options: ApprovalSchedulerOptions) => ApprovalScheduler) | undefined;
  /**
   * Halts everything while there is a file of this path, also where the store cannot be reached. Its folder must exist. Anything there that is not a plain file
   * halts too, and so does a path that cannot be looked at.
   *
   * @defaultValue none
   */
  readonly haltFile?: string | undefined;
  /**
   * How long calls still run where it cannot be read whether they are halted, in milliseconds: 1,000 … 60,000. Only where halts are in a durable store, or
   * with a `haltFile`.
   *
   * @defaultValue 5,000
   */
  readonly haltMaxStaleMs?: number | undefined;
  /**
   * Halts an agent by itself, once policies have refused so many of its calls within some time. Calls that a guarded method makes are not counted. To tell them,
   * it switches AsyncLocalStorage on, which slows every await. Needs `policies`: a Data Plane has an `autoHalt` of its own.
   *
   * @defaultValue none: only people halt
   */
  readonly autoHalt?: AutoHaltOptions | undefined;
  /**
   * Whether guards find the session of `aegis.withSession()`. `async-local` switches AsyncLocalStorage on, which slows every await.
   *
   * @defaultValue `explicit`
   */
  readonly sessions?: 'explicit' | 'async-local' | undefined;
  /** How large a call's params may be. */
  readonly limits?: { readonly [K in keyof SnapshotLimits]?: SnapshotLimits[K] | undefined } | undefined;
  /**
   * What happens when a class with an undecorated override of a guarded method is constructed.
   *
   * @defaultValue `throw`
   */
  readonly onUnguardedOverride?: 'throw' | 'warn' | 'ignore' | undefined;
  /**
   * Gets an event for everything that is decided and run, and can stop a call in the moment before its method is entered.
   *
   * @defaultValue none
   */
  readonly journal?: Journal | readonly Journal[] | undefined;
  /**
   * Gets warnings and, with `debug`, decisions. Any logger with pino's methods.
   *
   * @defaultValue none; with `debug` one that writes JSON lines to stderr
   */
  readonly logger?: Logger | undefined;
  /**
   * The lowest level that the logger of `debug` writes. Variable AEGIS_LOG_LEVEL.
   *
   * @defaultValue `debug`
   */
  readonly logLevel?: LogLevel | undefined;
  /**
   * Whether every decision is logged. Variable AEGIS_DEBUG.
   *
   * @defaultValue false
   */
  readonly debug?: boolean | undefined;
  /**
   * Whether `configure()` reads environment variables. `create()` never does.
   *
   * @defaultValue true
   */
  readonly env?: boolean | undefined;
}

/** The options of `configure()`. */
export interface ConfigureOptions extends AegisOptions {
  /**
   * Whether a module that is configured already is closed and replaced. Otherwise `configure()` refuses.
   *
   * @defaultValue false
   */
  readonly replace?: boolean | undefined;
}
