import type { AdapterOptions, OnUnguardable } from '../tool/AdapterOptions.js';

/** The properties of an ADK tool that the adapter uses. */
export interface AdkTool {
  readonly name: string;
  runAsync(request: never): PromiseLike<unknown>;
}

/** The properties that the adapter uses of the context of a tool's call. */
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

/** The options of the ADK plugin. */
export interface AdkOptions<C = AdkContext> extends AdapterOptions<C> {
  /**
   * The plugin's name.
   *
   * @defaultValue `aegis`
   */
  readonly name?: string | undefined;
  /**
   * What the plugin does with a call of an `AgentTool` whose agent is not guarded itself. Plugins do not reach that agent's tools;
   * `beforeToolCallback: aegis.beforeTool` on the agent guards them.
   *
   * @defaultValue `throw`, which refuses the call
   */
  readonly unguardable?: OnUnguardable | undefined;
}

/** A call, as the ADK passes it to a callback of an agent. */
export interface AdkCall {
  readonly tool: AdkTool;
  readonly args: Record<string, unknown>;
  readonly context: AdkContext;
}

/** What the plugin adds to the ADK's own plugin class. */
export interface AdkHooks {
  /** A `beforeToolCallback` for an agent that the plugin does not reach, such as the agent of an `AgentTool`. */
  readonly beforeTool: (call: AdkCall) => Promise<Record<string, unknown>>;
}

/** A result as the ADK takes it: an object. */
export type AdkResult = Record<string, unknown>;

/** A `beforeToolCallback` of an agent. */
export type AdkCallback = (call: AdkCall) => unknown;

/** The properties of an agent that the adapter uses. */
export interface AdkAgent {
  readonly canonicalBeforeToolCallbacks?: readonly AdkCallback[] | undefined;
  readonly subAgents?: readonly AdkAgent[] | undefined;
}

/** The properties that the adapter uses of the invocation in which a tool is called. */
export interface AdkInvocation {
  readonly appName?: string;
  readonly agent?: AdkAgent | undefined;
  readonly pluginManager?: { runOnToolErrorCallback?(call: object): PromiseLike<AdkResult | undefined> } | undefined;
}
