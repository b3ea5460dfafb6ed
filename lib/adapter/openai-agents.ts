import { markGuarded } from '../guard/guardedTools.js';
import { AegisError } from '../model/AegisError.js';
import { ApprovalPendingError } from '../model/errors/RefusalErrors.js';
import { GuardDefinitionError } from '../model/errors/SetupErrors.js';
import type { AdapterOptions, OnUnguardable } from './tool/AdapterOptions.js';
import { jsonParameters } from './tool/jsonParameters.js';
import { refuseUnguardable } from './tool/refuseUnguardable.js';
import { ToolGuard } from './tool/ToolGuard.js';
import type { ToolInvocation } from './tool/ToolInvocation.js';
import { deniedText } from './tool/toolText.js';

export type { AdapterOptions, OnApproval, OnUnguardable } from './tool/AdapterOptions.js';

/** What is used of a tool of the OpenAI Agents SDK. */
export interface OpenAiTool {
  readonly type: string;
  readonly name: string;
  readonly parameters?: unknown;
  readonly outputSchema?: unknown;
  readonly errorFunction?: unknown;
  readonly needsApproval?: unknown;
  readonly invoke?: ((runContext: never, input: string, details?: never) => Promise<unknown>) | undefined;
}

/** The caller's own context of a run: what was given to `run()` as `context`. */
export type OpenAiContext<T extends readonly OpenAiTool[]> = ContextOf<T[number]>;
type ContextOf<T> = T extends { readonly invoke: (runContext: infer R, ...rest: never) => unknown }
  ? R extends { readonly context: infer C }
    ? C
    : never
  : never;

/** What the adapter of the OpenAI Agents SDK takes. The context is that of the run: `runContext.context`. */
export interface OpenAiAgentsOptions<C = unknown> extends AdapterOptions<C> {
  /**
   * What a refused call of a tool with an `outputSchema` is: an error (`throw`), which the tool's own `errorFunction` may put into words and which ends the run
   * otherwise, or a result that says so (`result`), which breaks the declared output. A tool without one always answers with a text. Default `throw`.
   */
  readonly onDeny?: 'throw' | 'result' | undefined;
  /** What a tool that the SDK or the provider runs does, such as a hosted one, or that of a computer, a shell or a patch. Default `throw`. */
  readonly unguardable?: OnUnguardable | undefined;
}

const FRAMEWORK = 'openai-agents';

interface RunContext {
  readonly context: unknown;
  readonly toJSON?: (() => { readonly approvals?: Readonly<Record<string, { readonly approved?: unknown }>> }) | undefined;
}
interface Details {
  readonly toolCall?: { readonly callId?: string | undefined; readonly name?: string | undefined } | undefined;
  readonly signal?: AbortSignal | undefined;
}
type Invoke = (runContext: RunContext, input: string, details?: Details) => Promise<unknown>;
type AsksItself = (runContext: RunContext, input: unknown, callId?: string) => Promise<boolean>;
type ErrorFunction = (runContext: RunContext, error: unknown, details?: Details) => unknown;

interface Guarded {
  readonly guard: ToolGuard;
  readonly invocation: (input: unknown, runContext: RunContext, details: Details) => ToolInvocation;
}
const guardedTools = new WeakMap<OpenAiTool, Guarded>();

/**
 * Guards function tools of the OpenAI Agents SDK: the same list of tools, whose `invoke` asks first. A call that needs a person interrupts the run, as the
 * SDK's own `needsApproval` does; when the SDK then calls the tool, it runs if, and only if, our own approval of that very call is there.
 *
 * @throws GuardDefinitionError for a tool that is no function, unless `unguardable` says otherwise
 * @example new Agent({ name: 'support', tools: guardTools([refund], { agentId: 'support' }) });
 */
export function guardTools<const T extends readonly OpenAiTool[]>(
  tools: T,
  options: OpenAiAgentsOptions<OpenAiContext<T>> = {},
): { -readonly [K in keyof T]: T[K] } {
  const guard = new ToolGuard(FRAMEWORK, options as OpenAiAgentsOptions, true);
  return tools.map((tool) => guardTool(guard, tool)) as { -readonly [K in keyof T]: T[K] };
}

