import { ForbiddenError } from '../../model/errors/RefusalErrors.js';
import { approvalPayload, isApprovalPayload } from '../tool/approvalPayload.js';
import type { ApprovalPayload } from '../tool/approvalPayload.js';
import type { ToolPending } from '../tool/ToolInvocation.js';
import type { AdkContext, AdkResult } from './AdkOptions.js';

/** What a person is asked to confirm: the `payload` of the confirmation. */
export type AdkApproval = ApprovalPayload;

/** The properties of an event that the adapter uses. */
export interface AdkEvent {
  readonly content?: { readonly parts?: readonly { readonly functionCall?: { readonly args?: AdkResult } }[] };
  readonly actions?: { readonly requestedToolConfirmations?: Readonly<Record<string, { readonly payload?: unknown }>> };
}

/**
 * Asks the ADK for a confirmation of a call that waits for an approval.
 *
 * @throws ForbiddenError where the ADK cannot ask, after cancelling the approval: the ADK repeats a confirmed call once and makes no other, so the call could
 * never run
 */
export async function requestApproval(context: AdkContext, { pending, deduplicated }: ToolPending, canAsk: boolean): Promise<void> {
  const { functionCallId, toolConfirmation, actions } = context;
  const { toolName, message } = pending;
  if (!canAsk || functionCallId === undefined || toolConfirmation !== undefined) {
    // the question of a duplicate call that could ask is left open
    if (toolConfirmation !== undefined || !deduplicated) await pending.cancel();
    throw new ForbiddenError(`${message}. It is not approved, and no one can be asked at this point.`, {
      code: 'approval_refused',
      toolName,
    });
  }
  context.requestConfirmation({ hint: message, payload: approvalPayload(pending) satisfies AdkApproval });
  Object.assign(actions, { skipSummarization: true });
}

/**
 * The responses to calls that wait for a confirmation. The ADK does not record them, and it accepts a confirmation that a plugin requested only where it finds the
 * response beside the request.
 */
export function approvalResponses({ content, actions }: AdkEvent): readonly object[] {
  return Object.entries(actions?.requestedToolConfirmations ?? {}).flatMap(([id, { payload }]) => {
    if (!isApprovalPayload(payload)) return [];
    const originals = content?.parts?.map(
      ({ functionCall }) => functionCall?.args?.['originalFunctionCall'] as { id?: string; name?: string },
    );
    const name = originals?.find((call) => call?.id === id)?.name;
    return name === undefined ? [] : [{ functionResponse: { id, name, response: { status: 'pending' } } }];
  });
}
