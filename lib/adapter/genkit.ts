import { GuardDefinitionError } from '../model/errors/SetupErrors.js';
import type { StandardSchema } from '../guard/call/StandardSchema.js';
import type { AdapterOptions } from './tool/AdapterOptions.js';
import { approvalPayload } from './tool/approvalPayload.js';
import type { ApprovalPayload } from './tool/approvalPayload.js';
import { ToolGuard } from './tool/ToolGuard.js';
import type { ToolInvocation, ToolOutcome } from './tool/ToolInvocation.js';
import { fitsSchema } from './tool/fitsSchema.js';
import { checkOnly, toolSchema } from './tool/toolSchema.js';

export type { ApprovalPayload } from './tool/approvalPayload.js';
export type { AdapterApproval, AdapterOptions } from './tool/AdapterOptions.js';

/** The properties that the adapter uses of a message part that requests a tool. */
export interface GenkitToolRequest {
  readonly toolRequest: { readonly name: string; readonly ref?: string | undefined; readonly input?: unknown };
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** What the functions among the {@link AdapterOptions} are called with. */
export interface GenkitContext {
  readonly toolRequest: GenkitToolRequest['toolRequest'];
  /** The `context` of `generate()`, or of the flow that called `generate()`. */
  readonly context: Readonly<Record<string, unknown>> | undefined;
  /** What the call was restarted with after an interrupt. */
  readonly resumed: unknown;
}

/** The options of the Genkit adapter. */
export type GenkitOptions = AdapterOptions<GenkitContext>;

/** What `generate()` is interrupted with when a person has to decide: `metadata.interrupt` of the tool request. */
export interface GenkitApproval extends ApprovalPayload {
  readonly reason: string;
}

/** The properties of Genkit that the adapter uses: the registry of tools, and the context of the current call. */
export interface GenkitLike {
  readonly registry?: { lookupAction(key: string): PromiseLike<unknown> } | undefined;
  currentContext?(): unknown;
}

/** The hooks of a middleware in one `generate()`. */
export interface GenkitHooks {
  generate<E, X extends { readonly abortSignal?: AbortSignal | undefined }, R>(
    envelope: E,
    options: X,
    next: (envelope: E, options: X) => R,
  ): R;
  tool<Q extends GenkitToolRequest, X, R>(request: Q, options: X, next: (request: Q, options: X) => Promise<R>): Promise<R>;
}

const FRAMEWORK = 'genkit';

/**
 * Makes a middleware for Genkit's `generateMiddleware` that guards every tool that `generate()` calls. The result of a refused call is the reason, and `generate()`
 * continues. A call that needs a person interrupts `generate()`; when it is restarted, the tool runs if, and only if, the approval desk has approved exactly
 * this call. Put this middleware last, because a middleware after it can change what was decided.
 *
 * @throws ConfigError for invalid options
 * @example const aegis = generateMiddleware({ name: 'aegis' }, aegisMiddleware({ agentId: 'support' }));
 * ai.generate({ tools: [refund], use: [aegis()], … });
 */
export function aegisMiddleware(options: GenkitOptions = {}): (genkit: { readonly ai: GenkitLike }) => GenkitHooks {
  const guard = new ToolGuard<GenkitContext>(FRAMEWORK, options, true);
  // called for every generate()
  return ({ ai }) => {
    if (typeof ai !== 'object' || ai === null)
      throw new GuardDefinitionError(
        'genkit: aegisMiddleware() was passed to `use`, which takes what generateMiddleware() returns; pass aegisMiddleware() to generateMiddleware() first.',
      );
    let signal: AbortSignal | undefined;
    return {
      generate(envelope, run, next) {
        // a tool's hook does not get it
        signal = run.abortSignal;
        return next(envelope, run);
      },
      tool: (request, run, next) => guardRequest(guard, { ai, signal }, request, run, next),
    };
  };
}

async function guardRequest<Q extends GenkitToolRequest, X, R>(
  guard: ToolGuard<GenkitContext>,
  { ai, signal }: { readonly ai: GenkitLike; readonly signal: AbortSignal | undefined },
  request: Q,
  run: X,
  next: (request: Q, run: X) => Promise<R>,
): Promise<R> {
  const { toolRequest } = request;
  const { name, ref, input } = toolRequest;
  const { resumed } = (run ?? {}) as { resumed?: unknown };
  const answer = (typeof resumed === 'object' && resumed !== null ? resumed : {}) as { approved?: unknown; reason?: unknown };
  const context = { toolRequest, context: ai.currentContext?.() as GenkitContext['context'], resumed };
  const { schema, fits } = await schemaOf(ai, name);
  const own = { name, input, context, callId: ref, signal, schema, approvedThere: answer.approved === true };
  // Genkit checks the input when it runs the tool
  const invocation: ToolInvocation<GenkitContext> = { ...own, fits: () => fits(input) };
  const outcome: ToolOutcome<R> =
    answer.approved === false
      ? await guard.refuse(invocation, typeof answer.reason === 'string' ? answer.reason : undefined)
      : await guard.call(invocation, (own) => next({ ...request, toolRequest: { ...toolRequest, input: own } }, run));
  if (outcome.kind === 'ran') return outcome.value;
  // a restarted call must not interrupt Genkit again: generate() would end with an error
  if (outcome.kind === 'pending' && guard.interrupts && resumed === undefined) {
    throw new Interrupt({ ...approvalPayload(outcome.pending), reason: outcome.pending.message });
  }
  // an error would end generate()
  return { toolResponse: { name, ...(ref !== undefined && { ref }), output: outcome.text } } as R;
}

/** An error that Genkit treats as its own interrupt, because of its name. */
class Interrupt extends Error {
  override readonly name = 'ToolInterruptError';
  readonly metadata: GenkitApproval;
  constructor(metadata: GenkitApproval) {
    super(metadata.reason);
    this.metadata = metadata;
  }
}

interface GenkitSchema {
  /** Where it is a Standard Schema and not only a JSON Schema. Genkit checks the input with it, and runs the tool with the input as it is. */
  readonly schema: StandardSchema | undefined;
  readonly fits: (input: unknown) => Promise<boolean>;
}

async function schemaOf({ registry }: GenkitLike, name: string): Promise<GenkitSchema> {
  try {
    const action = (await registry?.lookupAction(`/tool/${name}`)) ?? (await registry?.lookupAction(`/tool.v2/${name}`));
    const { __action: { inputSchema, inputJsonSchema } = {} } = (action ?? {}) as {
      __action?: { inputSchema?: unknown; inputJsonSchema?: unknown };
    };
    const schema = toolSchema(inputSchema);
    return { schema: schema && checkOnly(schema), fits: (input) => fitsSchema(schema ?? inputJsonSchema, input) };
  } catch {
    // without a schema, a sanitize may only change values
    return { schema: undefined, fits: async () => true };
  }
}
