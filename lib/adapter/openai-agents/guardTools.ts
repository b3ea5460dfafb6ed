import { ApprovalPendingError } from '../../model/errors/RefusalErrors.js';
import { ADAPTER_OPTIONS, refuseUnguardable, UNGUARDABLE } from '../tool/AdapterOptions.js';
import { fitsSchema } from '../tool/fitsSchema.js';
import { guardedCopy } from '../tool/guardedCopy.js';
import { jsonParameters } from '../tool/jsonParameters.js';
import type { OptionKinds } from '../../common/readOptions.js';
import { ToolGuard } from '../tool/ToolGuard.js';
import { approvalFunction, checksArguments, isApprovedIn, parsed } from './approval.js';
import type { ToInvocation } from './approval.js';
import type { OpenAiAgentsOptions, OpenAiCallDetails, OpenAiContext, OpenAiRunContext, OpenAiTool } from './OpenAiTool.js';

const FRAMEWORK = 'openai-agents';
const OPTIONS: OptionKinds<OpenAiAgentsOptions> = { ...ADAPTER_OPTIONS, onDeny: "'throw'|'result'", unguardable: UNGUARDABLE };

type Invoke = (runContext: OpenAiRunContext, input: string, details?: OpenAiCallDetails) => Promise<unknown>;
type ErrorFunction = (runContext: OpenAiRunContext, error: unknown, details?: OpenAiCallDetails) => unknown;

/** What is known of a guarded tool. */
interface Guarded {
  readonly guard: ToolGuard;
  readonly invocation: ToInvocation;
}
const guardedTools = new WeakMap<OpenAiTool, Guarded>();

/**
 * Guards function tools of the OpenAI Agents SDK. A call that needs a person interrupts the run, as the SDK's own `needsApproval` does; when the SDK then calls the
 * tool, it runs if, and only if, the approval desk has approved exactly this call.
 *
 * @param tools the tools of an Agent
 * @returns the same list of tools, whose `invoke` asks for a decision first
 * @throws GuardDefinitionError for a tool that is not a function tool, unless `unguardable` allows it
 * @example new Agent({ name: 'support', tools: guardTools([refund], { agentId: 'support' }) });
 */
export function guardTools<const T extends readonly OpenAiTool[]>(
  tools: T,
  options: OpenAiAgentsOptions<OpenAiContext<T>> = {},
): { -readonly [K in keyof T]: T[K] } {
  const guard = new ToolGuard(FRAMEWORK, options as OpenAiAgentsOptions, true, OPTIONS);
  return tools.map((tool) => guardTool(guard, tool)) as { -readonly [K in keyof T]: T[K] };
}

/** What is known of a tool of this list by that name, if {@link guardTools} returned it. */
export function guardedToolOf(tools: readonly OpenAiTool[], name: string | undefined): Guarded | undefined {
  const tool = tools.find((candidate) => candidate.name === name);
  return tool && guardedTools.get(tool);
}

function guardTool(guard: ToolGuard, tool: OpenAiTool): OpenAiTool {
  const { name, type, parameters, outputSchema, errorFunction, inputGuardrails } = tool;
  const { unguardable, onDeny = 'throw' } = guard.options as OpenAiAgentsOptions;
  const original = tool.invoke as Invoke | undefined;
  if (type !== 'function' || typeof original !== 'function') {
    refuseUnguardable(FRAMEWORK, name, 'it is not a function tool, so the SDK or the provider runs it', unguardable);
    return tool;
  }
  const { knows, schemaFor } = jsonParameters(parameters);
  const invocation: ToInvocation = (input, { context }, { toolCall, signal }) => {
    const fits = (): Promise<boolean> => fitsSchema(parameters, input);
    return { name, input, context, callId: toolCall?.callId, signal, knows, schema: schemaFor(input), fits };
  };
  const answersWithText = outputSchema === undefined || onDeny === 'result';
  const invoke: Invoke = async (runContext, text, details = {}) => {
    const call = { ...invocation(parsed(text), runContext, details), approvedThere: isApprovedIn(runContext, details) };
    // the SDK parses and checks what a sanitize made of the input, as it does with the input itself
    const outcome = await guard.call(call, (own) => original.call(tool, runContext, JSON.stringify(own), details));
    if (outcome.kind === 'ran') return outcome.value;
    if (answersWithText) return outcome.text;
    const error = outcome.kind === 'denied' ? outcome.error : new ApprovalPendingError(outcome.pending);
    if (typeof errorFunction === 'function') return (errorFunction as ErrorFunction)(runContext, error, details);
    throw error;
  };
  const native = guard.interrupts && {
    needsApproval: approvalFunction(guard, tool, invocation),
    inputGuardrails: [
      ...(Array.isArray(inputGuardrails) ? (inputGuardrails as readonly unknown[]) : []),
      checksArguments(guard, invocation),
    ],
  };
  const guarded = guardedCopy(tool, 'invoke', { invoke, ...native });
  guardedTools.set(guarded, { guard, invocation });
  return guarded;
}
