import type { AdapterOptions } from '../tool/AdapterOptions.js';
import { checkOnly, toolSchema } from '../tool/toolSchema.js';
import { argumentsFor } from './arguments.js';
import { invocationOf, LangChainGuard, refusalMessage } from './LangChainGuard.js';
import type { LangChainCall, LangChainOptions } from './LangChainGuard.js';
import { watchedTool } from './SubAgentWatch.js';

/** A tool's call, as `wrapToolCall` of a middleware gets it. */
export interface LangChainRequest {
  readonly toolCall: { readonly name: string; readonly args: unknown; readonly id?: string | undefined };
  readonly tool: unknown;
  readonly runtime: unknown;
}

/** `wrapToolCall` of a middleware. */
export type WrapToolCall = <R extends LangChainRequest, M>(request: R, handler: (request: R) => M | Promise<M>) => Promise<M>;

/** The options of {@link aegisMiddleware}. */
export interface LangChainMiddlewareOptions<W, C = unknown> extends LangChainOptions<C> {
  /** LangChain's own `createMiddleware`. */
  readonly createMiddleware: (config: { name: string; wrapToolCall: WrapToolCall }) => W;
}

/**
 * Makes middleware for `createAgent` that guards every tool the agent calls, also the tools of other middleware. Put it last in the list, because middleware after
 * it can change a call that was decided. It does not guard the tools of sub-agents, which need it too: a call in which one of their tools would run without a
 * guard is refused.
 *
 * @returns what `createMiddleware` makes
 * @throws ConfigError for invalid options
 * @example createAgent({ model, tools, middleware: [aegisMiddleware({ createMiddleware, ToolMessage, agentId: 'support' })] });
 */
export function aegisMiddleware<W, C = unknown>(options: LangChainMiddlewareOptions<W, C>): W {
  const guard = new LangChainGuard(options as AdapterOptions<LangChainCall>, { createMiddleware: 'function!' });
  const { createMiddleware, ToolMessage, subAgentTools = 'throw' } = guard.options as LangChainMiddlewareOptions<W>;
  const wrapToolCall: WrapToolCall = async <R extends LangChainRequest, M>(request: R, handler: (request: R) => M | Promise<M>) => {
    const { toolCall, tool, runtime } = request;
    const { name, id } = toolCall;
    const schema = (tool as { readonly schema?: unknown } | undefined)?.schema;
    const standard = toolSchema(schema);
    const args = await argumentsFor(standard, toolCall.args);
    if (args === undefined) {
      const content = `The arguments of tool '${name}' do not fit its schema.`;
      return new ToolMessage({ content, tool_call_id: id ?? '', name, status: 'error' }) as M;
    }
    const call = invocationOf(
      name,
      args.value,
      { schema, standard: standard && checkOnly(standard) },
      { ...(runtime as LangChainCall), toolCall, id },
    );
    const watched = watchedTool(tool, subAgentTools);
    const outcome = await guard.call(call, (own: unknown) => handler({ ...request, tool: watched, toolCall: { ...toolCall, args: own } }));
    return outcome.kind === 'ran' ? outcome.value : (refusalMessage(ToolMessage, outcome, { ...call, callId: id ?? '' }) as M);
  };
  return createMiddleware({ name: 'AegisMiddleware', wrapToolCall });
}
