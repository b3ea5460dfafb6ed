import { AegisError } from '../../../lib/model/AegisError.js';
import { DecisionUnavailableError } from '../../../lib/model/errors/ServiceErrors.js';
import type { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { guardCall } from '../../../lib/guard/guardCall.js';

/** How one guarded call ended. */
export interface Resolution {
  /** The params of each run of the method. */
  readonly runs: readonly object[];
  /** What was thrown that is not an error of this library. */
  readonly crash: unknown;
}

/** What spec services throw: theirs, so that no crash of the library is taken for it. */
const THROWN = ['a field that cannot be read', 'a trap'];

/** One call, guarded; where a person has to decide, asked about once and then withdrawn. */
export async function guardedOnce(aegis: AegisModule, params: Record<string, unknown>): Promise<Resolution> {
  const runs: object[] = [];
  let crash: unknown;
  const note = (error: unknown): void => {
    if (!AegisError.is(error)) crash = error;
    else if (error instanceof DecisionUnavailableError && error.reason === 'service_threw' && !isTheirs(error.cause)) crash = error.cause;
  };
  try {
    const call = { agentId: 'bot', toolName: 'tool', params };
    const outcome = await guardCall(aegis, call, (given) => void runs.push(given));
    if (outcome.kind === 'denied') note(outcome.error);
    if (outcome.kind === 'pending') {
      try {
        await outcome.resume();
      } catch (error) {
        note(error);
      }
      await outcome.cancel();
    }
  } catch (error) {
    note(error);
  }
  return { runs, crash };
}

/** A rejection with an answer, or one of the traps that spec services set. */
function isTheirs(cause: unknown): boolean {
  return cause instanceof Error ? THROWN.includes(cause.message) : true;
}
