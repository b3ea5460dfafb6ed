import type { StandardSchema } from '../../guard/call/StandardSchema.js';
import { ApprovalPendingError } from '../../model/errors/RefusalErrors.js';
import { jsonParameters } from '../tool/jsonParameters.js';
import type { PendingApproval } from '../../model/PendingApproval.js';
import { ADAPTER_OPTIONS, UNGUARDABLE } from '../tool/AdapterOptions.js';
import type { AdapterOptions, OnUnguardable } from '../tool/AdapterOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';
import { ToolGuard } from '../tool/ToolGuard.js';
import type { ToolInvocation, ToolOutcome, ToolPending } from '../tool/ToolInvocation.js';

/** What LangChain passes to a tool beside its input: parts of a run's config, or of the runtime that middleware gets. */
export interface LangChainCall<C = unknown> {
  /** The caller's own context of the run. */
  readonly context?: C | undefined;
  /** The run's configuration, such as `thread_id`. */
  readonly configurable?: Readonly<Record<string, unknown>> | undefined;
  readonly toolCall?: { readonly id?: string | undefined; readonly name: string } | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly interrupt?: unknown;
}

/** What a graph is interrupted with: a request for one call, in the form of LangChain's humanInTheLoopMiddleware. */
export interface LangChainInterrupt {
  /** `decisionId` names the approval at the approval desk. */
  readonly actionRequests: readonly {
    readonly name: string;
    readonly args: unknown;
    readonly description: string;
    readonly decisionId: string;
  }[];
  readonly reviewConfigs: readonly { readonly actionName: string; readonly allowedDecisions: readonly ['approve', 'reject'] }[];
}

/** LangChain's class ToolMessage, by which a tool reports that it failed. */
export type ToolMessageClass = new (fields: { content: string; tool_call_id: string; name: string; status: 'error' }) => unknown;

/** The options of the LangChain adapter. */
export interface LangChainOptions<C = unknown> extends AdapterOptions<LangChainCall<C>> {
  /** LangChain's own ToolMessage: a refusal is a message with `status: 'error'`. */
  readonly ToolMessage: ToolMessageClass;
  /**
   * LangGraph's own `interrupt`.
   *
   * @defaultValue the run's `interrupt`, which LangGraph has since version 1
   */
  readonly interrupt?: ((value: LangChainInterrupt) => unknown) | undefined;
  /**
   * What happens to a tool without a guard that a sub-agent calls within a guarded call: `throw` refuses it, and with it the guarded call. `warn` and `ignore`
   * let it run.
   *
   * @defaultValue `throw`
   */
  readonly subAgentTools?: OnUnguardable | undefined;
}

const OPTIONS: OptionKinds<LangChainOptions> = {
  ...ADAPTER_OPTIONS,
  ToolMessage: 'function!',
  interrupt: 'function',
  subAgentTools: UNGUARDABLE,
};
type Interrupt = (value: LangChainInterrupt) => unknown;

/** How often a graph may be resumed with a yes before the desk has decided. */
const MAX_ROUNDS = 100;

/** Guards calls in graphs: a graph that can be interrupted is interrupted when a person has to decide; elsewhere the call is deferred. */
export class LangChainGuard {
  readonly #guard: ToolGuard<LangChainCall>;
  readonly #elsewhere: ToolGuard<LangChainCall>;
  readonly #interrupt: Interrupt | undefined;

  /** @param kinds the kinds of further options @throws ConfigError */
  constructor(given: AdapterOptions<LangChainCall>, kinds: Readonly<Record<string, string>>) {
    const all = { ...OPTIONS, ...kinds };
    this.#guard = new ToolGuard('langchain', given, true, all);
    const { options } = this.#guard;
    this.#elsewhere = this.#guard.interrupts ? new ToolGuard('langchain', { ...options, approval: 'defer' }, true, all) : this.#guard;
    this.#interrupt = (options as Partial<LangChainOptions>).interrupt;
  }

  /** The options as they were checked. */
  get options(): AdapterOptions<LangChainCall> {
    return this.#guard.options;
  }

