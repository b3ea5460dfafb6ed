import { AegisModule } from '../../guard/module/AegisModule.js';
import type { GuardOutcome, PendingOutcome } from '../../guard/call/GuardedCall.js';
import { guardCall } from '../../guard/guardCall.js';
import { AegisError } from '../../model/AegisError.js';
import { ForbiddenError } from '../../model/errors/RefusalErrors.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { PendingApproval } from '../../model/PendingApproval.js';
import type { ApprovalMode } from '../../model/Task.js';
import type { AdapterOptions, OnApproval } from './AdapterOptions.js';
import { giveVerdict, verdictCounts } from './giveVerdict.js';
import { APPROVED_BEFORE, callbackFailed, toolCall } from './toolCall.js';
import type { ToolInvocation } from './ToolInvocation.js';
import type { ToolDenied, ToolPreflight, ToolOutcome, ToolPending } from './ToolOutcome.js';
import { deniedText, pendingText, safeError } from './toolText.js';

const MODES: Readonly<Record<OnApproval, ApprovalMode>> = { native: 'throw', pending: 'defer', wait: 'wait', deny: 'throw' };

/**
 * Guards the tools of a framework: what each adapter is thin over. A refusal is an outcome, whatever failed, and no tool runs twice. What it rejects
 * with is the tool's own error, or the reason of an abort.
 */
export class ToolGuard<C = unknown> {
  readonly framework: string;
  readonly options: AdapterOptions<C>;
  readonly #onApproval: OnApproval;
  readonly #guards = new Map<string, object>();

  /**
   * @param native whether the adapter can interrupt its framework where a person has to decide
   * @throws ConfigError
   */
  constructor(framework: string, options: AdapterOptions<C>, native: boolean) {
    this.framework = framework;
    this.options = options;
    const { onApproval = native ? 'native' : 'pending', verdictBy, module } = options;
    const choices = Object.keys(MODES).filter((name) => native || name !== 'native');
    if (!choices.includes(onApproval))
      throw new ConfigError([{ where: `${framework}: onApproval`, message: `is one of ${choices.join(', ')}.` }]);
    if (verdictBy !== undefined && !(module instanceof AegisModule)) {
      const message = 'needs `module`: what configure() or create() returned, which has the desk.';
      throw new ConfigError([{ where: `${framework}: verdictBy`, message }]);
    }
    this.#onApproval = onApproval;
  }

  /** Whether the framework is to be interrupted where a person has to decide. */
  get interrupts(): boolean {
    return this.#onApproval === 'native';
  }

  /** Decides, and runs the tool if it may run. `run` gets its own copy of the input, sanitized or not. */
  async call<R>(invocation: ToolInvocation<C>, run: (input: never) => R): Promise<ToolOutcome<Awaited<R>>> {
    try {
      const outcome = await this.#decide(invocation, MODES[invocation.onApproval ?? this.#onApproval], run);
      if (outcome.kind === 'ran') return { kind: 'ran', value: outcome.value };
      if (outcome.kind === 'denied') throw outcome.error;
      return await this.#approve(invocation, outcome);
    } catch (error) {
      return this.#denied(invocation, error);
    }
  }

  /**
   * What the call would meet if it were made now, for frameworks that ask before they call. An approval that it needs is asked for; an allow is forgotten, for the
   * call is decided when it is made.
   */
  async preflight(invocation: ToolInvocation<C>): Promise<ToolPreflight> {
    try {
      const outcome = await this.#decide(invocation, 'throw', () => undefined);
      if (outcome.kind === 'denied') throw outcome.error;
      return outcome.kind === 'ran' ? { kind: 'allowed' } : this.#pending(outcome);
    } catch (error) {
      return this.#denied(invocation, error);
    }
  }

