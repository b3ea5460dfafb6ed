import { markGuarded } from '../guard/guardedTools.js';
import { ApprovalPendingError } from '../model/errors/RefusalErrors.js';
import type { AdapterOptions, OnUnguardable } from './tool/AdapterOptions.js';
import { parsedInput } from './tool/parsedInput.js';
import { refuseUnguardable } from './tool/refuseUnguardable.js';
import { standardSchemaOf } from './tool/sanitizedOnly.js';
import { ToolGuard } from './tool/ToolGuard.js';
import type { ToolInvocation } from './tool/ToolInvocation.js';

export type { AdapterOptions, OnApproval, OnUnguardable } from './tool/AdapterOptions.js';

type Execute = (input: never, context: never) => unknown;

/** What is used of a tool of Mastra. */
export interface MastraTool {
  readonly inputSchema?: unknown;
  readonly outputSchema?: unknown;
  readonly suspendSchema?: unknown;
  readonly resumeSchema?: unknown;
  readonly toModelOutput?: unknown;
  /** A function. Not said here, lest a tool that is made in the call itself take its types from this one. */
  readonly execute?: unknown;
}

/** What Mastra hands to the `execute` of these tools. */
export type MastraContext<T> = { [K in keyof T]: T[K] extends { execute?: infer E } ? ContextOf<NonNullable<E>> : never }[keyof T];
type ContextOf<E> = E extends (input: never, context: infer C) => unknown ? C : never;

/** What the adapter of Mastra takes. */
export interface MastraOptions<C = MastraCallContext> extends AdapterOptions<C> {
  /** What a tool that runs elsewhere does: at the provider, or in the client. Default `throw`. */
  readonly unguardable?: OnUnguardable | undefined;
}

/** Where a tool can be suspended, and what it was resumed with. */
interface Suspendable {
  readonly suspend?: ((payload: never, options?: never) => unknown) | undefined;
  readonly resumeData?: unknown;
  readonly suspendPayload?: unknown;
}

/** What of the context the adapter reads: what is told of the call lies in `agent`, in `workflow`, or in the context itself. */
export interface MastraCallContext extends Suspendable {
  readonly agent?: (Suspendable & { readonly toolCallId?: string | undefined; readonly threadId?: string | undefined }) | undefined;
  readonly workflow?: (Suspendable & { readonly runId?: string | undefined; readonly workflowId?: string | undefined }) | undefined;
  readonly runId?: string | undefined;
  readonly threadId?: string | undefined;
  readonly toolCallId?: string | undefined;
  readonly abortSignal?: AbortSignal | undefined;
}

const FRAMEWORK = 'mastra';

/** What a run is suspended with where a person has to decide: `suspendPayload` of the `tool-call-suspended` chunk. */
export interface MastraApproval {
  readonly aegis: 'approval';
  readonly tool: string;
  readonly reason: string;
  readonly taskId: string;
  readonly decisionId: string;
  /** The input, for the call that is made when the run is resumed. */
  readonly input: unknown;
  /** What the tool itself had been resumed with, and is again. */
  readonly resumed?: { readonly resumeData: unknown; readonly suspendPayload: unknown } | undefined;
}

/** The JSON Schema of what resumes a run that an approval suspended, for what shows it to people. */
const ANSWER_SCHEMA = JSON.stringify({
  type: 'object',
  properties: { approved: { type: 'boolean' }, decisionId: { type: 'string' }, reason: { type: 'string' } },
  required: ['approved'],
  additionalProperties: false,
});

/**
 * Guards the tools of Mastra: the same record of tools, whose `execute` asks first. A call that needs a person suspends the run; when it is resumed, the
 * tool runs if, and only if, our own approval of that very call is there.
 *
 * @throws GuardDefinitionError for a tool that runs elsewhere, unless `unguardable` says otherwise
 * @example new Agent({ tools: guardTools({ refund }, { agentId: 'support' }), … });
 */
