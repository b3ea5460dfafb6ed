import { canonicalDigest } from '../common/data/canonical.js';
import type { Session } from './Params.js';
import type { Task } from './Task.js';

/** All that a guard knows of a call that an approval is good for. */
export interface CallBinding {
  readonly agentId: string;
  readonly toolName: string;
  readonly guardKey: string;
  readonly mode: Task['mode'];
  readonly idempotent: boolean;
  /** Whether another process may run it. */
  readonly resumable: boolean;
  /** SHA-256 of the params as called. */
  readonly originalDigest: string;
  readonly sessionDigest: string;
  /** How many arguments the caller passed. */
  readonly argumentCount: number;
  /** The class of the object that it was called on. */
  readonly target: string;
  /** SHA-256 of the guard's parameter names. */
  readonly signature: string;
}

/** The digest where there is no session. */
const NO_SESSION = 'none';

/** SHA-256 over a binding: the same for the same call only. A desk adds the params that would run, and signs both. */
export function bindingBase(binding: CallBinding): string {
  const { agentId, toolName, guardKey, mode, idempotent, resumable, originalDigest, sessionDigest, argumentCount, target, signature } =
    binding;
  return canonicalDigest([
    'aegis binding 1',
    { agentId, toolName, guardKey, mode, idempotent, resumable, originalDigest, sessionDigest, argumentCount, target, signature },
  ]);
}

/**
 * The binding of a stored task, from its content: the digests that a row says of itself are not believed.
 *
 * @returns '' for a task without origin, and for content that has no digest: it equals no binding
 */
export function bindingBaseOf({ agentId, toolName, guardKey, mode, session, origin }: Task): string {
  if (origin === undefined) return '';
  const { originalParams, idempotent, resumable, argumentCount, target, signature } = origin;
  try {
    return bindingBase({
      agentId,
      toolName,
      guardKey,
      mode,
      idempotent,
      resumable,
      originalDigest: canonicalDigest(originalParams),
      sessionDigest: digestOfSession(session),
      argumentCount,
      target,
      signature,
    });
  } catch {
    return '';
  }
}

/** The digest that binds an approval to a session. */
export function digestOfSession(session: Session | null): string {
  return session === null ? NO_SESSION : canonicalDigest(session);
}
