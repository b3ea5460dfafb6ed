import { didYouMean } from '../../common/didYouMean.js';
import { AegisModule } from '../../guard/module/AegisModule.js';
import type { GuardOutcome, PendingOutcome } from '../../guard/call/GuardedCall.js';
import { guardCall } from '../../guard/guardCall.js';
import { runtimeOf } from '../../guard/call/GuardRuntime.js';
import { currentCall } from '../../guard/call/callContext.js';
import { AegisError } from '../../model/AegisError.js';
import { ParamsError } from '../../model/errors/CallErrors.js';
import { ForbiddenError } from '../../model/errors/RefusalErrors.js';
import { ConfigError, VerdictError } from '../../model/errors/SetupErrors.js';
import type { PendingApproval } from '../../model/PendingApproval.js';
import type { ApprovalMode } from '../../model/Task.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { ADAPTER_OPTIONS } from './AdapterOptions.js';
import type { AdapterApproval, AdapterOptions } from './AdapterOptions.js';
import { ownShare, shareable } from './SharedStream.js';
import { APPROVED_BEFORE, callbackFailed, toolCall } from './toolCall.js';
import { editedResult } from './editedResult.js';
import type { ToolDenied, ToolInvocation, ToolOutcome, ToolPending, ToolPreflight, ToolRan } from './ToolInvocation.js';
import { deniedText, pendingText, safeError } from './text.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';

const USED_UP = 'a duplicate call used the approval, which was for one run; call the tool again if it has to run once more';

const MODES: Readonly<Record<AdapterApproval, ApprovalMode>> = { native: 'throw', defer: 'defer', wait: 'wait', deny: 'throw' };

/**
 * Guards the tools of a framework; each adapter is a thin layer over this class. A refusal is an outcome, also where the guard itself failed, and no tool runs
 * twice. A method rejects with nothing but the tool's own error or the reason of an abort.
 */
export class ToolGuard<C = unknown> {
  readonly framework: string;
  readonly options: AdapterOptions<C>;
  readonly #approval: AdapterApproval;
  readonly #licence: boolean;

  /**
   * @param native whether the adapter can interrupt its framework when a person has to decide
   * @param kinds the kinds of all options of this adapter
   * @param licence whether what `run` returns lets somebody else run the tool: then it is for the one invocation whose own `run` was entered, and never shared by
   * duplicate calls
   * @throws ConfigError
   */
  constructor(
    framework: string,
    given: AdapterOptions<C>,
    native: boolean,
    kinds: OptionKinds<AdapterOptions> & Readonly<Record<string, string>> = ADAPTER_OPTIONS,
    licence = false,
  ) {
    const options = checkedOptions<AdapterOptions<C>>(framework, given, kinds);
    this.framework = framework;
    this.options = options;
    const { approval = native ? 'native' : 'defer', verdictBy, module } = options;
    const choices = Object.keys(MODES).filter((name) => native || name !== 'native');
    if (!choices.includes(approval))
      throw new ConfigError([
        { where: `${framework}: approval`, message: `must be one of ${choices.join(', ')}${didYouMean(approval, choices) || '.'}` },
      ]);
    if (verdictBy !== undefined && !(module instanceof AegisModule)) {
      const message =
        'needs `module`, the object that AegisModule.configure() or AegisModule.create() returned: only that has the approval desk.';
      throw new ConfigError([{ where: `${framework}: verdictBy`, message }]);
    }
    this.#approval = approval;
    this.#licence = licence;
  }

  /** Whether the adapter interrupts the framework when a person has to decide. */
  get interrupts(): boolean {
    return this.#approval === 'native';
  }

