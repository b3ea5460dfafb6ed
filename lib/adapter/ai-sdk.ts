import { markGuarded } from '../guard/guardedTools.js';
import { GuardDefinitionError } from '../model/errors/SetupErrors.js';
import { ApprovalPendingError } from '../model/errors/RefusalErrors.js';
import type { AdapterOptions, OnUnguardable } from './tool/AdapterOptions.js';
import { refuseUnguardable } from './tool/refuseUnguardable.js';
import { standardSchemaOf } from './tool/sanitizedOnly.js';
import { ToolGuard } from './tool/ToolGuard.js';
import type { ToolInvocation } from './tool/ToolInvocation.js';
import type { ToolOutcome } from './tool/ToolOutcome.js';

export type { AdapterOptions, OnApproval, OnUnguardable } from './tool/AdapterOptions.js';

type Execute = (input: never, context: never) => unknown;

/** What is used of a tool of the AI SDK. */
export interface AiTool {
  readonly type?: string | undefined;
  readonly inputSchema?: unknown;
  readonly outputSchema?: unknown;
  readonly toModelOutput?: unknown;
  readonly execute?: Execute | undefined;
  readonly needsApproval?: unknown;
}

/** What the AI SDK hands to the `execute` of these tools: call id, messages, abort signal and the caller's context. */
export type AiContext<T> = { [K in keyof T]: T[K] extends { execute?: infer E } ? ContextOf<NonNullable<E>> : never }[keyof T];
type ContextOf<E> = E extends (input: never, context: infer C) => unknown ? C : never;

/** What the adapter of the AI SDK takes. */
export interface AiSdkOptions<C = AiCallContext> extends AdapterOptions<C> {
  /**
   * What a refused call is: an error that the model is shown (`throw`), or a result that says so (`result`), which breaks the declared output of a tool that
   * has one. Default `throw`.
   */
  readonly onDeny?: 'throw' | 'result' | undefined;
  /** What a tool that runs elsewhere does: at the provider, or in the client. Default `throw`. */
  readonly unguardable?: OnUnguardable | undefined;
}

/** What of the context the adapter reads. */
export interface AiCallContext {
  readonly toolCallId?: string | undefined;
  readonly abortSignal?: AbortSignal | undefined;
  readonly messages?: readonly { readonly content: unknown }[] | undefined;
}

/** What is read of a part of a message. */
interface AiPart {
  readonly type: string;
  readonly toolCallId?: string;
  readonly approvalId?: string;
  readonly approved?: boolean;
}

const FRAMEWORK = 'ai-sdk';

/** What is known of a guarded tool, for `toolApproval`. */
interface Guarded {
  readonly guard: ToolGuard<AiCallContext>;
  readonly tool: AiTool;
  readonly invocation: (input: unknown, context: AiCallContext) => ToolInvocation<AiCallContext>;
}
const guardedTools = new WeakMap<AiTool, Guarded>();

/**
 * Guards the tools of the Vercel AI SDK, 6 and 7: the same record of tools, whose `execute` asks first. A call that needs a person asks for the SDK's own
 * tool approval; when the SDK then calls the tool, it runs if, and only if, our own approval of that very call is there.
 *
 * @throws GuardDefinitionError for a tool that runs elsewhere, unless `unguardable` says otherwise
 * @example generateText({ model, tools: guardTools({ refund }, { agentId: 'support' }), … });
 */
export function guardTools<T extends Readonly<Record<string, AiTool>>>(tools: T, options: AiSdkOptions<AiContext<T>> = {}): T {
  const guard = new ToolGuard<AiCallContext>(FRAMEWORK, options as AiSdkOptions, true);
  const guarded: Record<string, AiTool> = {};
  for (const name of Object.keys(tools)) {
    const tool = tools[name] as AiTool;
    Object.defineProperty(guarded, name, { value: guardTool(guard, name, tool), enumerable: true, writable: true, configurable: true });
  }
  return guarded as T;
}

function guardTool(guard: ToolGuard<AiCallContext>, name: string, tool: AiTool): AiTool {
  const { execute } = tool;
  const { unguardable, onDeny = 'throw' } = guard.options as AiSdkOptions;
  if (typeof execute !== 'function') {
    refuseUnguardable(FRAMEWORK, name, 'it has no `execute`: it runs at the provider or in the client', unguardable);
    return tool;
  }
  const invocation = (input: unknown, context: AiCallContext): ToolInvocation<AiCallContext> => ({
    name,
    input,
    context,
    callId: context.toolCallId,
    signal: context.abortSignal,
    schema: standardSchemaOf(tool.inputSchema),
    approvedThere: saidYes(context),
  });
  const decide = (input: unknown, context: AiCallContext): Promise<ToolOutcome<unknown>> =>
    guard.call(invocation(input, context), (own) => execute.call(tool, own, context as never));
  const textual = onDeny === 'result';
  // a result that says "pending" is none that a tool with a declared output may give
  const mayTell = tool.outputSchema === undefined && tool.toModelOutput === undefined;
  const told = (outcome: Exclude<ToolOutcome<unknown>, { kind: 'ran' }>): string => {
    if (outcome.kind === 'denied' && textual) return outcome.text;
    if (outcome.kind === 'denied') throw outcome.error;
    if (guard.interrupts ? textual : mayTell || textual) return outcome.text;
    throw new ApprovalPendingError(outcome.pending);
  };
  const guarded: Execute = isGeneratorFunction(execute)
    ? async function* (input: never, context: never): AsyncGenerator<unknown, void, undefined> {
        const outcome = await decide(input, context);
        if (outcome.kind === 'ran') yield* outcome.value as AsyncIterable<unknown>;
        else yield told(outcome);
      }
    : async (input: never, context: never): Promise<unknown> => {
        const outcome = await decide(input, context);
        return outcome.kind === 'ran' ? lastOf(outcome.value) : told(outcome);
      };
  if (!guard.interrupts) return markGuarded({ ...tool, execute: guarded }, 'execute');
  const needsApproval = async (input: unknown, context: AiCallContext): Promise<boolean> => {
    const { kind } = await guard.preflight(invocation(input, context));
    return kind === 'pending' || asksItself(tool, input, context);
  };
  const result = { ...tool, execute: guarded, needsApproval };
  guardedTools.set(result, { guard, tool, invocation });
  return markGuarded(result, 'execute');
}

