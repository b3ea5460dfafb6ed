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
    const { kind } = await guard.preflight(invocation(input, runContext, { toolCall: { callId } }));
    if (kind === 'pending') return true;
    return typeof needsApproval === 'function'
      ? Boolean(await (needsApproval as ApprovalFunction)(runContext, input, callId))
      : needsApproval === true;
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