  /** Guards a call. Rejects with the interrupt of the graph, the tool's own error, or the reason of an abort. */
  async call<R>(invocation: ToolInvocation<LangChainCall>, run: (input: never) => R): Promise<ToolOutcome<Awaited<R>>> {
    const interrupt = this.#interruptOf(invocation.context);
    if (interrupt === undefined || !this.#guard.interrupts) return this.#elsewhere.call(invocation, run);
    const preflight = await this.#guard.preflight(invocation);
    if (preflight.kind === 'denied') return preflight;
    if (preflight.kind === 'allowed') return this.#guard.call(invocation, run);
    return this.#ask(invocation, run, interrupt, preflight);
  }

  /** Interrupts the graph until a person has answered and the desk has decided, or the call is refused. */
  async #ask<R>(
    invocation: ToolInvocation<LangChainCall>,
    run: (input: never) => R,
    interrupt: Interrupt,
    asked: ToolPending,
  ): Promise<ToolOutcome<Awaited<R>>> {
    let waiting = asked;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const { pending } = waiting;
      // throws until the graph is resumed; then the graph runs the node again from its start, and the answer is returned here
      const { type, message, decisionId } = answerIn(interrupt(requestOf(invocation, pending)));
      if (type === 'reject') return this.#guard.refuse(invocation, message);
      if (type !== 'approve')
        return this.#guard.withdraw(invocation, pending, 'the graph was not resumed with exactly one decision, `approve` or `reject`');
      // a graph gives one answer to all calls that wait, so it is a verdict only on the decision that it names
      const { decisionId: shownDecision } = pending;
      const outcome = await this.#guard.call({ ...invocation, approvedThere: decisionId === shownDecision, shownDecision }, run);
      if (outcome.kind !== 'pending') return outcome;
      // an answer to a question that was asked only now is an older one, such as to a call that has run since: LangGraph repeats the whole node
      if (!asked.deduplicated) break;
      // the graph's yes came before the desk's: the graph goes on waiting
      waiting = outcome;
    }
    return this.#guard.withdraw(invocation, waiting.pending, 'the answer of the graph was to an earlier question; call the tool again');
  }

  /** LangGraph can interrupt only a graph with a checkpointer. */
  #interruptOf({ interrupt, configurable }: LangChainCall): Interrupt | undefined {
    if (configurable?.['__pregel_checkpointer'] == null) return undefined;
    return this.#interrupt ?? (typeof interrupt === 'function' ? (interrupt as Interrupt) : undefined);
  }
}

function requestOf({ name, input }: ToolInvocation<LangChainCall>, { message, decisionId }: PendingApproval): LangChainInterrupt {
  return {
    actionRequests: [{ name, args: input, description: message, decisionId }],
    reviewConfigs: [{ actionName: name, allowedDecisions: ['approve', 'reject'] }],
  };
}

interface Answer {
  readonly type?: unknown;
  readonly message?: string | undefined;
  readonly decisionId?: unknown;
}

/** The answer that a graph was resumed with: `{decisions: [{type, message?, decisionId?}]}`. */
function answerIn(resumed: unknown): Answer {
  const { decisions } = recordOf(resumed);
  if (!Array.isArray(decisions) || decisions.length !== 1) return {};
  const { type, message, decisionId } = recordOf(decisions[0]);
  return { type, decisionId, ...(typeof message === 'string' && { message }) };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

/** Turns a tool's call into an invocation. */
export function invocationOf(
  name: string,
  input: unknown,
  { schema, standard }: { readonly schema: unknown; readonly standard: StandardSchema | undefined },
  { id, ...context }: LangChainCall & { readonly id?: string | undefined },
): ToolInvocation<LangChainCall> {
  const { configurable, signal } = context;
  const thread = configurable?.['thread_id'];
  const json = standard === undefined ? jsonParameters(schema) : undefined;
  return {
    name,
    input,
    context,
    callId: id,
    scope: typeof thread === 'string' ? thread : undefined,
    signal,
    schema: standard ?? json?.schemaFor(input),
    knows: json?.knows,
  };
}

/** Makes the message for the model that a call did not run. @throws to a program that calls the tool itself, because there is no call to answer */
export function refusalMessage(
  ToolMessage: ToolMessageClass,
  outcome: Exclude<ToolOutcome<unknown>, { kind: 'ran' }>,
  { name, callId }: ToolInvocation<LangChainCall>,
): unknown {
  if (callId !== undefined) return new ToolMessage({ content: outcome.text, tool_call_id: callId, name, status: 'error' });
  throw outcome.kind === 'denied' ? outcome.error : new ApprovalPendingError(outcome.pending);
}