  /** Decides on a call, and runs the tool if it may run. `run` gets its own copy of the input, sanitized or not. */
  async call<R>(invocation: ToolInvocation<C>, run: (input: never) => R): Promise<ToolOutcome<Awaited<R>>> {
    let entered = false;
    const enter = (input: never): unknown => {
      entered = true;
      // duplicate calls share the run of an approved call
      return currentCall()?.taskId === undefined ? run(input) : shareable(run(input));
    };
    try {
      const outcome = await this.#decide(invocation, MODES[invocation.approval ?? this.#approval], enter);
      if (outcome.kind === 'denied') throw outcome.error;
      const made = outcome.kind === 'ran' ? outcome : await this.#approve(invocation, outcome);
      if (made.kind !== 'ran') return made;
      if (this.#licence && !entered) return this.deny(invocation, USED_UP);
      const value: unknown = ownShare(made.value);
      const { edited } = made as ToolRan<unknown>;
      if (edited === undefined) return { kind: 'ran', value: value as Awaited<R> };
      return { kind: 'ran', value: editedResult(value, edited) as Awaited<R>, edited };
    } catch (error) {
      return this.#denied(invocation, error);
    }
  }

  /**
   * Decides on a call that is not made yet, for frameworks that ask before they call. If it needs an approval, the approval is requested. A call that would run
   * is only looked at, because it is decided when it is made: limits count it, and a grant is used, once.
   */
  async preflight(invocation: ToolInvocation<C>): Promise<ToolPreflight> {
    try {
      if (await this.#wouldRun(invocation)) return { kind: 'allowed' };
      const outcome = await this.#decide(invocation, 'throw', () => undefined);
      if (outcome.kind === 'denied') throw outcome.error;
      return outcome.kind === 'ran' ? { kind: 'allowed' } : this.#pending(invocation, outcome);
    } catch (error) {
      return this.#denied(invocation, error);
    }
  }

  /** Refuses a call because a person said no to the framework: with a verdict at the desk where policies let it count, else by withdrawing the approval. */
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

  /** Cancels the approval and refuses the call. */
  async withdraw(invocation: ToolInvocation<C>, pending: PendingApproval, why: string): Promise<ToolDenied> {
    try {
      await pending.cancel();
      return this.deny(invocation, why);
    } catch (error) {
      return this.#denied(invocation, error);
    }
  }

  async #approve<R>(invocation: ToolInvocation<C>, outcome: PendingOutcome<R>): Promise<ToolOutcome<R>> {
    switch (invocation.approval ?? this.#approval) {
      case 'defer':
        outcome.schedule();
        return this.#pending(invocation, outcome);
      case 'wait':
        return ran(await outcome.wait({ waitMs: this.options.waitMs }), outcome.pending);
      case 'native': {
        // a yes is for what had been asked before, never for what is asked just now
        if (invocation.approvedThere === true && outcome.deduplicated && (await this.#isAnswer(invocation, outcome.pending)))
          await this.#verdict(invocation, outcome.pending, true);
        const resumed = await outcome.resume();
        return resumed === undefined ? this.#pending(invocation, outcome) : ran(resumed.value, outcome.pending);
      }
      case 'deny':
        await outcome.cancel();
        throw this.#forbidden(invocation, 'a person would have to approve it, and this agent does not ask for approvals');
    }
  }

  /** The refusal of a call whose arguments fit no schema of the tool; undefined where they fit. */
  async misfit(invocation: ToolInvocation<C>): Promise<ToolDenied | undefined> {
    return (await invocation.fits?.()) === false ? this.#denied(invocation, misfitting(invocation)) : undefined;
  }

  /** Refuses a call for a reason that the adapter gives. */
  deny(invocation: ToolInvocation<C>, why: string): ToolDenied {
    return this.#denied(invocation, this.#forbidden(invocation, why));
  }

  /** Whether a yes of the person behind this call would count as a verdict: `verdictBy` names that person, and policies decide. */
  async mayAnswer({ context }: ToolInvocation<C>, pending: PendingApproval): Promise<boolean> {
    try {
      const by = this.#verdictBy(context);
      return by !== undefined && (await (this.options.module as AegisModule).approvals.mayDecide(pending.decisionId, by));
    } catch {
      return false;
    }
  }

  /** Whether a yes answers this question. A yes that names no decision answers the first question, and only if it came after that was asked. */
  async #isAnswer({ context, callId, shownDecision }: ToolInvocation<C>, pending: PendingApproval): Promise<boolean> {
    const { decisionId, taskId } = pending;
    if (shownDecision !== undefined) return shownDecision === decisionId;
    if (this.#verdictBy(context) === undefined) return false;
    const task = await (this.options.module as AegisModule).tasks.getTask(taskId);
    if (task?.decisionId !== decisionId || task.history.length > 0) return false;
    // a duplicate call shares the question, but a yes to that call answers it only if that call had asked it too
    const asked = task.metadata[APPROVED_BEFORE] !== true && task.metadata['callId'] === callId;
    return asked || (callId !== undefined && askedBy.get(pending)?.has(callId) === true);
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

  /** False too where that cannot be looked at without a decision. */
  async #wouldRun(invocation: ToolInvocation<C>): Promise<boolean> {
    if (invocation.fits !== undefined && !(await invocation.fits())) throw misfitting(invocation);
    const { framework, options, interrupts } = this;
    const { module, call } = toolCall({ framework, options, interrupts }, invocation, 'throw', false);
    const { decisions } = runtimeOf(module);
    // another service than ours would open an approval for it, and withdraw it
    if (decisions.dryRun === undefined || decisions.requires?.().length === 0) return false;
    const { agentId, toolName, params, session, groups, signal } = call;
    try {
      const { effect } = await module.decide({ agentId, toolName, params, session, groups, signal });
      return effect === 'allow' || effect === 'sanitize';
    } catch {
      // the decision says why
      return false;
    }
  }

  async #decide<R>(invocation: ToolInvocation<C>, mode: ApprovalMode, run: (input: never) => R): Promise<GuardOutcome<Awaited<R>>> {
    if (invocation.fits !== undefined && !(await invocation.fits())) throw misfitting(invocation);
    const { framework, options } = this;
    // a call about which no one is asked must not end the question of one that does ask
    const joins = (invocation.approval ?? this.#approval) !== 'deny';
    const { module, call, unwrap } = toolCall({ framework, options, interrupts: this.interrupts }, invocation, mode, joins);
    return guardCall<R>(module, call, (params) => run(unwrap(params) as never));
  }

  /** Rethrows the tool's own errors, and the reason of an abort, which the framework must see. */
  #denied({ name, signal }: ToolInvocation<C>, error: unknown): ToolDenied {
    if (!AegisError.is(error)) throw error;
    if (signal?.aborted === true) throw signal.reason;
    return { kind: 'denied', error: safeError(name, error), text: deniedText(name, error) };
  }

  #forbidden({ name }: ToolInvocation<C>, why: string): ForbiddenError {
    return new ForbiddenError(`Tool '${name.slice(0, 128)}' is not allowed: ${why}.`, { code: 'approval_refused', toolName: name });
  }

  #pending({ callId, approvedThere }: ToolInvocation<C>, { pending, deduplicated }: PendingOutcome<unknown>): ToolPending {
    if (callId !== undefined && approvedThere !== true) noteAsked(pending, callId);
    return { kind: 'pending', pending, deduplicated, text: pendingText(pending, this.interrupts) };
  }
}

