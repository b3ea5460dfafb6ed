import type { StandardSchema } from '../guard/call/StandardSchema.js';
import type { AdapterOptions, OnUnguardable } from './tool/AdapterOptions.js';
import { ADAPTER_OPTIONS, refuseUnguardable, UNGUARDABLE } from './tool/AdapterOptions.js';
import { guardedCopy } from './tool/guardedCopy.js';
import { ToolGuard } from './tool/ToolGuard.js';

export type { AdapterApproval, AdapterOptions, OnUnguardable } from './tool/AdapterOptions.js';

/** The properties that the adapter uses of an entry of a runner's `tools`: a tool (`run(input, context)`), or a toolset (`run(context, toolUse)`), which has no name. */
export interface AnthropicTool {
  readonly name?: string | undefined;
  readonly type?: string | null | undefined;
  readonly run?: ((first: never, second: never) => unknown) | undefined;
  readonly parse?: ((content: unknown) => unknown) | undefined;
}

/** What the runner passes to a tool. It has no field for the application's own data, so the options say whose call it is. */
export interface AnthropicContext {
  /** The model's `tool_use` block. */
  readonly toolUse: {
    readonly id: string;
    readonly name?: string | undefined;
    readonly input: unknown;
    readonly toolset_name?: string | null | undefined;
  };
  readonly signal?: AbortSignal | null | undefined;
}

/** The options of the adapter of Anthropic's tool runner. */
export interface AnthropicOptions extends AdapterOptions<AnthropicContext> {
  /**
   * The SDK's own `ToolError`. With it, the model reads the line of JSON that describes a refusal. Without it, the runner answers with an error result that reads
   * `Error: …`, followed by the refusal's message.
   */
  readonly ToolError?: (new (content: string) => Error) | undefined;
  /**
   * What the adapter does with an entry that the provider runs.
   *
   * @defaultValue `throw`
   */
  readonly unguardable?: OnUnguardable | undefined;
}

type Run = (first: unknown, second?: unknown) => unknown;

const FRAMEWORK = 'anthropic';
const OPTIONS = { ...ADAPTER_OPTIONS, ToolError: 'function', unguardable: UNGUARDABLE };

/**
 * Guards the tools of Anthropic's tool runner (`client.beta.messages.toolRunner`, `client.beta.sessions.events.toolRunner`). The runner cannot be interrupted: for
 * a call that needs a person, the model is told that it is pending, or the call waits or is refused.
 *
 * @param tools the runner's tools and toolsets
 * @returns the same tuple of tools, whose `run` asks for a decision first
 * @throws GuardDefinitionError for a tool that runs elsewhere, unless `unguardable` allows it
 * @example client.beta.messages.toolRunner({ tools: guardTools([refund], { agentId: 'support', ToolError }), … });
 */
export function guardTools<const T extends readonly AnthropicTool[]>(
  tools: T,
  options: AnthropicOptions = {},
): { -readonly [K in keyof T]: T[K] } {
  const guard = new ToolGuard<AnthropicContext>(FRAMEWORK, options, false, OPTIONS);
  return tools.map((tool) => guardTool(guard, options, tool)) as { -readonly [K in keyof T]: T[K] };
}

function guardTool(guard: ToolGuard<AnthropicContext>, options: AnthropicOptions, tool: AnthropicTool): AnthropicTool {
  const { name, run } = tool;
  if (typeof run !== 'function') {
    const why = 'it has no `run`, so the provider runs it, or the program answers its calls itself';
    refuseUnguardable(FRAMEWORK, name ?? tool.type ?? 'without a name', why, options.unguardable);
    return tool;
  }
  const runOwn = run.bind(tool) as Run;
  const guarded: Run =
    name === undefined
      ? (context, toolUse) => {
          const use = toolUse as AnthropicContext['toolUse'];
          const member = `${use.toolset_name ?? tool.type}.${use.name}`;
          // a toolset reads its input from the block
          return decide(guard, { name: member, input: use.input, context, toolUse: use }, (own) => runOwn(own.context, own.toolUse));
        }
      : (input, context) => {
          const { toolUse } = (context ?? {}) as Partial<AnthropicContext>;
          return decide(guard, { name, input, context, toolUse, schema: schemaOf(tool) }, (own) => runOwn(own.input, own.context));
        };
  return guardedCopy(tool, 'run', { run: guarded });
}

interface Call {
  readonly name: string;
  readonly input: unknown;
  readonly context: unknown;
  readonly toolUse: AnthropicContext['toolUse'] | undefined;
  readonly schema?: StandardSchema | undefined;
}

/** Decides on a call and runs it. @throws for a refusal, which the runner turns into an error result */
async function decide(guard: ToolGuard<AnthropicContext>, call: Call, run: (own: Omit<Call, 'name'>) => unknown): Promise<unknown> {
  const { name, input, toolUse, schema } = call;
  const context = call.context as AnthropicContext;
  const invocation = { name, input, context, callId: toolUse?.id, signal: context?.signal ?? undefined, schema };
  const outcome = await guard.call(invocation, (own: unknown) => {
    // the tool sees the block too, so the block must not hold what policy removed
    const use = toolUse && { ...toolUse, input: own };
    return run({ input: own, toolUse: use, context: use ? { ...context, toolUse: use, toolUseBlock: use } : context });
  });
  if (outcome.kind === 'ran') return outcome.value;
  if (outcome.kind === 'pending') return outcome.text;
  const { ToolError } = guard.options as AnthropicOptions;
  throw ToolError === undefined ? outcome.error : new ToolError(outcome.text);
}

/** The tool's own `parse` as a schema, to check what a sanitize makes of the input. */
function schemaOf(tool: AnthropicTool): StandardSchema | undefined {
  if (typeof tool.parse !== 'function') return undefined;
  const validate = (input: unknown): ReturnType<StandardSchema['~standard']['validate']> => {
    try {
      return { value: tool.parse?.(input) };
    } catch {
      return { issues: [{ message: 'does not fit' }] };
    }
  };
  return { '~standard': { version: 1, vendor: FRAMEWORK, validate } };
}
