import { AsyncLocalStorage } from 'node:async_hooks';
import { GuardDefinitionError } from '../../model/errors/SetupErrors.js';
import type { OnUnguardable } from '../tool/AdapterOptions.js';

/** The properties of LangChain's callback managers that the watch uses. */
interface Callbacks {
  readonly copy?: (handlers: readonly object[], inherit: boolean) => object;
  readonly getParentRunId?: () => string | undefined;
  readonly inheritableHandlers?: object[];
  readonly runId?: string;
}

interface Tool {
  readonly name: string;
  readonly callbacks?: unknown;
  readonly toJSON?: () => object;
}

type Invoke = (input: unknown, config?: { readonly callbacks?: unknown }) => unknown;

/** How guarded tools describe themselves when LangChain starts them. */
const guardedForms = new WeakSet<object>();
/** The watch of the innermost guarded call. */
const watching = new AsyncLocalStorage<SubAgentWatch>();
/** Makes LangChain create a run manager for a tool, which hands its handlers on to what the tool runs. */
const ANCHOR = { name: 'aegis_anchor', ignoreLLM: true, ignoreChain: true, ignoreAgent: true, ignoreRetriever: true };

/**
 * A callback handler of LangChain that goes along with one guarded call. LangChain tells it of every tool that starts within that call, such as the tools of a
 * sub-agent, before the tool runs, and does not run a tool for which it throws. So no tool runs there without a guard of its own.
 */
export class SubAgentWatch {
  readonly name = 'aegis_sub_agents';
  readonly awaitHandlers = true;
  readonly raiseError = true;
  readonly ignoreRetriever = true;
  readonly ignoreCustomEvent = true;
  readonly #tool: string;
  readonly #onUnguarded: OnUnguardable;
  readonly #parentRunId: string | undefined;
  #runId: string | undefined;
  #hasModel = false;

  constructor(
    tool: string,
    onUnguarded: OnUnguardable,
    run: { readonly parentRunId?: string | undefined; readonly runId?: string | undefined },
  ) {
    this.#tool = tool;
    this.#onUnguarded = onUnguarded;
    this.#parentRunId = run.parentRunId;
    this.#runId = run.runId;
  }

  handleChatModelStart(): void {
    this.#innermost().#hasModel = true;
  }

  handleLLMStart(): void {
    this.#innermost().#hasModel = true;
  }

  /** @throws GuardDefinitionError for a tool without a guard */
  handleToolStart(
    form: object,
    _input: unknown,
    runId: string,
    parentRunId?: string,
    _tags?: unknown,
    _metadata?: unknown,
    runName?: string,
    toolCallId?: string,
  ): void {
    if (guardedForms.has(form)) return;
    this.#innermost().#check(runName, { runId, parentRunId, toolCallId });
  }

  #innermost(): SubAgentWatch {
    return watching.getStore() ?? this;
  }

  #check(name: string | undefined, run: { runId: string; parentRunId: string | undefined; toolCallId: string | undefined }): void {
    if (this.#isOwn(run)) return;
    // a tool whose function calls another one itself, without a model: that is how the tool works
    if (run.parentRunId === this.#runId && run.toolCallId === undefined && !this.#hasModel) return;
    if (this.#onUnguarded === 'ignore') return;
    const unguarded = name === undefined ? 'a tool' : `tool '${name.slice(0, 128)}'`;
    const message = `langchain: ${unguarded} has no guard, but a sub-agent called it within the guarded tool '${this.#tool.slice(0, 128)}'`;
    if (this.#onUnguarded === 'warn') {
      process.emitWarning(`${message}.`, { type: 'AegisWarning', code: 'unguarded_sub_agent' });
      return;
    }
    throw new GuardDefinitionError(
      `${message}, so it did not run. Give the sub-agent \`middleware: [aegisMiddleware(…)]\` or tools that guardTools() returned, or set \`subAgentTools\` to 'warn' or 'ignore'.`,
    );
  }

  /** Whether this is the start of the guarded tool itself. Several watches are asked about one start. */
  #isOwn({ runId, parentRunId }: { runId: string; parentRunId: string | undefined }): boolean {
    if (this.#runId === undefined && parentRunId === this.#parentRunId) this.#runId = runId;
    return this.#runId === runId;
  }
}

/** A tool that is run once for a guarded call, with a watch over what it runs. What is not a tool of LangChain is returned as it is. */
export function watchedTool<T>(tool: T, onUnguarded: OnUnguardable): T {
  const { name, invoke } = (tool ?? {}) as { readonly name?: string; readonly invoke?: Invoke };
  if (typeof invoke !== 'function') return tool;
  const watched: Invoke = (input, config) => {
    const callbacks = config?.callbacks as Callbacks | readonly object[] | undefined;
    const parentRunId = Array.isArray(callbacks) ? undefined : (callbacks as Callbacks | undefined)?.getParentRunId?.();
    const watch = new SubAgentWatch(String(name), onUnguarded, { parentRunId });
    return watching.run(watch, () => invoke.call(tool, input, { ...config, callbacks: together(callbacks, watch, true) }));
  };
  return Object.create(tool as object, { invoke: { value: watched } }) as T;
}

/** Properties of a guarded tool by which a watch knows it, and by which LangChain hands a watch on. */
export function watchableProperties(tool: Tool): PropertyDescriptorMap {
  const toJSON = (): object => {
    const form = tool.toJSON?.() ?? {};
    guardedForms.add(form);
    return form;
  };
  return { toJSON: { value: toJSON }, callbacks: { value: together(tool.callbacks as Callbacks | undefined, ANCHOR, false) } };
}

/** Runs the function of a guarded tool with a watch over what it runs. */
export function runWatched<R>(tool: string, onUnguarded: OnUnguardable, runManager: unknown, run: () => R): R {
  const { runId, inheritableHandlers } = (runManager ?? {}) as Callbacks;
  if (!Array.isArray(inheritableHandlers)) return run();
  const watch = new SubAgentWatch(tool, onUnguarded, { runId });
  inheritableHandlers.push(watch);
  return watching.run(watch, run);
}

function together(callbacks: Callbacks | readonly object[] | undefined, handler: object, inherit: boolean): unknown {
  if (callbacks === undefined) return [handler];
  if (Array.isArray(callbacks)) return [...(callbacks as readonly object[]), handler];
  return (callbacks as Callbacks).copy?.([handler], inherit) ?? [handler];
}
