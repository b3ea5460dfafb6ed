import { GuardDefinitionError } from '../model/errors/SetupErrors.js';
import { ApprovalPendingError } from '../model/errors/RefusalErrors.js';
import type { AdapterOptions, OnUnguardable } from './tool/AdapterOptions.js';
import { ADAPTER_OPTIONS, refuseUnguardable, UNGUARDABLE } from './tool/AdapterOptions.js';
import { guardedCopy, guardedRecord } from './tool/guardedCopy.js';
import type { OptionKinds } from '../common/readOptions.js';
import { ToolGuard } from './tool/ToolGuard.js';
import type { ToolInvocation, ToolOutcome } from './tool/ToolInvocation.js';
import { toolSchema } from './tool/toolSchema.js';

export type { AdapterApproval, AdapterOptions, OnUnguardable } from './tool/AdapterOptions.js';

type Execute = (input: never, context: never) => unknown;

/** The properties of an AI SDK tool that the adapter uses. */
export interface AiTool {
  readonly type?: string | undefined;
  readonly inputSchema?: unknown;
  readonly outputSchema?: unknown;
  readonly toModelOutput?: unknown;
  readonly execute?: Execute | undefined;
  readonly needsApproval?: unknown;
}

/** What the AI SDK passes to the `execute` of these tools: call id, messages, abort signal and the caller's context. */
export type AiContext<T> = { [K in keyof T]: T[K] extends { execute?: infer E } ? ContextOf<NonNullable<E>> : never }[keyof T];
type ContextOf<E> = E extends (input: never, context: infer C) => unknown ? C : never;

/** The options of the AI SDK adapter. */
export interface AiSdkOptions<C = AiCallContext> extends AdapterOptions<C> {
  /**
   * What a refused call becomes: an error that the model is shown (`throw`), or a result that says that the call was refused (`result`). Such a result does not
   * fit the declared output of a tool that has one.
   *
   * @defaultValue `throw`
   */
  readonly onDeny?: 'throw' | 'result' | undefined;
  /**
   * What the adapter does with a tool that runs at the provider or in the client.
   *
   * @defaultValue `throw`
   */
  readonly unguardable?: OnUnguardable | undefined;
}

/** The properties of the context that the adapter reads. */
export interface AiCallContext {
  readonly toolCallId?: string | undefined;
  readonly abortSignal?: AbortSignal | undefined;
  readonly messages?: readonly { readonly content: unknown }[] | undefined;
}

/** The properties of a message part that the adapter reads. */
interface AiPart {
  readonly type: string;
  readonly toolCallId?: string;
  readonly toolName?: string;
  readonly input?: unknown;
  readonly approvalId?: string;
  readonly approved?: boolean;
  readonly reason?: string;
}

const FRAMEWORK = 'ai-sdk';
const OPTIONS: OptionKinds<AiSdkOptions<unknown>> = { ...ADAPTER_OPTIONS, onDeny: "'throw'|'result'", unguardable: UNGUARDABLE };

/** What `toolApproval` has to know of a guarded tool. */
interface Guarded {
  readonly guard: ToolGuard<AiCallContext>;
  readonly tool: AiTool;
  readonly invocation: (input: unknown, context: AiCallContext) => ToolInvocation<AiCallContext>;
}
const guardedTools = new WeakMap<AiTool, Guarded>();

/**
 * Guards the tools of the Vercel AI SDK, versions 6 and 7. A call that needs a person triggers the SDK's own tool approval; when the SDK then calls the tool, it
 * runs if, and only if, the approval desk has approved exactly this call.
 *
 * @param tools the tools by name, as `generateText()` takes them
 * @returns the same record of tools, whose `execute` asks for a decision first
 * @throws GuardDefinitionError for a tool that runs at the provider or in the client, unless `unguardable` allows it
 * @example generateText({ model, tools: guardTools({ refund }, { agentId: 'support' }), … });
 */
