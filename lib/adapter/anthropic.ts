import { markGuarded } from '../guard/guardedTools.js';
import type { StandardSchema } from '../guard/call/StandardSchema.js';
import type { AdapterOptions, OnUnguardable } from './tool/AdapterOptions.js';
import { refuseUnguardable } from './tool/refuseUnguardable.js';
import { ToolGuard } from './tool/ToolGuard.js';

export type { AdapterOptions, OnApproval, OnUnguardable } from './tool/AdapterOptions.js';

/** What is used of an entry of a runner's `tools`: a tool (`run(input, context)`), or a toolset (`run(context, toolUse)`), which has no name. */
export interface AnthropicTool {
  readonly name?: string | undefined;
  readonly type?: string | null | undefined;
  readonly run?: ((first: never, second: never) => unknown) | undefined;
  readonly parse?: ((content: unknown) => unknown) | undefined;
}

/** What the runner tells a tool of its call. It has no place for what is the application's own: whose call it is comes from the options. */
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

/** What the adapter of Anthropic's tool runner takes. */
export interface AnthropicOptions extends AdapterOptions<AnthropicContext> {
  /**
   * `ToolError` of the SDK: with it the model reads the same line of JSON of a refusal as elsewhere. Without it the runner makes `Error: …` of the refusal's
   * message, which is an error result too.
   */
  readonly ToolError?: (new (content: string) => Error) | undefined;
  /** What an entry that the provider runs does. Default `throw`. */
  readonly unguardable?: OnUnguardable | undefined;
}

type Run = (first: unknown, second?: unknown) => unknown;

const FRAMEWORK = 'anthropic';

/**
 * Guards the tools of Anthropic's tool runner (`client.beta.messages.toolRunner`, `client.beta.sessions.events.toolRunner`): the same tuple of tools, whose
 * `run` asks first. The runner cannot be interrupted: a call that needs a person tells the model so (`pending`), waits, or is refused.
 *
 * @throws GuardDefinitionError for a tool that runs elsewhere, unless `unguardable` says otherwise
 * @example client.beta.messages.toolRunner({ tools: guardTools([refund], { agentId: 'support', ToolError }), … });
 */
export function guardTools<const T extends readonly AnthropicTool[]>(
  tools: T,
  options: AnthropicOptions = {},
): { -readonly [K in keyof T]: T[K] } {
  const guard = new ToolGuard<AnthropicContext>(FRAMEWORK, options, false);
  return tools.map((tool) => guardTool(guard, options, tool)) as { -readonly [K in keyof T]: T[K] };
}

function guardTool(guard: ToolGuard<AnthropicContext>, options: AnthropicOptions, tool: AnthropicTool): AnthropicTool {
  const { name, run } = tool;
  if (typeof run !== 'function') {
    const why = 'it has no `run`: it runs at the provider, or where its caller answers';
    refuseUnguardable(FRAMEWORK, name ?? tool.type ?? 'without a name', why, options.unguardable);
    return tool;
  }
  const runOwn = run.bind(tool) as Run;
  const guarded: Run =
    name === undefined
      ? (context, toolUse) => {
          const use = toolUse as AnthropicContext['toolUse'];
          const member = `${use.toolset_name ?? tool.type}.${use.name}`;
          // a toolset takes its input from the block
          return decide(guard, { name: member, input: use.input, context, toolUse: use }, (own) => runOwn(own.context, own.toolUse));
        }
      : (input, context) => {
          const { toolUse } = (context ?? {}) as Partial<AnthropicContext>;
          return decide(guard, { name, input, context, toolUse, schema: schemaOf(tool) }, (own) => runOwn(own.input, own.context));
        };
  // what a tool is marked with stays on it, enumerable or not
  const copy = Object.create(Object.getPrototypeOf(tool) as object | null, Object.getOwnPropertyDescriptors(tool)) as AnthropicTool;
  Object.defineProperty(copy, 'run', { value: guarded, enumerable: true, writable: true, configurable: true });
  return markGuarded(copy, 'run');
}

interface Call {
  readonly name: string;
  readonly input: unknown;
  readonly context: unknown;
  readonly toolUse: AnthropicContext['toolUse'] | undefined;
  readonly schema?: StandardSchema | undefined;
}

/** @throws for a refusal, of which the runner makes an error result */
async function decide(guard: ToolGuard<AnthropicContext>, call: Call, run: (own: Omit<Call, 'name'>) => unknown): Promise<unknown> {
  const { name, input, toolUse, schema } = call;
  const context = call.context as AnthropicContext;
  const invocation = { name, input, context, callId: toolUse?.id, signal: context?.signal ?? undefined, schema };
  const outcome = await guard.call(invocation, (own: unknown) => {
    // the block is shown to the tool too: it must not hold what policy took out
    const use = toolUse && { ...toolUse, input: own };
    return run({ input: own, toolUse: use, context: use ? { ...context, toolUse: use, toolUseBlock: use } : context });
  });
  if (outcome.kind === 'ran') return outcome.value;
  if (outcome.kind === 'pending') return outcome.text;
  const { ToolError } = guard.options as AnthropicOptions;
  throw ToolError === undefined ? outcome.error : new ToolError(outcome.text);
}

/** The tool's own `parse` as a schema, for what policies make of the input. */
function schemaOf(tool: AnthropicTool): StandardSchema | undefined {
  if (typeof tool.parse !== 'function') return undefined;
  const validate = (input: unknown): ReturnType<StandardSchema['~standard']['validate']> => {
    try {
      return { value: tool.parse?.(input) };
    } catch {
      return { issues: [{ message: 'it does not fit' }] };
    }
  };
  return { '~standard': { version: 1, vendor: FRAMEWORK, validate } };
}
