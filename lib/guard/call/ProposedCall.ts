import type { Session } from '../../model/Params.js';
import { takeParams } from '../../model/snapshot/takeSnapshot.js';
import type { CallSnapshot } from '../../model/snapshot/takeSnapshot.js';
import type { GuardRuntime } from './GuardRuntime.js';
import type { StandardSchema } from './StandardSchema.js';
import { takeSession } from './validateParams.js';

/** A call to decide without running it, as `aegis.decide()` takes it. */
export interface ProposedCall {
  /**
   * Who would call: 1 to 256 characters.
   *
   * @defaultValue the module's `agentId`
   */
  readonly agentId?: string | undefined;
  /** Which tool would be called: `[A-Za-z0-9_.:/-]{1,128}`. */
  readonly toolName: string;
  /** The arguments by name. They are copied before `decide()` returns its promise. */
  readonly params: Readonly<Record<string, unknown>>;
  /**
   * Host data about who is behind the call; null for none.
   *
   * @defaultValue the session of `withSession()`, else none
   */
  readonly session?: Session | null | undefined;
  /** Action groups of the tool, as its guard has them. Default: none. */
  readonly groups?: readonly string[] | undefined;
  /** The schema of the tool's guard: it checks the params before the decision and again after a sanitize. Default: none. */
  readonly schema?: StandardSchema | undefined;
  /** Aborts the request. */
  readonly signal?: AbortSignal | undefined;
}

/** A copy of a call to decide: what its caller does to it later changes nothing. */
export interface Proposal {
  /** What the caller gave. */
  readonly given: unknown;
  /** Its fields, each read once. */
  readonly fields: ProposedCall;
  /** The snapshot of the params. @throws what taking it threw */
  readonly params: () => CallSnapshot;
  /** A copy of the session. @throws what taking it threw */
  readonly session: () => Session | null;
}

/**
 * Copies a call at once, before the code that checks it is loaded.
 *
 * @param scope the session of the scope, for a call that gives none
 */
export function copyProposal(given: ProposedCall, { limits }: GuardRuntime, scope: Session | null): Proposal {
  const { groups, ...others } = { ...given };
  const { params, session = scope } = others;
  return {
    given,
    fields: { ...others, ...(groups === undefined ? {} : { groups: Array.isArray(groups) ? Object.freeze([...groups]) : groups }) },
    params: taken(() => takeParams(params, limits)),
    session: taken(() => (session === null ? null : takeSession(session, limits))),
  };
}

function taken<T>(take: () => T): () => T {
  try {
    const value = take();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
