import { isDeepStrictEqual } from 'node:util';
import { ApprovalPendingError } from '../model/errors/RefusalErrors.js';
import { GuardDefinitionError } from '../model/errors/SetupErrors.js';
import type { AdapterOptions, OnUnguardable } from './tool/AdapterOptions.js';
import { ADAPTER_OPTIONS, refuseUnguardable, UNGUARDABLE } from './tool/AdapterOptions.js';
import { approvalPayload, isApprovalPayload } from './tool/approvalPayload.js';
import type { ApprovalPayload } from './tool/approvalPayload.js';
import { guardedCopy, guardedRecord } from './tool/guardedCopy.js';
import type { OptionKinds } from '../common/readOptions.js';
import { ToolGuard } from './tool/ToolGuard.js';
import type { ToolInvocation } from './tool/ToolInvocation.js';
import { parsedInput, toolSchema } from './tool/toolSchema.js';

export type { ApprovalPayload } from './tool/approvalPayload.js';
export type { AdapterApproval, AdapterOptions, OnUnguardable } from './tool/AdapterOptions.js';

type Execute = (input: never, context: never) => unknown;

/** The properties of a Mastra tool that the adapter uses. */
export interface MastraTool {
  readonly inputSchema?: unknown;
  readonly outputSchema?: unknown;
  readonly suspendSchema?: unknown;
  readonly resumeSchema?: unknown;
  readonly toModelOutput?: unknown;
  /** A function. Its type is not stated, so that a tool created within the call to `guardTools()` does not infer its types from it. */
  readonly execute?: unknown;
}

/** What Mastra passes to the `execute` of these tools. */
export type MastraContext<T> = { [K in keyof T]: T[K] extends { execute?: infer E } ? ContextOf<NonNullable<E>> : never }[keyof T];
type ContextOf<E> = E extends (input: never, context: infer C) => unknown ? C : never;

/** The options of the Mastra adapter. */
export interface MastraOptions<C = MastraCallContext> extends AdapterOptions<C> {
  /**
   * What the adapter does with a tool that runs at the provider or in the client.
   *
   * @defaultValue `throw`
   */
  readonly unguardable?: OnUnguardable | undefined;
}

/** How a tool suspends its run, and what the run was resumed with. */
interface Suspendable {
  readonly suspend?: ((payload: never, options?: never) => unknown) | undefined;
  readonly resumeData?: unknown;
  readonly suspendPayload?: unknown;
}

/** The properties of the context that the adapter reads. The details of a call are in `agent`, in `workflow`, or in the context itself. */
export interface MastraCallContext extends Suspendable {
  readonly agent?: (Suspendable & { readonly toolCallId?: string | undefined; readonly threadId?: string | undefined }) | undefined;
  readonly workflow?: (Suspendable & { readonly runId?: string | undefined; readonly workflowId?: string | undefined }) | undefined;
  readonly runId?: string | undefined;
  readonly threadId?: string | undefined;
  readonly toolCallId?: string | undefined;
  readonly abortSignal?: AbortSignal | undefined;
}

const FRAMEWORK = 'mastra';
const OPTIONS: OptionKinds<MastraOptions<unknown>> = { ...ADAPTER_OPTIONS, unguardable: UNGUARDABLE };

/** What a run is suspended with when a person has to decide: `suspendPayload` of the `tool-call-suspended` chunk. */
export interface MastraApproval extends ApprovalPayload {
  readonly reason: string;
  /** The input of the call, which is made again when the run is resumed. */
  readonly input: unknown;
  /** What the tool itself was resumed with before; it gets that again. */
  readonly resumed?: { readonly resumeData: unknown; readonly suspendPayload: unknown } | undefined;
}

/** The JSON Schema of the answer that resumes a run suspended by an approval, for a user interface. */
const ANSWER_SCHEMA = JSON.stringify({
  type: 'object',
  properties: { approved: { type: 'boolean' }, decisionId: { type: 'string' }, reason: { type: 'string' } },
  required: ['approved'],
  additionalProperties: false,
});

/**
 * Guards the tools of Mastra. A call that needs a person suspends the run; when the run is resumed, the tool runs if, and only if, the approval desk has approved
 * exactly this call.
 *
 * @param tools the tools by name, as an Agent takes them
 * @returns the same record of tools, whose `execute` asks for a decision first
 * @throws GuardDefinitionError for a tool that runs at the provider or in the client, unless `unguardable` allows it
 * @example new Agent({ tools: guardTools({ refund }, { agentId: 'support' }), … });
 */
export function guardTools<T extends Readonly<Record<string, MastraTool>>>(tools: T, options: MastraOptions<MastraContext<T>> = {}): T {
  const guard = new ToolGuard<MastraCallContext>(FRAMEWORK, options as MastraOptions, true, OPTIONS);
  return guardedRecord(tools, (name, tool) => guardTool(guard, name, tool)) as T;
}