function guardTool(guard: ToolGuard, tool: OpenAiTool): OpenAiTool {
  const { name, type, parameters, outputSchema, errorFunction } = tool;
  const { unguardable, onDeny = 'throw' } = guard.options as OpenAiAgentsOptions;
  const original = tool.invoke as Invoke | undefined;
  if (type !== 'function' || typeof original !== 'function') {
    refuseUnguardable(FRAMEWORK, name, 'it is no function tool: the SDK or the provider runs it', unguardable);
    return tool;
  }
  const { knows, schemaFor } = jsonParameters(parameters);
  const invocation = (input: unknown, { context }: RunContext, { toolCall, signal }: Details): ToolInvocation => {
    return { name, input, context, callId: toolCall?.callId, signal, knows, schema: schemaFor(input) };
  };
  const mayTell = outputSchema === undefined || onDeny === 'result';
  const invoke: Invoke = async (runContext, text, details = {}) => {
    const { input, isJson } = parsed(text);
    const call = { ...invocation(input, runContext, details), approvedThere: approvedIn(runContext, details) };
    // the SDK parses and checks what policies made of the input, as it would have the input itself
    const outcome = await guard.call(call, (own) => original.call(tool, runContext, isJson ? JSON.stringify(own) : own, details));
    if (outcome.kind === 'ran') return outcome.value;
    if (mayTell) return outcome.text;
    const error = outcome.kind === 'denied' ? outcome.error : new ApprovalPendingError(outcome.pending);
    if (typeof errorFunction === 'function') return (errorFunction as ErrorFunction)(runContext, error, details);
    throw error;
  };
  const guarded = guard.interrupts ? { ...tool, invoke, needsApproval: asking(guard, tool, invocation) } : { ...tool, invoke };
  guardedTools.set(guarded as OpenAiTool, { guard, invocation });
  return markGuarded(guarded as OpenAiTool, 'invoke');
}

/** Whether the SDK has to interrupt the run: because policy wants a person, or because the tool itself does. */
function asking(guard: ToolGuard, tool: OpenAiTool, invocation: Guarded['invocation']): AsksItself {
  return async (runContext, input, callId) => {
    const { kind } = await guard.preflight(invocation(input, runContext, { toolCall: { callId } }));
    if (kind === 'pending') return true;
    const { needsApproval } = tool;
    return typeof needsApproval === 'function'
      ? Boolean(await (needsApproval as AsksItself)(runContext, input, callId))
      : needsApproval === true;
  };
}

/** What the model wrote. The SDK reports by itself what is no JSON, when it is asked to run it. */
function parsed(text: string): { readonly input: unknown; readonly isJson: boolean } {
  try {
    return { input: JSON.parse(text) as unknown, isJson: true };
  } catch {
    return { input: text, isJson: false };
  }
}

/** Whether a person said yes to this very call. That the SDK calls a tool is no sign of it, and neither is a yes to all its calls. */
function approvedIn(runContext: RunContext, { toolCall }: Details): boolean {
  const callId = toolCall?.callId;
  if (callId === undefined) return false;
  try {
    const records = Object.values(runContext.toJSON?.().approvals ?? {});
    return records.some(({ approved }) => Array.isArray(approved) && approved.includes(callId));
  } catch {
    return false;
  }
}

/** What is used of a `RunState`. */
export interface OpenAiRunState<I> {
  readonly reject: (item: I, options?: { message?: string }) => void;
  readonly _context?: unknown;
}

/** What is used of an interruption. */
export interface OpenAiInterruption {
  readonly rawItem: unknown;
}

/**
 * Tells both the SDK and our desk that a person refused an interruption: `state.reject()` alone leaves the approval open until its time is over, because the
 * SDK tells no tool of it.
 *
 * @param tools what {@link guardTools} returned
 * @param reason for the model and for the desk. Default: the SDK's own words
 * @throws GuardDefinitionError where the interruption is of none of these tools; the SDK was told then
 * @example await rejectCall(tools, result.state, interruption, 'not without a receipt');
 */
export async function rejectCall<I extends OpenAiInterruption>(
  tools: readonly OpenAiTool[],
  state: OpenAiRunState<I>,
  item: I,
  reason?: string,
): Promise<void> {
  state.reject(item, reason === undefined ? undefined : { message: reason });
  const { name, callId, arguments: text } = item.rawItem as { name?: string; callId?: string; arguments?: string };
  const guarded = guardedTools.get(tools.find((tool) => tool.name === name) ?? ({} as OpenAiTool));
  if (guarded === undefined || typeof text !== 'string')
    throw new GuardDefinitionError('rejectCall() takes what guardTools() returned, and an interruption of one of these tools.');
  const { guard, invocation } = guarded;
  await guard.refuse(invocation(parsed(text).input, state._context as RunContext, { toolCall: { callId } }), reason);
}

/**
 * An `errorFunction` for tools that call guarded methods: the model is told what these refuse. By default the SDK tells it of no error within a tool.
 *
 * @example tool({ …, execute: ({ id }) => shop.refund(id), errorFunction: tellRefusals });
 */
export function tellRefusals(_runContext: unknown, error: unknown, details?: Details): string {
  if (!AegisError.is(error)) return 'An error occurred while running the tool. Please try again.';
  return deniedText(details?.toolCall?.name ?? '', error);
}