  /** The framework was told no by a person: a verdict where policies let it count, else nobody waits for the approval any more. */
  async refuse(invocation: ToolInvocation<C>, reason?: string): Promise<ToolDenied> {
    const preflight = await this.preflight(invocation);
    if (preflight.kind === 'denied') return preflight;
    const why = reason === undefined ? 'a person refused it' : `a person refused it: ${reason}`;
    if (preflight.kind === 'allowed') return this.deny(invocation, why);
    const { pending } = preflight;
    try {
      if (await this.#verdict(invocation, pending, false, reason)) return this.deny(invocation, why);
    } catch (error) {
      return this.#denied(invocation, error);
    }
    return this.withdraw(invocation, pending, why);
  }

  /** Nobody waits for the approval any more, and the call is refused. */
  async withdraw(invocation: ToolInvocation<C>, pending: PendingApproval, why: string): Promise<ToolDenied> {
    try {
      await pending.cancel();
      return this.deny(invocation, why);
    } catch (error) {
      return this.#denied(invocation, error);
    }
  }

  async #approve<R>(invocation: ToolInvocation<C>, outcome: PendingOutcome<R>): Promise<ToolOutcome<R>> {
    switch (invocation.onApproval ?? this.#onApproval) {
      case 'pending':
        outcome.schedule();
        return this.#pending(outcome);
      case 'wait':
        return { kind: 'ran', value: await outcome.wait({ waitMs: this.options.waitMs }) };
      case 'native': {
        // a yes is for what had been asked before, never for what is asked just now
        if (invocation.approvedThere === true && outcome.deduplicated && (await this.#isAnswer(invocation, outcome.pending)))
          await this.#verdict(invocation, outcome.pending, true);
        const resumed = await outcome.resume();
        return resumed === undefined ? this.#pending(outcome) : { kind: 'ran', value: resumed.value };
      }
      case 'deny':
        await outcome.cancel();
        throw this.#forbidden(invocation, 'a person would have to approve it, and nobody is asked here');
    }
  }

  /** Refuses a call for a reason of the adapter's own. */
  deny(invocation: ToolInvocation<C>, why: string): ToolDenied {
    return this.#denied(invocation, this.#forbidden(invocation, why));
  }

  /** Whether the yes of the person who is asked would count as a verdict, by `verdictBy` and what policies say. */
  async mayAnswer({ context }: ToolInvocation<C>, pending: PendingApproval): Promise<boolean> {
    try {
      const by = this.#verdictBy(context);
      return by !== undefined && (await verdictCounts(this.options.module as AegisModule, pending, by));
    } catch {
      return false;
    }
  }

  /** Whether a yes is to this question. One that names none is to the first, and only if it was not there already when that was asked. */
  async #isAnswer({ context, shownDecision }: ToolInvocation<C>, { decisionId, taskId }: PendingApproval): Promise<boolean> {
    if (shownDecision !== undefined) return shownDecision === decisionId;
    if (this.#verdictBy(context) === undefined) return false;
    const task = await (this.options.module as AegisModule).tasks.getTask(taskId);
    return task?.decisionId === decisionId && task.history.length === 0 && task.metadata[APPROVED_BEFORE] !== true;
  }

  async #verdict({ context }: ToolInvocation<C>, pending: PendingApproval, approved: boolean, reason?: string): Promise<boolean> {
    const by = this.#verdictBy(context);
    return by === undefined ? false : giveVerdict(this.options.module as AegisModule, pending, { approved, by, reason });
  }

  /** @throws ParamsError */
  #verdictBy(context: C): string | undefined {
    try {
      return this.options.verdictBy?.(context);
    } catch (error) {
      throw callbackFailed(this.framework, error);
    }
  }

  async #decide<R>(invocation: ToolInvocation<C>, mode: ApprovalMode, run: (input: never) => R): Promise<GuardOutcome<Awaited<R>>> {
    const { framework, options } = this;
    const { module, call, unwrap } = toolCall({ framework, options, guardOf: (name) => this.#guardOf(name) }, invocation, mode);
    return guardCall<R>(module, call, (params) => run(unwrap(params) as never));
  }

  #guardOf(toolName: string): object {
    let guard = this.#guards.get(toolName);
    if (guard === undefined) this.#guards.set(toolName, (guard = {}));
    return guard;
  }

  /** What is no error of ours is the tool's own, and an abort is the framework's to hear of. */
  #denied({ name, signal }: ToolInvocation<C>, error: unknown): ToolDenied {
    if (!AegisError.is(error)) throw error;
    if (signal?.aborted === true) throw signal.reason;
    return { kind: 'denied', error: safeError(name, error), text: deniedText(name, error) };
  }

  #forbidden({ name }: ToolInvocation<C>, why: string): ForbiddenError {
    return new ForbiddenError(`Tool '${name.slice(0, 128)}' is not allowed: ${why}.`, { code: 'approval_refused', toolName: name });
  }

  #pending({ pending }: PendingOutcome<unknown>): ToolPending {
    return { kind: 'pending', pending, text: pendingText(pending) };
  }
}
