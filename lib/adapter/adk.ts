import { AegisError } from '../model/errors/AegisError.js';
import type { AdapterOptions, OnUnguardable } from './AdapterOptions.js';
import { parsedInput } from './parsedInput.js';
import { refuseUnguardable } from './refuseUnguardable.js';
import { standardSchemaOf } from './sanitizedOnly.js';
import { ToolGuard } from './ToolGuard.js';
import { deniedText } from './toolText.js';

export type { AdapterOptions, OnApproval, OnUnguardable } from './AdapterOptions.js';

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

/** What the plugin adds to the ADK's own. */
export interface AdkHooks {
  /** As a callback of an agent that the plugin does not reach, such as that of an `AgentTool`. */
  readonly beforeTool: (call: {
    tool: never;
    args: Record<string, unknown>;
    context: never;
  }) => Promise<Record<string, unknown> | undefined>;
}

type Plugin = abstract new (name: string) => object;
type ContextOf<B extends Plugin> = InstanceType<B> extends { beforeToolCallback(call: { toolContext: infer C }): unknown } ? C : AdkContext;

type Result = Record<string, unknown>;
type Callback = (call: { tool: AdkTool; args: Result; context: AdkContext }) => unknown;
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
    constructor(options: AdkOptions = {}) {
      super(options.name ?? FRAMEWORK);
      const guard = new ToolGuard<AdkContext>('adk', options, true);
      this.beforeTool = ({ tool, args, context }) => guardTool(guard, tool, args, context);
      guards.add(this.beforeTool);
    }

    async beforeToolCallback(call: { tool: AdkTool; toolArgs: Result; toolContext: AdkContext }): Promise<Result | undefined> {
      const { tool, toolArgs: args, toolContext: context } = call;
      // the ADK asks no other callback once a plugin has answered
      for (const callback of (context.invocationContext as Invocation).agent?.canonicalBeforeToolCallbacks ?? []) {
        const answer = await callback({ tool, args, context });
        if (answer) return dictionary(answer);
      }
      return (await this.beforeTool({ tool, args, context })) as Result;
    }
  }
  return AegisPlugin as never;
}

/** Never nothing: the ADK would run the tool then. */
async function guardTool(guard: ToolGuard<AdkContext>, tool: AdkTool, args: Result, context: AdkContext): Promise<Result> {
  const { name } = tool;
  try {
    if (!reaches(tool)) {
      const { unguardable } = guard.options as AdkOptions;
      refuseUnguardable(
        FRAMEWORK,
        name,
        'no plugin reaches the agent of an AgentTool: give it `beforeToolCallback: aegis.beforeTool`',
        unguardable,
      );
    }
    const { parameters } = tool as { parameters?: unknown };
    const { functionCallId: callId, sessionId, userId, abortSignal: signal, toolConfirmation } = context;
    const scope = JSON.stringify([(context.invocationContext as Invocation).appName, userId, sessionId]);
    const call = { name, input: parsedInput(parameters, args), context, callId, scope, signal, schema: standardSchemaOf(parameters) };
    // the tool's own confirmation comes back here too: a no is one for either
    const outcome =
      toolConfirmation?.confirmed === false
        ? await guard.refuse(call)
        : await guard.call({ ...call, approvedThere: toolConfirmation?.confirmed === true }, (own) =>
            tool.runAsync({ args: own, toolContext: context } as never),
          );
    if (outcome.kind === 'ran') return dictionary(outcome.value);
    if (outcome.kind === 'denied') return { error: outcome.text };
    if (!guard.interrupts || callId === undefined) return { result: outcome.text };
    const { toolName, taskId, decisionId, message } = outcome.pending;
    const payload: AdkApproval = { aegis: 'approval', tool: toolName, taskId, decisionId };
    context.requestConfirmation({ hint: message, payload });
    Object.assign(context.actions, { skipSummarization: true });
    return { result: outcome.text };
  } catch (error) {
    if (AegisError.is(error)) return { error: deniedText(name, error) };
    if (signal(context) || !(error instanceof Error)) throw error;
    const call = { tool, toolArgs: args, toolContext: context, error };
    return (await (context.invocationContext as Invocation).pluginManager?.runOnToolErrorCallback?.(call)) ?? { error: error.message };
  }
}

function signal({ abortSignal }: AdkContext): boolean {
  return abortSignal?.aborted === true;
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
