import type { ToolGuard } from '../tool/ToolGuard.js';
import type { ToolInvocation } from '../tool/ToolInvocation.js';
import type { OpenAiCallDetails, OpenAiRunContext, OpenAiTool } from './OpenAiTool.js';

/** The SDK's `needsApproval`, as a function. */
export type ApprovalFunction = (runContext: OpenAiRunContext, input: unknown, callId?: string) => Promise<boolean>;

/** Turns a call of the SDK into an invocation. */
export type ToInvocation = (input: unknown, runContext: OpenAiRunContext, details: OpenAiCallDetails) => ToolInvocation;

/** Makes the tool's `needsApproval`: the SDK interrupts the run if policy wants a person, or if the tool itself does. */
export function approvalFunction(guard: ToolGuard, { needsApproval }: OpenAiTool, invocation: ToInvocation): ApprovalFunction {
  return async (runContext, input, callId) => {
    const details = { toolCall: { callId } };
    const call = { ...invocation(input, runContext, details), approvedThere: isApprovedIn(runContext, details) };
    const { kind } = await guard.preflight(call);
    if (kind === 'pending') return true;
    return typeof needsApproval === 'function'
      ? Boolean(await (needsApproval as ApprovalFunction)(runContext, input, callId))
      : needsApproval === true;
  };
}

/** An input guardrail of the SDK. */
export interface OpenAiGuardrail {
  readonly type: 'tool_input';
  readonly name: string;
  readonly run: (data: {
    readonly context: OpenAiRunContext;
    readonly toolCall: NonNullable<OpenAiCallDetails['toolCall']>;
  }) => Promise<object>;
}

/**
 * Makes a guardrail that refuses arguments that fit no schema. Where they are not even an object, the SDK itself interrupts the run without asking the tool; with
 * `toolExecution: { preApprovalInputGuardrails: true }` it asks this first.
 */
export function checksArguments(guard: ToolGuard, invocation: ToInvocation): OpenAiGuardrail {
  return {
    type: 'tool_input',
    name: 'aegis: arguments',
    async run({ context, toolCall }) {
      const misfit = await guard.misfit(invocation(parsed(toolCall.arguments ?? ''), context, { toolCall }));
      return { behavior: misfit === undefined ? { type: 'allow' } : { type: 'rejectContent', message: misfit.text } };
    },
  };
}

/** Whether a person said yes to exactly this call. That the SDK calls the tool does not show it, and neither does a yes to all calls of the tool. */
export function isApprovedIn(runContext: OpenAiRunContext, { toolCall }: OpenAiCallDetails): boolean {
  const callId = toolCall?.callId;
  if (callId === undefined) return false;
  try {
    const records = Object.values(runContext.toJSON?.().approvals ?? {});
    return records.some(({ approved }) => Array.isArray(approved) && approved.includes(callId));
  } catch {
    return false;
  }
}

/** Parses what the model wrote. A text that is not JSON is given back as it is, which fits no schema of a tool. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
