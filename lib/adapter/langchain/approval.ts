import type { PendingApproval } from '../../model/PendingApproval.js';
import type { AdapterOptions } from '../tool/AdapterOptions.js';
import { ToolGuard } from '../tool/ToolGuard.js';
import type { ToolInvocation } from '../tool/ToolInvocation.js';
import type { ToolOutcome } from '../tool/ToolOutcome.js';

/** What LangChain hands to a tool beside its input: of the config of a run, or of the runtime that middleware gets. */
export interface LangChainCall<C = unknown> {
  /** The caller's own context of the run. */
  readonly context?: C | undefined;
  /** What the run was configured with, such as `thread_id`. */
  readonly configurable?: Readonly<Record<string, unknown>> | undefined;
  readonly toolCall?: { readonly id?: string | undefined; readonly name: string } | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly interrupt?: unknown;
}

/** What a graph is interrupted with: a request as LangChain's humanInTheLoopMiddleware makes it, for one call. */
export interface LangChainInterrupt {
  /** `decisionId` names the approval at our desk. */
  readonly actionRequests: readonly {
    readonly name: string;
    readonly args: unknown;
    readonly description: string;
    readonly decisionId: string;
  }[];
  readonly reviewConfigs: readonly { readonly actionName: string; readonly allowedDecisions: readonly ['approve', 'reject'] }[];
}

type Interrupt = (value: LangChainInterrupt) => unknown;

/** Guards calls in graphs: where a graph can be interrupted it is, elsewhere the model is told to wait. */
export class LangChainGuard {
  readonly #guard: ToolGuard<LangChainCall>;
  readonly #elsewhere: ToolGuard<LangChainCall>;
  readonly #interrupt: Interrupt | undefined;

  /** @throws ConfigError */
  constructor(options: AdapterOptions<LangChainCall>, interrupt: Interrupt | undefined) {
    this.#guard = new ToolGuard('langchain', options, true);
    this.#elsewhere = this.#guard.interrupts ? new ToolGuard('langchain', { ...options, onApproval: 'pending' }, true) : this.#guard;
    this.#interrupt = interrupt;
  }

  /** Rejects with what a graph is interrupted with, the tool's own error, or the reason of an abort. */
  async call<R>(invocation: ToolInvocation<LangChainCall>, run: (input: never) => R): Promise<ToolOutcome<Awaited<R>>> {
    const interrupt = this.#interruptOf(invocation.context);
    if (interrupt === undefined || !this.#guard.interrupts) return this.#elsewhere.call(invocation, run);
    const met = await this.#guard.preflight(invocation);
    if (met.kind === 'denied') return met;
    if (met.kind === 'allowed') return this.#guard.call(invocation, run);
    // throws until the graph goes on; then the node is run again from its start, and this gives the answer
    const { type, message, decisionId } = answerIn(interrupt(requestOf(invocation, met.pending)));
    if (type === 'reject') return this.#guard.refuse(invocation, message);
    // a graph hands one answer to all that wait: it is a verdict only on what it names
    const { decisionId: shownDecision } = met.pending;
    if (type === 'approve') return this.#guard.call({ ...invocation, approvedThere: decisionId === shownDecision, shownDecision }, run);
    const why = 'the graph was resumed with something else than one decision, `approve` or `reject`';
    return this.#guard.withdraw(invocation, met.pending, why);
  }

  /** LangGraph cannot interrupt what has no checkpointer, and is no graph. */
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

/** What a graph was resumed with: `{decisions: [{type, message?, decisionId?}]}`. */
function answerIn(resumed: unknown): Answer {
  const { decisions } = recordOf(resumed);
  if (!Array.isArray(decisions) || decisions.length !== 1) return {};
  const { type, message, decisionId } = recordOf(decisions[0]);
  return { type, decisionId, ...(typeof message === 'string' && { message }) };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
