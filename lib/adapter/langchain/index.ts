import { markGuarded } from '../../guard/guardedTools.js';
import type { StandardSchema } from '../../guard/call/StandardSchema.js';
import { ApprovalPendingError } from '../../model/errors/RefusalErrors.js';
import type { AdapterOptions, OnUnguardable } from '../tool/AdapterOptions.js';
import { jsonParameters } from '../tool/jsonParameters.js';
import { argumentsFor, checking } from './arguments.js';
import { LangChainGuard } from './approval.js';
import type { LangChainCall, LangChainInterrupt } from './approval.js';
import { refuseUnguardable } from '../tool/refuseUnguardable.js';
import { standardSchemaOf } from '../tool/sanitizedOnly.js';
import type { ToolInvocation } from '../tool/ToolInvocation.js';
import type { ToolOutcome } from '../tool/ToolOutcome.js';

export type { AdapterOptions, OnApproval, OnUnguardable } from '../tool/AdapterOptions.js';
export type { LangChainCall, LangChainInterrupt } from './approval.js';

/** What is used of a tool of LangChain. */
export interface LangChainTool {
  readonly name: string;
  readonly invoke: (...args: never) => unknown;
}

/** LangChain's class ToolMessage, with which a tool says that it failed. */
export type ToolMessageClass = new (fields: { content: string; tool_call_id: string; name: string; status: 'error' }) => unknown;

/** What the adapter of LangChain takes. */
export interface LangChainOptions<C = unknown> extends AdapterOptions<LangChainCall<C>> {
  /** LangChain's own ToolMessage: what is refused is a message with `status: 'error'`. */
  readonly ToolMessage: ToolMessageClass;
  /** LangGraph's own `interrupt`. Default: that of the run, which LangGraph has from version 1 on. */
  readonly interrupt?: ((value: LangChainInterrupt) => unknown) | undefined;
}

/** What {@link guardTools} takes. */
export interface LangChainToolOptions<C = unknown> extends LangChainOptions<C> {
  /** What a tool does that the provider runs, or that is no StructuredTool. Default `throw`. */
  readonly unguardable?: OnUnguardable | undefined;
}

const FRAMEWORK = 'langchain';

type Call = (input: unknown, runManager: unknown, config: LangChainCall | undefined) => unknown;
/** What LangChain's types keep to itself. */
interface Structured extends LangChainTool {
  readonly _call?: Call;
  readonly schema?: unknown;
  readonly responseFormat?: unknown;
}

/**
 * Guards tools of LangChain wherever they are called: the same list of tools, each still an instance of its class, which ask before they run. In agents made
 * with `createAgent` prefer {@link aegisMiddleware}, which guards tools that others add, too. One of both: a tool that is guarded twice is asked about twice.
 *
 * @throws GuardDefinitionError for a tool that the provider runs, unless `unguardable` says otherwise
 * @example new ToolNode(guardTools([refund], { ToolMessage, agentId: 'support' }));
 */
export function guardTools<const T extends readonly LangChainTool[], C = unknown>(
  tools: T,
  options: LangChainToolOptions<C>,
): { -readonly [K in keyof T]: T[K] } {
  const guard = new LangChainGuard(options as AdapterOptions<LangChainCall>, options.interrupt);
  return tools.map((tool) => guardTool(guard, tool, options as LangChainToolOptions)) as { -readonly [K in keyof T]: T[K] };
}

function guardTool(guard: LangChainGuard, tool: Structured, { ToolMessage, unguardable }: LangChainToolOptions): LangChainTool {
  const { name, _call: original } = tool;
  // an object with its own `invoke` need not come by `_call`
  if (typeof original !== 'function' || Object.hasOwn(tool, 'invoke') || Object.hasOwn(tool, 'call')) {
    refuseUnguardable(FRAMEWORK, name, 'it is no StructuredTool: the provider runs it, or something else than its `_call`', unguardable);
    return tool;
  }
  const guarded: Call = async (input, runManager, config = {}) => {
    let left = false;
    const run = (own: unknown): unknown => {
      const result = original.call(tool, own, runManager, config);
      return left ? drained(result) : result;
    };
    // what a tool of one text is called with is no longer what its schema takes
    const schema = typeof input === 'object' ? tool.schema : undefined;
    const call = invocationOf(name, input, { schema, standard: standardSchemaOf(schema) }, { ...config, id: config.toolCall?.id });
    const outcome = await guard.call(call, run);
    left = true;
    if (outcome.kind === 'ran') return outcome.value;
    const message = messageOf(ToolMessage, outcome, call);
    return tool.responseFormat === 'content_and_artifact' ? [message, undefined] : message;
  };
  const properties: PropertyDescriptorMap = { _call: { value: guarded } };
  if ('func' in tool) properties['func'] = { value: guarded };
  return markGuarded(Object.create(tool, properties) as LangChainTool, '_call');
}