export function guardTools<T extends Readonly<Record<string, MastraTool>>>(tools: T, options: MastraOptions<MastraContext<T>> = {}): T {
  const guard = new ToolGuard<MastraCallContext>(FRAMEWORK, options as MastraOptions, true);
  const guarded: Record<string, MastraTool> = {};
  for (const name of Object.keys(tools)) {
    const value = guardTool(guard, name, tools[name] as MastraTool);
    Object.defineProperty(guarded, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return guarded as T;
}

function guardTool(guard: ToolGuard<MastraCallContext>, name: string, tool: MastraTool): MastraTool {
  const execute = tool.execute as Execute | undefined;
  const { unguardable } = guard.options as MastraOptions;
  if (typeof execute !== 'function') {
    refuseUnguardable(FRAMEWORK, name, 'it has no `execute`: it runs at the provider or in the client', unguardable);
    return tool;
  }
  // a result that says "pending" is none that a tool with a declared output may give
  const mayTell = tool.outputSchema === undefined && tool.toModelOutput === undefined;
  const guarded = async (input: unknown, context: MastraCallContext = {}): Promise<unknown> => {
    const { suspend, resumeData, suspendPayload } = context.agent ?? context.workflow ?? context;
    const asked = resumeData !== undefined && resumeData !== null ? approvalIn(suspendPayload) : undefined;
    const answer = asked && isAnswer(resumeData) ? resumeData : undefined;
    const parsed = parsedInput(tool.inputSchema, asked === undefined ? input : asked.input);
    const invocation: ToolInvocation<MastraCallContext> = {
      name,
      input: parsed,
      context,
      callId: context.agent?.toolCallId ?? context.toolCallId ?? context.workflow?.workflowId,
      scope: context.runId ?? context.workflow?.runId ?? context.agent?.threadId ?? context.threadId,
      signal: context.abortSignal,
      schema: standardSchemaOf(tool.inputSchema),
      // a model can put `resumeData` into its arguments, and Mastra takes that for the answer: it cannot name what was asked later
      approvedThere: answer?.approved === true && answer.decisionId === asked?.decisionId,
      shownDecision: asked?.decisionId,
    };
    if (answer?.approved === false) throw (await guard.refuse(invocation, answer.reason)).error;
    // what resumed our suspension is not for the tool
    const own = asked === undefined ? context : resumedWith(context, asked.resumed);
    const outcome = await guard.call(invocation, (params) => execute.call(tool, params, own as never));
    if (outcome.kind === 'ran') return outcome.value;
    if (outcome.kind === 'denied') throw outcome.error;
    if (!guard.interrupts && mayTell) return outcome.text;
    if (!guard.interrupts || suspend === undefined) throw new ApprovalPendingError(outcome.pending);
    const { taskId, decisionId, message } = outcome.pending;
    const resumed = asked?.resumed ?? (resumeData === undefined || resumeData === null ? undefined : { resumeData, suspendPayload });
    const payload: MastraApproval = { aegis: 'approval', tool: name, reason: message, taskId, decisionId, input: parsed, resumed };
    return suspend(payload as never, { resumeSchema: ANSWER_SCHEMA } as never);
  };
  const copy = Object.assign(Object.create(Object.getPrototypeOf(tool) as object | null) as MastraTool, tool, {
    execute: guarded,
    // Mastra checks both before our function is entered
    ...(tool.suspendSchema !== undefined && { suspendSchema: orOurs(tool.suspendSchema, (value) => approvalIn(value) !== undefined) }),
    ...(tool.resumeSchema !== undefined && { resumeSchema: orOurs(tool.resumeSchema, isAnswer) }),
  });
  return markGuarded(copy, 'execute');
}

/** What was asked for, where it was our suspension that ended. The payload is what Mastra stored: no caller and no model can give one. */
function approvalIn(payload: unknown): MastraApproval | undefined {
  return typeof payload === 'object' && payload !== null && (payload as Partial<MastraApproval>).aegis === 'approval'
    ? (payload as MastraApproval)
    : undefined;
}

/** What a run is resumed with that an approval suspended. */
export interface MastraAnswer {
  /** A yes lets the run go on, where the approval is looked up; a no refuses the call. */
  readonly approved: boolean;
  /** That of the {@link MastraApproval}. Only a yes that names it can be a verdict of `verdictBy`. */
  readonly decisionId?: string | undefined;
  readonly reason?: string | undefined;
}

function isAnswer(value: unknown): value is MastraAnswer {
  if (typeof value !== 'object' || value === null || typeof (value as Partial<MastraAnswer>).approved !== 'boolean') return false;
  return Object.entries(value).every(
    ([key, field]) => key === 'approved' || (['decisionId', 'reason'].includes(key) && typeof field === 'string'),
  );
}

/** The context as the tool would have it had nobody been asked. */
function resumedWith(context: MastraCallContext, resumed: MastraApproval['resumed']): MastraCallContext {
  const own = { resumeData: resumed?.resumeData, suspendPayload: resumed?.suspendPayload };
  const { agent, workflow } = context;
  return { ...context, ...own, ...(agent && { agent: { ...agent, ...own } }), ...(workflow && { workflow: { ...workflow, ...own } }) };
}

/** A schema that lets what is ours pass too. */
function orOurs(schema: unknown, ours: (value: unknown) => boolean): unknown {
  const standard = standardSchemaOf(schema)?.['~standard'];
  if (standard === undefined) return schema;
  const validate = (value: unknown): unknown => (ours(value) ? { value } : standard.validate(value));
  return { '~standard': Object.assign(Object.create(standard) as object, standard, { validate }) };
}
