import type { AegisError } from '../../model/AegisError.js';
import { ForbiddenError } from '../../model/errors/RefusalErrors.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';
import type { Halt, HaltableCall } from '../../model/halt/Halt.js';

/** Why a call in the scope of a halt does not go on. Neither who ordered it nor why is for the model, which perhaps gets this message. */
export function haltedBy({ scope: { all, agentId, toolName, group }, untilMs }: Halt, call: HaltableCall): ForbiddenError {
  const again = untilMs === undefined ? 'until the halt is lifted' : `before ${new Date(untilMs).toISOString()}`;
  if (all === true) return halted(call, 'everything is halted', again);
  if (agentId === undefined) return halted(call, 'it is halted', again);
  const isWhole = toolName === undefined && group === undefined;
  return halted(call, isWhole ? `agent '${call.agentId}' is halted` : `it is halted for agent '${call.agentId}'`, again);
}

/** Why no call goes on as long as there is a `haltFile`. */
export function haltedByFile(call: HaltableCall): ForbiddenError {
  return halted(call, 'everything is halted', 'until the halt is lifted');
}

/** @param cause what the store failed with, where it did: then the call may be sent again */
export function unconfirmed(call: HaltableCall, why: string, cause?: unknown): DecisionUnavailableError {
  const message = `${refusalOf(call)}${why}. Check that the store can be reached.`;
  return new DecisionUnavailableError('halt_unknown', message, cause === undefined ? undefined : { cause });
}

/**
 * What the signal of a call that runs is aborted with. It is none of the errors of a call that did not run: a method that ends with it may have done part of
 * its work.
 */
export function abortedBy({ toolName, agentId }: HaltableCall): Error {
  const message = `Tool '${toolName}' was halted while agent '${agentId}' ran it: it may have run in part. Check what it did before it is called again.`;
  return Object.assign(new Error(message), { name: 'AbortError', code: 'halted' });
}

/** The reason in such an error, for a decision: what a client's error says before it is left out. */
export function reasonOf({ message }: AegisError, call: HaltableCall): string {
  const before = refusalOf(call);
  return message.startsWith(before) ? message.slice(before.length) : message;
}

function halted(call: HaltableCall, what: string, again: string): ForbiddenError {
  const { agentId, toolName } = call;
  return new ForbiddenError(`${refusalOf(call)}${what}. Do not call it again ${again}.`, { code: 'halted', agentId, toolName });
}

/** As of a call that policy denies, so that it reads alike where a server has decided. */
function refusalOf({ toolName }: HaltableCall): string {
  return `Tool '${toolName}' is not allowed: `;
}