/** A call of a tool as `wrapToolCall` of a middleware is asked about it. */
export interface LangChainRequest {
  readonly toolCall: { readonly name: string; readonly args: unknown; readonly id?: string | undefined };
  readonly tool: unknown;
  readonly runtime: unknown;
}

/** `wrapToolCall` of a middleware. */
export type WrapToolCall = <R extends LangChainRequest, M>(request: R, handler: (request: R) => M | Promise<M>) => Promise<M>;

/** What {@link aegisMiddleware} takes. */
export interface LangChainMiddlewareOptions<W, C = unknown> extends LangChainOptions<C> {
  /** LangChain's own `createMiddleware`. */
  readonly createMiddleware: (config: { name: string; wrapToolCall: WrapToolCall }) => W;
}

/**
 * Middleware for `createAgent` that guards every tool the agent calls, those of other middleware too. Let it be the last one of the list: what comes after it
 * may change a call that was decided on.
 *
 * @example createAgent({ model, tools, middleware: [aegisMiddleware({ createMiddleware, ToolMessage, agentId: 'support' })] });
 */
export function aegisMiddleware<W, C = unknown>(options: LangChainMiddlewareOptions<W, C>): W {
  const { createMiddleware, ToolMessage, interrupt } = options;
  const guard = new LangChainGuard(options as AdapterOptions<LangChainCall>, interrupt);
  const wrapToolCall: WrapToolCall = async <R extends LangChainRequest, M>(request: R, handler: (request: R) => M | Promise<M>) => {
    const { toolCall, tool, runtime } = request;
    const { name, id } = toolCall;
    const schema = (tool as Structured | undefined)?.schema;
    const standard = standardSchemaOf(schema);
    const args = await argumentsFor(standard, toolCall.args);
    if (args === undefined) {
      const content = `The arguments of tool '${name}' do not fit its schema.`;
      return new ToolMessage({ content, tool_call_id: id ?? '', name, status: 'error' }) as M;
    }
    const call = invocationOf(
      name,
      args.value,
      { schema, standard: standard && checking(standard) },
      { ...(runtime as LangChainCall), toolCall, id },
    );
    const outcome = await guard.call(call, (own: unknown) => handler({ ...request, toolCall: { ...toolCall, args: own } }));
    return outcome.kind === 'ran' ? outcome.value : (messageOf(ToolMessage, outcome, { ...call, callId: id ?? '' }) as M);
  };
  return createMiddleware({ name: 'AegisMiddleware', wrapToolCall });
}

function invocationOf(
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

/** What is refused is told to the model in a message where there is a call to answer, and thrown to a program that calls the tool itself. */
function messageOf(
  ToolMessage: ToolMessageClass,
  outcome: Exclude<ToolOutcome<unknown>, { kind: 'ran' }>,
  { name, callId }: ToolInvocation<LangChainCall>,
): unknown {
  if (callId !== undefined) return new ToolMessage({ content: outcome.text, tool_call_id: callId, name, status: 'error' });
  throw outcome.kind === 'denied' ? outcome.error : new ApprovalPendingError(outcome.pending);
}

/** A tool may stream. Nobody reads that of a call which is over, so it is run to its end here. */
async function drained(result: unknown): Promise<unknown> {
  const value = await result;
  if (typeof value !== 'object' || value === null || !(Symbol.asyncIterator in value) || !('next' in value)) return value;
  const parts = value as AsyncGenerator<unknown, unknown>;
  for (;;) {
    const { done, value: part } = await parts.next();
    if (done === true) return part;
  }
}
