import type { Journal } from '../../model/Journal.js';
import type { Decision, DecisionStatus } from '../../model/Decision.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { ApprovalScheduler } from '../../approval/ApprovalScheduler.js';
import type { TaskRegistry } from '../../approval/task/TaskRegistry.js';
import type { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import type { Grants } from '../../decision/grant/Grants.js';
import type { DecisionService } from '../../decision/DecisionService.js';
import { Limits } from '../../decision/limit/Limits.js';
import type { ReloadablePolicies } from '../../policy/live/ReloadablePolicies.js';
import type { Halts } from '../halt/Halts.js';
import { copyProposal } from '../call/ProposedCall.js';
import type { ProposedCall } from '../call/ProposedCall.js';
import { sessionOfScope } from '../method/Caller.js';
import type { AegisOptions, ConfigureOptions } from './AegisOptions.js';
import { buildModule } from './buildModule.js';
import type { ModuleParts } from './buildModule.js';
import { runWithSession } from '../call/callContext.js';
import { applyEnvironment } from './environment.js';
import { bindRuntime, currentHandle, setCurrentHandle } from '../call/GuardRuntime.js';
import { checkOptions } from './checkOptions.js';
import { registerGuards } from '../method/GuardBinding.js';
import { takeSession } from '../call/validateParams.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import { CLOSE_OPTIONS } from '../../approval/ApprovalScheduler.js';
import { isPlainObject } from '../../common/data/plainObject.js';

/** The part of a module that all code of a program may use: everything but the approval desk, which only `configure()` returns. */
export interface AegisModuleView {
  /** Decides calls. */
  readonly decisions: DecisionService;
  /** The tasks of calls that needed a person. */
  readonly tasks: TaskRegistry;
  /** Follows pending approvals. */
  readonly scheduler: ApprovalScheduler;
  /**
   * Decides a call as a guard would, without running anything: it makes no task, and an `approval_needed` answer opens no approval (embedded policies), or
   * one that is withdrawn at once, where the service can. No decision that it returns lets a call in: a guard always decides for itself.
   *
   * @example const { effect, reason } = await aegis.decide({ agentId: 'ops', toolName: 'mail.send', params: { to: 'ann' }, session: { user_id: 'u1' } });
   * @returns the decision, frozen; a deny is a decision too
   * @throws ParamsError, SanitizeError, ConfigError where the guard of such a call would refuse it before or after the decision
   * @throws AegisError of the kind that a guarded call ends with, where no decision can be had
   */
  decide(call: ProposedCall): Promise<Decision>;
  /**
   * Reads the status of an approval, by the `decisionId` of its decision or task. `invalid` where no approval has this id, as with an id that `decide()`
   * returned for embedded policies.
   *
   * @throws ParamsError where `decisionId` is not a string of 1 to 512 characters
   * @throws AegisError where the service does not answer: docs/errors.md
   */
  decisionStatus(decisionId: string): Promise<DecisionStatus>;
  /** Settles when stores are open and the first call can be decided. Guarded calls wait for it by themselves. */
  ready(): Promise<void>;
  /**
   * Lets this process run stored calls of a class before an instance of it was constructed (`resolve` then supplies one), or of this instance.
   *
   * @throws ConfigError where two guards have the same key, or the class has no guard
   */
  register(target: object): void;
  /**
   * Runs a function, and all that it calls and awaits, in a session for guards that have none of their own.
   *
   * @returns what the function returns
   * @throws ConfigError without `sessions: 'async-local'`
   * @throws ParamsError where the session is not a plain object of data
   */
  withSession<T>(session: object | null, fn: () => T): T;
}

/** One configuration of Aegis: where decisions come from, where approvals and tasks are kept, and who runs approved calls. */
export class AegisModule implements AegisModuleView {
  readonly #parts: ModuleParts;
  readonly #view: AegisModuleView;
  readonly #registered = new Set<object>();
  #closing: Promise<void> | undefined;

  private constructor(options: AegisOptions) {
    this.#parts = buildModule(options);
    bindRuntime(this, this.#parts.runtime);
    this.#view = viewOf(this);
    bindRuntime(this.#view, this.#parts.runtime);
  }

  /**
   * Configures Aegis for the whole program and makes the module {@link current}. Environment variables win over options, unless `env: false`.
   *
   * @returns the module, with its approval desk
   * @throws ConfigError naming every problem and its fix, never a secret; and when it is called twice without `replace: true`
   */
  static configure(options: ConfigureOptions = {}): AegisModule {
    if (!isPlainObject(options)) checkOptions(options);
    // a copy: each option is read once
    const { replace, ...given } = options;
    const laid = given.env === false ? { options: given, problems: [], origins: undefined } : applyEnvironment(given, process.env);
    checkOptions(replace === undefined ? laid.options : { ...laid.options, replace }, laid.problems, laid.origins);
    const before = current;
    if (before !== undefined && replace !== true) {
      throw new ConfigError([
        { where: 'AegisModule', message: 'is configured already; close() the module first, or call configure() with { replace: true }.' },
      ]);
    }
    const module = namingOrigins(laid.origins, () => new AegisModule(laid.options));
    if (before !== undefined) before.close().catch(() => {});
    current = module;
    setCurrentHandle(module.#view);
    return module;
  }

  /**
   * Makes a module that is not global, for tests and tenants. Guards find it by their `module` option or by `@AegisAgent`. It reads no environment.
   *
   * @throws ConfigError naming every problem and its fix
   */
  static create(options: AegisOptions): AegisModule {
    if (!isPlainObject(options)) checkOptions(options);
    const given = { ...options };
    checkOptions(given);
    if ('replace' in given)
      throw new ConfigError([
        { where: 'replace', message: 'is an option of configure() only, because create() replaces nothing; leave it out.' },
      ]);
    return new AegisModule(given);
  }

  /**
   * The module that `configure()` made, without its approval desk, so that code which an agent can reach cannot approve its own calls.
   *
   * @throws ConfigError before `configure()` and after `close()`
   */
  static get current(): AegisModuleView {
    const view = currentHandle();
    if (view === undefined)
      throw new ConfigError([{ where: 'AegisModule', message: 'is not configured; call AegisModule.configure() first.' }]);
    return view as AegisModuleView;
  }

  /** Closes the current module, if there is one. */
  static async close(options: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    checkedOptions('close()', options, CLOSE_OPTIONS);
    await current?.close(options);
  }

  /** The service that decides. */
  get decisions(): DecisionService {
    return this.#parts.runtime.decisions;
  }

  /** Every call that waits or has waited for a person. */
  get tasks(): TaskRegistry {
    return this.#parts.runtime.tasks;
  }

  /** Follows approvals, and runs what was approved. */
  get scheduler(): ApprovalScheduler {
    return this.#parts.runtime.scheduler;
  }

  /** The desk where people decide approvals. @throws ConfigError without policies: a Data Plane has its own desk */
  get approvals(): ApprovalDesk {
    const { desk } = this.#parts;
    if (desk !== undefined) return desk;
    throw new ConfigError([
      {
        where: 'approvals',
        message:
          'are not decided in this process, because a module without `policies` has no desk; decide them at the Data Plane, or at your decision service.',
      },
    ]);
  }

  /**
   * The standing verdicts of the people who decide approvals. They are not on {@link current}.
   *
   * @throws ConfigError without policies: a Data Plane has its own grants
   */
  get grants(): Grants {
    const { grants } = this.#parts;
    if (grants !== undefined) return grants;
    throw new ConfigError([
      {
        where: 'grants',
        message:
          'are not in this process, because a module without `policies` has no desk; they are at the Data Plane, or at your decision service.',
      },
    ]);
  }

  /**
   * The kill switch: orders, lifts and lists halts. It is not on {@link current}, so that code which an agent can reach cannot lift a halt.
   *
   * @example await aegis.halts.halt({ agentId: 'support-agent' }, { by: 'ann', reason: 'refunds everything' });
   */
  get halts(): Halts {
    return this.#parts.halts;
  }

  /** What limits have counted. @throws ConfigError without policies: a Data Plane counts by itself */
  get limits(): Limits {
    const { approvals } = this;
    return new Limits(() => approvals.counts.counters);
  }

  /** The policies in force, and their reloads. @throws ConfigError without policies */
  get policies(): ReloadablePolicies {
    const { policies } = this.#parts;
    if (policies !== undefined) return policies;
    throw new ConfigError([
      {
        where: 'policies',
        message:
          'are not in this process, because the module was configured without `policies`; they are at the Data Plane, or at your decision service.',
      },
    ]);
  }

  /** @internal The journals that it tells. */
  get journals(): readonly Journal[] {
    return this.#parts.journals;
  }

  async decide(call: ProposedCall): Promise<Decision> {
    const { runtime } = this.#parts;
    const proposal = copyProposal(call, runtime, sessionOfScope(runtime));
    // loaded when it is first needed: most programs only guard
    const { decideOnly } = await import('../decideOnly.js');
    return decideOnly(runtime, proposal);
  }

  async decisionStatus(decisionId: string): Promise<DecisionStatus> {
    const { readDecisionStatus } = await import('../decideOnly.js');
    return readDecisionStatus(this.#parts.runtime, decisionId);
  }

  async ready(): Promise<void> {
    await this.#parts.runtime.opening;
  }

  register(target: object): void {
    registerGuards(target);
    // guards are collected with their class, but this class was registered to be kept
    this.#registered.add(target);
    void this.#parts.keeper?.scan();
  }

  withSession<T>(session: object | null, fn: () => T): T {
    const { asyncLocal, limits } = this.#parts.runtime;
    if (!asyncLocal)
      throw new ConfigError([
        { where: 'sessions', message: "must be 'async-local' for withSession(); configure it so, or give the guards a `session`." },
      ]);
    return runWithSession(session === null ? null : takeSession(session, limits), fn);
  }

  /**
   * Ends everything: guarded calls no longer run, pending approvals end with a ShutdownError, and methods that are executing are waited for. Idempotent;
   * `current` is unset at once.
   *
   * @param options `graceMs`: how long to wait for executing methods, in milliseconds. Default 10,000
   */
  close(options: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    try {
      checkedOptions('close()', options, CLOSE_OPTIONS);
    } catch (error) {
      return Promise.reject(error as ConfigError);
    }
    const { runtime } = this.#parts;
    runtime.closed = true;
    this.#registered.clear();
    if (current === this) {
      current = undefined;
      setCurrentHandle(undefined);
    }
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  /** The same as `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Closes every part, also where closing another one fails, and throws the first failure at the end. */
  async #close(options: { readonly graceMs?: number | undefined }): Promise<void> {
    const failures: unknown[] = [];
    for (const end of this.#parts.closing) {
      try {
        await end(options);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

let current: AegisModule | undefined;

/** Names the variable that a wrong option came from, for what is only found while the module is built. */
function namingOrigins<T>(origins: ReadonlyMap<string, string> | undefined, build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof ConfigError) || !error.problems.some(({ where }) => origins?.has(where))) throw error;
    const named = error.problems.map(({ where, message }) => {
      const variable = origins?.get(where);
      return { where: variable === undefined ? where : `${variable} (as ${where})`, message };
    });
    throw new ConfigError(named, { cause: error });
  }
}

function viewOf(module: AegisModule): AegisModuleView {
  return Object.freeze({
    decisions: module.decisions,
    tasks: module.tasks,
    scheduler: module.scheduler,
    decide: (call: ProposedCall) => module.decide(call),
    decisionStatus: (decisionId: string) => module.decisionStatus(decisionId),
    ready: () => module.ready(),
    register: (target: object) => module.register(target),
    withSession: <T>(session: object | null, fn: () => T) => module.withSession(session, fn),
  });
}