function guardTool(guard: ToolGuard<MastraCallContext>, name: string, tool: MastraTool): MastraTool {
  refuseRunner(name, tool);
  const execute = tool.execute as Execute | undefined;
  const { unguardable } = guard.options as MastraOptions;
  if (typeof execute !== 'function') {
    refuseUnguardable(FRAMEWORK, name, 'it has no `execute`: it runs at the provider or in the client', unguardable);
    return tool;
  }
  // a text that says "pending" does not fit the declared output of a tool that has one
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
      scope: context.agent?.threadId ?? context.threadId ?? context.runId ?? context.workflow?.runId,
      signal: context.abortSignal,
      schema: toolSchema(tool.inputSchema),
      // a model can put `resumeData` into its arguments, and Mastra passes that on as the answer, then and whenever the run is resumed. So a yes names the
      // question, and was not there before it: a model may know the id of a question that a duplicate call asked
      approvedThere:
        answer?.approved === true && answer.decisionId === asked?.decisionId && !isDeepStrictEqual(answer, asked?.resumed?.resumeData),
      shownDecision: asked?.decisionId,
    };
    // a network hands over an answer without its question. A no counts for what is open at the desk, a yes only resumes the call
    const toNetwork =
      asked === undefined && guard.interrupts && isAnswer(resumeData) && (await wasAsked(guard, invocation)) ? resumeData : undefined;
    const no = [answer, toNetwork].find((given) => given?.approved === false);
    if (no !== undefined) throw (await guard.refuse(invocation, no.reason)).error;
    // the answer to the approval is not for the tool
    const own = asked === undefined && toNetwork === undefined ? context : resumedWith(context, asked?.resumed);
    const outcome = await guard.call(invocation, (params) => execute.call(tool, params, own as never));
    if (outcome.kind === 'ran') return outcome.value;
    if (outcome.kind === 'denied') throw outcome.error;
    if (!guard.interrupts && mayTell) return outcome.text;
    if (!guard.interrupts || suspend === undefined) throw new ApprovalPendingError(outcome.pending);
    const before = resumeData === undefined || resumeData === null ? undefined : { resumeData, suspendPayload };
    const resumed = asked === undefined ? before : asked.resumed;
    const { pending } = outcome;
    const payload: MastraApproval = { ...approvalPayload(pending, name), reason: pending.message, input: parsed, resumed };
    return suspend(payload as never, { resumeSchema: ANSWER_SCHEMA } as never);
  };
  return guardedCopy(tool, 'execute', {
    execute: guarded,
    // Mastra checks both before it calls `execute`
    ...(tool.suspendSchema !== undefined && { suspendSchema: alsoAccepting(tool.suspendSchema, isApprovalPayload) }),
    ...(tool.resumeSchema !== undefined && { resumeSchema: alsoAccepting(tool.resumeSchema, isAnswer) }),
  });
}

/**
 * Refuses agents, workflows and steps: they run what they were made of, not the `execute` of a guarded copy.
 *
 * @throws GuardDefinitionError
 */
function refuseRunner(name: string, tool: object): void {
  const has = (key: string): boolean => typeof (tool as Record<string, unknown>)[key] === 'function';
  const [what, how] = has('createRun')
    ? [
        'a workflow, which runs its steps itself',
        'Make its steps of guarded tools, `createStep(tools.send)`, and hand over the workflow as it is.',
      ]
    : has('generate')
      ? [
          'an agent, which calls its tools itself',
          'Make it with guarded tools, `new Agent({ tools: guardTools(…) })`, and hand over the agent as it is.',
        ]
      : '__toolRef' in tool || '__agentRef' in tool
        ? ['a step of a workflow, which runs what it was made of', 'Guard the tool first, and make the step of what `guardTools` returned.']
        : [];
  if (what !== undefined)
    throw new GuardDefinitionError(`${FRAMEWORK}: '${name.slice(0, 128)}' is ${what}, so it cannot be guarded as a tool. ${how}`);
}

/** The approval that suspended the run, if one did. Mastra stored the payload: neither a caller nor a model can supply one. */
function approvalIn(payload: unknown): MastraApproval | undefined {
  return isApprovalPayload(payload) ? (payload as MastraApproval) : undefined;
}

/** Whether a person is being asked about a call, and was before it. */
async function wasAsked(guard: ToolGuard<MastraCallContext>, invocation: ToolInvocation<MastraCallContext>): Promise<boolean> {
  const preflight = await guard.preflight(invocation);
  return preflight.kind === 'pending' && preflight.deduplicated;
}

/** What resumes a run that an approval suspended. */
export interface MastraAnswer {
  /** After a yes the run continues and the approval is looked up at the desk; a no refuses the call. */
  readonly approved: boolean;
  /** The `decisionId` of the {@link MastraApproval}. Only a yes that names it can be a verdict of `verdictBy`. */
  readonly decisionId?: string | undefined;
  readonly reason?: string | undefined;
}

function isAnswer(value: unknown): value is MastraAnswer {
  if (typeof value !== 'object' || value === null || typeof (value as Partial<MastraAnswer>).approved !== 'boolean') return false;
  return Object.entries(value).every(
    ([key, field]) => key === 'approved' || (['decisionId', 'reason'].includes(key) && typeof field === 'string'),
  );
}

/** The context that the tool would have got without the approval. */
function resumedWith(context: MastraCallContext, resumed: MastraApproval['resumed']): MastraCallContext {
  const own = { resumeData: resumed?.resumeData, suspendPayload: resumed?.suspendPayload };
  const { agent, workflow } = context;
  return { ...context, ...own, ...(agent && { agent: { ...agent, ...own } }), ...(workflow && { workflow: { ...workflow, ...own } }) };
}

/** A schema that also accepts the values of which `accepts` returns true. */
function alsoAccepting(schema: unknown, accepts: (value: unknown) => boolean): unknown {
  const standard = toolSchema(schema)?.['~standard'];
  if (standard === undefined) return schema;
  const validate = (value: unknown): unknown => (accepts(value) ? { value } : standard.validate(value));
  return { '~standard': Object.assign(Object.create(standard) as object, standard, { validate }) };
}