export function guardTools<T extends Readonly<Record<string, AiTool>>>(tools: T, options: AiSdkOptions<AiContext<T>> = {}): T {
  const guard = new ToolGuard<AiCallContext>(FRAMEWORK, options as AiSdkOptions, true, OPTIONS);
  return guardedRecord(tools, (name, tool) => guardTool(guard, name, tool)) as T;
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
    schema: toolSchema(tool.inputSchema),
    approvedThere: saidYes(context),
  });
  const decide = async (input: unknown, context: AiCallContext): Promise<ToolOutcome<unknown>> => {
    let left = false;
    const outcome = await guard.call(invocation(input, context), (own) => {
      const result: unknown = execute.call(tool, own, context as never);
      // no one reads the stream of a call that was answered before
      return left ? lastOf(result) : result;
    });
    left = true;
    return outcome;
  };
  const textual = onDeny === 'result';
  // a text that says "pending" does not fit the declared output of a tool that has one
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
  if (!guard.interrupts) return guardedCopy(tool, 'execute', { execute: guarded });
  const needsApproval = async (input: unknown, context: AiCallContext): Promise<boolean> => {
    const { kind } = await guard.preflight(invocation(input, context));
    return kind === 'pending' || asksItself(tool, input, context);
  };
  const result = guardedCopy(tool, 'execute', { execute: guarded, needsApproval });
  guardedTools.set(result, { guard, tool, invocation });
  return result;
}

/** Whether the tool itself asks for approval, which counts too. */
async function asksItself({ needsApproval }: AiTool, input: unknown, context: AiCallContext): Promise<boolean> {
  return typeof needsApproval === 'function' ? Boolean(await needsApproval(input, context)) : needsApproval === true;
}

/**
 * Whether the conversation says that a person agreed to this call. A client can forge the history, so this is at most a verdict of the person whom `verdictBy`
 * names, where policies let it count.
 */
function saidYes({ messages, toolCallId }: AiCallContext): boolean {
  const all = partsOf(messages);
  // models reuse call ids: what came before a result was about the call that has this result
  const parts = all.slice(all.findLastIndex((part) => part.type === 'tool-result' && part.toolCallId === toolCallId) + 1);
  const answers = answersTo(parts, toolCallId);
  return answers.length > 0 && answers.every(({ approved }) => approved === true);
}

/** What a person answered to the questions about a call. */
function answersTo(parts: readonly AiPart[], toolCallId: string | undefined): readonly AiPart[] {
  const asked = parts.filter((part) => part.type === 'tool-approval-request' && part.toolCallId === toolCallId);
  return parts.filter((part) => part.type === 'tool-approval-response' && asked.some(({ approvalId }) => approvalId === part.approvalId));
}

function partsOf(messages: AiCallContext['messages']): readonly AiPart[] {
  return (messages ?? []).flatMap(({ content }) => (Array.isArray(content) ? (content as readonly AiPart[]) : []));
}

/** What `generateText()` is about to be called with, as far as {@link reportRefusals} reads it. */
export interface AiRefusals {
  /** What {@link guardTools} returned. */
  readonly tools: Readonly<Record<string, AiTool>>;
  readonly messages: AiCallContext['messages'];
  /** AI SDK 7: the context of each tool. */
  readonly toolsContext?: unknown;
  /** AI SDK 6: the context of all tools. */
  readonly experimental_context?: unknown;
}

/**
 * Tells the approval desk which calls a person refused in the client. The SDK answers these itself and tells no tool: without this, their approvals stay open, and
 * the same conversation, sent again with a yes, could be approved. Call it before each `generateText()` or `streamText()` that continues a conversation.
 *
 * @param options what `generateText()` is called with
 * @example await reportRefusals({ tools, messages });
 * const { text } = await generateText({ model, tools, messages });
 */
