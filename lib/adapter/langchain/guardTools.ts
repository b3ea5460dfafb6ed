import type { AdapterOptions, OnUnguardable } from '../tool/AdapterOptions.js';
import { refuseUnguardable, UNGUARDABLE } from '../tool/AdapterOptions.js';
import { guardedDerivative } from '../tool/guardedCopy.js';
import { toolSchema } from '../tool/toolSchema.js';
import { invocationOf, LangChainGuard, refusalMessage } from './LangChainGuard.js';
import type { LangChainCall, LangChainOptions } from './LangChainGuard.js';
import { runWatched, watchableProperties } from './SubAgentWatch.js';

/** The properties of a LangChain tool that the adapter uses. */
export interface LangChainTool {
  readonly name: string;
  readonly invoke: (...args: never) => unknown;
}

/** The options of {@link guardTools}. */
export interface LangChainToolOptions<C = unknown> extends LangChainOptions<C> {
  /**
   * What the adapter does with a tool that the provider runs, or that is not a StructuredTool.
   *
   * @defaultValue `throw`
   */
  readonly unguardable?: OnUnguardable | undefined;
}

const FRAMEWORK = 'langchain';

type Call = (input: unknown, runManager: unknown, config: LangChainCall | undefined) => unknown;
/** The properties that LangChain's own types hide. */
interface Structured extends LangChainTool {
  readonly _call?: Call;
  readonly schema?: unknown;
  readonly responseFormat?: unknown;
}

/**
 * Guards LangChain tools wherever they are called. In agents made with `createAgent` prefer `aegisMiddleware()`, which also guards the tools that other middleware
 * adds. Use only one of the two: a tool that is guarded twice is decided twice.
 *
 * @param tools the tools of a graph or an agent
 * @returns the same list of tools, each still an instance of its class, which ask for a decision before they run
 * @throws GuardDefinitionError for a tool that the provider runs, unless `unguardable` allows it
 * @example new ToolNode(guardTools([refund], { ToolMessage, agentId: 'support' }));
 */
export function guardTools<const T extends readonly LangChainTool[], C = unknown>(
  tools: T,
  options: LangChainToolOptions<C>,
): { -readonly [K in keyof T]: T[K] } {
  const guard = new LangChainGuard(options as AdapterOptions<LangChainCall>, { unguardable: UNGUARDABLE });
  return tools.map((tool) => guardTool(guard, tool, guard.options as LangChainToolOptions)) as { -readonly [K in keyof T]: T[K] };
}

function guardTool(guard: LangChainGuard, tool: Structured, options: LangChainToolOptions): LangChainTool {
  const { ToolMessage, unguardable, subAgentTools = 'throw' } = options;
  const { name, _call: original } = tool;
  // an object with its own `invoke` may bypass `_call`
  if (typeof original !== 'function' || Object.hasOwn(tool, 'invoke') || Object.hasOwn(tool, 'call')) {
    refuseUnguardable(
      FRAMEWORK,
      name,
      'it is not a StructuredTool, so the provider or something other than its `_call` runs it',
      unguardable,
    );
    return tool;
  }
  const guarded: Call = async (input, runManager, config = {}) => {
    let left = false;
    const run = (own: unknown): unknown => {
      const result = runWatched(name, subAgentTools, runManager, () => original.call(tool, own, runManager, config));
      return left ? drained(result) : result;
    };
    // a tool of one text is called with that text, which its schema does not describe
    const schema = typeof input === 'object' ? tool.schema : undefined;
    const call = invocationOf(name, input, { schema, standard: toolSchema(schema) }, { ...config, id: config.toolCall?.id });
    const outcome = await guard.call(call, run);
    left = true;
    if (outcome.kind === 'ran') return outcome.value;
    const message = refusalMessage(ToolMessage, outcome, call);
    return tool.responseFormat === 'content_and_artifact' ? [message, undefined] : message;
  };
  const properties: PropertyDescriptorMap = { ...watchableProperties(tool), _call: { value: guarded } };
  if ('func' in tool) properties['func'] = { value: guarded };
  return guardedDerivative(tool, '_call', properties);
}

/** Runs a streaming tool to its end, because no one reads the stream of a call that has already been answered. */
async function drained(result: unknown): Promise<unknown> {
  const value = await result;
  if (typeof value !== 'object' || value === null || !(Symbol.asyncIterator in value) || !('next' in value)) return value;
  const parts = value as AsyncGenerator<unknown, unknown>;
  for (;;) {
    const { done, value: part } = await parts.next();
    if (done === true) return part;
  }
}
