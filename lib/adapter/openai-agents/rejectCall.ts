import { GuardDefinitionError } from '../../model/errors/SetupErrors.js';
import { parsed } from './approval.js';
import { guardedToolOf } from './guardTools.js';
import type { OpenAiRunContext, OpenAiTool } from './OpenAiTool.js';

/** The properties of a `RunState` that {@link rejectCall} uses. */
export interface OpenAiRunState<I> {
  readonly reject: (item: I, options?: { message?: string }) => void;
  readonly _context?: unknown;
}

/** The properties of an interruption that {@link rejectCall} uses. */
export interface OpenAiInterruption {
  readonly rawItem: unknown;
}

/**
 * Tells both the SDK and the approval desk that a person refused a call. `state.reject()` alone leaves the approval open until it expires, because the SDK does
 * not tell the tool.
 *
 * @param tools what `guardTools()` returned
 * @param state the state of the interrupted run
 * @param item the interruption that the person refused
 * @param reason for the model and for the desk; the model reads the SDK's own text by default
 * @throws GuardDefinitionError where the interruption belongs to none of these tools; the SDK has been told nevertheless
 * @example await rejectCall(tools, result.state, interruption, 'not without a receipt');
 */
export async function rejectCall<I extends OpenAiInterruption>(
  tools: readonly OpenAiTool[],
  state: OpenAiRunState<I>,
  item: I,
  reason?: string,
): Promise<void> {
  state.reject(item, reason === undefined ? undefined : { message: reason });
  const { name, callId, arguments: text } = item.rawItem as { name?: string; callId?: string; arguments?: string };
  const guarded = guardedToolOf(tools, name);
  if (guarded === undefined || typeof text !== 'string')
    throw new GuardDefinitionError(
      'rejectCall() needs the tools that guardTools() returned and an interruption of one of them; the SDK was told, but the approval stays open.',
    );
  const { guard, invocation } = guarded;
  await guard.refuse(invocation(parsed(text), state._context as OpenAiRunContext, { toolCall: { callId } }), reason);
}