export async function reportRefusals({ tools, messages, toolsContext, experimental_context }: AiRefusals): Promise<void> {
  const parts = partsOf(messages);
  const known = new Map(Object.entries(tools));
  for (const [i, { type, toolCallId, toolName = '', input }] of parts.entries()) {
    if (type !== 'tool-call' || toolCallId === undefined) continue;
    const guarded = known.get(toolName) && guardedTools.get(known.get(toolName) as AiTool);
    // models reuse call ids: what comes after the next such call, or after a result, is about another one
    const later = parts.slice(i + 1);
    const end = later.findIndex((part) => part.toolCallId === toolCallId && (part.type === 'tool-call' || part.type === 'tool-result'));
    const no = answersTo(end < 0 ? later : later.slice(0, end), toolCallId).find(({ approved }) => approved === false);
    if (guarded === undefined || no === undefined) continue;
    const context = ownContext(toolName, { toolsContext, experimental_context });
    await guarded.guard.refuse(guarded.invocation(input, { toolCallId, messages, ...context }), no.reason);
  }
}

/** The context of one tool, as the SDK passes it: version 7 has one for each tool, version 6 has one for all. */
function ownContext(
  toolName: string,
  { toolsContext, experimental_context }: Pick<AiRefusals, 'toolsContext' | 'experimental_context'>,
): object {
  if (experimental_context !== undefined) return { experimental_context };
  return { context: new Map(Object.entries((toolsContext ?? {}) as object)).get(toolName) as unknown };
}

/** The last part of a stream, which is the result: the SDK does not see that a plain function returned a stream, because it gets a promise. */
async function lastOf(value: unknown): Promise<unknown> {
  if (typeof value !== 'object' || value === null || !(Symbol.asyncIterator in value)) return value;
  let last: unknown;
  for await (const part of value as AsyncIterable<unknown>) last = part;
  return last;
}

/** The argument of `toolApproval` of generateText, streamText and ToolLoopAgent (AI SDK 7). */
export interface AiToolApprovalCall {
  readonly toolCall: { readonly toolName: string; readonly toolCallId: string; readonly input: unknown };
  readonly toolsContext?: unknown;
  readonly messages?: AiCallContext['messages'];
}

/** The answers that `toolApproval` can give. */
export type AiToolApprovalStatus =
  undefined | { readonly type: 'denied'; readonly reason: string } | { readonly type: 'user-approval'; readonly reason: string };

/**
 * Makes a `toolApproval` function of AI SDK 7 for tools that {@link guardTools} has guarded: the model sees a call that policy refuses as denied instead of as an
 * error, and the SDK does not call the tool. The function itself guards nothing, because a client can forge a history in which a call was approved.
 *
 * @param tools what {@link guardTools} returned
 * @throws GuardDefinitionError if no tool of the record is guarded with `approval: 'native'`
 * @example const tools = guardTools({ refund }, { agentId: 'support' });
 * generateText({ model, tools, toolApproval: aegisApproval(tools), … });
 */
export function aegisApproval(tools: Readonly<Record<string, AiTool>>): (call: AiToolApprovalCall) => Promise<AiToolApprovalStatus> {
  const known = new Map(Object.entries(tools).map(([name, tool]) => [name, guardedTools.get(tool)]));
  if (![...known.values()].some((guarded) => guarded !== undefined))
    throw new GuardDefinitionError(
      "aegisApproval() needs tools that guardTools() returned with approval 'native', but it got none; pass it the record that guardTools() returned.",
    );
  return async ({ toolCall: { toolName, toolCallId, input }, toolsContext, messages }) => {
    const guarded = known.get(toolName);
    if (guarded === undefined) return undefined;
    const { guard, tool, invocation } = guarded;
    const context = { toolCallId, messages, ...ownContext(toolName, { toolsContext }) };
    const preflight = await guard.preflight(invocation(input, context));
    if (preflight.kind === 'denied') return { type: 'denied', reason: preflight.error.message };
    if (preflight.kind === 'pending') return { type: 'user-approval', reason: preflight.pending.message };
    return (await asksItself(tool, input, context))
      ? { type: 'user-approval', reason: `Tool '${toolName}' itself asks for approval.` }
      : undefined;
  };
}

/** Whether the SDK would stream what this function yields. */
function isGeneratorFunction(fn: Execute): boolean {
  return Object.prototype.toString.call(fn) === '[object AsyncGeneratorFunction]';
}
