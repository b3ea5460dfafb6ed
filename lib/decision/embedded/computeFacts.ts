import { types } from 'node:util';
import { attempt, isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { clampTimeout } from '../../common/time/SteadyClock.js';
import { pointer } from '../../model/Params.js';
import type { DecisionRequest } from '../../model/Decision.js';
import { frozenCopy } from '../../model/snapshot/copyValue.js';
import type { Params, Session } from '../../model/Params.js';
import { takeSnapshot } from '../../model/snapshot/takeSnapshot.js';

/** The call that a `facts` hook computes facts for. */
export interface FactsCall {
  /** The agent that calls. */
  readonly agentId: string;
  /** The tool that is called. */
  readonly toolName: string;
  /** A frozen copy of the call's params. */
  readonly params: Params;
  /** A frozen copy of the session; null if there is none. */
  readonly session: Session | null;
}

/** Computes `context.facts`: what policies need to know but cannot compute, such as a normalized SQL verb or a call count. */
export type FactsHook = (call: FactsCall) => Awaitable<object>;

/** The facts, or why there are no facts; without facts the call is denied. */
export type FactsOutcome =
  { readonly ok: true; readonly facts: Readonly<Record<string, unknown>> } | { readonly ok: false; readonly detail: string };

/** What a service without a hook has. */
export const NO_FACTS: Extract<FactsOutcome, { readonly ok: true }> = { ok: true, facts: Object.freeze({}) };

/** Calls the hook, waits for at most `timeoutMs` milliseconds, and copies its result. */
export function computeFacts(
  hook: FactsHook | undefined,
  request: Pick<DecisionRequest, keyof FactsCall>,
  timeoutMs: number,
): Awaitable<FactsOutcome> {
  if (hook === undefined) return NO_FACTS;
  const { agentId, toolName, params, session } = request;
  const watched = watchNulls(params);
  return attempt<object, FactsOutcome>(
    () => {
      // copies, because the hook could change a Date in them, and what is decided on must be what runs
      const facts = hook({ agentId, toolName, params: watched.params, session: frozenCopy(session) });
      return isThenable(facts) ? withTimeout(facts, timeoutMs) : facts;
    },
    (facts) => {
      if (watched.read !== undefined) return { ok: false, detail: `the facts hook read ${watched.read}, which is null` };
      try {
        const { value } = takeSnapshot(facts);
        if (typeof value !== 'object' || value === null || Array.isArray(value) || types.isDate(value))
          return { ok: false, detail: 'the facts hook must return an object' };
        return { ok: true, facts: frozenCopy(value) as Record<string, unknown> };
      } catch (error) {
        return { ok: false, detail: `the facts hook returned a value that cannot be copied: ${(error as Error).message}` };
      }
    },
    (error) => ({ ok: false, detail: `the facts hook failed: ${error instanceof Error ? error.name : 'a value was thrown'}` }),
  );
}

/** The params as a hook gets them, and where it has read a null. */
interface WatchedParams {
  readonly params: Params;
  /** JSON pointer of the first null that was read. */
  readonly read: string | undefined;
}

/** Copies params so that reading one of their nulls is noticed: facts that depend on a null say nothing about the call. */
function watchNulls(params: Params): WatchedParams {
  let read: string | undefined;
  const copy = (value: unknown, at: string): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (types.isDate(value)) return new Date(value);
    const into = (Array.isArray(value) ? [] : {}) as Record<string, unknown>;
    for (const [key, part] of Object.entries(value)) {
      const where = pointer(at, key);
      const get = (): null => {
        read ??= where;
        return null;
      };
      Object.defineProperty(into, key, part === null ? { get, enumerable: true } : { value: copy(part, where), enumerable: true });
    }
    return Object.freeze(into);
  };
  const copied = copy(params, '') as Params;
  return {
    params: copied,
    get read() {
      return read;
    },
  };
}

class FactsTimeout extends Error {
  override readonly name = 'FactsTimeout';
}

function withTimeout<T>(promise: PromiseLike<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new FactsTimeout()), clampTimeout(timeoutMs));
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error as Error);
      },
    );
  });
}
