import { AegisError } from '../model/AegisError.js';
import { ForbiddenError } from '../model/errors/RefusalErrors.js';
import type { AdapterOptions, OnUnguardable } from './tool/AdapterOptions.js';
import { parsedInput } from './tool/parsedInput.js';
import { refuseUnguardable } from './tool/refuseUnguardable.js';
import { standardSchemaOf } from './tool/sanitizedOnly.js';
import { ToolGuard } from './tool/ToolGuard.js';
import { deniedText } from './tool/toolText.js';

export type { AdapterOptions, OnApproval, OnUnguardable } from './tool/AdapterOptions.js';

/** What is used of a tool of the ADK. */
export interface AdkTool {
  readonly name: string;
  runAsync(request: never): PromiseLike<unknown>;
}

/** What is used of the context of a tool's call. */
export interface AdkContext {
  readonly functionCallId?: string | undefined;
  readonly sessionId: string;
  readonly userId: string;
  readonly abortSignal?: AbortSignal | undefined;
  readonly toolConfirmation?: { readonly confirmed: boolean; readonly payload?: unknown } | undefined;
  readonly actions: object;
  readonly invocationContext: object;
  requestConfirmation(request: { hint?: string; payload?: unknown }): void;
}

/** What the adapter of the ADK takes. */
export interface AdkOptions<C = AdkContext> extends AdapterOptions<C> {
  /** The plugin's name. Default `aegis`. */
  readonly name?: string | undefined;
  /**
   * What a call of an `AgentTool` does whose agent is not guarded itself: plugins do not reach it. By default (`throw`) such a call is refused; `beforeToolCallback: aegis.beforeTool` on
   * that agent guards it.
   */
  readonly unguardable?: OnUnguardable | undefined;
}

/** What a person is asked to confirm: the `payload` of the confirmation. */
export interface AdkApproval {
  readonly aegis: 'approval';
  readonly tool: string;
  readonly taskId: string;
  readonly decisionId: string;
}

/** A call, as the ADK hands it to a callback of an agent. */
export interface AdkCall {
  readonly tool: AdkTool;
  readonly args: Record<string, unknown>;
  readonly context: AdkContext;
}

/** What the plugin adds to the ADK's own. */
export interface AdkHooks {
  /** As a callback of an agent that the plugin does not reach, such as that of an `AgentTool`. */
  readonly beforeTool: (call: AdkCall) => Promise<Record<string, unknown>>;
}

type Plugin = abstract new (name: string) => object;
type ContextOf<B extends Plugin> = InstanceType<B> extends { beforeToolCallback(call: { toolContext: infer C }): unknown } ? C : AdkContext;

type Result = Record<string, unknown>;
type Callback = (call: AdkCall) => unknown;
/** What is used of an agent and of the invocation: what the ADK would go on with after a plugin. */
interface Agent {
  readonly canonicalBeforeToolCallbacks?: readonly Callback[] | undefined;
  readonly subAgents?: readonly Agent[] | undefined;
}
interface Invocation {
  readonly appName?: string;
  readonly agent?: Agent | undefined;
  readonly pluginManager?: { runOnToolErrorCallback?(call: object): PromiseLike<Result | undefined> } | undefined;
}

interface AdkEvent {
  readonly content?: { readonly parts?: readonly { readonly functionCall?: { readonly args?: Result } }[] };
  readonly actions?: { readonly requestedToolConfirmations?: Readonly<Record<string, { readonly payload?: unknown }>> };
}

const FRAMEWORK = 'adk';
const AGENT_TOOL = Symbol.for('google.adk.agentTool');
const guards = new WeakSet<object>();

/**
 * A plugin of Google's ADK that guards every tool that a Runner's agents call, sub-agents too. The tool is run by the guard, with exactly what was decided: what the agent's own
 * `beforeToolCallback` makes of a call comes before the decision, other plugins have to come before this one. A call that needs a person asks for the ADK's own
 * confirmation; the tool runs when it was given if, and only if, our own approval of that very call is there.
 *
 * @param BasePlugin the ADK's
 * @example const AegisPlugin = aegisPlugin(BasePlugin);
 * new Runner({ plugins: [new AegisPlugin({ agentId: 'support' })], … });
 */
