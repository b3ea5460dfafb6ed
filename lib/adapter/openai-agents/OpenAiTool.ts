import type { AdapterOptions, OnUnguardable } from '../tool/AdapterOptions.js';

/** The properties that the adapter uses of a tool of the OpenAI Agents SDK. */
export interface OpenAiTool {
  readonly type: string;
  readonly name: string;
  readonly parameters?: unknown;
  readonly outputSchema?: unknown;
  readonly errorFunction?: unknown;
  readonly needsApproval?: unknown;
  readonly inputGuardrails?: unknown;
  readonly invoke?: ((runContext: never, input: string, details?: never) => Promise<unknown>) | undefined;
}

/** The caller's own context of a run: what was passed to `run()` as `context`. */
export type OpenAiContext<T extends readonly OpenAiTool[]> = ContextOf<T[number]>;
type ContextOf<T> = T extends { readonly invoke: (runContext: infer R, ...rest: never) => unknown }
  ? R extends { readonly context: infer C }
    ? C
    : never
  : never;

/** The options of the adapter of the OpenAI Agents SDK. The context is the run's own: `runContext.context`. */
export interface OpenAiAgentsOptions<C = unknown> extends AdapterOptions<C> {
  /**
   * What a refused call of a tool with an `outputSchema` becomes. `throw`: an error, which the tool's own `errorFunction` may put into words and which otherwise
   * ends the run. `result`: a result that says that the call was refused, which does not fit the declared output. A tool without an `outputSchema` always answers
   * with a text.
   *
   * @defaultValue `throw`
   */
  readonly onDeny?: 'throw' | 'result' | undefined;
  /**
   * What the adapter does with a tool that the SDK or the provider runs, such as a hosted tool, a computer, a shell or a patch tool.
   *
   * @defaultValue `throw`
   */
  readonly unguardable?: OnUnguardable | undefined;
}

/** The properties of a `RunContext` that the adapter uses. */
export interface OpenAiRunContext {
  readonly context: unknown;
  readonly toJSON?: (() => { readonly approvals?: Readonly<Record<string, { readonly approved?: unknown }>> }) | undefined;
}

/** What the SDK tells a tool about its call. */
export interface OpenAiCallDetails {
  readonly toolCall?:
    { readonly callId?: string | undefined; readonly name?: string | undefined; readonly arguments?: string | undefined } | undefined;
  readonly signal?: AbortSignal | undefined;
}
