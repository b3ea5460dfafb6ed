import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { ApprovalScheduler } from '../../approval/ApprovalScheduler.js';
import type { TaskRegistry } from '../../approval/task/TaskRegistry.js';
import type { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import type { DecisionService } from '../../decision/DecisionService.js';
import type { ReloadablePolicies } from '../../policy/live/ReloadablePolicies.js';
import type { AegisOptions, ConfigureOptions } from './AegisOptions.js';
import { buildModule } from './buildModule.js';
import type { ModuleParts } from './buildModule.js';
import { runWithSession } from '../call/callContext.js';
import { applyEnvironment } from './environment.js';
import { bindRuntime, currentHandle, setCurrentHandle } from '../call/GuardRuntime.js';
import { checkOptions } from './optionsSchema.js';
import { registerGuards } from '../method/guardIndex.js';
import { takeSession } from '../call/validateParams.js';

/** What every part of a program may see of a module: all of it but the judge. Approvals are decided on what `configure()` returned. */
export interface AegisModuleView {
  readonly decisions: DecisionService;
  readonly tasks: TaskRegistry;
  readonly scheduler: ApprovalScheduler;
  /** Settles when stores are open and the first call can be decided; guarded calls wait for it by themselves. */
  ready(): Promise<void>;
  /**
   * Says that this process runs stored calls of a class before any instance of it was constructed (`resolve` then hands one over), or of this instance.
   *
   * @throws ConfigError where a guard's key is another guard's too, or the class has no guard
   */
  register(target: object): void;
  /**
   * Runs a function, and all it calls and awaits, in a session that guards without one of their own find.
   *
   * @throws ConfigError without `sessions: 'async-local'`
   */
  withSession<T>(session: object | null, fn: () => T): T;
}

/** One set-up of Aegis: where decisions come from, where approvals and tasks are kept, who runs what was approved. */
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
   * Sets Aegis up for the whole program and makes the module {@link current}. Environment variables win over options, unless `env: false`.
   *
   * @throws ConfigError naming every problem and its fix, never a value; and when called twice without `replace: true`
   */
  static configure(options: ConfigureOptions = {}): AegisModule {
    if (typeof options !== 'object' || options === null || Array.isArray(options)) checkOptions(options);
    const { replace, ...given } = options;
    const laid = given.env === false ? { options: given, problems: [], origins: undefined } : applyEnvironment(given, process.env);
    checkOptions(replace === undefined ? laid.options : { ...laid.options, replace }, laid.problems, laid.origins);
    const before = current;
    if (before !== undefined && replace !== true) {
      throw new ConfigError([{ where: 'AegisModule', message: 'is configured already; close() it first, or give { replace: true }.' }]);
    }
    const module = new AegisModule(laid.options);
    if (before !== undefined) before.close().catch(() => {});
    current = module;
    setCurrentHandle(module.#view);
    return module;
  }

  /** Makes a module that is not global, for tests and tenants: guards find it by their `module` option or `@AegisAgent`. Reads no environment. */
  static create(options: AegisOptions): AegisModule {
    checkOptions(options);
    if ('replace' in options)
      throw new ConfigError([{ where: 'replace', message: 'is an option of configure(); create() replaces nothing.' }]);
    return new AegisModule(options);
  }

  /**
   * The module that `configure()` made, without its approval desk: code that an agent may reach cannot decide on its own calls.
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
  static async close(options?: { readonly graceMs?: number }): Promise<void> {
    await current?.close(options);
  }

  get decisions(): DecisionService {
    return this.#parts.runtime.decisions;
  }

  get tasks(): TaskRegistry {
    return this.#parts.runtime.tasks;
  }

  get scheduler(): ApprovalScheduler {
    return this.#parts.runtime.scheduler;
  }

  /** Where people decide. @throws ConfigError without policies: a Data Plane has its own desk */
  get approvals(): ApprovalDesk {
    const { desk } = this.#parts;
    if (desk !== undefined) return desk;
    throw new ConfigError([
      { where: 'approvals', message: 'are decided at the Data Plane; only a module with `policies` has a desk of its own.' },
    ]);
  }

  /** The policies in force, and their reloads. @throws ConfigError without policies */
  get policies(): ReloadablePolicies {
    const { policies } = this.#parts;
    if (policies !== undefined) return policies;
    throw new ConfigError([{ where: 'policies', message: 'are at the Data Plane; only a module with `policies` has them here.' }]);
  }

  async ready(): Promise<void> {
    await this.#parts.runtime.opening;
  }

  register(target: object): void {
    registerGuards(target);
    // guards go with their class when nobody else holds it, but this one was handed over to be kept
    this.#registered.add(target);
    void this.#parts.keeper?.scan();
  }

  withSession<T>(session: object | null, fn: () => T): T {
    const { asyncLocal, limits } = this.#parts.runtime;
    if (!asyncLocal)
      throw new ConfigError([{ where: 'sessions', message: "must be 'async-local' for withSession(); or give guards a `session`." }]);
    return runWithSession(session === null ? null : takeSession(session, limits), fn);
  }

  /**
   * Ends everything: no guarded call runs any more, pending approvals end with a ShutdownError, what is executing is waited for (`graceMs`
   * milliseconds at most, default 10,000). Idempotent; `current` is unset at once.
   */
  close(options: { readonly graceMs?: number } = {}): Promise<void> {
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Every part is closed, whatever another one says to it; the first failure is told then. */
  async #close(options: { readonly graceMs?: number }): Promise<void> {
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

function viewOf(module: AegisModule): AegisModuleView {
  return Object.freeze({
    decisions: module.decisions,
    tasks: module.tasks,
    scheduler: module.scheduler,
    ready: () => module.ready(),
    register: (target: object) => module.register(target),
    withSession: <T>(session: object | null, fn: () => T) => module.withSession(session, fn),
  });
}