function ran<R>(value: R, { edited }: PendingApproval): ToolRan<R> {
  return edited === undefined ? { kind: 'ran', value } : { kind: 'ran', value, edited };
}

function misfitting({ name }: ToolInvocation): ParamsError {
  const message = `The arguments of tool '${name.slice(0, 128)}' do not fit its schema, so it did not run and no one was asked. Call it with arguments that fit.`;
  return new ParamsError('', message, { code: 'schema_mismatch' });
}

/** The ids of the calls that asked each question before any yes to them. */
const askedBy = new WeakMap<PendingApproval, Set<string>>();
/** Of more calls that share a question, a yes does not count. */
const MAX_ASKED_BY = 1_000;

function noteAsked(pending: PendingApproval, callId: string): void {
  const calls = askedBy.get(pending) ?? new Set<string>();
  if (calls.size < MAX_ASKED_BY) askedBy.set(pending, calls.add(callId));
}

interface FrameworkVerdict {
  readonly approved: boolean;
  readonly by: string;
  readonly reason?: string | undefined;
}

/** Gives a verdict at the module's desk. Resolves to whether it counted: policies may want another person, or another verdict came first. */
async function giveVerdict(
  module: AegisModule,
  { decisionId }: PendingApproval,
  { approved, by, reason }: FrameworkVerdict,
): Promise<boolean> {
  try {
    const desk = module.approvals;
    const record = await desk.get(decisionId);
    if (record?.status !== 'pending') return false;
    // the framework has shown what the agent asked for, not what a person made of it since
    if (approved && record.amendments !== undefined) return false;
    const { status } = await desk[approved ? 'approve' : 'deny'](decisionId, { by, digest: record.digest, reason });
    return status === (approved ? 'approved' : 'denied');
  } catch (error) {
    if (!(error instanceof VerdictError)) publishCallbackError('giving a verdict', error);
    return false;
  }
}