export function aegisPlugin<B extends Plugin>(BasePlugin: B): new (options?: AdkOptions<ContextOf<B>>) => InstanceType<B> & AdkHooks {
  const Base = BasePlugin as unknown as new (name: string) => object;
  class AegisPlugin extends Base {
    readonly beforeTool: Callback;
    readonly #guard: ToolGuard<AdkContext>;
    constructor(options: AdkOptions = {}) {
      super(options.name ?? 'aegis');
      const guard = (this.#guard = new ToolGuard<AdkContext>(FRAMEWORK, options, true));
      this.beforeTool = (call) => guardTool(guard, call, false);
      guards.add(this.beforeTool);
    }

    async beforeToolCallback(call: { tool: AdkTool; toolArgs: Result; toolContext: AdkContext }): Promise<Result> {
      const { tool, toolArgs: args, toolContext: context } = call;
      // the ADK asks no other callback once a plugin has answered
      for (const callback of (context.invocationContext as Invocation).agent?.canonicalBeforeToolCallbacks ?? []) {
        const answer = callback === this.beforeTool ? undefined : await callback({ tool, args, context });
        if (answer) return dictionary(answer);
      }
      return guardTool(this.#guard, { tool, args, context }, true);
    }

    async onEventCallback({ event }: { event: AdkEvent }): Promise<object | undefined> {
      const answers = answersTo(event);
      return answers.length === 0
        ? undefined
        : { ...event, content: { ...event.content, parts: [...(event.content?.parts ?? []), ...answers] } };
    }
  }
  return AegisPlugin as never;
}

/** Never nothing: the ADK would run the tool then. */
async function guardTool(guard: ToolGuard<AdkContext>, { tool, args, context }: AdkCall, plugin: boolean): Promise<Result> {
  const { name } = tool;
  const { functionCallId: callId, sessionId, userId, abortSignal: signal, toolConfirmation } = context;
  const { appName, pluginManager } = context.invocationContext as Invocation;
  try {
    if (!reaches(tool)) {
      const { unguardable } = guard.options as AdkOptions;
      refuseUnguardable(FRAMEWORK, name, 'plugins do not reach its agent, which needs `beforeToolCallback: aegis.beforeTool`', unguardable);
    }
    const { parameters } = tool as { parameters?: unknown };
    const scope = JSON.stringify([appName, userId, sessionId]);
    const call = { name, input: parsedInput(parameters, args), context, callId, scope, signal, schema: standardSchemaOf(parameters) };
    // the tool's own confirmation comes back here too: a no is one for either
    const outcome =
      toolConfirmation?.confirmed === false
        ? await guard.refuse(call)
        : await guard.call({ ...call, approvedThere: toolConfirmation?.confirmed === true }, (own) =>
            tool.runAsync({ args: own, toolContext: context } as never),
          );
    if (outcome.kind === 'ran') return dictionary(outcome.value);
    if (outcome.kind === 'denied') return { error: JSON.parse(outcome.text) };
    const { toolName, taskId, decisionId, message } = outcome.pending;
    if (!guard.interrupts) return JSON.parse(outcome.text) as Result;
    if (!plugin || callId === undefined || toolConfirmation !== undefined) {
      // the ADK makes the call that was confirmed once, and no other: nobody could run it any more
      await outcome.pending.cancel();
      throw new ForbiddenError(`${message}. It is not approved, and cannot be asked for here.`, { code: 'approval_refused', toolName });
    }
    const payload: AdkApproval = { aegis: 'approval', tool: toolName, taskId, decisionId };
    context.requestConfirmation({ hint: message, payload });
    Object.assign(context.actions, { skipSummarization: true });
    return JSON.parse(outcome.text) as Result;
  } catch (error) {
    if (AegisError.is(error)) return { error: JSON.parse(deniedText(name, error)) };
    if (signal?.aborted === true || !(error instanceof Error)) throw error;
    const call = { tool, toolArgs: args, toolContext: context, error };
    return (await pluginManager?.runOnToolErrorCallback?.(call)) ?? { error: error.message };
  }
}

/**
 * What a call that waits for a confirmation is answered. The ADK does not record it, and takes a confirmation that a plugin asked for only where it finds the
 * answer beside it.
 */
function answersTo({ content, actions }: AdkEvent): readonly object[] {
  return Object.entries(actions?.requestedToolConfirmations ?? {}).flatMap(([id, { payload }]) => {
    if ((payload as Partial<AdkApproval> | undefined)?.aegis !== 'approval') return [];
    const pinned = content?.parts?.map(
      ({ functionCall }) => functionCall?.args?.['originalFunctionCall'] as { id?: string; name?: string },
    );
    const name = pinned?.find((call) => call?.id === id)?.name;
    return name === undefined ? [] : [{ functionResponse: { id, name, response: { status: 'pending' } } }];
  });
}

/** What the ADK makes of what a tool returns. */
function dictionary(value: unknown): Result {
  if (typeof value !== 'object' || value === null) return { result: value };
  return Array.isArray(value) ? { results: value } : (value as Result);
}

/** Whether what runs within the tool is guarded: a runner within a tool has no plugins. */
function reaches(tool: AdkTool): boolean {
  const { agent } = tool as { agent?: Agent };
  return !(AGENT_TOOL in tool) || agent === undefined || isGuarded(agent);
}

function isGuarded({ canonicalBeforeToolCallbacks = [], subAgents = [] }: Agent): boolean {
  return canonicalBeforeToolCallbacks.some((callback) => guards.has(callback)) && subAgents.every(isGuarded);
}