/** The tool's own wish for approval is heard too. */
async function asksItself({ needsApproval }: AiTool, input: unknown, context: AiCallContext): Promise<boolean> {
  return typeof needsApproval === 'function' ? Boolean(await needsApproval(input, context)) : needsApproval === true;
}

/**
 * Whether the conversation says that a person agreed to this call. Whoever makes the history up says so too: it is a verdict of `verdictBy` alone, and where
 * policies let it be one.
 */
function saidYes({ messages, toolCallId }: AiCallContext): boolean {
  const all = (messages ?? []).flatMap(({ content }) => (Array.isArray(content) ? (content as readonly AiPart[]) : []));
  // models count their calls anew: what came before a result was about the call that has it
  const parts = all.slice(all.findLastIndex((part) => part.type === 'tool-result' && part.toolCallId === toolCallId) + 1);
  const asked = parts.filter((part) => part.type === 'tool-approval-request' && part.toolCallId === toolCallId);
  return asked.some(({ approvalId }) =>
    parts.some((part) => part.type === 'tool-approval-response' && part.approvalId === approvalId && part.approved === true),
  );
}

/** A plain function may answer with a stream: the SDK does not see it behind a promise, and its last part is the result. */
async function lastOf(value: unknown): Promise<unknown> {
  if (typeof value !== 'object' || value === null || !(Symbol.asyncIterator in value)) return value;
  let last: unknown;
  for await (const part of value as AsyncIterable<unknown>) last = part;
  return last;
}

/** What `toolApproval` of generateText, streamText and ToolLoopAgent (AI SDK 7) is called with. */
export interface AiToolApprovalCall {
  readonly toolCall: { readonly toolName: string; readonly toolCallId: string; readonly input: unknown };
  readonly toolsContext?: unknown;
  readonly messages?: AiCallContext['messages'];
}

/** What `toolApproval` may answer. */
export type AiToolApprovalStatus =
  undefined | { readonly type: 'denied'; readonly reason: string } | { readonly type: 'user-approval'; readonly reason: string };

/**
 * `toolApproval` of AI SDK 7, for tools that {@link guardTools} has guarded: what policy refuses is shown to the model as a denied call instead of as an error,
 * and is not called at all. It guards nothing by itself: a history that a client made up can say that a call was approved.
 *
 * @throws GuardDefinitionError for tools that are not guarded, or not with `onApproval: 'native'`
 * @example const tools = guardTools({ refund }, { agentId: 'support' });
 * generateText({ model, tools, toolApproval: aegisApproval(tools), … });
 */
export function aegisApproval(tools: Readonly<Record<string, AiTool>>): (call: AiToolApprovalCall) => Promise<AiToolApprovalStatus> {
  const known = new Map(Object.entries(tools).map(([name, tool]) => [name, guardedTools.get(tool)]));
  if (![...known.values()].some((guarded) => guarded !== undefined))
    throw new GuardDefinitionError("aegisApproval() takes what guardTools() returned, with onApproval 'native'.");
  return async ({ toolCall: { toolName, toolCallId, input }, toolsContext, messages }) => {
    const guarded = known.get(toolName);
    if (guarded === undefined) return undefined;
    const { guard, tool, invocation } = guarded;
    const own = new Map(Object.entries((toolsContext ?? {}) as object)).get(toolName) as unknown;
    const context = { toolCallId, messages, context: own };
    const met = await guard.preflight(invocation(input, context));
    if (met.kind === 'denied') return { type: 'denied', reason: met.error.message };
    if (met.kind === 'pending') return { type: 'user-approval', reason: met.pending.message };
    return (await asksItself(tool, input, context))
      ? { type: 'user-approval', reason: `Tool '${toolName}' itself asks for approval.` }
      : undefined;
  };
}

/** Whether the SDK would stream what a function yields. */
function isGeneratorFunction(fn: Execute): boolean {
  return Object.prototype.toString.call(fn) === '[object AsyncGeneratorFunction]';
}
