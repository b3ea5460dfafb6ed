import { GuardDefinitionError } from '../model/errors/SetupErrors.js';
import type { StandardResult, StandardSchema } from '../guard/call/StandardSchema.js';
import type { AdapterOptions } from './tool/AdapterOptions.js';
import { standardSchemaOf } from './tool/sanitizedOnly.js';
import { ToolGuard } from './tool/ToolGuard.js';
import type { ToolOutcome } from './tool/ToolOutcome.js';

export type { AdapterOptions, OnApproval } from './tool/AdapterOptions.js';

/** What is used of a part of a message that asks for a tool. */
export interface GenkitToolRequest {
  readonly toolRequest: { readonly name: string; readonly ref?: string | undefined; readonly input?: unknown };
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** What is known of a call: what {@link AdapterOptions} functions are called with. */
export interface GenkitContext {
  readonly toolRequest: GenkitToolRequest['toolRequest'];
  /** The `context` of `generate()`, or of the flow that called it. */
  readonly context: Readonly<Record<string, unknown>> | undefined;
  /** What the call was restarted with, after an interrupt. */
  readonly resumed: unknown;
}

/** What the adapter of Genkit takes. */
export type GenkitOptions = AdapterOptions<GenkitContext>;

/** What a `generate()` is interrupted with where a person has to decide: `metadata.interrupt` of the tool request. */
export interface GenkitApproval {
  readonly aegis: 'approval';
  readonly tool: string;
  readonly reason: string;
  readonly taskId: string;
  readonly decisionId: string;
}

/** What is used of Genkit itself: where its tools are found, and whose call this is. */
export interface GenkitLike {
  readonly registry?: { lookupAction(key: string): PromiseLike<unknown> } | undefined;
  currentContext?(): unknown;
}

/** What a middleware does in one `generate()`. */
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
 * Guards every tool that a `generate()` of Genkit calls, for `generateMiddleware`. A refused call has its reason for a result, and `generate()` goes on; one that
 * needs a person interrupts it, and the tool runs when it is restarted if, and only if, our own approval of that very call is there. Middleware that comes after
 * this one can change what was decided on: let it be the last one.
 *
 * @throws ConfigError for options that cannot be
 * @example const aegis = generateMiddleware({ name: 'aegis' }, aegisMiddleware({ agentId: 'support' }));
 * ai.generate({ tools: [refund], use: [aegis()], … });
 */
export function aegisMiddleware(options: GenkitOptions = {}): (genkit: { readonly ai: GenkitLike }) => GenkitHooks {
  const guard = new ToolGuard<GenkitContext>(FRAMEWORK, options, true);
  // made anew for every generate()
  return ({ ai }) => {
    if (typeof ai !== 'object' || ai === null)
      throw new GuardDefinitionError('What aegisMiddleware() returns is for generateMiddleware(), not for `use` itself.');
    let signal: AbortSignal | undefined;
    return {
      generate(envelope, run, next) {
        // a tool's hook is not told of it
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
  const schema = await schemaOf(ai, name);
  const invocation = { name, input, context, callId: ref, signal, schema, approvedThere: answer.approved === true };
  const outcome: ToolOutcome<R> =
    answer.approved === false
      ? await guard.refuse(invocation, typeof answer.reason === 'string' ? answer.reason : undefined)
      : await guard.call(invocation, (own) => next({ ...request, toolRequest: { ...toolRequest, input: own } }, run));
  if (outcome.kind === 'ran') return outcome.value;
  // Genkit cannot be interrupted by what it restarts: it ends over it
  if (outcome.kind === 'pending' && guard.interrupts && resumed === undefined) {
    const { toolName, message: reason, taskId, decisionId } = outcome.pending;
    throw new Interrupt({ aegis: 'approval', tool: toolName, reason, taskId, decisionId });
  }
  // an error would end generate()
  return { toolResponse: { name, ...(ref !== undefined && { ref }), output: outcome.text } } as R;
}

/** What Genkit takes for its own interrupt, by its name. */
class Interrupt extends Error {
  override readonly name = 'ToolInterruptError';
  readonly metadata: GenkitApproval;
  constructor(metadata: GenkitApproval) {
    super(metadata.reason);
    this.metadata = metadata;
  }
}

/** The tool's schema, where it has one that is no plain JSON Schema. Genkit checks with it and runs the tool with the input as it is. */
async function schemaOf({ registry }: GenkitLike, name: string): Promise<StandardSchema | undefined> {
  try {
    const action = (await registry?.lookupAction(`/tool/${name}`)) ?? (await registry?.lookupAction(`/tool.v2/${name}`));
    const { __action: { inputSchema } = {} } = (action ?? {}) as { __action?: { inputSchema?: unknown } };
    const schema = standardSchemaOf(inputSchema);
    if (schema === undefined) return undefined;
    const validate = async (input: unknown): Promise<StandardResult<unknown>> => {
      const result = await schema['~standard'].validate(input);
      return result.issues === undefined ? { value: input } : result;
    };
    return { '~standard': { version: 1, vendor: FRAMEWORK, validate } };
  } catch {
    // without it, a sanitize may change values only
    return undefined;
  }
}
